// Shows the views in any state, made up here, with an engine that does no more than say what it was asked.
import type { Boot, Engine, Language, Message, Phase, SiteConfig, State, Status } from '../src/types';
import { all } from '../src/text/all';
import { pieces } from '../src/text/pieces';
import { translate } from '../src/text/translate';
import launcherCss from '../src/loader/launcher.css';
import { createView } from '../src/ui/view';

const NOON = new Date().setHours(12, 4, 0, 0);
let serial = 0;
function message(from: Message['from'], body: string, more: Partial<Message> = {}): Message {
  serial++;
  return { id: 'm' + serial, kind: 'text', from, nick: from === 'visitor' ? '' : from === 'supervisor' ? 'Carol' : 'Alice', body, time: NOON + serial * 40_000, state: 'delivered', corrected: false, ...more };
}
const notice = (key: string, ...args: string[]) => message('service', '', { kind: 'notice', notice: { key, args } });

const talk = (): Message[] => [
  notice('notice_joined', 'Alice'),
  message('agent', 'Hello! My name is Alice. How can I help you today?'),
  message('visitor', 'Hi Alice, does the blue kettle come with a European plug?'),
  message('visitor', 'And how long does delivery take?'),
  message('agent', 'Yes, it does: see https://shop.example/kettles/blue?plug=eu for the details.\nDelivery takes two days.'),
  message('agent', 'Would you like me to put one aside for you? 😀'),
  message('service', 'Carol (supervisor) has joined the chat.', { kind: 'notice' }),
  message('supervisor', 'Just so you know: today it is 10 % off.'),
  message('visitor', 'Great, thank you both!', { corrected: true }),
  message('visitor', 'One more thing', { state: 'sending', time: NOON + 3_600_000 }),
];

const nasty = (): Message[] => [
  message('agent', '<img src=x onerror=alert(1)><b>bold</b> <script>alert(2)</script>', { nick: '<i>Mallory</i> with a very long name that goes on and on and on and on' }),
  message('agent', 'a\u202Etxt.exe\u202C and \u2067right to left\u2069 then on'),
  message('visitor', 'Z' + '\u0301\u0323\u0336'.repeat(160) + ' tower'),
  message('agent', 'x'.repeat(100_000)),
  message('visitor', 'https://example.com/' + 'path/'.repeat(80)),
  message('agent', '{0} {1} %s ${x} javascript:alert(1) data:text/html,x'),
];

const files = (): Message[] => [
  message('visitor', '', { kind: 'file', state: 'sending', file: { name: 'holiday-picture-with-a-long-name-2026-08-14.jpg', size: 2_400_000, type: 'image/jpeg', progress: 0.4 } }),
  message('agent', location.origin + '/files/0123/terms.pdf', { kind: 'file', file: { name: 'terms.pdf', size: 88_000, type: 'application/pdf', progress: 1 } }),
  message('agent', location.origin + '/files/0123/kettle.png', { kind: 'file', file: { name: 'kettle.png', size: 12_000, type: 'image/png', progress: 1 } }),
  message('visitor', '', { kind: 'file', state: 'failed', file: { name: 'film.mp4', size: 9_000_000, type: 'video/mp4', progress: 0 } }),
  message('visitor', 'Did you get it?', { state: 'failed' }),
  message('visitor', 'And this?', { state: 'sent' }),
];

