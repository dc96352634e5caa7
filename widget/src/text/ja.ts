// Japanese, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const ja: Language = {
  code: 'ja',
  name: '日本語',
  rtl: false,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: 'チャットで相談',
    launcher_online: '{0}名がオンライン',
    launcher_wait: '約{0}',
    launcher_message: 'メッセージを残す',

    // the launcher while the panel is open, and the greeting
    launch_close: 'チャットを閉じる',
    greet_label: 'お知らせ',
    greet_dismiss: '閉じる',

    // the panel
    title: 'チャットで相談',
    minimise: '最小化',
    menu: 'その他',
    language: '言語',
    sound_on: '音を出す',
    sound_off: '音を消す',
    cancel: 'キャンセル',
    back: '戻る',
    you: 'あなた',
    support: 'サポート',
    supervisor: '責任者',

    // idle
    start_heading: 'どのようなご用件ですか？',
    start_text: 'こちらにご質問をお書きください。お答えできる担当者におつなぎします。',
    start_question: 'ご質問',
    start_send: 'チャットを始める',
    start_online: { other: '{0}名がオンラインです' },
    consent_label: '同意します',
    consent_needed: '先に同意してください。',

    // starting, form
    starting: '少々お待ちください…',
    form_heading: '始める前に',
    form_send: '続ける',
    form_optional: '任意',
    form_choose: '選択してください',
    form_errors: { other: '{0}個の項目を確認してください。' },
    required: '入力してください。',
    email: 'メールアドレスを入力してください（例：name@example.com）。',
    invalid: '内容を確認してください。',

    // queued, offered, connecting
    queue_heading: '順番をお待ちください',
    queue_position: '順番：{0}番目',
    queue_first: '次があなたの番です',
    queue_wait: '予想待ち時間：{0}',
    queue_stay: 'このままサイトをご覧いただけます。順番は保たれます。',
    queue_leave: '順番待ちをやめる',
    queue_leave_ask: '順番待ちをやめますか？順番は失われます。',
    offered_heading: '担当者を探しています…',
    connecting_heading: '{0}が参加しています…',
    connecting_heading_unnamed: '担当者が参加しています…',

    // the chat
    log_label: '会話',
    log_earlier: '以前のメッセージを表示',
    log_newest: '最新のメッセージへ',
    log_new: { other: '新着メッセージ{0}件' },
    log_today: '今日',
    log_yesterday: '昨日',
    compose_label: 'メッセージ',
    compose_placeholder: 'メッセージを入力…',
    compose_send: '送信',
    compose_attach: 'ファイルを添付',
    compose_emoji: '絵文字',
    compose_left: { other: '残り{0}文字' },
    compose_long: 'メッセージが長すぎます。',
    compose_editing: '最後のメッセージを変更しています',
    compose_save: '変更を保存',
    typing: '{0}が入力しています…',
    typing_unnamed: '入力しています…',
    message_edit: '変更',
    message_edited: '変更済み',
    message_sending: '送信中',
    message_sent: '送信済み',
    message_delivered: '配信済み',
    message_failed: '未送信',
    message_retry: '再試行',
    message_more: 'すべて表示',
    file_download: '{0}をダウンロード',
    file_uploading: '{0}を送信しています',
    file_size: 'ファイルが大きすぎます。上限は{0}です。',
    file_type: 'この種類のファイルは送信できません。',
    file_failed: 'ファイルを送信できませんでした。',
    file_drop: 'ここにファイルをドロップして送信',
    file_image: '画像：{0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0}がチャットに参加しました。',
    lost_text: 'こちら側の接続が切れました。まもなく担当者が参ります。',

    // ending
    end: 'チャットを終了',
    end_ask: 'このチャットを終了しますか？',
    end_no: 'チャットを続ける',
    ended_heading: 'チャットは終了しました',
    ended_agent: 'ありがとうございました。',
    ended_agent_left: '相手がチャットを退出しました。',
    ended_visitor: 'チャットを終了しました。ありがとうございました。',
    ended_lost: '接続が長い間切れていました。',
    ended_timeout: '申し訳ありません。時間内にお受けできる担当者がいませんでした。後ほどお試しいただくか、メッセージをお残しください。',
    ended_no_agents: '申し訳ありません。担当者がいなくなりました。後ほどお試しいただくか、メッセージをお残しください。',
    ended_idle: '書き込みがなかったため、チャットを終了しました。',
    ended_max: 'チャットの最長時間に達しました。いつでも改めてご質問いただけます。',
    ended_failed: '申し訳ありません。こちらで問題が発生しました。後ほどお試しいただくか、メッセージをお残しください。',
    ended_declined: '承知しました。いつでもご連絡ください。',
    ended_banned: 'チャットは終了しました。',
    again: '新しいチャットを始める',

    // rating and transcript
    rate_heading: 'このチャットはいかがでしたか？',
    rate_1: 'とても悪い',
    rate_2: '悪い',
    rate_3: '普通',
    rate_4: '良い',
    rate_5: 'とても良い',
    rate_text: 'ほかにご意見はありますか？',
    rate_send: '評価を送信',
    rate_thanks: '評価をありがとうございました。',
    transcript: '会話の記録',
    transcript_download: '会話の記録をダウンロード',
    transcript_mail: '会話の記録をメールで送る',
    transcript_address: 'メールアドレス',
    transcript_send: '送信',
    transcript_sending: '会話の記録を送信しています…',
    transcript_sent: '会話の記録を送信しました。',
    transcript_failed: '会話の記録を送信できませんでした。',

    // nobody there
    away_heading: 'ただいま不在にしております',
    away_for_hours: '営業時間外です。',
    away_until: '再開：{0}',
    away_for_no_agents: 'ただいま対応できる担当者がいません。',
    away_for_full: 'ただいまお待ちの方が多すぎます。',
    away_for_paused: 'ただいま休憩中です。',
    away_invite: 'メッセージをお残しください。こちらからご連絡します。',
    away_leave: 'メッセージを残す',
    away_send: 'メッセージを送信',
    left_heading: 'ありがとうございます',
    left_text: 'メッセージを受け取りました。こちらからご連絡します。',
    left_again: '最初に戻る',

    // an agent calls
    call_heading: '{0}がお話ししたいとのことです',
    call_accept: '話す',
    call_decline: '今はしない',

    // the connection, and what goes wrong
    link_connecting: '接続しています…',
    link_reconnecting: '接続が切れました。再接続しています…',
    link_server_down: 'サーバーが応答していません。引き続き試しています。',
    link_failed: '接続がありません。',
    link_up: '再び接続しました。',
    retry: '再試行',
    error_heading: 'うまくいきませんでした',
    error_timeout: '応答がありませんでした。もう一度お試しください。',
    error_identity: '本人確認ができませんでした。ページを再読み込みしてください。',
    error_refused: 'ただいまチャットを始められません。',
    error_conflict: 'すでにチャットがあります。別のウィンドウかもしれません。',
    error_form: 'フォームの内容の一部を受け付けられませんでした。',
    error_rating: '評価を保存できませんでした。',
    error_leave: 'メッセージを残せませんでした。もう一度お試しください。',
    error_unknown: '問題が発生しました。もう一度お試しください。',

    // times
    time_under_minute: '1分未満',
  },
};

export default ja;
