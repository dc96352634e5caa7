// English: the language that defines which keys there are. {0} and {1} are put in; a text with plural forms has its
// number as {0}. What the loader says (launcher_…, greet_…) has no plural forms: it is written so that none are needed.

import type { Language } from '../types';

const en: Language = {
  code: 'en',
  name: 'English',
  rtl: false,
  checked: true,
  words: {
    // the launcher, in the loader
    launcher_label: 'Chat with us',
    launcher_online: '{0} online', // how many agents
    launcher_wait: 'about {0}', // a length of time
    launcher_message: 'Leave a message',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Close chat',
    greet_label: 'A word from us',
    greet_dismiss: 'Dismiss',

    // the panel
    title: 'Chat with us',
    minimise: 'Minimise',
    menu: 'More',
    language: 'Language',
    sound_on: 'Turn sound on',
    sound_off: 'Turn sound off',
    cancel: 'Cancel',
    back: 'Back',
    you: 'You',
    support: 'Support',
    supervisor: 'Supervisor',

    // idle
    start_heading: 'How can we help?',
    start_text: 'Ask your question here and we will connect you with somebody who can answer it.',
    start_question: 'Your question',
    start_send: 'Start chat',
    start_online: { one: '{0} person is online', other: '{0} people are online' },
    consent_label: 'I agree',
    consent_needed: 'Please agree first.',

    // starting, form
    starting: 'One moment…',
    form_heading: 'Before we start',
    form_send: 'Continue',
    form_optional: 'optional',
    form_choose: 'Please choose',
    form_errors: { one: 'Please check {0} field.', other: 'Please check {0} fields.' },
    required: 'Please fill this in.',
    email: 'Please enter an e-mail address, such as name@example.com.',
    invalid: 'Please check this.',

    // queued, offered, connecting
    queue_heading: 'You are in the queue',
    queue_position: 'Your place: {0}',
    queue_first: 'You are next',
    queue_wait: 'Expected wait: {0}',
    queue_stay: 'You can go on browsing here; your place is kept.',
    queue_leave: 'Leave the queue',
    queue_leave_ask: 'Leave the queue? Your place will be lost.',
    offered_heading: 'Looking for somebody to help you…',
    connecting_heading: '{0} is joining you…', // agent
    connecting_heading_unnamed: 'Somebody is joining you…',

    // the chat
    log_label: 'Conversation',
    log_earlier: 'Show earlier messages',
    log_newest: 'Go to the newest message',
    log_new: { one: '{0} new message', other: '{0} new messages' },
    log_today: 'Today',
    log_yesterday: 'Yesterday',
    compose_label: 'Your message',
    compose_placeholder: 'Write a message…',
    compose_send: 'Send',
    compose_attach: 'Attach a file',
    compose_emoji: 'Emoji',
    compose_left: { one: '{0} character left', other: '{0} characters left' },
    compose_long: 'This message is too long.',
    compose_editing: 'You are changing your last message',
    compose_save: 'Save the change',
    typing: '{0} is typing…',
    typing_unnamed: 'Somebody is typing…',
    message_edit: 'Change',
    message_edited: 'changed',
    message_sending: 'Being sent',
    message_sent: 'Sent',
    message_delivered: 'Delivered',
    message_failed: 'Not sent',
    message_retry: 'Try again',
    message_more: 'Show all',
    file_download: 'Download {0}', // name
    file_uploading: '{0} is being sent', // name
    file_size: 'The file is too large. The limit is {0}.',
    file_type: 'Files of this kind cannot be sent.',
    file_failed: 'The file could not be sent.',
    file_drop: 'Drop the file here to send it',
    file_image: 'Picture: {0}', // name

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} has joined the chat.',
    lost_text: 'The connection to our side was interrupted. Somebody will be with you shortly.',

    // ending
    end: 'End chat',
    end_ask: 'End this chat?',
    end_no: 'Go on chatting',
    ended_heading: 'The chat has ended',
    ended_agent: 'Thank you and goodbye.',
    ended_agent_left: 'The other side has left the chat.',
    ended_visitor: 'You have ended the chat. Thank you and goodbye.',
    ended_lost: 'Your connection was lost for too long.',
    ended_timeout: 'Sorry, nobody could take your question in time. Please try again later or leave a message.',
    ended_no_agents: 'Sorry, nobody is here any more. Please try again later or leave a message.',
    ended_idle: 'Nobody wrote any more, so the chat was closed.',
    ended_max: 'The chat has reached its longest time. You may ask again at any time.',
    ended_failed: 'Sorry, something went wrong on our side. Please try again later or leave a message.',
    ended_declined: 'All right. Write to us whenever you like.',
    ended_banned: 'The chat was closed.',
    again: 'Start a new chat',

    // rating and transcript
    rate_heading: 'How was this chat?',
    rate_1: 'Very bad',
    rate_2: 'Bad',
    rate_3: 'Fair',
    rate_4: 'Good',
    rate_5: 'Very good',
    rate_text: 'Would you like to add something?',
    rate_send: 'Send rating',
    rate_thanks: 'Thank you for your rating.',
    transcript: 'Transcript',
    transcript_download: 'Download the transcript',
    transcript_mail: 'Send the transcript by e-mail',
    transcript_address: 'Your e-mail address',
    transcript_send: 'Send',
    transcript_sending: 'The transcript is being sent…',
    transcript_sent: 'The transcript is on its way.',
    transcript_failed: 'The transcript could not be sent.',

    // nobody there
    away_heading: 'We are not here right now',
    away_for_hours: 'Our opening hours are over.',
    away_until: 'Open again: {0}', // a time, such as 'tomorrow, 9:00'
    away_for_no_agents: 'Nobody is available at the moment.',
    away_for_full: 'Too many people are waiting at the moment.',
    away_for_paused: 'We are taking a short break.',
    away_invite: 'Leave us a message and we will get back to you.',
    away_leave: 'Leave a message',
    away_send: 'Send message',
    left_heading: 'Thank you',
    left_text: 'Your message has arrived. We will get back to you.',
    left_again: 'Back to the start',

    // an agent calls
    call_heading: '{0} would like to talk to you', // agent
    call_accept: 'Talk',
    call_decline: 'Not now',

    // the connection, and what goes wrong
    link_connecting: 'Connecting…',
    link_reconnecting: 'The connection is lost. Reconnecting…',
    link_server_down: 'Our server does not answer at the moment. We keep trying.',
    link_failed: 'There is no connection.',
    link_up: 'Connected again.',
    retry: 'Try again',
    error_heading: 'That did not work',
    error_timeout: 'There was no answer. Please try again.',
    error_identity: 'Your sign-in could not be confirmed. Please load the page again.',
    error_refused: 'You cannot start a chat at the moment.',
    error_conflict: 'You have a chat already, perhaps in another window.',
    error_form: 'Something in the form could not be accepted.',
    error_rating: 'The rating could not be saved.',
    error_leave: 'Your message could not be left. Please try again.',
    error_unknown: 'Something went wrong. Please try again.',

    // times
    time_under_minute: 'less than a minute',
  },
};

export default en;
