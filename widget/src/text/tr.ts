// Turkish, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const tr: Language = {
  code: 'tr',
  name: 'Türkçe',
  rtl: false,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: 'Bize yazın',
    launcher_online: '{0} çevrimiçi',
    launcher_wait: 'yaklaşık {0}',
    launcher_message: 'Mesaj bırakın',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Sohbeti kapat',
    greet_label: 'Bizden bir not',
    greet_dismiss: 'Gizle',

    // the panel
    title: 'Bize yazın',
    minimise: 'Küçült',
    menu: 'Daha fazla',
    language: 'Dil',
    sound_on: 'Sesi aç',
    sound_off: 'Sesi kapat',
    cancel: 'Vazgeç',
    back: 'Geri',
    you: 'Siz',
    support: 'Destek',
    supervisor: 'Yönetici',

    // idle
    start_heading: 'Nasıl yardımcı olabiliriz?',
    start_text: 'Sorunuzu buraya yazın, yanıtlayabilecek biriyle sizi buluşturalım.',
    start_question: 'Sorunuz',
    start_send: 'Sohbeti başlat',
    start_online: { one: '{0} kişi çevrimiçi', other: '{0} kişi çevrimiçi' },
    consent_label: 'Kabul ediyorum',
    consent_needed: 'Lütfen önce kabul edin.',

    // starting, form
    starting: 'Bir saniye…',
    form_heading: 'Başlamadan önce',
    form_send: 'Devam',
    form_optional: 'isteğe bağlı',
    form_choose: 'Lütfen seçin',
    form_errors: { one: 'Lütfen {0} alanı kontrol edin.', other: 'Lütfen {0} alanı kontrol edin.' },
    required: 'Lütfen bu alanı doldurun.',
    email: 'Lütfen bir e-posta adresi girin, örneğin ad@example.com.',
    invalid: 'Lütfen bunu kontrol edin.',

    // queued, offered, connecting
    queue_heading: 'Sıradasınız',
    queue_position: 'Sıranız: {0}',
    queue_first: 'Sıra sizde',
    queue_wait: 'Tahmini bekleme: {0}',
    queue_stay: 'Sitede gezinmeye devam edebilirsiniz; yeriniz korunur.',
    queue_leave: 'Sıradan çık',
    queue_leave_ask: 'Sıradan çıkılsın mı? Yerinizi kaybedersiniz.',
    offered_heading: 'Size yardımcı olacak birini arıyoruz…',
    connecting_heading: '{0} size katılıyor…',
    connecting_heading_unnamed: 'Biri size katılıyor…',

    // the chat
    log_label: 'Sohbet',
    log_earlier: 'Önceki mesajları göster',
    log_newest: 'En yeni mesaja git',
    log_new: { one: '{0} yeni mesaj', other: '{0} yeni mesaj' },
    log_today: 'Bugün',
    log_yesterday: 'Dün',
    compose_label: 'Mesajınız',
    compose_placeholder: 'Bir mesaj yazın…',
    compose_send: 'Gönder',
    compose_attach: 'Dosya ekle',
    compose_emoji: 'Emoji',
    compose_left: { one: '{0} karakter kaldı', other: '{0} karakter kaldı' },
    compose_long: 'Bu mesaj çok uzun.',
    compose_editing: 'Son mesajınızı değiştiriyorsunuz',
    compose_save: 'Değişikliği kaydet',
    typing: '{0} yazıyor…',
    typing_unnamed: 'Biri yazıyor…',
    message_edit: 'Değiştir',
    message_edited: 'değiştirildi',
    message_sending: 'Gönderiliyor',
    message_sent: 'Gönderildi',
    message_delivered: 'Teslim edildi',
    message_failed: 'Gönderilemedi',
    message_retry: 'Yeniden dene',
    message_more: 'Tümünü göster',
    file_download: '{0} dosyasını indir',
    file_uploading: '{0} gönderiliyor',
    file_size: 'Dosya çok büyük. Sınır: {0}.',
    file_type: 'Bu türdeki dosyalar gönderilemez.',
    file_failed: 'Dosya gönderilemedi.',
    file_drop: 'Göndermek için dosyayı buraya bırakın',
    file_image: 'Resim: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} sohbete katıldı.',
    lost_text: 'Bizim taraftaki bağlantı kesildi. Az sonra biri sizinle ilgilenecek.',

    // ending
    end: 'Sohbeti bitir',
    end_ask: 'Bu sohbet bitirilsin mi?',
    end_no: 'Sohbete devam et',
    ended_heading: 'Sohbet sona erdi',
    ended_agent: 'Teşekkürler, hoşça kalın.',
    ended_agent_left: 'Karşı taraf sohbetten ayrıldı.',
    ended_visitor: 'Sohbeti bitirdiniz. Teşekkürler, hoşça kalın.',
    ended_lost: 'Bağlantınız çok uzun süre kesik kaldı.',
    ended_timeout: 'Üzgünüz, sorunuzu zamanında alabilecek kimse olmadı. Lütfen daha sonra deneyin ya da mesaj bırakın.',
    ended_no_agents: 'Üzgünüz, artık burada kimse yok. Lütfen daha sonra deneyin ya da mesaj bırakın.',
    ended_idle: 'Kimse yazmadığı için sohbet kapatıldı.',
    ended_max: 'Sohbet en uzun süresine ulaştı. İstediğiniz zaman yeniden yazabilirsiniz.',
    ended_failed: 'Üzgünüz, bizim tarafımızda bir sorun oldu. Lütfen daha sonra deneyin ya da mesaj bırakın.',
    ended_declined: 'Tamam. Dilediğiniz zaman bize yazın.',
    ended_banned: 'Sohbet kapatıldı.',
    again: 'Yeni sohbet başlat',

    // rating and transcript
    rate_heading: 'Bu sohbet nasıldı?',
    rate_1: 'Çok kötü',
    rate_2: 'Kötü',
    rate_3: 'Orta',
    rate_4: 'İyi',
    rate_5: 'Çok iyi',
    rate_text: 'Eklemek istediğiniz bir şey var mı?',
    rate_send: 'Puanı gönder',
    rate_thanks: 'Puanınız için teşekkürler.',
    transcript: 'Sohbet dökümü',
    transcript_download: 'Sohbet dökümünü indir',
    transcript_mail: 'Sohbet dökümünü e-postayla gönder',
    transcript_address: 'E-posta adresiniz',
    transcript_send: 'Gönder',
    transcript_sending: 'Sohbet dökümü gönderiliyor…',
    transcript_sent: 'Sohbet dökümü yola çıktı.',
    transcript_failed: 'Sohbet dökümü gönderilemedi.',

    // nobody there
    away_heading: 'Şu anda burada değiliz',
    away_for_hours: 'Çalışma saatlerimizin dışındayız.',
    away_until: 'Yeniden açılış: {0}',
    away_for_no_agents: 'Şu anda kimse müsait değil.',
    away_for_full: 'Şu anda çok fazla kişi bekliyor.',
    away_for_paused: 'Kısa bir ara verdik.',
    away_invite: 'Bize bir mesaj bırakın, size dönelim.',
    away_leave: 'Mesaj bırak',
    away_send: 'Mesajı gönder',
    left_heading: 'Teşekkürler',
    left_text: 'Mesajınız ulaştı. Size döneceğiz.',
    left_again: 'Başa dön',

    // an agent calls
    call_heading: '{0} sizinle konuşmak istiyor',
    call_accept: 'Konuş',
    call_decline: 'Şimdi değil',

    // the connection, and what goes wrong
    link_connecting: 'Bağlanıyor…',
    link_reconnecting: 'Bağlantı koptu. Yeniden bağlanıyor…',
    link_server_down: 'Sunucumuz şu anda yanıt vermiyor. Denemeye devam ediyoruz.',
    link_failed: 'Bağlantı yok.',
    link_up: 'Yeniden bağlandı.',
    retry: 'Yeniden dene',
    error_heading: 'Olmadı',
    error_timeout: 'Yanıt gelmedi. Lütfen yeniden deneyin.',
    error_identity: 'Girişiniz doğrulanamadı. Lütfen sayfayı yeniden yükleyin.',
    error_refused: 'Şu anda sohbet başlatamazsınız.',
    error_conflict: 'Zaten bir sohbetiniz var, belki başka bir pencerede.',
    error_form: 'Formdaki bir şey kabul edilemedi.',
    error_rating: 'Puan kaydedilemedi.',
    error_leave: 'Mesajınız bırakılamadı. Lütfen yeniden deneyin.',
    error_unknown: 'Bir sorun oldu. Lütfen yeniden deneyin.',

    // times
    time_under_minute: 'bir dakikadan az',
  },
};

export default tr;
