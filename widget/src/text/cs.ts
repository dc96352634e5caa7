// Czech, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const cs: Language = {
  code: 'cs',
  name: 'Čeština',
  rtl: false,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: 'Napište nám',
    launcher_online: 'Online: {0}',
    launcher_wait: 'asi {0}',
    launcher_message: 'Zanechat zprávu',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Zavřít chat',
    greet_label: 'Zpráva od nás',
    greet_dismiss: 'Skrýt',

    // the panel
    title: 'Napište nám',
    minimise: 'Minimalizovat',
    menu: 'Více',
    language: 'Jazyk',
    sound_on: 'Zapnout zvuk',
    sound_off: 'Vypnout zvuk',
    cancel: 'Zrušit',
    back: 'Zpět',
    you: 'Vy',
    support: 'Podpora',
    supervisor: 'Vedoucí',

    // idle
    start_heading: 'Jak vám můžeme pomoci?',
    start_text: 'Položte zde svou otázku a my vás spojíme s někým, kdo na ni odpoví.',
    start_question: 'Vaše otázka',
    start_send: 'Zahájit chat',
    start_online: { one: '{0} osoba je online', few: '{0} osoby jsou online', many: '{0} osoby je online', other: '{0} osob je online' },
    consent_label: 'Souhlasím',
    consent_needed: 'Nejprve prosím vyjádřete souhlas.',

    // starting, form
    starting: 'Okamžik…',
    form_heading: 'Než začneme',
    form_send: 'Pokračovat',
    form_optional: 'nepovinné',
    form_choose: 'Vyberte',
    form_errors: { one: 'Zkontrolujte {0} pole.', few: 'Zkontrolujte {0} pole.', many: 'Zkontrolujte {0} pole.', other: 'Zkontrolujte {0} polí.' },
    required: 'Vyplňte toto pole.',
    email: 'Zadejte e-mailovou adresu, například jmeno@example.com.',
    invalid: 'Zkontrolujte tento údaj.',

    // queued, offered, connecting
    queue_heading: 'Jste ve frontě',
    queue_position: 'Vaše pořadí: {0}',
    queue_first: 'Jste na řadě',
    queue_wait: 'Předpokládané čekání: {0}',
    queue_stay: 'Můžete si dál prohlížet stránky, vaše místo zůstává.',
    queue_leave: 'Opustit frontu',
    queue_leave_ask: 'Opustit frontu? Přijdete o své místo.',
    offered_heading: 'Hledáme někoho, kdo vám pomůže…',
    connecting_heading: '{0} se k vám připojuje…',
    connecting_heading_unnamed: 'Někdo se k vám připojuje…',

    // the chat
    log_label: 'Konverzace',
    log_earlier: 'Zobrazit dřívější zprávy',
    log_newest: 'Přejít na nejnovější zprávu',
    log_new: { one: '{0} nová zpráva', few: '{0} nové zprávy', many: '{0} nové zprávy', other: '{0} nových zpráv' },
    log_today: 'Dnes',
    log_yesterday: 'Včera',
    compose_label: 'Vaše zpráva',
    compose_placeholder: 'Napište zprávu…',
    compose_send: 'Odeslat',
    compose_attach: 'Přiložit soubor',
    compose_emoji: 'Emoji',
    compose_left: { one: 'Zbývá {0} znak', few: 'Zbývají {0} znaky', many: 'Zbývá {0} znaku', other: 'Zbývá {0} znaků' },
    compose_long: 'Tato zpráva je příliš dlouhá.',
    compose_editing: 'Měníte svou poslední zprávu',
    compose_save: 'Uložit změnu',
    typing: '{0} píše…',
    typing_unnamed: 'Někdo píše…',
    message_edit: 'Změnit',
    message_edited: 'změněno',
    message_sending: 'Odesílá se',
    message_sent: 'Odesláno',
    message_delivered: 'Doručeno',
    message_failed: 'Neodesláno',
    message_retry: 'Zkusit znovu',
    message_more: 'Zobrazit vše',
    file_download: 'Stáhnout {0}',
    file_uploading: 'Odesílá se {0}',
    file_size: 'Soubor je příliš velký. Limit je {0}.',
    file_type: 'Soubory tohoto druhu nelze odeslat.',
    file_failed: 'Soubor se nepodařilo odeslat.',
    file_drop: 'Přetáhněte soubor sem a odešle se',
    file_image: 'Obrázek: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} se účastní chatu.',
    lost_text: 'Spojení na naší straně se přerušilo. Za chvíli se vám někdo bude věnovat.',

    // ending
    end: 'Ukončit chat',
    end_ask: 'Ukončit tento chat?',
    end_no: 'Pokračovat v chatu',
    ended_heading: 'Chat skončil',
    ended_agent: 'Děkujeme a na shledanou.',
    ended_agent_left: 'Druhá strana opustila chat.',
    ended_visitor: 'Ukončili jste chat. Děkujeme a na shledanou.',
    ended_lost: 'Vaše spojení bylo příliš dlouho přerušené.',
    ended_timeout: 'Omlouváme se, nikdo se vaší otázky nemohl včas ujmout. Zkuste to později nebo zanechte zprávu.',
    ended_no_agents: 'Omlouváme se, nikdo už tu není. Zkuste to později nebo zanechte zprávu.',
    ended_idle: 'Nikdo už nepsal, proto byl chat uzavřen.',
    ended_max: 'Chat dosáhl nejdelší doby. Kdykoli se můžete ptát znovu.',
    ended_failed: 'Omlouváme se, na naší straně se něco pokazilo. Zkuste to později nebo zanechte zprávu.',
    ended_declined: 'Dobře. Napište nám, kdykoli budete chtít.',
    ended_banned: 'Chat byl uzavřen.',
    again: 'Zahájit nový chat',

    // rating and transcript
    rate_heading: 'Jaký byl tento chat?',
    rate_1: 'Velmi špatný',
    rate_2: 'Špatný',
    rate_3: 'Průměrný',
    rate_4: 'Dobrý',
    rate_5: 'Velmi dobrý',
    rate_text: 'Chcete něco dodat?',
    rate_send: 'Odeslat hodnocení',
    rate_thanks: 'Děkujeme za hodnocení.',
    transcript: 'Záznam rozhovoru',
    transcript_download: 'Stáhnout záznam rozhovoru',
    transcript_mail: 'Poslat záznam rozhovoru e-mailem',
    transcript_address: 'Vaše e-mailová adresa',
    transcript_send: 'Odeslat',
    transcript_sending: 'Záznam rozhovoru se odesílá…',
    transcript_sent: 'Záznam rozhovoru je na cestě.',
    transcript_failed: 'Záznam rozhovoru se nepodařilo odeslat.',

    // nobody there
    away_heading: 'Právě tu nejsme',
    away_for_hours: 'Je po naší pracovní době.',
    away_until: 'Znovu otevřeno: {0}',
    away_for_no_agents: 'Momentálně není nikdo k dispozici.',
    away_for_full: 'Momentálně čeká příliš mnoho lidí.',
    away_for_paused: 'Máme krátkou přestávku.',
    away_invite: 'Zanechte nám zprávu a my se vám ozveme.',
    away_leave: 'Zanechat zprávu',
    away_send: 'Odeslat zprávu',
    left_heading: 'Děkujeme',
    left_text: 'Vaše zpráva dorazila. Ozveme se vám.',
    left_again: 'Zpět na začátek',

    // an agent calls
    call_heading: '{0} by s vámi chtěl mluvit',
    call_accept: 'Mluvit',
    call_decline: 'Teď ne',

    // the connection, and what goes wrong
    link_connecting: 'Připojování…',
    link_reconnecting: 'Spojení je přerušené. Obnovuje se…',
    link_server_down: 'Náš server právě neodpovídá. Zkoušíme to dál.',
    link_failed: 'Není spojení.',
    link_up: 'Znovu připojeno.',
    retry: 'Zkusit znovu',
    error_heading: 'Nepodařilo se',
    error_timeout: 'Nepřišla odpověď. Zkuste to znovu.',
    error_identity: 'Vaše přihlášení se nepodařilo potvrdit. Načtěte stránku znovu.',
    error_refused: 'Momentálně nemůžete zahájit chat.',
    error_conflict: 'Už máte chat, možná v jiném okně.',
    error_form: 'Něco ve formuláři nebylo možné přijmout.',
    error_rating: 'Hodnocení se nepodařilo uložit.',
    error_leave: 'Zprávu se nepodařilo zanechat. Zkuste to znovu.',
    error_unknown: 'Něco se pokazilo. Zkuste to znovu.',

    // times
    time_under_minute: 'méně než minuta',
  },
};

export default cs;