const field = (name: string, type: State['form'] extends infer F ? (F extends { fields: (infer X)[] } ? (X extends { type: infer Y } ? Y : never) : never) : never, label: string, more: object = {}) => ({
  name, type, label, required: false, value: [] as string[], options: [] as { label: string; value: string }[], error: '', ...more,
});
const options = (...labels: string[]) => labels.map((label) => ({ label, value: label.toLowerCase() }));
const form = () => ({
  title: 'Before we start',
  instructions: 'So that the right person answers you.',
  fields: [
    field('name', 'text-single', 'Name'),
    field('email', 'text-single', 'E-mail', { required: true, value: ['maria@'], error: 'email' }),
    field('question', 'text-multi', 'Question', { required: true, error: 'required' }),
    field('about', 'list-single', 'What is it about?', { required: true, options: options('Order', 'Delivery', 'Return') }),
    field('topics', 'list-multi', 'Also interesting', { options: options('Offers', 'News about a product with a rather long name') }),
    field('', 'fixed', '', { value: ['We keep your data for 30 days.'] }),
    field('copy', 'boolean', 'Send me a copy'),
    field('ref', 'hidden', '', { value: ['x'] }),
  ],
});

const empty: State = {
  phase: 'idle', link: 'none', error: '', form: null, queue: null, agent: null, supervisors: [], conversation: null, messages: [], unread: 0, rating: null,
  transcript: '', closedReason: '', opens: '', call: null, endReason: '', leader: true, canSendFiles: false,
};
const chat: Partial<State> = { link: 'up', conversation: { id: '01J', number: '17' }, agent: { nick: 'Alice', present: true, typing: false } };
const at = (phase: Phase, more: Partial<State> = {}): Partial<State> => ({ ...chat, phase, ...more });
const opens = new Date(NOON + 68_000_000).toISOString();

const states: Record<string, () => Partial<State>> = {
  idle: () => ({}),
  starting: () => ({ phase: 'starting', link: 'connecting' }),
  away: () => ({}),
  form: () => at('form', { form: form(), agent: null }),
  queued: () => at('queued', { queue: { position: 3, estimate: 240, waiting: 5 }, agent: null }),
  next: () => at('queued', { queue: { position: 1, estimate: 20, waiting: 5 }, agent: null }),
  requeued: () => at('queued', { queue: { position: 1, estimate: null, waiting: 1 }, agent: null, messages: talk() }),
  offered: () => at('offered', { agent: null }),
  connecting: () => at('connecting'),
  active: () => at('active', { messages: talk(), supervisors: ['Carol'], canSendFiles: true }),
  typing: () => at('active', { messages: talk().slice(0, 3), agent: { nick: 'Alice', present: true, typing: true } }),
  long: () => at('active', { messages: Array.from({ length: 450 }, (_, i) => message(i % 3 ? 'visitor' : 'agent', `Line ${i} of a long talk. `.repeat(1 + (i % 4)))) }),
  files: () => at('active', { messages: files(), canSendFiles: true }),
  nasty: () => at('active', { messages: nasty(), agent: { nick: '<i>Mallory</i> with a very long name that goes on and on and on', present: true, typing: false } }),
  reconnecting: () => at('active', { link: 'reconnecting', messages: talk() }),
  'server-down': () => at('active', { link: 'server-down', messages: talk(), error: 'error_rating' }),
  'agent-lost': () => at('agent-lost', { messages: [...talk(), message('service', 'Alice has lost the connection.', { kind: 'notice' })], agent: { nick: 'Alice', present: false, typing: false } }),
  wrapup: () => at('wrapup', { messages: talk(), endReason: 'agent' }),
  rated: () => at('closed', { messages: talk(), endReason: 'visitor', rating: { value: 5, text: '' }, transcript: 'sent' }),
  'no-answer': () => at('closed', { endReason: 'timeout', conversation: null }),
  offline: () => ({ phase: 'offline', link: 'up', closedReason: 'hours', opens }),
  'offline-form': () => ({ phase: 'offline', link: 'up', closedReason: 'no-agents', form: { title: '', instructions: '', fields: form().fields.slice(0, 3).map((f) => ({ ...f, error: '', value: [] })) } }),
  left: () => ({ phase: 'left', link: 'up' }),
  called: () => ({ phase: 'called', link: 'up', call: { nick: 'Alice', text: 'I see that you compare kettles. May I help you to choose one?' } }),
  failed: () => ({ phase: 'failed', link: 'failed', error: 'error_timeout' }),
};

