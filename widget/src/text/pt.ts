// Portuguese, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const pt: Language = {
  code: 'pt',
  name: 'Português',
  rtl: false,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: 'Converse conosco',
    launcher_online: '{0} online',
    launcher_wait: 'cerca de {0}',
    launcher_message: 'Deixar uma mensagem',

    // the launcher while the panel is open, and the greeting
    launch_close: 'Fechar o chat',
    greet_label: 'Uma palavra nossa',
    greet_dismiss: 'Ocultar',

    // the panel
    title: 'Converse conosco',
    minimise: 'Minimizar',
    menu: 'Mais',
    language: 'Idioma',
    sound_on: 'Ativar o som',
    sound_off: 'Desativar o som',
    cancel: 'Cancelar',
    back: 'Voltar',
    you: 'Você',
    support: 'Suporte',
    supervisor: 'Supervisão',

    // idle
    start_heading: 'Como podemos ajudar?',
    start_text: 'Faça sua pergunta aqui e colocaremos você em contato com alguém que possa responder.',
    start_question: 'Sua pergunta',
    start_send: 'Iniciar chat',
    start_online: { one: '{0} pessoa está online', many: '{0} de pessoas estão online', other: '{0} pessoas estão online' },
    consent_label: 'Concordo',
    consent_needed: 'Primeiro é preciso concordar.',

    // starting, form
    starting: 'Um momento…',
    form_heading: 'Antes de começar',
    form_send: 'Continuar',
    form_optional: 'opcional',
    form_choose: 'Escolha uma opção',
    form_errors: { one: 'Verifique {0} campo.', many: 'Verifique {0} de campos.', other: 'Verifique {0} campos.' },
    required: 'Preencha este campo.',
    email: 'Informe um endereço de e-mail, por exemplo nome@example.com.',
    invalid: 'Verifique este dado.',

    // queued, offered, connecting
    queue_heading: 'Você está na fila',
    queue_position: 'Seu lugar: {0}',
    queue_first: 'Você é a próxima pessoa',
    queue_wait: 'Espera prevista: {0}',
    queue_stay: 'Você pode continuar navegando aqui; seu lugar está guardado.',
    queue_leave: 'Sair da fila',
    queue_leave_ask: 'Sair da fila? Você perderá seu lugar.',
    offered_heading: 'Procurando alguém para ajudar você…',
    connecting_heading: '{0} está entrando…',
    connecting_heading_unnamed: 'Alguém está entrando…',

    // the chat
    log_label: 'Conversa',
    log_earlier: 'Mostrar mensagens anteriores',
    log_newest: 'Ir para a mensagem mais recente',
    log_new: { one: '{0} nova mensagem', many: '{0} de novas mensagens', other: '{0} novas mensagens' },
    log_today: 'Hoje',
    log_yesterday: 'Ontem',
    compose_label: 'Sua mensagem',
    compose_placeholder: 'Escreva uma mensagem…',
    compose_send: 'Enviar',
    compose_attach: 'Anexar um arquivo',
    compose_emoji: 'Emoji',
    compose_left: { one: 'Resta {0} caractere', many: 'Restam {0} de caracteres', other: 'Restam {0} caracteres' },
    compose_long: 'Esta mensagem é longa demais.',
    compose_editing: 'Você está alterando sua última mensagem',
    compose_save: 'Salvar a alteração',
    typing: '{0} está digitando…',
    typing_unnamed: 'Alguém está digitando…',
    message_edit: 'Alterar',
    message_edited: 'alterada',
    message_sending: 'Enviando',
    message_sent: 'Enviada',
    message_delivered: 'Entregue',
    message_failed: 'Não enviada',
    message_retry: 'Tentar de novo',
    message_more: 'Mostrar tudo',
    file_download: 'Baixar {0}',
    file_uploading: 'Enviando {0}',
    file_size: 'O arquivo é grande demais. O limite é {0}.',
    file_type: 'Arquivos deste tipo não podem ser enviados.',
    file_failed: 'Não foi possível enviar o arquivo.',
    file_drop: 'Solte o arquivo aqui para enviá-lo',
    file_image: 'Imagem: {0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} entrou no chat.',
    lost_text: 'A conexão do nosso lado foi interrompida. Alguém estará com você em breve.',

    // ending
    end: 'Encerrar o chat',
    end_ask: 'Encerrar este chat?',
    end_no: 'Continuar conversando',
    ended_heading: 'O chat terminou',
    ended_agent: 'Obrigado e até logo.',
    ended_agent_left: 'A outra pessoa saiu do chat.',
    ended_visitor: 'Você encerrou o chat. Obrigado e até logo.',
    ended_lost: 'Sua conexão ficou perdida por tempo demais.',
    ended_timeout: 'Desculpe, ninguém pôde atender sua pergunta a tempo. Tente mais tarde ou deixe uma mensagem.',
    ended_no_agents: 'Desculpe, não há mais ninguém aqui. Tente mais tarde ou deixe uma mensagem.',
    ended_idle: 'Ninguém escreveu mais, por isso o chat foi fechado.',
    ended_max: 'O chat atingiu a duração máxima. Você pode perguntar de novo quando quiser.',
    ended_failed: 'Desculpe, algo deu errado do nosso lado. Tente mais tarde ou deixe uma mensagem.',
    ended_declined: 'Tudo bem. Escreva para nós quando quiser.',
    ended_banned: 'O chat foi fechado.',
    again: 'Iniciar um novo chat',

    // rating and transcript
    rate_heading: 'Como foi este chat?',
    rate_1: 'Muito ruim',
    rate_2: 'Ruim',
    rate_3: 'Regular',
    rate_4: 'Bom',
    rate_5: 'Muito bom',
    rate_text: 'Quer acrescentar algo?',
    rate_send: 'Enviar avaliação',
    rate_thanks: 'Obrigado pela avaliação.',
    transcript: 'Transcrição',
    transcript_download: 'Baixar a transcrição',
    transcript_mail: 'Enviar a transcrição por e-mail',
    transcript_address: 'Seu endereço de e-mail',
    transcript_send: 'Enviar',
    transcript_sending: 'Enviando a transcrição…',
    transcript_sent: 'A transcrição está a caminho.',
    transcript_failed: 'Não foi possível enviar a transcrição.',

    // nobody there
    away_heading: 'Não estamos aqui agora',
    away_for_hours: 'Estamos fora do horário de atendimento.',
    away_until: 'Abrimos de novo: {0}',
    away_for_no_agents: 'Ninguém está disponível no momento.',
    away_for_full: 'Há pessoas demais esperando no momento.',
    away_for_paused: 'Estamos fazendo uma pequena pausa.',
    away_invite: 'Deixe uma mensagem e responderemos.',
    away_leave: 'Deixar uma mensagem',
    away_send: 'Enviar mensagem',
    left_heading: 'Obrigado',
    left_text: 'Sua mensagem chegou. Entraremos em contato.',
    left_again: 'Voltar ao início',

    // an agent calls
    call_heading: '{0} gostaria de falar com você',
    call_accept: 'Falar',
    call_decline: 'Agora não',

    // the connection, and what goes wrong
    link_connecting: 'Conectando…',
    link_reconnecting: 'A conexão foi perdida. Reconectando…',
    link_server_down: 'Nosso servidor não responde no momento. Continuamos tentando.',
    link_failed: 'Não há conexão.',
    link_up: 'Conectado de novo.',
    retry: 'Tentar de novo',
    error_heading: 'Não funcionou',
    error_timeout: 'Não houve resposta. Tente de novo.',
    error_identity: 'Não foi possível confirmar seu acesso. Recarregue a página.',
    error_refused: 'Você não pode iniciar um chat no momento.',
    error_conflict: 'Você já tem um chat, talvez em outra janela.',
    error_form: 'Algo no formulário não pôde ser aceito.',
    error_rating: 'Não foi possível salvar a avaliação.',
    error_leave: 'Não foi possível deixar sua mensagem. Tente de novo.',
    error_unknown: 'Algo deu errado. Tente de novo.',

    // times
    time_under_minute: 'menos de um minuto',
  },
};

export default pt;
