// Spanish.

import type { Language } from '../types';

const es: Language = {
  code: 'es',
  name: 'Español',
  rtl: false,
  checked: true,
  words: {
    // the launcher, in the loader
    launcher_label: 'Chatea con nosotros',
    launcher_online: '{0} en línea',
    launcher_wait: 'unos {0}',
    launcher_message: 'Dejar un mensaje',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Cerrar el chat',
    greet_label: 'Unas palabras nuestras',
    greet_dismiss: 'Ocultar',

    // the panel
    title: 'Chatea con nosotros',
    minimise: 'Minimizar',
    menu: 'Más',
    language: 'Idioma',
    sound_on: 'Activar el sonido',
    sound_off: 'Desactivar el sonido',
    cancel: 'Cancelar',
    back: 'Volver',
    you: 'Tú',
    support: 'Soporte',
    supervisor: 'Supervisión',

    // idle
    start_heading: '¿En qué podemos ayudarte?',
    start_text: 'Escribe aquí tu pregunta y te pondremos en contacto con alguien que pueda responderla.',
    start_question: 'Tu pregunta',
    start_send: 'Iniciar el chat',
    start_online: { one: '{0} persona está en línea', many: '{0} de personas están en línea', other: '{0} personas están en línea' },
    consent_label: 'Acepto',
    consent_needed: 'Primero tienes que aceptar.',

    // starting, form
    starting: 'Un momento…',
    form_heading: 'Antes de empezar',
    form_send: 'Continuar',
    form_optional: 'opcional',
    form_choose: 'Elige una opción',
    form_errors: { one: 'Revisa {0} campo.', many: 'Revisa {0} de campos.', other: 'Revisa {0} campos.' },
    required: 'Rellena este campo.',
    email: 'Escribe una dirección de correo, por ejemplo nombre@example.com.',
    invalid: 'Revisa este dato.',

    // queued, offered, connecting
    queue_heading: 'Estás en la cola',
    queue_position: 'Tu lugar: {0}',
    queue_first: 'Ahora te toca a ti',
    queue_wait: 'Espera estimada: {0}',
    queue_stay: 'Puedes seguir navegando aquí; guardamos tu lugar.',
    queue_leave: 'Salir de la cola',
    queue_leave_ask: '¿Salir de la cola? Perderás tu lugar.',
    offered_heading: 'Buscamos a alguien que te ayude…',
    connecting_heading: '{0} se está uniendo…',
    connecting_heading_unnamed: 'Alguien se está uniendo…',

    // the chat
    log_label: 'Conversación',
    log_earlier: 'Mostrar mensajes anteriores',
    log_newest: 'Ir al mensaje más reciente',
    log_new: { one: '{0} mensaje nuevo', many: '{0} de mensajes nuevos', other: '{0} mensajes nuevos' },
    log_today: 'Hoy',
    log_yesterday: 'Ayer',
    compose_label: 'Tu mensaje',
    compose_placeholder: 'Escribe un mensaje…',
    compose_send: 'Enviar',
    compose_attach: 'Adjuntar un archivo',
    compose_emoji: 'Emoji',
    compose_left: { one: 'Queda {0} carácter', many: 'Quedan {0} de caracteres', other: 'Quedan {0} caracteres' },
    compose_long: 'Este mensaje es demasiado largo.',
    compose_editing: 'Estás cambiando tu último mensaje',
    compose_save: 'Guardar el cambio',
    typing: '{0} está escribiendo…',
    typing_unnamed: 'Alguien está escribiendo…',
    message_edit: 'Cambiar',
    message_edited: 'cambiado',
    message_sending: 'Enviándose',
    message_sent: 'Enviado',
    message_delivered: 'Entregado',
    message_failed: 'No enviado',
    message_retry: 'Intentar de nuevo',
    message_more: 'Mostrar todo',
    file_download: 'Descargar {0}',
    file_uploading: 'Enviando {0}',
    file_size: 'El archivo es demasiado grande. El límite es {0}.',
    file_type: 'No se pueden enviar archivos de este tipo.',
    file_failed: 'No se pudo enviar el archivo.',
    file_drop: 'Suelta el archivo aquí para enviarlo',
    file_image: 'Imagen: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} se ha unido al chat.',
    lost_text: 'Se ha interrumpido la conexión de nuestro lado. Enseguida te atenderá alguien.',

    // ending
    end: 'Terminar el chat',
    end_ask: '¿Terminar este chat?',
    end_no: 'Seguir chateando',
    ended_heading: 'El chat ha terminado',
    ended_agent: 'Gracias y hasta pronto.',
    ended_agent_left: 'La otra parte ha dejado el chat.',
    ended_visitor: 'Has terminado el chat. Gracias y hasta pronto.',
    ended_lost: 'Tu conexión estuvo perdida demasiado tiempo.',
    ended_timeout: 'Lo sentimos, nadie pudo atender tu pregunta a tiempo. Inténtalo más tarde o deja un mensaje.',
    ended_no_agents: 'Lo sentimos, ya no queda nadie. Inténtalo más tarde o deja un mensaje.',
    ended_idle: 'Nadie escribía ya, así que el chat se cerró.',
    ended_max: 'El chat ha alcanzado su duración máxima. Puedes volver a preguntar cuando quieras.',
    ended_failed: 'Lo sentimos, algo ha fallado por nuestra parte. Inténtalo más tarde o deja un mensaje.',
    ended_declined: 'De acuerdo. Escríbenos cuando quieras.',
    ended_banned: 'El chat se ha cerrado.',
    again: 'Iniciar un chat nuevo',

    // rating and transcript
    rate_heading: '¿Qué tal ha sido este chat?',
    rate_1: 'Muy malo',
    rate_2: 'Malo',
    rate_3: 'Regular',
    rate_4: 'Bueno',
    rate_5: 'Muy bueno',
    rate_text: '¿Quieres añadir algo?',
    rate_send: 'Enviar la valoración',
    rate_thanks: 'Gracias por tu valoración.',
    transcript: 'Transcripción',
    transcript_download: 'Descargar la transcripción',
    transcript_mail: 'Enviar la transcripción por correo',
    transcript_address: 'Tu dirección de correo',
    transcript_send: 'Enviar',
    transcript_sending: 'Enviando la transcripción…',
    transcript_sent: 'La transcripción va de camino.',
    transcript_failed: 'No se pudo enviar la transcripción.',

    // nobody there
    away_heading: 'Ahora no estamos',
    away_for_hours: 'Estamos fuera de nuestro horario.',
    away_until: 'Abrimos de nuevo: {0}',
    away_for_no_agents: 'No hay nadie disponible en este momento.',
    away_for_full: 'Hay demasiadas personas esperando en este momento.',
    away_for_paused: 'Estamos haciendo una breve pausa.',
    away_invite: 'Déjanos un mensaje y te responderemos.',
    away_leave: 'Dejar un mensaje',
    away_send: 'Enviar el mensaje',
    left_heading: 'Gracias',
    left_text: 'Tu mensaje ha llegado. Te responderemos.',
    left_again: 'Volver al inicio',

    // an agent calls
    call_heading: '{0} quiere hablar contigo',
    call_accept: 'Hablar',
    call_decline: 'Ahora no',

    // the connection, and what goes wrong
    link_connecting: 'Conectando…',
    link_reconnecting: 'Se ha perdido la conexión. Reconectando…',
    link_server_down: 'Nuestro servidor no responde en este momento. Seguimos intentándolo.',
    link_failed: 'No hay conexión.',
    link_up: 'Conectado de nuevo.',
    retry: 'Intentar de nuevo',
    error_heading: 'No ha funcionado',
    error_timeout: 'No hubo respuesta. Inténtalo de nuevo.',
    error_identity: 'No se pudo confirmar tu identificación. Vuelve a cargar la página.',
    error_refused: 'En este momento no puedes iniciar un chat.',
    error_conflict: 'Ya tienes un chat, quizá en otra ventana.',
    error_form: 'No se pudo aceptar algo del formulario.',
    error_rating: 'No se pudo guardar la valoración.',
    error_leave: 'No se pudo dejar tu mensaje. Inténtalo de nuevo.',
    error_unknown: 'Algo ha fallado. Inténtalo de nuevo.',

    // times
    time_under_minute: 'menos de un minuto',
  },
};

export default es;
