// Hebrew, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const he: Language = {
  code: 'he',
  name: 'עברית',
  rtl: true,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: 'דברו איתנו',
    launcher_online: 'מחוברים: {0}',
    launcher_wait: 'בערך {0}',
    launcher_message: 'השארת הודעה',

    // the launcher while the panel is open, and the greeting
    launch_close: 'סגירת הצ׳אט',
    greet_label: 'מילה מאיתנו',
    greet_dismiss: 'הסתרה',

    // the panel
    title: 'דברו איתנו',
    minimise: 'מזעור',
    menu: 'עוד',
    language: 'שפה',
    sound_on: 'הפעלת צליל',
    sound_off: 'השתקת צליל',
    cancel: 'ביטול',
    back: 'חזרה',
    you: 'אתם',
    support: 'תמיכה',
    supervisor: 'אחראי',

    // idle
    start_heading: 'איך אפשר לעזור?',
    start_text: 'כתבו כאן את השאלה ונחבר אתכם למי שיכול לענות עליה.',
    start_question: 'השאלה שלכם',
    start_send: 'התחלת צ׳אט',
    start_online: { one: 'אדם אחד מחובר', two: 'שני אנשים מחוברים', other: '{0} אנשים מחוברים' },
    consent_label: 'קראתי ואני מסכים',
    consent_needed: 'יש לאשר תחילה.',

    // starting, form
    starting: 'רק רגע…',
    form_heading: 'לפני שמתחילים',
    form_send: 'המשך',
    form_optional: 'לא חובה',
    form_choose: 'נא לבחור',
    form_errors: { one: 'נא לבדוק שדה אחד.', two: 'נא לבדוק שני שדות.', other: 'נא לבדוק {0} שדות.' },
    required: 'נא למלא שדה זה.',
    email: 'נא להזין כתובת דוא״ל, למשל name@example.com.',
    invalid: 'נא לבדוק פרט זה.',

    // queued, offered, connecting
    queue_heading: 'אתם בתור',
    queue_position: 'המקום שלכם: {0}',
    queue_first: 'אתם הבאים בתור',
    queue_wait: 'זמן המתנה משוער: {0}',
    queue_stay: 'אפשר להמשיך לגלוש כאן; המקום נשמר.',
    queue_leave: 'יציאה מהתור',
    queue_leave_ask: 'לצאת מהתור? המקום שלכם יאבד.',
    offered_heading: 'מחפשים מישהו שיעזור לכם…',
    connecting_heading: '{0} בדרך אליכם…',
    connecting_heading_unnamed: 'מישהו בדרך אליכם…',

    // the chat
    log_label: 'שיחה',
    log_earlier: 'הצגת הודעות קודמות',
    log_newest: 'מעבר להודעה האחרונה',
    log_new: { one: 'הודעה חדשה אחת', two: 'שתי הודעות חדשות', other: '{0} הודעות חדשות' },
    log_today: 'היום',
    log_yesterday: 'אתמול',
    compose_label: 'ההודעה שלכם',
    compose_placeholder: 'כתבו הודעה…',
    compose_send: 'שליחה',
    compose_attach: 'צירוף קובץ',
    compose_emoji: 'אימוג׳י',
    compose_left: { one: 'נותר תו אחד', two: 'נותרו שני תווים', other: 'נותרו {0} תווים' },
    compose_long: 'ההודעה ארוכה מדי.',
    compose_editing: 'אתם משנים את ההודעה האחרונה',
    compose_save: 'שמירת השינוי',
    typing: '{0} מקליד כעת…',
    typing_unnamed: 'מישהו מקליד כעת…',
    message_edit: 'שינוי',
    message_edited: 'שונתה',
    message_sending: 'נשלחת',
    message_sent: 'נשלחה',
    message_delivered: 'נמסרה',
    message_failed: 'לא נשלחה',
    message_retry: 'ניסיון נוסף',
    message_more: 'הצגת הכול',
    file_download: 'הורדת {0}',
    file_uploading: '{0} נשלח',
    file_size: 'הקובץ גדול מדי. המגבלה היא {0}.',
    file_type: 'אי אפשר לשלוח קבצים מסוג זה.',
    file_failed: 'לא ניתן היה לשלוח את הקובץ.',
    file_drop: 'גררו לכאן את הקובץ כדי לשלוח אותו',
    file_image: 'תמונה: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} הצטרף לצ׳אט.',
    lost_text: 'החיבור מצידנו נותק. מישהו יהיה איתכם בקרוב.',

    // ending
    end: 'סיום הצ׳אט',
    end_ask: 'לסיים את הצ׳אט הזה?',
    end_no: 'להמשיך לדבר',
    ended_heading: 'הצ׳אט הסתיים',
    ended_agent: 'תודה ולהתראות.',
    ended_agent_left: 'הצד השני עזב את הצ׳אט.',
    ended_visitor: 'סיימתם את הצ׳אט. תודה ולהתראות.',
    ended_lost: 'החיבור שלכם היה מנותק זמן רב מדי.',
    ended_timeout: 'מצטערים, איש לא יכול היה לטפל בשאלה בזמן. נסו שוב מאוחר יותר או השאירו הודעה.',
    ended_no_agents: 'מצטערים, אין כאן עוד איש. נסו שוב מאוחר יותר או השאירו הודעה.',
    ended_idle: 'איש לא כתב עוד, ולכן הצ׳אט נסגר.',
    ended_max: 'הצ׳אט הגיע למשך המרבי. אפשר לפנות שוב בכל עת.',
    ended_failed: 'מצטערים, משהו השתבש אצלנו. נסו שוב מאוחר יותר או השאירו הודעה.',
    ended_declined: 'בסדר. כתבו לנו מתי שתרצו.',
    ended_banned: 'הצ׳אט נסגר.',
    again: 'התחלת צ׳אט חדש',

    // rating and transcript
    rate_heading: 'איך היה הצ׳אט הזה?',
    rate_1: 'גרוע מאוד',
    rate_2: 'גרוע',
    rate_3: 'בינוני',
    rate_4: 'טוב',
    rate_5: 'טוב מאוד',
    rate_text: 'רוצים להוסיף משהו?',
    rate_send: 'שליחת הדירוג',
    rate_thanks: 'תודה על הדירוג.',
    transcript: 'תמליל',
    transcript_download: 'הורדת התמליל',
    transcript_mail: 'שליחת התמליל בדוא״ל',
    transcript_address: 'כתובת הדוא״ל שלכם',
    transcript_send: 'שליחה',
    transcript_sending: 'התמליל נשלח…',
    transcript_sent: 'התמליל בדרך.',
    transcript_failed: 'לא ניתן היה לשלוח את התמליל.',

    // nobody there
    away_heading: 'אנחנו לא כאן כרגע',
    away_for_hours: 'אנחנו מחוץ לשעות הפעילות.',
    away_until: 'נפתח שוב: {0}',
    away_for_no_agents: 'אין איש זמין כרגע.',
    away_for_full: 'יותר מדי אנשים ממתינים כרגע.',
    away_for_paused: 'אנחנו בהפסקה קצרה.',
    away_invite: 'השאירו לנו הודעה ונחזור אליכם.',
    away_leave: 'השארת הודעה',
    away_send: 'שליחת ההודעה',
    left_heading: 'תודה',
    left_text: 'ההודעה הגיעה. נחזור אליכם.',
    left_again: 'חזרה להתחלה',

    // an agent calls
    call_heading: '{0} רוצה לדבר איתכם',
    call_accept: 'לדבר',
    call_decline: 'לא עכשיו',

    // the connection, and what goes wrong
    link_connecting: 'מתחבר…',
    link_reconnecting: 'החיבור אבד. מתחבר מחדש…',
    link_server_down: 'השרת שלנו לא עונה כרגע. אנחנו ממשיכים לנסות.',
    link_failed: 'אין חיבור.',
    link_up: 'מחובר שוב.',
    retry: 'ניסיון נוסף',
    error_heading: 'זה לא הצליח',
    error_timeout: 'לא התקבלה תשובה. נסו שוב.',
    error_identity: 'לא ניתן היה לאמת את הכניסה שלכם. טענו את הדף מחדש.',
    error_refused: 'אי אפשר להתחיל צ׳אט כרגע.',
    error_conflict: 'כבר יש לכם צ׳אט, אולי בחלון אחר.',
    error_form: 'משהו בטופס לא התקבל.',
    error_rating: 'לא ניתן היה לשמור את הדירוג.',
    error_leave: 'לא ניתן היה להשאיר את ההודעה. נסו שוב.',
    error_unknown: 'משהו השתבש. נסו שוב.',

    // times
    time_under_minute: 'פחות מדקה',
  },
};

export default he;
