// Ukrainian, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const uk: Language = {
  code: 'uk',
  name: 'Українська',
  rtl: false,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: 'Напишіть нам',
    launcher_online: 'Онлайн: {0}',
    launcher_wait: 'близько {0}',
    launcher_message: 'Залишити повідомлення',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Закрити чат',
    greet_label: 'Повідомлення від нас',
    greet_dismiss: 'Сховати',

    // the panel
    title: 'Напишіть нам',
    minimise: 'Згорнути',
    menu: 'Більше',
    language: 'Мова',
    sound_on: 'Увімкнути звук',
    sound_off: 'Вимкнути звук',
    cancel: 'Скасувати',
    back: 'Назад',
    you: 'Ви',
    support: 'Підтримка',
    supervisor: 'Керівник',

    // idle
    start_heading: 'Чим ми можемо допомогти?',
    start_text: 'Поставте тут запитання, і ми з’єднаємо вас із тим, хто зможе відповісти.',
    start_question: 'Ваше запитання',
    start_send: 'Почати чат',
    start_online: { one: '{0} людина онлайн', few: '{0} людини онлайн', many: '{0} людей онлайн', other: '{0} людини онлайн' },
    consent_label: 'Я погоджуюся',
    consent_needed: 'Спершу дайте згоду.',

    // starting, form
    starting: 'Хвилинку…',
    form_heading: 'Перш ніж почати',
    form_send: 'Далі',
    form_optional: 'необов’язково',
    form_choose: 'Виберіть',
    form_errors: { one: 'Перевірте {0} поле.', few: 'Перевірте {0} поля.', many: 'Перевірте {0} полів.', other: 'Перевірте {0} поля.' },
    required: 'Заповніть це поле.',
    email: 'Введіть адресу електронної пошти, наприклад name@example.com.',
    invalid: 'Перевірте це поле.',

    // queued, offered, connecting
    queue_heading: 'Ви в черзі',
    queue_position: 'Ваше місце: {0}',
    queue_first: 'Ви наступні',
    queue_wait: 'Очікування: {0}',
    queue_stay: 'Ви можете й далі переглядати сайт, ваше місце збережено.',
    queue_leave: 'Вийти з черги',
    queue_leave_ask: 'Вийти з черги? Ви втратите своє місце.',
    offered_heading: 'Шукаємо того, хто вам допоможе…',
    connecting_heading: '{0} приєднується до вас…',
    connecting_heading_unnamed: 'До вас приєднуються…',

    // the chat
    log_label: 'Розмова',
    log_earlier: 'Показати попередні повідомлення',
    log_newest: 'До найновішого повідомлення',
    log_new: { one: '{0} нове повідомлення', few: '{0} нові повідомлення', many: '{0} нових повідомлень', other: '{0} нового повідомлення' },
    log_today: 'Сьогодні',
    log_yesterday: 'Учора',
    compose_label: 'Ваше повідомлення',
    compose_placeholder: 'Напишіть повідомлення…',
    compose_send: 'Надіслати',
    compose_attach: 'Додати файл',
    compose_emoji: 'Емодзі',
    compose_left: { one: 'Залишився {0} символ', few: 'Залишилося {0} символи', many: 'Залишилося {0} символів', other: 'Залишилося {0} символу' },
    compose_long: 'Це повідомлення задовге.',
    compose_editing: 'Ви змінюєте своє останнє повідомлення',
    compose_save: 'Зберегти зміну',
    typing: '{0} друкує…',
    typing_unnamed: 'Хтось друкує…',
    message_edit: 'Змінити',
    message_edited: 'змінено',
    message_sending: 'Надсилається',
    message_sent: 'Надіслано',
    message_delivered: 'Доставлено',
    message_failed: 'Не надіслано',
    message_retry: 'Спробувати ще раз',
    message_more: 'Показати все',
    file_download: 'Завантажити {0}',
    file_uploading: 'Надсилається {0}',
    file_size: 'Файл завеликий. Межа: {0}.',
    file_type: 'Файли цього виду надсилати не можна.',
    file_failed: 'Не вдалося надіслати файл.',
    file_drop: 'Перетягніть файл сюди, щоб надіслати',
    file_image: 'Зображення: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} тепер у чаті.',
    lost_text: 'Зв’язок із нашого боку перервався. Незабаром вам відповідять.',

    // ending
    end: 'Завершити чат',
    end_ask: 'Завершити цей чат?',
    end_no: 'Продовжити чат',
    ended_heading: 'Чат завершено',
    ended_agent: 'Дякуємо і до побачення.',
    ended_agent_left: 'Співрозмовник залишив чат.',
    ended_visitor: 'Ви завершили чат. Дякуємо і до побачення.',
    ended_lost: 'Зв’язку з вами надто довго не було.',
    ended_timeout: 'На жаль, ніхто не зміг вчасно взяти ваше запитання. Спробуйте пізніше або залиште повідомлення.',
    ended_no_agents: 'На жаль, нікого вже немає. Спробуйте пізніше або залиште повідомлення.',
    ended_idle: 'Ніхто більше не писав, тому чат закрито.',
    ended_max: 'Чат досяг найбільшої тривалості. Ви можете написати знову будь-коли.',
    ended_failed: 'На жаль, із нашого боку щось пішло не так. Спробуйте пізніше або залиште повідомлення.',
    ended_declined: 'Гаразд. Пишіть нам, коли захочете.',
    ended_banned: 'Чат закрито.',
    again: 'Почати новий чат',

    // rating and transcript
    rate_heading: 'Як пройшов цей чат?',
    rate_1: 'Дуже погано',
    rate_2: 'Погано',
    rate_3: 'Посередньо',
    rate_4: 'Добре',
    rate_5: 'Дуже добре',
    rate_text: 'Бажаєте щось додати?',
    rate_send: 'Надіслати оцінку',
    rate_thanks: 'Дякуємо за оцінку.',
    transcript: 'Запис розмови',
    transcript_download: 'Завантажити запис розмови',
    transcript_mail: 'Надіслати запис розмови поштою',
    transcript_address: 'Ваша адреса електронної пошти',
    transcript_send: 'Надіслати',
    transcript_sending: 'Запис розмови надсилається…',
    transcript_sent: 'Запис розмови надіслано.',
    transcript_failed: 'Не вдалося надіслати запис розмови.',

    // nobody there
    away_heading: 'Зараз нас немає',
    away_for_hours: 'Ми працюємо в інші години.',
    away_until: 'Відкриємося: {0}',
    away_for_no_agents: 'Зараз нікого немає на місці.',
    away_for_full: 'Зараз чекає забагато людей.',
    away_for_paused: 'У нас невелика перерва.',
    away_invite: 'Залиште нам повідомлення, і ми відповімо.',
    away_leave: 'Залишити повідомлення',
    away_send: 'Надіслати повідомлення',
    left_heading: 'Дякуємо',
    left_text: 'Ваше повідомлення отримано. Ми вам відповімо.',
    left_again: 'На початок',

    // an agent calls
    call_heading: '{0} хоче з вами поговорити',
    call_accept: 'Поговорити',
    call_decline: 'Не зараз',

    // the connection, and what goes wrong
    link_connecting: 'З’єднання…',
    link_reconnecting: 'Зв’язок втрачено. Відновлюємо…',
    link_server_down: 'Наш сервер зараз не відповідає. Ми продовжуємо спроби.',
    link_failed: 'Немає з’єднання.',
    link_up: 'Зв’язок відновлено.',
    retry: 'Спробувати ще раз',
    error_heading: 'Не вийшло',
    error_timeout: 'Відповіді не було. Спробуйте ще раз.',
    error_identity: 'Не вдалося підтвердити ваш вхід. Завантажте сторінку знову.',
    error_refused: 'Зараз ви не можете почати чат.',
    error_conflict: 'У вас уже є чат, можливо, в іншому вікні.',
    error_form: 'Щось у формі не вдалося прийняти.',
    error_rating: 'Не вдалося зберегти оцінку.',
    error_leave: 'Не вдалося залишити повідомлення. Спробуйте ще раз.',
    error_unknown: 'Щось пішло не так. Спробуйте ще раз.',

    // times
    time_under_minute: 'менше хвилини',
  },
};

export default uk;
