// Russian, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const ru: Language = {
  code: 'ru',
  name: 'Русский',
  rtl: false,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: 'Напишите нам',
    launcher_online: 'Онлайн: {0}',
    launcher_wait: 'около {0}',
    launcher_message: 'Оставить сообщение',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Закрыть чат',
    greet_label: 'Сообщение от нас',
    greet_dismiss: 'Скрыть',

    // the panel
    title: 'Напишите нам',
    minimise: 'Свернуть',
    menu: 'Ещё',
    language: 'Язык',
    sound_on: 'Включить звук',
    sound_off: 'Выключить звук',
    cancel: 'Отмена',
    back: 'Назад',
    you: 'Вы',
    support: 'Поддержка',
    supervisor: 'Руководитель',

    // idle
    start_heading: 'Чем мы можем помочь?',
    start_text: 'Задайте здесь вопрос, и мы соединим вас с тем, кто сможет на него ответить.',
    start_question: 'Ваш вопрос',
    start_send: 'Начать чат',
    start_online: { one: '{0} человек онлайн', few: '{0} человека онлайн', many: '{0} человек онлайн', other: '{0} человека онлайн' },
    consent_label: 'Я согласен',
    consent_needed: 'Сначала дайте согласие.',

    // starting, form
    starting: 'Одну минуту…',
    form_heading: 'Прежде чем начать',
    form_send: 'Продолжить',
    form_optional: 'необязательно',
    form_choose: 'Выберите',
    form_errors: { one: 'Проверьте {0} поле.', few: 'Проверьте {0} поля.', many: 'Проверьте {0} полей.', other: 'Проверьте {0} поля.' },
    required: 'Заполните это поле.',
    email: 'Введите адрес электронной почты, например name@example.com.',
    invalid: 'Проверьте это поле.',

    // queued, offered, connecting
    queue_heading: 'Вы в очереди',
    queue_position: 'Ваше место: {0}',
    queue_first: 'Вы следующий',
    queue_wait: 'Ожидание: {0}',
    queue_stay: 'Вы можете продолжать смотреть сайт, ваше место сохраняется.',
    queue_leave: 'Выйти из очереди',
    queue_leave_ask: 'Выйти из очереди? Ваше место будет потеряно.',
    offered_heading: 'Ищем того, кто вам поможет…',
    connecting_heading: '{0} подключается к вам…',
    connecting_heading_unnamed: 'К вам подключаются…',

    // the chat
    log_label: 'Беседа',
    log_earlier: 'Показать предыдущие сообщения',
    log_newest: 'К последнему сообщению',
    log_new: { one: '{0} новое сообщение', few: '{0} новых сообщения', many: '{0} новых сообщений', other: '{0} нового сообщения' },
    log_today: 'Сегодня',
    log_yesterday: 'Вчера',
    compose_label: 'Ваше сообщение',
    compose_placeholder: 'Напишите сообщение…',
    compose_send: 'Отправить',
    compose_attach: 'Прикрепить файл',
    compose_emoji: 'Эмодзи',
    compose_left: { one: 'Остался {0} символ', few: 'Осталось {0} символа', many: 'Осталось {0} символов', other: 'Осталось {0} символа' },
    compose_long: 'Это сообщение слишком длинное.',
    compose_editing: 'Вы меняете своё последнее сообщение',
    compose_save: 'Сохранить изменение',
    typing: '{0} печатает…',
    typing_unnamed: 'Кто-то печатает…',
    message_edit: 'Изменить',
    message_edited: 'изменено',
    message_sending: 'Отправляется',
    message_sent: 'Отправлено',
    message_delivered: 'Доставлено',
    message_failed: 'Не отправлено',
    message_retry: 'Повторить',
    message_more: 'Показать всё',
    file_download: 'Скачать {0}',
    file_uploading: 'Отправляется {0}',
    file_size: 'Файл слишком большой. Предел: {0}.',
    file_type: 'Файлы этого вида отправлять нельзя.',
    file_failed: 'Не удалось отправить файл.',
    file_drop: 'Перетащите файл сюда, чтобы отправить',
    file_image: 'Изображение: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} теперь в чате.',
    lost_text: 'Связь с нашей стороны прервалась. Скоро вам ответят.',

    // ending
    end: 'Завершить чат',
    end_ask: 'Завершить этот чат?',
    end_no: 'Продолжить чат',
    ended_heading: 'Чат завершён',
    ended_agent: 'Спасибо и до свидания.',
    ended_agent_left: 'Собеседник покинул чат.',
    ended_visitor: 'Вы завершили чат. Спасибо и до свидания.',
    ended_lost: 'Связь с вами слишком долго отсутствовала.',
    ended_timeout: 'К сожалению, никто не смог вовремя взять ваш вопрос. Попробуйте позже или оставьте сообщение.',
    ended_no_agents: 'К сожалению, никого больше нет. Попробуйте позже или оставьте сообщение.',
    ended_idle: 'Никто больше не писал, поэтому чат закрыт.',
    ended_max: 'Чат достиг наибольшей длительности. Вы можете снова написать в любое время.',
    ended_failed: 'К сожалению, с нашей стороны что-то пошло не так. Попробуйте позже или оставьте сообщение.',
    ended_declined: 'Хорошо. Пишите нам, когда захотите.',
    ended_banned: 'Чат закрыт.',
    again: 'Начать новый чат',

    // rating and transcript
    rate_heading: 'Как прошёл этот чат?',
    rate_1: 'Очень плохо',
    rate_2: 'Плохо',
    rate_3: 'Средне',
    rate_4: 'Хорошо',
    rate_5: 'Очень хорошо',
    rate_text: 'Хотите что-нибудь добавить?',
    rate_send: 'Отправить оценку',
    rate_thanks: 'Спасибо за оценку.',
    transcript: 'Запись беседы',
    transcript_download: 'Скачать запись беседы',
    transcript_mail: 'Отправить запись беседы по почте',
    transcript_address: 'Ваш адрес электронной почты',
    transcript_send: 'Отправить',
    transcript_sending: 'Запись беседы отправляется…',
    transcript_sent: 'Запись беседы отправлена.',
    transcript_failed: 'Не удалось отправить запись беседы.',

    // nobody there
    away_heading: 'Сейчас нас нет',
    away_for_hours: 'Мы работаем в другие часы.',
    away_until: 'Откроемся: {0}',
    away_for_no_agents: 'Сейчас никого нет на месте.',
    away_for_full: 'Сейчас ждёт слишком много людей.',
    away_for_paused: 'У нас небольшой перерыв.',
    away_invite: 'Оставьте нам сообщение, и мы ответим.',
    away_leave: 'Оставить сообщение',
    away_send: 'Отправить сообщение',
    left_heading: 'Спасибо',
    left_text: 'Ваше сообщение получено. Мы ответим вам.',
    left_again: 'В начало',

    // an agent calls
    call_heading: '{0} хочет с вами поговорить',
    call_accept: 'Поговорить',
    call_decline: 'Не сейчас',

    // the connection, and what goes wrong
    link_connecting: 'Соединение…',
    link_reconnecting: 'Связь потеряна. Восстанавливаем…',
    link_server_down: 'Наш сервер сейчас не отвечает. Мы продолжаем попытки.',
    link_failed: 'Нет соединения.',
    link_up: 'Связь восстановлена.',
    retry: 'Повторить',
    error_heading: 'Не получилось',
    error_timeout: 'Ответа не было. Попробуйте ещё раз.',
    error_identity: 'Не удалось подтвердить ваш вход. Загрузите страницу снова.',
    error_refused: 'Сейчас вы не можете начать чат.',
    error_conflict: 'У вас уже есть чат, возможно, в другом окне.',
    error_form: 'Что-то в форме не удалось принять.',
    error_rating: 'Не удалось сохранить оценку.',
    error_leave: 'Не удалось оставить сообщение. Попробуйте ещё раз.',
    error_unknown: 'Что-то пошло не так. Попробуйте ещё раз.',

    // times
    time_under_minute: 'меньше минуты',
  },
};

export default ru;
