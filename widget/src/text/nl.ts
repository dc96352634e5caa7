// Dutch, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const nl: Language = {
  code: 'nl',
  name: 'Nederlands',
  rtl: false,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: 'Chat met ons',
    launcher_online: '{0} online',
    launcher_wait: 'ongeveer {0}',
    launcher_message: 'Laat een bericht achter',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Chat sluiten',
    greet_label: 'Een woord van ons',
    greet_dismiss: 'Verbergen',

    // the panel
    title: 'Chat met ons',
    minimise: 'Minimaliseren',
    menu: 'Meer',
    language: 'Taal',
    sound_on: 'Geluid aanzetten',
    sound_off: 'Geluid uitzetten',
    cancel: 'Annuleren',
    back: 'Terug',
    you: 'U',
    support: 'Ondersteuning',
    supervisor: 'Teamleider',

    // idle
    start_heading: 'Hoe kunnen we helpen?',
    start_text: 'Stel hier uw vraag; we verbinden u met iemand die hem kan beantwoorden.',
    start_question: 'Uw vraag',
    start_send: 'Chat starten',
    start_online: { one: '{0} persoon is online', other: '{0} personen zijn online' },
    consent_label: 'Ik ga akkoord',
    consent_needed: 'Ga eerst akkoord.',

    // starting, form
    starting: 'Een ogenblik…',
    form_heading: 'Voordat we beginnen',
    form_send: 'Doorgaan',
    form_optional: 'optioneel',
    form_choose: 'Maak een keuze',
    form_errors: { one: 'Controleer {0} veld.', other: 'Controleer {0} velden.' },
    required: 'Vul dit veld in.',
    email: 'Vul een e-mailadres in, bijvoorbeeld naam@example.com.',
    invalid: 'Controleer dit gegeven.',

    // queued, offered, connecting
    queue_heading: 'U staat in de wachtrij',
    queue_position: 'Uw plaats: {0}',
    queue_first: 'U bent de volgende',
    queue_wait: 'Verwachte wachttijd: {0}',
    queue_stay: 'U kunt hier verder kijken; uw plaats blijft behouden.',
    queue_leave: 'Wachtrij verlaten',
    queue_leave_ask: 'De wachtrij verlaten? U verliest dan uw plaats.',
    offered_heading: 'We zoeken iemand die u helpt…',
    connecting_heading: '{0} komt eraan…',
    connecting_heading_unnamed: 'Er komt iemand aan…',

    // the chat
    log_label: 'Gesprek',
    log_earlier: 'Eerdere berichten tonen',
    log_newest: 'Naar het nieuwste bericht',
    log_new: { one: '{0} nieuw bericht', other: '{0} nieuwe berichten' },
    log_today: 'Vandaag',
    log_yesterday: 'Gisteren',
    compose_label: 'Uw bericht',
    compose_placeholder: 'Schrijf een bericht…',
    compose_send: 'Versturen',
    compose_attach: 'Bestand toevoegen',
    compose_emoji: 'Emoji',
    compose_left: { one: 'Nog {0} teken', other: 'Nog {0} tekens' },
    compose_long: 'Dit bericht is te lang.',
    compose_editing: 'U wijzigt uw laatste bericht',
    compose_save: 'Wijziging opslaan',
    typing: '{0} is aan het typen…',
    typing_unnamed: 'Er is iemand aan het typen…',
    message_edit: 'Wijzigen',
    message_edited: 'gewijzigd',
    message_sending: 'Wordt verstuurd',
    message_sent: 'Verstuurd',
    message_delivered: 'Afgeleverd',
    message_failed: 'Niet verstuurd',
    message_retry: 'Opnieuw proberen',
    message_more: 'Alles tonen',
    file_download: '{0} downloaden',
    file_uploading: '{0} wordt verstuurd',
    file_size: 'Het bestand is te groot. De limiet is {0}.',
    file_type: 'Bestanden van dit soort kunnen niet worden verstuurd.',
    file_failed: 'Het bestand kon niet worden verstuurd.',
    file_drop: 'Laat het bestand hier los om het te versturen',
    file_image: 'Afbeelding: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} neemt nu deel aan de chat.',
    lost_text: 'De verbinding aan onze kant is onderbroken. Er is zo iemand bij u.',

    // ending
    end: 'Chat beëindigen',
    end_ask: 'Deze chat beëindigen?',
    end_no: 'Verder chatten',
    ended_heading: 'De chat is beëindigd',
    ended_agent: 'Dank u wel en tot ziens.',
    ended_agent_left: 'De andere kant heeft de chat verlaten.',
    ended_visitor: 'U hebt de chat beëindigd. Dank u wel en tot ziens.',
    ended_lost: 'Uw verbinding was te lang verbroken.',
    ended_timeout: 'Helaas kon niemand uw vraag op tijd oppakken. Probeer het later nog eens of laat een bericht achter.',
    ended_no_agents: 'Helaas is er niemand meer. Probeer het later nog eens of laat een bericht achter.',
    ended_idle: 'Er schreef niemand meer, dus de chat is gesloten.',
    ended_max: 'De chat heeft de maximale duur bereikt. U kunt altijd opnieuw een vraag stellen.',
    ended_failed: 'Helaas is er bij ons iets misgegaan. Probeer het later nog eens of laat een bericht achter.',
    ended_declined: 'Goed. Schrijf ons wanneer u wilt.',
    ended_banned: 'De chat is gesloten.',
    again: 'Nieuwe chat starten',

    // rating and transcript
    rate_heading: 'Hoe was deze chat?',
    rate_1: 'Heel slecht',
    rate_2: 'Slecht',
    rate_3: 'Matig',
    rate_4: 'Goed',
    rate_5: 'Heel goed',
    rate_text: 'Wilt u iets toevoegen?',
    rate_send: 'Beoordeling versturen',
    rate_thanks: 'Dank u voor uw beoordeling.',
    transcript: 'Verslag',
    transcript_download: 'Verslag downloaden',
    transcript_mail: 'Verslag per e-mail versturen',
    transcript_address: 'Uw e-mailadres',
    transcript_send: 'Versturen',
    transcript_sending: 'Het verslag wordt verstuurd…',
    transcript_sent: 'Het verslag is onderweg.',
    transcript_failed: 'Het verslag kon niet worden verstuurd.',

    // nobody there
    away_heading: 'We zijn er nu niet',
    away_for_hours: 'Onze openingstijden zijn voorbij.',
    away_until: 'Weer open: {0}',
    away_for_no_agents: 'Op dit moment is er niemand beschikbaar.',
    away_for_full: 'Op dit moment wachten er te veel mensen.',
    away_for_paused: 'We nemen een korte pauze.',
    away_invite: 'Laat een bericht achter, dan nemen we contact met u op.',
    away_leave: 'Bericht achterlaten',
    away_send: 'Bericht versturen',
    left_heading: 'Dank u wel',
    left_text: 'Uw bericht is aangekomen. We nemen contact met u op.',
    left_again: 'Terug naar het begin',

    // an agent calls
    call_heading: '{0} wil graag met u praten',
    call_accept: 'Praten',
    call_decline: 'Nu niet',

    // the connection, and what goes wrong
    link_connecting: 'Verbinden…',
    link_reconnecting: 'De verbinding is verbroken. Opnieuw verbinden…',
    link_server_down: 'Onze server antwoordt op dit moment niet. We blijven het proberen.',
    link_failed: 'Er is geen verbinding.',
    link_up: 'Weer verbonden.',
    retry: 'Opnieuw proberen',
    error_heading: 'Dat is niet gelukt',
    error_timeout: 'Er kwam geen antwoord. Probeer het opnieuw.',
    error_identity: 'Uw aanmelding kon niet worden bevestigd. Laad de pagina opnieuw.',
    error_refused: 'U kunt op dit moment geen chat starten.',
    error_conflict: 'U hebt al een chat, misschien in een ander venster.',
    error_form: 'Iets in het formulier kon niet worden geaccepteerd.',
    error_rating: 'De beoordeling kon niet worden opgeslagen.',
    error_leave: 'Uw bericht kon niet worden achtergelaten. Probeer het opnieuw.',
    error_unknown: 'Er is iets misgegaan. Probeer het opnieuw.',

    // times
    time_under_minute: 'minder dan een minuut',
  },
};

export default nl;
