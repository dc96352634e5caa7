// French.

import type { Language } from '../types';

const fr: Language = {
  code: 'fr',
  name: 'Français',
  rtl: false,
  checked: true,
  words: {
    // the launcher, in the loader
    launcher_label: 'Discutez avec nous',
    launcher_online: '{0} en ligne',
    launcher_wait: 'environ {0}',
    launcher_message: 'Laisser un message',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Fermer la discussion',
    greet_label: 'Un mot de notre part',
    greet_dismiss: 'Masquer',

    // the panel
    title: 'Discutez avec nous',
    minimise: 'Réduire',
    menu: 'Plus',
    language: 'Langue',
    sound_on: 'Activer le son',
    sound_off: 'Couper le son',
    cancel: 'Annuler',
    back: 'Retour',
    you: 'Vous',
    support: 'Assistance',
    supervisor: 'Responsable',

    // idle
    start_heading: 'Comment pouvons-nous vous aider ?',
    start_text: 'Posez votre question ici : nous vous mettrons en relation avec quelqu’un qui pourra y répondre.',
    start_question: 'Votre question',
    start_send: 'Démarrer la discussion',
    start_online: { one: '{0} personne est en ligne', many: '{0} de personnes sont en ligne', other: '{0} personnes sont en ligne' },
    consent_label: 'J’accepte',
    consent_needed: 'Veuillez d’abord accepter.',

    // starting, form
    starting: 'Un instant…',
    form_heading: 'Avant de commencer',
    form_send: 'Continuer',
    form_optional: 'facultatif',
    form_choose: 'Veuillez choisir',
    form_errors: { one: 'Veuillez vérifier {0} champ.', many: 'Veuillez vérifier {0} de champs.', other: 'Veuillez vérifier {0} champs.' },
    required: 'Veuillez remplir ce champ.',
    email: 'Veuillez saisir une adresse e-mail, par exemple nom@example.com.',
    invalid: 'Veuillez vérifier cette information.',

    // queued, offered, connecting
    queue_heading: 'Vous êtes dans la file d’attente',
    queue_position: 'Votre place : {0}',
    queue_first: 'C’est bientôt à vous',
    queue_wait: 'Attente estimée : {0}',
    queue_stay: 'Vous pouvez continuer votre visite : votre place est gardée.',
    queue_leave: 'Quitter la file d’attente',
    queue_leave_ask: 'Quitter la file d’attente ? Vous perdrez votre place.',
    offered_heading: 'Nous cherchons quelqu’un pour vous aider…',
    connecting_heading: '{0} vous rejoint…',
    connecting_heading_unnamed: 'Quelqu’un vous rejoint…',

    // the chat
    log_label: 'Conversation',
    log_earlier: 'Afficher les messages précédents',
    log_newest: 'Aller au message le plus récent',
    log_new: { one: '{0} nouveau message', many: '{0} de nouveaux messages', other: '{0} nouveaux messages' },
    log_today: 'Aujourd’hui',
    log_yesterday: 'Hier',
    compose_label: 'Votre message',
    compose_placeholder: 'Écrivez un message…',
    compose_send: 'Envoyer',
    compose_attach: 'Joindre un fichier',
    compose_emoji: 'Émoji',
    compose_left: { one: '{0} caractère restant', many: '{0} de caractères restants', other: '{0} caractères restants' },
    compose_long: 'Ce message est trop long.',
    compose_editing: 'Vous modifiez votre dernier message',
    compose_save: 'Enregistrer la modification',
    typing: '{0} est en train d’écrire…',
    typing_unnamed: 'Quelqu’un est en train d’écrire…',
    message_edit: 'Modifier',
    message_edited: 'modifié',
    message_sending: 'Envoi en cours',
    message_sent: 'Envoyé',
    message_delivered: 'Remis',
    message_failed: 'Non envoyé',
    message_retry: 'Réessayer',
    message_more: 'Tout afficher',
    file_download: 'Télécharger {0}',
    file_uploading: 'Envoi de {0} en cours',
    file_size: 'Le fichier est trop volumineux. La limite est de {0}.',
    file_type: 'Les fichiers de ce type ne peuvent pas être envoyés.',
    file_failed: 'Le fichier n’a pas pu être envoyé.',
    file_drop: 'Déposez le fichier ici pour l’envoyer',
    file_image: 'Image : {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} a rejoint la discussion.',
    lost_text: 'La connexion de notre côté a été interrompue. Quelqu’un sera bientôt à vous.',

    // ending
    end: 'Terminer la discussion',
    end_ask: 'Terminer cette discussion ?',
    end_no: 'Continuer la discussion',
    ended_heading: 'La discussion est terminée',
    ended_agent: 'Merci et au revoir.',
    ended_agent_left: 'Votre interlocuteur a quitté la discussion.',
    ended_visitor: 'Vous avez terminé la discussion. Merci et au revoir.',
    ended_lost: 'Votre connexion a été perdue trop longtemps.',
    ended_timeout: 'Désolé, personne n’a pu prendre votre question à temps. Veuillez réessayer plus tard ou laisser un message.',
    ended_no_agents: 'Désolé, il n’y a plus personne. Veuillez réessayer plus tard ou laisser un message.',
    ended_idle: 'Plus personne n’écrivait, la discussion a donc été fermée.',
    ended_max: 'La discussion a atteint sa durée maximale. Vous pouvez nous écrire de nouveau à tout moment.',
    ended_failed: 'Désolé, une erreur s’est produite de notre côté. Veuillez réessayer plus tard ou laisser un message.',
    ended_declined: 'Très bien. Écrivez-nous quand vous voulez.',
    ended_banned: 'La discussion a été fermée.',
    again: 'Démarrer une nouvelle discussion',

    // rating and transcript
    rate_heading: 'Comment était cette discussion ?',
    rate_1: 'Très mauvaise',
    rate_2: 'Mauvaise',
    rate_3: 'Moyenne',
    rate_4: 'Bonne',
    rate_5: 'Très bonne',
    rate_text: 'Souhaitez-vous ajouter quelque chose ?',
    rate_send: 'Envoyer l’évaluation',
    rate_thanks: 'Merci pour votre évaluation.',
    transcript: 'Transcription',
    transcript_download: 'Télécharger la transcription',
    transcript_mail: 'Envoyer la transcription par e-mail',
    transcript_address: 'Votre adresse e-mail',
    transcript_send: 'Envoyer',
    transcript_sending: 'Envoi de la transcription…',
    transcript_sent: 'La transcription est en route.',
    transcript_failed: 'La transcription n’a pas pu être envoyée.',

    // nobody there
    away_heading: 'Nous ne sommes pas là pour le moment',
    away_for_hours: 'Nous sommes en dehors de nos horaires d’ouverture.',
    away_until: 'Réouverture : {0}',
    away_for_no_agents: 'Personne n’est disponible pour le moment.',
    away_for_full: 'Trop de personnes attendent pour le moment.',
    away_for_paused: 'Nous faisons une courte pause.',
    away_invite: 'Laissez-nous un message et nous vous répondrons.',
    away_leave: 'Laisser un message',
    away_send: 'Envoyer le message',
    left_heading: 'Merci',
    left_text: 'Votre message est bien arrivé. Nous vous répondrons.',
    left_again: 'Retour au début',

    // an agent calls
    call_heading: '{0} aimerait vous parler',
    call_accept: 'Parler',
    call_decline: 'Pas maintenant',

    // the connection, and what goes wrong
    link_connecting: 'Connexion…',
    link_reconnecting: 'La connexion est perdue. Reconnexion…',
    link_server_down: 'Notre serveur ne répond pas pour le moment. Nous continuons d’essayer.',
    link_failed: 'Il n’y a pas de connexion.',
    link_up: 'De nouveau connecté.',
    retry: 'Réessayer',
    error_heading: 'Cela n’a pas fonctionné',
    error_timeout: 'Il n’y a pas eu de réponse. Veuillez réessayer.',
    error_identity: 'Votre identification n’a pas pu être confirmée. Veuillez recharger la page.',
    error_refused: 'Vous ne pouvez pas démarrer de discussion pour le moment.',
    error_conflict: 'Vous avez déjà une discussion, peut-être dans une autre fenêtre.',
    error_form: 'Un élément du formulaire n’a pas pu être accepté.',
    error_rating: 'L’évaluation n’a pas pu être enregistrée.',
    error_leave: 'Votre message n’a pas pu être laissé. Veuillez réessayer.',
    error_unknown: 'Une erreur s’est produite. Veuillez réessayer.',

    // times
    time_under_minute: 'moins d’une minute',
  },
};

export default fr;
