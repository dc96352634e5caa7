// Chinese, simplified, made by a machine: corrections are welcome. Set `checked` then.

import type { Language } from '../types';

const zh: Language = {
  code: 'zh',
  name: '中文',
  rtl: false,
  checked: false,
  words: {
    // the launcher, in the loader
    launcher_label: '与我们聊天',
    launcher_online: '{0} 人在线',
    launcher_wait: '约 {0}',
    launcher_message: '留言',

    // the launcher while the panel is open, and the greeting
    launch_close: '关闭聊天',
    greet_label: '来自我们的消息',
    greet_dismiss: '隐藏',

    // the panel
    title: '与我们聊天',
    minimise: '最小化',
    menu: '更多',
    language: '语言',
    sound_on: '打开声音',
    sound_off: '关闭声音',
    cancel: '取消',
    back: '返回',
    you: '您',
    support: '客服',
    supervisor: '主管',

    // idle
    start_heading: '有什么可以帮您？',
    start_text: '请在这里提出问题，我们会为您联系能解答的人。',
    start_question: '您的问题',
    start_send: '开始聊天',
    start_online: { other: '{0} 人在线' },
    consent_label: '我同意',
    consent_needed: '请先表示同意。',

    // starting, form
    starting: '请稍候…',
    form_heading: '开始之前',
    form_send: '继续',
    form_optional: '选填',
    form_choose: '请选择',
    form_errors: { other: '请检查 {0} 个字段。' },
    required: '请填写此项。',
    email: '请输入电子邮件地址，例如 name@example.com。',
    invalid: '请检查此项。',

    // queued, offered, connecting
    queue_heading: '您正在排队',
    queue_position: '您的位置：{0}',
    queue_first: '下一位就是您',
    queue_wait: '预计等待：{0}',
    queue_stay: '您可以继续浏览，您的位置会保留。',
    queue_leave: '退出排队',
    queue_leave_ask: '要退出排队吗？您将失去当前位置。',
    offered_heading: '正在为您寻找客服…',
    connecting_heading: '{0} 正在加入…',
    connecting_heading_unnamed: '客服正在加入…',

    // the chat
    log_label: '对话',
    log_earlier: '显示更早的消息',
    log_newest: '转到最新消息',
    log_new: { other: '{0} 条新消息' },
    log_today: '今天',
    log_yesterday: '昨天',
    compose_label: '您的消息',
    compose_placeholder: '输入消息…',
    compose_send: '发送',
    compose_attach: '添加文件',
    compose_emoji: '表情',
    compose_left: { other: '还可输入 {0} 个字符' },
    compose_long: '这条消息太长。',
    compose_editing: '您正在修改上一条消息',
    compose_save: '保存修改',
    typing: '{0} 正在输入…',
    typing_unnamed: '对方正在输入…',
    message_edit: '修改',
    message_edited: '已修改',
    message_sending: '正在发送',
    message_sent: '已发送',
    message_delivered: '已送达',
    message_failed: '未发送',
    message_retry: '重试',
    message_more: '显示全部',
    file_download: '下载 {0}',
    file_uploading: '正在发送 {0}',
    file_size: '文件太大，上限为 {0}。',
    file_type: '不能发送此类文件。',
    file_failed: '文件发送失败。',
    file_drop: '将文件拖到这里发送',
    file_image: '图片：{0}',

    // notices in the chat; most are said by the desk itself
    notice_joined: '{0} 已加入聊天。',
    lost_text: '我们这边的连接中断了，很快会有人为您服务。',

    // ending
    end: '结束聊天',
    end_ask: '要结束这次聊天吗？',
    end_no: '继续聊天',
    ended_heading: '聊天已结束',
    ended_agent: '谢谢，再见。',
    ended_agent_left: '对方已离开聊天。',
    ended_visitor: '您已结束聊天。谢谢，再见。',
    ended_lost: '您的连接中断时间过长。',
    ended_timeout: '抱歉，没有人能及时处理您的问题。请稍后再试或留言。',
    ended_no_agents: '抱歉，现在没有人在线了。请稍后再试或留言。',
    ended_idle: '由于无人发言，聊天已关闭。',
    ended_max: '聊天已达到最长时间。您可以随时再次咨询。',
    ended_failed: '抱歉，我们这边出了问题。请稍后再试或留言。',
    ended_declined: '好的，欢迎随时联系我们。',
    ended_banned: '聊天已关闭。',
    again: '开始新的聊天',

    // rating and transcript
    rate_heading: '这次聊天怎么样？',
    rate_1: '很差',
    rate_2: '差',
    rate_3: '一般',
    rate_4: '好',
    rate_5: '很好',
    rate_text: '您还想补充什么吗？',
    rate_send: '提交评价',
    rate_thanks: '感谢您的评价。',
    transcript: '聊天记录',
    transcript_download: '下载聊天记录',
    transcript_mail: '通过电子邮件发送聊天记录',
    transcript_address: '您的电子邮件地址',
    transcript_send: '发送',
    transcript_sending: '正在发送聊天记录…',
    transcript_sent: '聊天记录已发出。',
    transcript_failed: '聊天记录发送失败。',

    // nobody there
    away_heading: '我们现在不在',
    away_for_hours: '现在不是营业时间。',
    away_until: '重新开放：{0}',
    away_for_no_agents: '目前没有客服在线。',
    away_for_full: '目前排队的人太多。',
    away_for_paused: '我们正在短暂休息。',
    away_invite: '请给我们留言，我们会与您联系。',
    away_leave: '留言',
    away_send: '发送留言',
    left_heading: '谢谢',
    left_text: '您的留言已收到，我们会与您联系。',
    left_again: '返回开始',

    // an agent calls
    call_heading: '{0} 想与您交谈',
    call_accept: '交谈',
    call_decline: '现在不',

    // the connection, and what goes wrong
    link_connecting: '正在连接…',
    link_reconnecting: '连接已断开，正在重新连接…',
    link_server_down: '我们的服务器暂时没有响应，我们会继续尝试。',
    link_failed: '没有连接。',
    link_up: '已重新连接。',
    retry: '重试',
    error_heading: '未能成功',
    error_timeout: '没有收到回应。请重试。',
    error_identity: '无法确认您的登录信息。请重新加载页面。',
    error_refused: '您目前无法开始聊天。',
    error_conflict: '您已有一个聊天，可能在另一个窗口中。',
    error_form: '表单中有内容无法接受。',
    error_rating: '评价未能保存。',
    error_leave: '您的留言未能提交。请重试。',
    error_unknown: '出了点问题。请重试。',

    // times
    time_under_minute: '不到一分钟',
  },
};

export default zh;