const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40" width="36" height="36"><circle cx="20" cy="20" r="19" fill="#fff"/><path d="M12 15h14v9a6 6 0 0 1-6 6h-2a6 6 0 0 1-6-6zM26 17h2a3 3 0 0 1 0 7h-2" fill="#a33b20"/></svg>';

/** What the page's hash asks for: `#active&lang=ar&dark=dark`. */
const asked = new URLSearchParams('state=' + location.hash.slice(1));
const name = asked.get('state') || 'idle';
const found = all.find((l) => l.code === (asked.get('lang') ?? 'en'))!;
const language: Language = asked.has('rtl') ? { ...found, rtl: true } : found;
const config: SiteConfig = {
  site: 'shop', domain: 'visitors.localhost', ws: '', bosh: '', language: 'en', languages: [],
  theme: { colour: asked.has('colour') ? '#' + asked.get('colour') : '', logo: asked.has('logo') ? LOGO : '', position: asked.get('position') === 'left' ? 'left' : 'right', dark: (asked.get('dark') ?? 'light') as 'light', css: '' },
  texts: {}, consent: asked.has('consent') ? 'We keep what you write for 30 days. More: https://shop.example/privacy' : '', remember: false, hideWhenClosed: false,
  proactive: { mode: 'none', rules: [] }, files: { max: 5_000_000, types: ['image/*', 'application/pdf'] }, transcriptMail: true, workgroups: [{ name: 'support', jid: '', title: '' }],
};
const status: Status = { site: 'shop', workgroup: 'support', state: name === 'away' ? 'closed' : 'open', agents: 2, waiting: 1, estimate: 60, opens: name === 'away' ? opens : '' };

/** An engine that has one state and notes what it is asked; set() gives it another. */
class Puppet {
  asked: unknown[][] = [];
  private listeners = new Set<(s: State) => void>();
  constructor(public state: State) {}
  set(more: Partial<State>): void {
    this.state = { ...this.state, ...more };
    for (const f of this.listeners) f(this.state);
  }
  subscribe(f: (s: State) => void): () => void {
    this.listeners.add(f);
    f(this.state);
    return () => this.listeners.delete(f);
  }
}

const host = document.createElement('div');
const root = host.attachShadow({ mode: 'open' }); // so that a checker can look in; the loader's is closed
const sheet = new CSSStyleSheet();
sheet.replaceSync(launcherCss);
root.adoptedStyleSheets = [sheet];
const launcher = document.createElement('button');
launcher.textContent = 'Open chat';
launcher.className = 'launcher';
const dock = document.createElement('div');
dock.className = 'dock ' + config.theme.position;
dock.append(launcher);
root.append(dock);
document.body.append(host);

const puppet = new Puppet({ ...empty, ...states[name]?.() });
const engine = new Proxy(puppet, {
  get: (p, k) => (k in p ? Reflect.get(p, k).bind?.(p) ?? Reflect.get(p, k) : (...args: unknown[]) => void p.asked.push([String(k), ...args])),
}) as unknown as Engine;
const boot: Boot = {
  base: location.origin, root, host, script: {}, config, status: () => status, launcher, emit() {}, setUnread() {}, speak() {},
};
const view = createView({
  boot, engine, t: translate(language, {}), language, languages: all.map((l) => ({ code: l.code, name: l.name })), pieces, storage: sessionStorage,
  toggled() {}, chosen: (code) => { const l = all.find((x) => x.code === code)!; view.setLanguage(translate(l, {}), l); },
});
launcher.addEventListener('click', () => (view.isOpen ? view.close() : view.open()));
if (asked.has('hostile')) document.body.classList.add('hostile');
if (!asked.has('shut')) view.open();
Object.assign(window, { puppet, view, message, states });

for (const key of Object.keys(states)) {
  const a = document.createElement('a');
  a.href = '#' + key;
  a.textContent = key;
  document.getElementById('states')!.append(a);
}
window.addEventListener('hashchange', () => location.reload());
