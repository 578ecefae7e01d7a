/**
 * The page's words, in English and Chinese. English is the source: a key that is missing elsewhere shows in English.
 *
 * @typedef {'en' | 'zh'} Language
 * @typedef {keyof typeof en} Key
 */

const en = {
  'app.tagline': 'Rooms where people and agents talk, and anybody may break in.',
  'app.skip': 'Skip to the conversation',
  'app.language': 'Language',
  'app.language.other': '中文',
  'theme.auto': 'Theme: as the system',
  'theme.light': 'Theme: light',
  'theme.dark': 'Theme: dark',

  'lobby.title': 'Come in',
  'lobby.room': 'Room',
  'lobby.rooms.loading': 'Looking for rooms…',
  'lobby.name': 'Your name',
  'lobby.name.placeholder': 'Guest',
  'lobby.name.hint': 'The others, and the agents, will call you by it.',
  'lobby.join': 'Join',
  'lobby.joining': 'Joining…',
  'lobby.allow': 'Your browser now asks for the microphone: please allow it.',
  'lobby.join.typing': 'Join without a microphone',
  'lobby.join.typing.hint': 'Captions and typing only',
  'lobby.agents': 'with {names}',
  'lobby.callers.none': 'nobody there yet',
  'lobby.callers.one': '{names} is there',
  'lobby.callers.many': '{names} are there',

  'room.people': 'Who is here',
  'room.conversation': 'Conversation',
  'room.you': 'you',
  'room.agent': 'agent',
  'room.caller': 'caller',
  'room.empty.title': 'Say hello',
  'room.empty.voice': 'Just speak, or type below. You may break in at any moment.',
  'room.empty.typing': 'Type below. What the agents say appears here as it is spoken.',
  'room.try.1': 'What can you do?',
  'room.try.2': 'What time is it?',
  'room.try.3': 'Tell me a story',
  'room.newest': 'To the newest',
  'room.left.text': 'You left the room.',

  'status.listening': 'Listening',
  'status.muted': 'Your microphone is muted',
  'status.typing': 'Type to talk',
  'status.caller': '{name} is speaking',
  'status.you': 'You are speaking',
  'status.thinking': '{name} is thinking',
  'status.speaking': '{name} is speaking',
  'status.held': '{name} has paused for you',
  'status.someone': 'The agent',

  'people.thinking': 'thinking',
  'people.speaking': 'speaking',
  'people.held': 'paused',

  'dock.label': 'Talk',
  'dock.mute': 'Mute',
  'dock.unmute': 'Unmute',
  'dock.addmic': 'Use the microphone',
  'dock.interrupt': 'Interrupt',
  'dock.interrupt.hint': 'Stop the agent (Esc)',
  'dock.sound.off': 'Turn the sound off',
  'dock.sound.on': 'Turn the sound on',
  'dock.details': 'Details',
  'dock.leave': 'Leave',
  'dock.text': 'Type a message',
  'dock.text.placeholder': 'Type instead of talking',
  'dock.send': 'Send',
  'dock.level': 'Microphone level',
  'dock.strip': 'Sound of the last seconds: you above the line, the agent below',

  'caption.typed': 'typed',
  'caption.backchannel': '{name}: {text}',
  'caption.cut': 'cut off by {name}',
  'caption.cut.nobody': 'cut off',
  'caption.error': 'broke off after an error',
  'caption.exceeded': 'stopped at its limit',
  'caption.unheard': 'not heard: ',
  'caption.tool.running': '{name} uses {tool}…',
  'caption.tool.success': '{name} used {tool}',
  'caption.tool.error': '{tool} failed',
  'caption.tool.interrupted': '{tool} was stopped',
  'caption.tool.denied': '{tool} was not allowed',
  'caption.joined': '{name} came in',
  'caption.gone': '{name} left',

  'latency.answered': 'answered in {time}',
  'latency.title': 'Latency',
  'latency.none': 'No turn was answered yet.',
  'latency.explain': 'From your last word to the first sound you hear. The parts add up to it.',
  'latency.turns': 'Last turns',
  'latency.median': 'median {time}',
  'latency.endpoint_ms': 'sure you had finished',
  'latency.asr_ms': 'recognition',
  'latency.model_ms': 'model',
  'latency.sentence_ms': 'first sentence',
  'latency.tts_ms': 'voice',
  'latency.send_ms': 'sending',
  'latency.play_ms': 'on the way to your ear',

  'details.title': 'Details',
  'details.close': 'Close the details',
  'details.engines': 'Engines in use',
  'details.connection': 'Connection',
  'details.roundtrip': 'Round trip',
  'details.room': 'Room',
  'details.session': 'Session',
  'details.microphone': 'Microphone',
  'details.microphone.none': 'none',
  'details.output': 'Output delay',
  'details.version': 'Server version',
  'engine.vad': 'Speech detection',
  'engine.asr': 'Recognition',
  'engine.model': 'Model',
  'engine.tts': 'Voice',
  'engine.note.pocketsphinx': '',
  'engine.note.embedded': '',
  'engine.note.espeak-ng': '',

  'connection.connecting': 'Connecting…',
  'connection.open': 'Connected',
  'connection.waiting': 'Reconnecting',
  'connection.closed': 'Not connected',

  'notice.dismiss': 'Dismiss',
  'notice.retry': 'Try again',
  'notice.now': 'Try now',
  'notice.typing': 'Join without a microphone',
  'notice.rejoin': 'Join again',
  'notice.wake': 'Let me hear it',
  'notice.detail': 'Details: {detail}',

  'error.insecure-origin.title': 'Browsers give no microphone to this address',
  'error.insecure-origin.do':
    'The page came over plain http from another machine. Open it over https, or as http://localhost on the machine that runs the server. You can join without a microphone right now.',
  'error.unsupported.title': 'This browser cannot use a microphone',
  'error.unsupported.do': 'Use a current Chrome, Edge, Firefox or Safari, or join without a microphone.',
  'error.worklet-missing.title': 'This browser cannot process live sound',
  'error.worklet-missing.do':
    'It has no AudioWorklet. Use a current Chrome, Edge, Firefox or Safari over https or localhost, or join with captions and typing only.',
  'error.permission-refused.title': 'The microphone was not allowed',
  'error.permission-refused.do':
    'Click the microphone or lock symbol beside the address, allow the microphone for this page, and try again. Or join without one.',
  'error.permission-system.title': 'Your system keeps the microphone from the browser',
  'error.permission-system.do': 'Allow the browser to use the microphone in the privacy settings of your system, then try again.',
  'error.no-microphone.title': 'No microphone was found',
  'error.no-microphone.do': 'Plug one in or switch it on, check that the system sees it, and try again. Or join without one.',
  'error.microphone-busy.title': 'The microphone is there, but does not open',
  'error.microphone-busy.do': 'Another program may be using it. Close that program, or unplug the microphone and plug it in again.',
  'error.microphone-lost.title': 'The microphone went away',
  'error.microphone-lost.do': 'It was unplugged or its permission was withdrawn. You can go on typing, or try it again.',
  'error.microphone-silent.title': 'Your microphone gives no sound at all',
  'error.microphone-silent.do': 'It may be muted by a switch, a key or the system. Choose another input in the system settings.',
  'error.microphone-failed.title': 'The microphone could not be opened',
  'error.microphone-failed.do': 'Try again, or join without a microphone.',
  'error.sound-blocked.title': 'The browser holds the sound back',
  'error.sound-blocked.do': 'Press the button to let it out. Until then captions show what is said.',
  'error.unreachable.title': 'The server does not answer',
  'error.unreachable.do': 'Check that it is running and that this machine can reach it. The next try comes by itself in {seconds} s.',
  'error.unreachable.join.do': 'Check that it is running and that this machine can reach it, then try again.',
  'error.lost.title': 'The connection was lost',
  'error.lost.do': 'Your seat is kept. The next try comes by itself in {seconds} s.',
  'error.lost.now': 'Your seat is kept. Trying now…',
  'error.refused.title': 'The server did not let you in',
  'error.refused.do': 'It says: {detail}',
  'error.replaced.title': 'You joined from somewhere else',
  'error.replaced.do': 'Another window or device took over this seat. Close it there, or join again from here.',
  'error.protocol.title': 'Page and server do not understand each other',
  'error.protocol.do': 'They may be of different versions. Reload the page; if that does not help, update the server.',
  'error.not-connected.title': 'Not sent',
  'error.not-connected.do': 'There is no connection right now. Your words are still in the box.',
  'error.server.title': 'The server reports a problem',
  'fault.slow_model': 'The answer takes longer than usual',
  'fault.reply_failed': 'The agent could not answer',
  'fault.tts_failed': 'The agent has lost its voice; its words are shown',
  'fault.asr_failed': 'Speech recognition failed; you can type',
  'fault.too_fast': 'The microphone sends faster than real time',
  'refused.unknown_room': 'That room does not exist any more. Choose another one.',
  'refused.server_full': 'The server is full. Try again in a while.',
  'refused.room_full': 'The room is full. Try again in a while, or choose another one.',
  'refused.bad_protocol': 'Page and server are of different versions. Reload the page.',
  'error.room-unknown.title': 'There is no room called “{room}” here',
  'error.room-unknown.do': 'Choose one of the rooms below.',
};

