// Italian, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const it: Language = {
  code: 'it',
  name: 'Italiano',
  rtl: false,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: 'Chatta con noi',
    launcher_online: '{0} online',
    launcher_wait: 'circa {0}',
    launcher_message: 'Lascia un messaggio',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Chiudi la chat',
    greet_label: 'Due parole da noi',
    greet_dismiss: 'Nascondi',

    // the panel
    title: 'Chatta con noi',
    minimise: 'Riduci',
    menu: 'Altro',
    language: 'Lingua',
    sound_on: 'Attiva l’audio',
    sound_off: 'Disattiva l’audio',
    cancel: 'Annulla',
    back: 'Indietro',
    you: 'Tu',
    support: 'Assistenza',
    supervisor: 'Supervisione',

    // idle
    start_heading: 'Come possiamo aiutarti?',
    start_text: 'Scrivi qui la tua domanda: ti metteremo in contatto con qualcuno che può rispondere.',
    start_question: 'La tua domanda',
    start_send: 'Inizia la chat',
    start_online: { one: '{0} persona è online', many: '{0} di persone sono online', other: '{0} persone sono online' },
    consent_label: 'Accetto',
    consent_needed: 'Prima devi accettare.',

    // starting, form
    starting: 'Un momento…',
    form_heading: 'Prima di iniziare',
    form_send: 'Continua',
    form_optional: 'facoltativo',
    form_choose: 'Scegli',
    form_errors: { one: 'Controlla {0} campo.', many: 'Controlla {0} di campi.', other: 'Controlla {0} campi.' },
    required: 'Compila questo campo.',
    email: 'Inserisci un indirizzo e-mail, ad esempio nome@example.com.',
    invalid: 'Controlla questo dato.',

    // queued, offered, connecting
    queue_heading: 'Sei in coda',
    queue_position: 'Il tuo posto: {0}',
    queue_first: 'Ora tocca a te',
    queue_wait: 'Attesa prevista: {0}',
    queue_stay: 'Puoi continuare a navigare: il tuo posto è conservato.',
    queue_leave: 'Esci dalla coda',
    queue_leave_ask: 'Uscire dalla coda? Perderai il tuo posto.',
    offered_heading: 'Stiamo cercando qualcuno che ti aiuti…',
    connecting_heading: '{0} sta arrivando…',
    connecting_heading_unnamed: 'Qualcuno sta arrivando…',

    // the chat
    log_label: 'Conversazione',
    log_earlier: 'Mostra i messaggi precedenti',
    log_newest: 'Vai al messaggio più recente',
    log_new: { one: '{0} nuovo messaggio', many: '{0} di nuovi messaggi', other: '{0} nuovi messaggi' },
    log_today: 'Oggi',
    log_yesterday: 'Ieri',
    compose_label: 'Il tuo messaggio',
    compose_placeholder: 'Scrivi un messaggio…',
    compose_send: 'Invia',
    compose_attach: 'Allega un file',
    compose_emoji: 'Emoji',
    compose_left: { one: '{0} carattere rimasto', many: '{0} di caratteri rimasti', other: '{0} caratteri rimasti' },
    compose_long: 'Questo messaggio è troppo lungo.',
    compose_editing: 'Stai modificando il tuo ultimo messaggio',
    compose_save: 'Salva la modifica',
    typing: '{0} sta scrivendo…',
    typing_unnamed: 'Qualcuno sta scrivendo…',
    message_edit: 'Modifica',
    message_edited: 'modificato',
    message_sending: 'Invio in corso',
    message_sent: 'Inviato',
    message_delivered: 'Consegnato',
    message_failed: 'Non inviato',
    message_retry: 'Riprova',
    message_more: 'Mostra tutto',
    file_download: 'Scarica {0}',
    file_uploading: 'Invio di {0} in corso',
    file_size: 'Il file è troppo grande. Il limite è {0}.',
    file_type: 'Non è possibile inviare file di questo tipo.',
    file_failed: 'Non è stato possibile inviare il file.',
    file_drop: 'Trascina qui il file per inviarlo',
    file_image: 'Immagine: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} è entrato nella chat.',
    lost_text: 'La connessione dalla nostra parte si è interrotta. Qualcuno sarà presto da te.',

    // ending
    end: 'Termina la chat',
    end_ask: 'Terminare questa chat?',
    end_no: 'Continua a chattare',
    ended_heading: 'La chat è terminata',
    ended_agent: 'Grazie e arrivederci.',
    ended_agent_left: 'L’altra persona ha lasciato la chat.',
    ended_visitor: 'Hai terminato la chat. Grazie e arrivederci.',
    ended_lost: 'La tua connessione è mancata troppo a lungo.',
    ended_timeout: 'Spiacenti, nessuno ha potuto rispondere in tempo. Riprova più tardi o lascia un messaggio.',
    ended_no_agents: 'Spiacenti, non c’è più nessuno. Riprova più tardi o lascia un messaggio.',
    ended_idle: 'Nessuno scriveva più, quindi la chat è stata chiusa.',
    ended_max: 'La chat ha raggiunto la durata massima. Puoi scriverci di nuovo in qualsiasi momento.',
    ended_failed: 'Spiacenti, qualcosa è andato storto da parte nostra. Riprova più tardi o lascia un messaggio.',
    ended_declined: 'Va bene. Scrivici quando vuoi.',
    ended_banned: 'La chat è stata chiusa.',
    again: 'Inizia una nuova chat',

    // rating and transcript
    rate_heading: 'Com’è andata questa chat?',
    rate_1: 'Molto male',
    rate_2: 'Male',
    rate_3: 'Così così',
    rate_4: 'Bene',
    rate_5: 'Molto bene',
    rate_text: 'Vuoi aggiungere qualcosa?',
    rate_send: 'Invia la valutazione',
    rate_thanks: 'Grazie per la valutazione.',
    transcript: 'Trascrizione',
    transcript_download: 'Scarica la trascrizione',
    transcript_mail: 'Invia la trascrizione per e-mail',
    transcript_address: 'Il tuo indirizzo e-mail',
    transcript_send: 'Invia',
    transcript_sending: 'Invio della trascrizione…',
    transcript_sent: 'La trascrizione è in arrivo.',
    transcript_failed: 'Non è stato possibile inviare la trascrizione.',

    // nobody there
    away_heading: 'Ora non ci siamo',
    away_for_hours: 'Siamo fuori dall’orario di apertura.',
    away_until: 'Riapriamo: {0}',
    away_for_no_agents: 'Al momento non è disponibile nessuno.',
    away_for_full: 'Al momento ci sono troppe persone in attesa.',
    away_for_paused: 'Stiamo facendo una breve pausa.',
    away_invite: 'Lasciaci un messaggio e ti risponderemo.',
    away_leave: 'Lascia un messaggio',
    away_send: 'Invia il messaggio',
    left_heading: 'Grazie',
    left_text: 'Il tuo messaggio è arrivato. Ti risponderemo.',
    left_again: 'Torna all’inizio',

    // an agent calls
    call_heading: '{0} vorrebbe parlare con te',
    call_accept: 'Parla',
    call_decline: 'Non ora',

    // the connection, and what goes wrong
    link_connecting: 'Connessione…',
    link_reconnecting: 'La connessione è caduta. Riconnessione…',
    link_server_down: 'Il nostro server non risponde al momento. Continuiamo a provare.',
    link_failed: 'Non c’è connessione.',
    link_up: 'Di nuovo connesso.',
    retry: 'Riprova',
    error_heading: 'Non ha funzionato',
    error_timeout: 'Non c’è stata risposta. Riprova.',
    error_identity: 'Non è stato possibile confermare il tuo accesso. Ricarica la pagina.',
    error_refused: 'Al momento non puoi iniziare una chat.',
    error_conflict: 'Hai già una chat, forse in un’altra finestra.',
    error_form: 'Qualcosa nel modulo non è stato accettato.',
    error_rating: 'Non è stato possibile salvare la valutazione.',
    error_leave: 'Non è stato possibile lasciare il messaggio. Riprova.',
    error_unknown: 'Qualcosa è andato storto. Riprova.',

    // times
    time_under_minute: 'meno di un minuto',
  },
};

export default it;
