// Arabic, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const ar: Language = {
  code: 'ar',
  name: 'العربية',
  rtl: true,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: 'تحدّث معنا',
    launcher_online: 'المتصلون: {0}',
    launcher_wait: 'نحو {0}',
    launcher_message: 'اترك رسالة',

    // the launcher while the panel is open, and the greeting
    launch_close: 'إغلاق المحادثة',
    greet_label: 'كلمة منّا',
    greet_dismiss: 'إخفاء',

    // the panel
    title: 'تحدّث معنا',
    minimise: 'تصغير',
    menu: 'المزيد',
    language: 'اللغة',
    sound_on: 'تشغيل الصوت',
    sound_off: 'إيقاف الصوت',
    cancel: 'إلغاء',
    back: 'رجوع',
    you: 'أنت',
    support: 'الدعم',
    supervisor: 'المشرف',

    // idle
    start_heading: 'كيف يمكننا مساعدتك؟',
    start_text: 'اكتب سؤالك هنا وسنصلك بمن يستطيع الإجابة عنه.',
    start_question: 'سؤالك',
    start_send: 'بدء المحادثة',
    start_online: { zero: 'لا أحد متصل الآن', one: 'شخص واحد متصل الآن', two: 'شخصان متصلان الآن', few: '{0} أشخاص متصلون الآن', many: '{0} شخصًا متصلون الآن', other: '{0} شخص متصلون الآن' },
    consent_label: 'أوافق',
    consent_needed: 'يرجى الموافقة أولًا.',

    // starting, form
    starting: 'لحظة من فضلك…',
    form_heading: 'قبل أن نبدأ',
    form_send: 'متابعة',
    form_optional: 'اختياري',
    form_choose: 'يرجى الاختيار',
    form_errors: { zero: 'لا حقول تحتاج إلى مراجعة.', one: 'يرجى مراجعة حقل واحد.', two: 'يرجى مراجعة حقلين.', few: 'يرجى مراجعة {0} حقول.', many: 'يرجى مراجعة {0} حقلًا.', other: 'يرجى مراجعة {0} حقل.' },
    required: 'يرجى ملء هذا الحقل.',
    email: 'يرجى إدخال عنوان بريد إلكتروني، مثل name@example.com.',
    invalid: 'يرجى مراجعة هذه المعلومة.',

    // queued, offered, connecting
    queue_heading: 'أنت في قائمة الانتظار',
    queue_position: 'ترتيبك: {0}',
    queue_first: 'أنت التالي',
    queue_wait: 'مدة الانتظار المتوقعة: {0}',
    queue_stay: 'يمكنك متابعة التصفح هنا؛ مكانك محفوظ.',
    queue_leave: 'مغادرة قائمة الانتظار',
    queue_leave_ask: 'هل تريد مغادرة قائمة الانتظار؟ ستفقد مكانك.',
    offered_heading: 'نبحث عمّن يساعدك…',
    connecting_heading: '{0} في الطريق إليك…',
    connecting_heading_unnamed: 'أحدنا في الطريق إليك…',

    // the chat
    log_label: 'المحادثة',
    log_earlier: 'عرض الرسائل السابقة',
    log_newest: 'الانتقال إلى أحدث رسالة',
    log_new: { zero: 'لا رسائل جديدة', one: 'رسالة جديدة واحدة', two: 'رسالتان جديدتان', few: '{0} رسائل جديدة', many: '{0} رسالة جديدة', other: '{0} رسالة جديدة' },
    log_today: 'اليوم',
    log_yesterday: 'أمس',
    compose_label: 'رسالتك',
    compose_placeholder: 'اكتب رسالة…',
    compose_send: 'إرسال',
    compose_attach: 'إرفاق ملف',
    compose_emoji: 'رموز تعبيرية',
    compose_left: { zero: 'لم تبق أحرف', one: 'بقي حرف واحد', two: 'بقي حرفان', few: 'بقيت {0} أحرف', many: 'بقي {0} حرفًا', other: 'بقي {0} حرف' },
    compose_long: 'هذه الرسالة طويلة جدًا.',
    compose_editing: 'أنت تعدّل رسالتك الأخيرة',
    compose_save: 'حفظ التعديل',
    typing: '{0} يكتب الآن…',
    typing_unnamed: 'أحدهم يكتب الآن…',
    message_edit: 'تعديل',
    message_edited: 'معدّلة',
    message_sending: 'قيد الإرسال',
    message_sent: 'أُرسلت',
    message_delivered: 'وصلت',
    message_failed: 'لم تُرسل',
    message_retry: 'إعادة المحاولة',
    message_more: 'عرض الكل',
    file_download: 'تنزيل {0}',
    file_uploading: 'جارٍ إرسال {0}',
    file_size: 'الملف كبير جدًا. الحد الأقصى {0}.',
    file_type: 'لا يمكن إرسال ملفات من هذا النوع.',
    file_failed: 'تعذّر إرسال الملف.',
    file_drop: 'أفلت الملف هنا لإرساله',
    file_image: 'صورة: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: 'انضم {0} إلى المحادثة.',
    lost_text: 'انقطع الاتصال من جهتنا. سيكون أحدنا معك قريبًا.',

    // ending
    end: 'إنهاء المحادثة',
    end_ask: 'هل تريد إنهاء هذه المحادثة؟',
    end_no: 'متابعة المحادثة',
    ended_heading: 'انتهت المحادثة',
    ended_agent: 'شكرًا لك وإلى اللقاء.',
    ended_agent_left: 'غادر الطرف الآخر المحادثة.',
    ended_visitor: 'لقد أنهيت المحادثة. شكرًا لك وإلى اللقاء.',
    ended_lost: 'انقطع اتصالك مدة طويلة.',
    ended_timeout: 'نأسف، لم يتمكن أحد من تولّي سؤالك في الوقت المناسب. يرجى المحاولة لاحقًا أو ترك رسالة.',
    ended_no_agents: 'نأسف، لم يعد أحد هنا. يرجى المحاولة لاحقًا أو ترك رسالة.',
    ended_idle: 'لم يعد أحد يكتب، فأُغلقت المحادثة.',
    ended_max: 'بلغت المحادثة أقصى مدتها. يمكنك السؤال مجددًا في أي وقت.',
    ended_failed: 'نأسف، حدث خطأ من جهتنا. يرجى المحاولة لاحقًا أو ترك رسالة.',
    ended_declined: 'حسنًا. راسلنا متى شئت.',
    ended_banned: 'أُغلقت المحادثة.',
    again: 'بدء محادثة جديدة',

    // rating and transcript
    rate_heading: 'كيف كانت هذه المحادثة؟',
    rate_1: 'سيئة جدًا',
    rate_2: 'سيئة',
    rate_3: 'مقبولة',
    rate_4: 'جيدة',
    rate_5: 'جيدة جدًا',
    rate_text: 'هل تود إضافة شيء؟',
    rate_send: 'إرسال التقييم',
    rate_thanks: 'شكرًا لك على تقييمك.',
    transcript: 'نص المحادثة',
    transcript_download: 'تنزيل نص المحادثة',
    transcript_mail: 'إرسال نص المحادثة بالبريد الإلكتروني',
    transcript_address: 'عنوان بريدك الإلكتروني',
    transcript_send: 'إرسال',
    transcript_sending: 'جارٍ إرسال نص المحادثة…',
    transcript_sent: 'نص المحادثة في الطريق إليك.',
    transcript_failed: 'تعذّر إرسال نص المحادثة.',

    // nobody there
    away_heading: 'لسنا هنا الآن',
    away_for_hours: 'انتهت ساعات عملنا.',
    away_until: 'نفتح مجددًا: {0}',
    away_for_no_agents: 'لا أحد متاح في الوقت الحالي.',
    away_for_full: 'ينتظر عدد كبير جدًا من الأشخاص حاليًا.',
    away_for_paused: 'نحن في استراحة قصيرة.',
    away_invite: 'اترك لنا رسالة وسنعود إليك.',
    away_leave: 'ترك رسالة',
    away_send: 'إرسال الرسالة',
    left_heading: 'شكرًا لك',
    left_text: 'وصلت رسالتك. سنعود إليك.',
    left_again: 'العودة إلى البداية',

    // an agent calls
    call_heading: 'يود {0} التحدث معك',
    call_accept: 'تحدّث',
    call_decline: 'ليس الآن',

    // the connection, and what goes wrong
    link_connecting: 'جارٍ الاتصال…',
    link_reconnecting: 'انقطع الاتصال. جارٍ إعادة الاتصال…',
    link_server_down: 'خادمنا لا يستجيب حاليًا. ما زلنا نحاول.',
    link_failed: 'لا يوجد اتصال.',
    link_up: 'عاد الاتصال.',
    retry: 'إعادة المحاولة',
    error_heading: 'لم ينجح ذلك',
    error_timeout: 'لم يصل رد. يرجى المحاولة مجددًا.',
    error_identity: 'تعذّر تأكيد تسجيل دخولك. يرجى إعادة تحميل الصفحة.',
    error_refused: 'لا يمكنك بدء محادثة حاليًا.',
    error_conflict: 'لديك محادثة بالفعل، ربما في نافذة أخرى.',
    error_form: 'تعذّر قبول شيء في النموذج.',
    error_rating: 'تعذّر حفظ التقييم.',
    error_leave: 'تعذّر ترك رسالتك. يرجى المحاولة مجددًا.',
    error_unknown: 'حدث خطأ ما. يرجى المحاولة مجددًا.',

    // times
    time_under_minute: 'أقل من دقيقة',
  },
};

export default ar;