/** @type {Partial<Record<Key, string>>} */
const zh = {
  'app.tagline': '人与智能体在这里交谈，谁都可以随时插话。',
  'app.skip': '跳到对话',
  'app.language': '语言',
  'app.language.other': 'English',
  'theme.auto': '外观：跟随系统',
  'theme.light': '外观：浅色',
  'theme.dark': '外观：深色',

  'lobby.title': '进来聊聊',
  'lobby.room': '房间',
  'lobby.rooms.loading': '正在查找房间…',
  'lobby.name': '您的名字',
  'lobby.name.placeholder': '访客',
  'lobby.name.hint': '其他人和智能体会这样称呼您。',
  'lobby.join': '加入',
  'lobby.joining': '正在加入…',
  'lobby.allow': '浏览器正在请求使用麦克风，请选择允许。',
  'lobby.join.typing': '不用麦克风加入',
  'lobby.join.typing.hint': '只看字幕、打字交谈',
  'lobby.agents': '智能体：{names}',
  'lobby.callers.none': '还没有人',
  'lobby.callers.one': '{names} 在房间里',
  'lobby.callers.many': '{names} 在房间里',

  'room.people': '在场的人',
  'room.conversation': '对话',
  'room.you': '您',
  'room.agent': '智能体',
  'room.caller': '来电者',
  'room.empty.title': '打个招呼吧',
  'room.empty.voice': '直接说话，或在下方打字。您可以随时插话。',
  'room.empty.typing': '在下方打字。智能体说的话会同步显示在这里。',
  'room.try.1': '你会做什么？',
  'room.try.2': '现在几点？',
  'room.try.3': '讲个故事',
  'room.newest': '回到最新',
  'room.left.text': '您已离开房间。',

  'status.listening': '正在听',
  'status.muted': '您的麦克风已静音',
  'status.typing': '打字即可交谈',
  'status.caller': '{name} 正在说话',
  'status.you': '您正在说话',
  'status.thinking': '{name} 正在思考',
  'status.speaking': '{name} 正在说话',
  'status.held': '{name} 为您停了下来',
  'status.someone': '智能体',

  'people.thinking': '思考中',
  'people.speaking': '说话中',
  'people.held': '已暂停',

  'dock.label': '交谈',
  'dock.mute': '静音',
  'dock.unmute': '取消静音',
  'dock.addmic': '使用麦克风',
  'dock.interrupt': '打断',
  'dock.interrupt.hint': '让智能体停下（Esc）',
  'dock.sound.off': '关闭声音',
  'dock.sound.on': '打开声音',
  'dock.details': '详情',
  'dock.leave': '离开',
  'dock.text': '输入消息',
  'dock.text.placeholder': '不说话，也可以打字',
  'dock.send': '发送',
  'dock.level': '麦克风音量',
  'dock.strip': '最近几秒的声音：线上是您，线下是智能体',

  'caption.typed': '打字',
  'caption.backchannel': '{name}：{text}',
  'caption.cut': '被 {name} 打断',
  'caption.cut.nobody': '被打断',
  'caption.error': '因出错而中断',
  'caption.exceeded': '达到上限后停止',
  'caption.unheard': '未听到：',
  'caption.tool.running': '{name} 正在使用 {tool}…',
  'caption.tool.success': '{name} 使用了 {tool}',
  'caption.tool.error': '{tool} 出错了',
  'caption.tool.interrupted': '{tool} 被中止',
  'caption.tool.denied': '{tool} 未被允许',
  'caption.joined': '{name} 进来了',
  'caption.gone': '{name} 离开了',

  'latency.answered': '{time} 后应答',
  'latency.title': '延迟',
  'latency.none': '还没有应答过。',
  'latency.explain': '从您说完最后一个字，到您听见第一声。各部分相加即为总和。',
  'latency.turns': '最近几轮',
  'latency.median': '中位数 {time}',
  'latency.endpoint_ms': '确认您已说完',
  'latency.asr_ms': '识别',
  'latency.model_ms': '模型',
  'latency.sentence_ms': '第一句话',
  'latency.tts_ms': '语音合成',
  'latency.send_ms': '发送',
  'latency.play_ms': '传到您耳边',

  'details.title': '详情',
  'details.close': '关闭详情',
  'details.engines': '使用的引擎',
  'details.connection': '连接',
  'details.roundtrip': '往返时间',
  'details.room': '房间',
  'details.session': '会话',
  'details.microphone': '麦克风',
  'details.microphone.none': '无',
  'details.output': '输出延迟',
  'details.version': '服务器版本',
  'engine.vad': '语音检测',
  'engine.asr': '语音识别',
  'engine.model': '模型',
  'engine.tts': '语音合成',
  'engine.note.pocketsphinx': '离线识别器：仅支持英语，能力有限，会听错。',
  'engine.note.embedded': '内置模型：基于规则，只会简单交谈，并不是语言模型。',
  'engine.note.espeak-ng': '离线语音：声音机械，但反应极快。',

  'connection.connecting': '正在连接…',
  'connection.open': '已连接',
  'connection.waiting': '正在重连',
  'connection.closed': '未连接',

  'notice.dismiss': '关闭提示',
  'notice.retry': '再试一次',
  'notice.now': '立即重试',
  'notice.typing': '不用麦克风加入',
  'notice.rejoin': '重新加入',
  'notice.wake': '播放声音',
  'notice.detail': '详细信息：{detail}',

  'error.insecure-origin.title': '浏览器不允许此地址使用麦克风',
  'error.insecure-origin.do':
    '本页是通过普通 http 从另一台机器打开的。请用 https 打开，或在运行服务器的机器上用 http://localhost 打开。您也可以现在就不用麦克风加入。',
  'error.unsupported.title': '此浏览器无法使用麦克风',
  'error.unsupported.do': '请使用新版 Chrome、Edge、Firefox 或 Safari，或不用麦克风加入。',
  'error.worklet-missing.title': '此浏览器无法处理实时声音',
  'error.worklet-missing.do':
    '它不支持 AudioWorklet。请使用新版 Chrome、Edge、Firefox 或 Safari，并通过 https 或 localhost 打开；或者只看字幕、打字交谈。',
  'error.permission-refused.title': '麦克风未被允许',
  'error.permission-refused.do': '请点击地址栏旁的麦克风或锁形图标，允许本页使用麦克风，然后再试一次。也可以不用麦克风加入。',
  'error.permission-system.title': '系统不允许浏览器使用麦克风',
  'error.permission-system.do': '请在系统的隐私设置中允许浏览器使用麦克风，然后再试一次。',
  'error.no-microphone.title': '没有找到麦克风',
  'error.no-microphone.do': '请插上或打开麦克风，确认系统能识别它，然后再试一次。也可以不用麦克风加入。',
  'error.microphone-busy.title': '找到了麦克风，但无法打开',
  'error.microphone-busy.do': '可能有其他程序正在使用它。请关闭该程序，或重新插拔麦克风。',
  'error.microphone-lost.title': '麦克风断开了',
  'error.microphone-lost.do': '它被拔出，或权限被收回。您可以继续打字，或重新启用麦克风。',
  'error.microphone-silent.title': '您的麦克风完全没有声音',
  'error.microphone-silent.do': '它可能被开关、按键或系统静音。请在系统设置中选择其他输入设备。',
  'error.microphone-failed.title': '无法打开麦克风',
  'error.microphone-failed.do': '请再试一次，或不用麦克风加入。',
  'error.sound-blocked.title': '浏览器阻止了声音',
  'error.sound-blocked.do': '请按下按钮播放声音。在此之前，字幕会显示所说的内容。',
  'error.unreachable.title': '服务器没有应答',
  'error.unreachable.do': '请确认服务器正在运行，并且本机可以访问它。{seconds} 秒后自动重试。',
  'error.unreachable.join.do': '请确认服务器正在运行，并且本机可以访问它，然后再试一次。',
  'error.lost.title': '连接中断了',
  'error.lost.do': '您的座位还保留着。{seconds} 秒后自动重连。',
  'error.lost.now': '您的座位还保留着。正在重连…',
  'error.refused.title': '服务器拒绝了您的加入',
  'error.refused.do': '服务器说：{detail}',
  'error.replaced.title': '您已从别处加入',
  'error.replaced.do': '另一个窗口或设备接管了这个座位。请在那边关闭，或在这里重新加入。',
  'error.protocol.title': '页面与服务器无法互相理解',
  'error.protocol.do': '它们的版本可能不同。请刷新页面；若仍不行，请更新服务器。',
  'error.not-connected.title': '没有发送',
  'error.not-connected.do': '当前没有连接。您输入的内容还在输入框里。',
  'error.server.title': '服务器报告了一个问题',
  'fault.slow_model': '这次回答比平时慢',
  'fault.reply_failed': '智能体未能回答',
  'fault.tts_failed': '智能体无法发声，但文字仍会显示',
  'fault.asr_failed': '语音识别出错，您可以打字',
  'fault.too_fast': '麦克风发送得比实时更快',
  'refused.unknown_room': '这个房间已不存在，请选择其他房间。',
  'refused.server_full': '服务器已满，请稍后再试。',
  'refused.room_full': '房间已满，请稍后再试，或选择其他房间。',
  'refused.bad_protocol': '页面与服务器版本不同，请刷新页面。',
  'error.room-unknown.title': '这里没有名为“{room}”的房间',
  'error.room-unknown.do': '请从下面选择一个房间。',
};

