// Polish, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const pl: Language = {
  code: 'pl',
  name: 'Polski',
  rtl: false,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: 'Porozmawiaj z nami',
    launcher_online: 'Online: {0}',
    launcher_wait: 'około {0}',
    launcher_message: 'Zostaw wiadomość',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Zamknij czat',
    greet_label: 'Wiadomość od nas',
    greet_dismiss: 'Ukryj',

    // the panel
    title: 'Porozmawiaj z nami',
    minimise: 'Zminimalizuj',
    menu: 'Więcej',
    language: 'Język',
    sound_on: 'Włącz dźwięk',
    sound_off: 'Wyłącz dźwięk',
    cancel: 'Anuluj',
    back: 'Wstecz',
    you: 'Ty',
    support: 'Pomoc',
    supervisor: 'Kierownik',

    // idle
    start_heading: 'W czym możemy pomóc?',
    start_text: 'Zadaj tutaj pytanie, a połączymy Cię z kimś, kto na nie odpowie.',
    start_question: 'Twoje pytanie',
    start_send: 'Rozpocznij czat',
    start_online: { one: '{0} osoba jest online', few: '{0} osoby są online', many: '{0} osób jest online', other: '{0} osoby są online' },
    consent_label: 'Zgadzam się',
    consent_needed: 'Najpierw wyraź zgodę.',

    // starting, form
    starting: 'Chwileczkę…',
    form_heading: 'Zanim zaczniemy',
    form_send: 'Dalej',
    form_optional: 'opcjonalnie',
    form_choose: 'Wybierz',
    form_errors: { one: 'Sprawdź {0} pole.', few: 'Sprawdź {0} pola.', many: 'Sprawdź {0} pól.', other: 'Sprawdź {0} pola.' },
    required: 'Wypełnij to pole.',
    email: 'Podaj adres e-mail, na przykład imie@example.com.',
    invalid: 'Sprawdź tę informację.',

    // queued, offered, connecting
    queue_heading: 'Jesteś w kolejce',
    queue_position: 'Twoje miejsce: {0}',
    queue_first: 'Teraz Twoja kolej',
    queue_wait: 'Przewidywany czas oczekiwania: {0}',
    queue_stay: 'Możesz dalej przeglądać stronę; Twoje miejsce jest zachowane.',
    queue_leave: 'Opuść kolejkę',
    queue_leave_ask: 'Opuścić kolejkę? Stracisz swoje miejsce.',
    offered_heading: 'Szukamy kogoś, kto Ci pomoże…',
    connecting_heading: '{0} dołącza do rozmowy…',
    connecting_heading_unnamed: 'Ktoś dołącza do rozmowy…',

    // the chat
    log_label: 'Rozmowa',
    log_earlier: 'Pokaż wcześniejsze wiadomości',
    log_newest: 'Przejdź do najnowszej wiadomości',
    log_new: { one: '{0} nowa wiadomość', few: '{0} nowe wiadomości', many: '{0} nowych wiadomości', other: '{0} nowej wiadomości' },
    log_today: 'Dzisiaj',
    log_yesterday: 'Wczoraj',
    compose_label: 'Twoja wiadomość',
    compose_placeholder: 'Napisz wiadomość…',
    compose_send: 'Wyślij',
    compose_attach: 'Załącz plik',
    compose_emoji: 'Emoji',
    compose_left: { one: 'Pozostał {0} znak', few: 'Pozostały {0} znaki', many: 'Pozostało {0} znaków', other: 'Pozostało {0} znaku' },
    compose_long: 'Ta wiadomość jest za długa.',
    compose_editing: 'Zmieniasz swoją ostatnią wiadomość',
    compose_save: 'Zapisz zmianę',
    typing: '{0} pisze…',
    typing_unnamed: 'Ktoś pisze…',
    message_edit: 'Zmień',
    message_edited: 'zmieniono',
    message_sending: 'Wysyłanie',
    message_sent: 'Wysłano',
    message_delivered: 'Dostarczono',
    message_failed: 'Nie wysłano',
    message_retry: 'Spróbuj ponownie',
    message_more: 'Pokaż całość',
    file_download: 'Pobierz {0}',
    file_uploading: 'Wysyłanie: {0}',
    file_size: 'Plik jest za duży. Limit to {0}.',
    file_type: 'Nie można wysyłać plików tego rodzaju.',
    file_failed: 'Nie udało się wysłać pliku.',
    file_drop: 'Upuść plik tutaj, aby go wysłać',
    file_image: 'Obraz: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} dołącza do czatu.',
    lost_text: 'Połączenie po naszej stronie zostało przerwane. Za chwilę ktoś do Ciebie dołączy.',

    // ending
    end: 'Zakończ czat',
    end_ask: 'Zakończyć ten czat?',
    end_no: 'Rozmawiaj dalej',
    ended_heading: 'Czat został zakończony',
    ended_agent: 'Dziękujemy i do widzenia.',
    ended_agent_left: 'Druga strona opuściła czat.',
    ended_visitor: 'Czat został przez Ciebie zakończony. Dziękujemy i do widzenia.',
    ended_lost: 'Twoje połączenie było zerwane zbyt długo.',
    ended_timeout: 'Przepraszamy, nikt nie mógł na czas zająć się Twoim pytaniem. Spróbuj później lub zostaw wiadomość.',
    ended_no_agents: 'Przepraszamy, nikogo już nie ma. Spróbuj później lub zostaw wiadomość.',
    ended_idle: 'Nikt już nie pisał, więc czat został zamknięty.',
    ended_max: 'Czat osiągnął najdłuższy dozwolony czas. W każdej chwili możesz napisać ponownie.',
    ended_failed: 'Przepraszamy, coś poszło nie tak po naszej stronie. Spróbuj później lub zostaw wiadomość.',
    ended_declined: 'W porządku. Napisz do nas, kiedy zechcesz.',
    ended_banned: 'Czat został zamknięty.',
    again: 'Rozpocznij nowy czat',

    // rating and transcript
    rate_heading: 'Jak oceniasz ten czat?',
    rate_1: 'Bardzo źle',
    rate_2: 'Źle',
    rate_3: 'Średnio',
    rate_4: 'Dobrze',
    rate_5: 'Bardzo dobrze',
    rate_text: 'Czy chcesz coś dodać?',
    rate_send: 'Wyślij ocenę',
    rate_thanks: 'Dziękujemy za ocenę.',
    transcript: 'Zapis rozmowy',
    transcript_download: 'Pobierz zapis rozmowy',
    transcript_mail: 'Wyślij zapis rozmowy e-mailem',
    transcript_address: 'Twój adres e-mail',
    transcript_send: 'Wyślij',
    transcript_sending: 'Wysyłanie zapisu rozmowy…',
    transcript_sent: 'Zapis rozmowy jest w drodze.',
    transcript_failed: 'Nie udało się wysłać zapisu rozmowy.',

    // nobody there
    away_heading: 'Teraz nas nie ma',
    away_for_hours: 'Jesteśmy poza godzinami pracy.',
    away_until: 'Znowu otwarte: {0}',
    away_for_no_agents: 'W tej chwili nikt nie jest dostępny.',
    away_for_full: 'W tej chwili czeka zbyt wiele osób.',
    away_for_paused: 'Mamy krótką przerwę.',
    away_invite: 'Zostaw nam wiadomość, a odezwiemy się.',
    away_leave: 'Zostaw wiadomość',
    away_send: 'Wyślij wiadomość',
    left_heading: 'Dziękujemy',
    left_text: 'Twoja wiadomość dotarła. Odezwiemy się.',
    left_again: 'Wróć na początek',

    // an agent calls
    call_heading: '{0} chce z Tobą porozmawiać',
    call_accept: 'Porozmawiaj',
    call_decline: 'Nie teraz',

    // the connection, and what goes wrong
    link_connecting: 'Łączenie…',
    link_reconnecting: 'Połączenie zostało utracone. Ponowne łączenie…',
    link_server_down: 'Nasz serwer chwilowo nie odpowiada. Próbujemy dalej.',
    link_failed: 'Brak połączenia.',
    link_up: 'Połączono ponownie.',
    retry: 'Spróbuj ponownie',
    error_heading: 'Nie udało się',
    error_timeout: 'Nie było odpowiedzi. Spróbuj ponownie.',
    error_identity: 'Nie udało się potwierdzić Twojego logowania. Załaduj stronę ponownie.',
    error_refused: 'W tej chwili nie możesz rozpocząć czatu.',
    error_conflict: 'Masz już czat, być może w innym oknie.',
    error_form: 'Czegoś w formularzu nie udało się przyjąć.',
    error_rating: 'Nie udało się zapisać oceny.',
    error_leave: 'Nie udało się zostawić wiadomości. Spróbuj ponownie.',
    error_unknown: 'Coś poszło nie tak. Spróbuj ponownie.',

    // times
    time_under_minute: 'mniej niż minuta',
  },
};

export default pl;
