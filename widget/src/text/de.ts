// German.

import type { Language } from '../types';

const de: Language = {
  code: 'de',
  name: 'Deutsch',
  rtl: false,
  checked: true,
  words: {
    // the launcher, in the loader
    launcher_label: 'Chatten Sie mit uns',
    launcher_online: '{0} online',
    launcher_wait: 'etwa {0}',
    launcher_message: 'Nachricht hinterlassen',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Chat schließen',
    greet_label: 'Ein Wort von uns',
    greet_dismiss: 'Ausblenden',

    // the panel
    title: 'Chatten Sie mit uns',
    minimise: 'Minimieren',
    menu: 'Mehr',
    language: 'Sprache',
    sound_on: 'Ton einschalten',
    sound_off: 'Ton ausschalten',
    cancel: 'Abbrechen',
    back: 'Zurück',
    you: 'Sie',
    support: 'Support',
    supervisor: 'Teamleitung',

    // idle
    start_heading: 'Wie können wir helfen?',
    start_text: 'Stellen Sie hier Ihre Frage, wir verbinden Sie mit jemandem, der sie beantworten kann.',
    start_question: 'Ihre Frage',
    start_send: 'Chat beginnen',
    start_online: { one: '{0} Person ist online', other: '{0} Personen sind online' },
    consent_label: 'Ich stimme zu',
    consent_needed: 'Bitte stimmen Sie zuerst zu.',

    // starting, form
    starting: 'Einen Moment …',
    form_heading: 'Bevor es losgeht',
    form_send: 'Weiter',
    form_optional: 'freiwillig',
    form_choose: 'Bitte wählen',
    form_errors: { one: 'Bitte prüfen Sie {0} Feld.', other: 'Bitte prüfen Sie {0} Felder.' },
    required: 'Bitte füllen Sie dieses Feld aus.',
    email: 'Bitte geben Sie eine E-Mail-Adresse ein, zum Beispiel name@example.com.',
    invalid: 'Bitte prüfen Sie diese Angabe.',

    // queued, offered, connecting
    queue_heading: 'Sie sind in der Warteschlange',
    queue_position: 'Ihr Platz: {0}',
    queue_first: 'Sie sind als Nächstes dran',
    queue_wait: 'Voraussichtliche Wartezeit: {0}',
    queue_stay: 'Sie können hier weiter stöbern; Ihr Platz bleibt erhalten.',
    queue_leave: 'Warteschlange verlassen',
    queue_leave_ask: 'Die Warteschlange verlassen? Ihr Platz geht dabei verloren.',
    offered_heading: 'Wir suchen jemanden, der Ihnen hilft …',
    connecting_heading: '{0} kommt zu Ihnen …',
    connecting_heading_unnamed: 'Gleich ist jemand bei Ihnen …',

    // the chat
    log_label: 'Unterhaltung',
    log_earlier: 'Frühere Nachrichten anzeigen',
    log_newest: 'Zur neuesten Nachricht',
    log_new: { one: '{0} neue Nachricht', other: '{0} neue Nachrichten' },
    log_today: 'Heute',
    log_yesterday: 'Gestern',
    compose_label: 'Ihre Nachricht',
    compose_placeholder: 'Nachricht schreiben …',
    compose_send: 'Senden',
    compose_attach: 'Datei anhängen',
    compose_emoji: 'Emoji',
    compose_left: { one: 'Noch {0} Zeichen', other: 'Noch {0} Zeichen' },
    compose_long: 'Diese Nachricht ist zu lang.',
    compose_editing: 'Sie ändern Ihre letzte Nachricht',
    compose_save: 'Änderung speichern',
    typing: '{0} schreibt …',
    typing_unnamed: 'Jemand schreibt …',
    message_edit: 'Ändern',
    message_edited: 'geändert',
    message_sending: 'Wird gesendet',
    message_sent: 'Gesendet',
    message_delivered: 'Zugestellt',
    message_failed: 'Nicht gesendet',
    message_retry: 'Noch einmal versuchen',
    message_more: 'Alles anzeigen',
    file_download: '{0} herunterladen',
    file_uploading: '{0} wird gesendet',
    file_size: 'Die Datei ist zu groß. Möglich sind höchstens {0}.',
    file_type: 'Dateien dieser Art können nicht gesendet werden.',
    file_failed: 'Die Datei konnte nicht gesendet werden.',
    file_drop: 'Datei hier ablegen, um sie zu senden',
    file_image: 'Bild: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} ist dem Chat beigetreten.',
    lost_text: 'Die Verbindung zu unserer Seite wurde unterbrochen. Es ist gleich jemand für Sie da.',

    // ending
    end: 'Chat beenden',
    end_ask: 'Diesen Chat beenden?',
    end_no: 'Weiter chatten',
    ended_heading: 'Der Chat ist beendet',
    ended_agent: 'Vielen Dank und auf Wiedersehen.',
    ended_agent_left: 'Die Gegenseite hat den Chat verlassen.',
    ended_visitor: 'Sie haben den Chat beendet. Vielen Dank und auf Wiedersehen.',
    ended_lost: 'Ihre Verbindung war zu lange unterbrochen.',
    ended_timeout: 'Leider konnte niemand Ihre Frage rechtzeitig übernehmen. Bitte versuchen Sie es später noch einmal oder hinterlassen Sie eine Nachricht.',
    ended_no_agents: 'Leider ist niemand mehr da. Bitte versuchen Sie es später noch einmal oder hinterlassen Sie eine Nachricht.',
    ended_idle: 'Der Chat wurde geschlossen, weil niemand mehr geschrieben hat.',
    ended_max: 'Der Chat hat seine längste Dauer erreicht. Sie können jederzeit wieder fragen.',
    ended_failed: 'Leider ist bei uns etwas schiefgegangen. Bitte versuchen Sie es später noch einmal oder hinterlassen Sie eine Nachricht.',
    ended_declined: 'In Ordnung. Schreiben Sie uns, wann immer Sie möchten.',
    ended_banned: 'Der Chat wurde geschlossen.',
    again: 'Neuen Chat beginnen',

    // rating and transcript
    rate_heading: 'Wie war dieser Chat?',
    rate_1: 'Sehr schlecht',
    rate_2: 'Schlecht',
    rate_3: 'Mittelmäßig',
    rate_4: 'Gut',
    rate_5: 'Sehr gut',
    rate_text: 'Möchten Sie etwas hinzufügen?',
    rate_send: 'Bewertung senden',
    rate_thanks: 'Vielen Dank für Ihre Bewertung.',
    transcript: 'Gesprächsprotokoll',
    transcript_download: 'Gesprächsprotokoll herunterladen',
    transcript_mail: 'Gesprächsprotokoll per E-Mail senden',
    transcript_address: 'Ihre E-Mail-Adresse',
    transcript_send: 'Senden',
    transcript_sending: 'Das Gesprächsprotokoll wird gesendet …',
    transcript_sent: 'Das Gesprächsprotokoll ist unterwegs.',
    transcript_failed: 'Das Gesprächsprotokoll konnte nicht gesendet werden.',

    // nobody there
    away_heading: 'Wir sind gerade nicht da',
    away_for_hours: 'Unsere Öffnungszeiten sind vorbei.',
    away_until: 'Wieder geöffnet: {0}',
    away_for_no_agents: 'Im Moment ist niemand verfügbar.',
    away_for_full: 'Im Moment warten zu viele Personen.',
    away_for_paused: 'Wir machen eine kurze Pause.',
    away_invite: 'Hinterlassen Sie uns eine Nachricht, wir melden uns bei Ihnen.',
    away_leave: 'Nachricht hinterlassen',
    away_send: 'Nachricht senden',
    left_heading: 'Vielen Dank',
    left_text: 'Ihre Nachricht ist angekommen. Wir melden uns bei Ihnen.',
    left_again: 'Zum Anfang',

    // an agent calls
    call_heading: '{0} möchte mit Ihnen sprechen',
    call_accept: 'Sprechen',
    call_decline: 'Jetzt nicht',

    // the connection, and what goes wrong
    link_connecting: 'Verbindung wird hergestellt …',
    link_reconnecting: 'Die Verbindung ist unterbrochen. Sie wird wiederhergestellt …',
    link_server_down: 'Unser Server antwortet gerade nicht. Wir versuchen es weiter.',
    link_failed: 'Es gibt keine Verbindung.',
    link_up: 'Wieder verbunden.',
    retry: 'Noch einmal versuchen',
    error_heading: 'Das hat nicht geklappt',
    error_timeout: 'Es kam keine Antwort. Bitte versuchen Sie es noch einmal.',
    error_identity: 'Ihre Anmeldung konnte nicht bestätigt werden. Bitte laden Sie die Seite neu.',
    error_refused: 'Sie können im Moment keinen Chat beginnen.',
    error_conflict: 'Sie haben schon einen Chat, vielleicht in einem anderen Fenster.',
    error_form: 'Etwas im Formular konnte nicht angenommen werden.',
    error_rating: 'Die Bewertung konnte nicht gespeichert werden.',
    error_leave: 'Ihre Nachricht konnte nicht hinterlassen werden. Bitte versuchen Sie es noch einmal.',
    error_unknown: 'Etwas ist schiefgegangen. Bitte versuchen Sie es noch einmal.',

    // times
    time_under_minute: 'weniger als eine Minute',
  },
};

export default de;