/** @type {Record<Language, Partial<Record<Key, string>>>} */
const TEXTS = { en, zh };

/** @type {Language} */
let language = 'en';

/** @returns {Language} */
export function currentLanguage() {
  return language;
}

/**
 * Chooses the language: the one asked for, else the browser's, else English.
 *
 * @param {string | null | undefined} wanted
 * @param {readonly string[]} [preferred]
 * @returns {Language}
 */
export function pickLanguage(wanted, preferred = []) {
  for (const tag of [wanted ?? '', ...preferred]) {
    const short = tag.toLowerCase().split('-')[0];
    if (short === 'en' || short === 'zh') return short;
  }
  return 'en';
}

/** @param {Language} next */
export function setLanguage(next) {
  language = next;
}

/**
 * The text of a key in the language chosen, with `{name}` replaced by the parameters.
 *
 * @param {Key} key
 * @param {Record<string, string | number>} [params]
 */
export function t(key, params = {}) {
  const text = TEXTS[language][key] ?? en[key];
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(params[name] ?? whole));
}

/** Whether there is such a text. @param {string} key @returns {key is Key} */
export function hasText(key) {
  return Object.hasOwn(en, key);
}

/** Keys that are missing in a language, for the tests. @param {Language} which */
export function missingKeys(which) {
  return Object.keys(en).filter((key) => !Object.hasOwn(TEXTS[which], key));
}

/**
 * Joins names as the language does.
 *
 * @param {string[]} names
 */
export function listNames(names) {
  return new Intl.ListFormat(language === 'zh' ? 'zh-CN' : 'en', { type: 'conjunction' }).format(names);
}

/**
 * A duration for people: "640 ms", "1.2 s".
 *
 * @param {number} ms
 */
export function formatMs(ms) {
  return ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 9950 ? 2 : 1)} s`;
}

/**
 * Writes the texts into everything below `root` that asks for one: `data-t` (content), `data-t-label` (accessible name and
 * tooltip), `data-t-placeholder`.
 *
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const node of root.querySelectorAll('[data-t], [data-t-label], [data-t-placeholder]')) {
    const { t: text, tLabel: label, tPlaceholder: placeholder } = /** @type {HTMLElement} */ (node).dataset;
    if (text && hasText(text)) node.textContent = t(text);
    if (label && hasText(label)) {
      node.setAttribute('aria-label', t(label));
      if (node.matches('button')) node.setAttribute('title', t(label));
    }
    if (placeholder && hasText(placeholder)) node.setAttribute('placeholder', t(placeholder));
  }
}
