// The words that the widget's parts share: what the engine knows and does, what the views show, what the loader hands
// over. No code but constants. The engine (engine/) knows XMPP and no DOM; the views (ui/) know the DOM and no XMPP;
// the words (text/) know neither.

/** GET /widget/config?site=NAME: what a site has set. Served by the gateway with CORS for the site's origins. */
export interface SiteConfig {
  site: string;
  domain: string; // the stream's `to`
  ws: string; // absolute URL; '' where the site has no WebSocket
  bosh: string; // absolute URL; '' where the site has no BOSH
  language: string;
  languages: string[]; // empty: all that there are
  /** logo: '' | the text of an SVG (it begins with '<'; the gateway has left shapes, gradients and text in it, and no style, script,
   * link or animation) | the absolute URL of a raster image at the gateway, to be fetched and drawn on a canvas (a page's img-src may forbid <img>). */
  theme: { colour: string; logo: string; position: 'left' | 'right'; dark: 'auto' | 'light' | 'dark'; css: string };
  texts: Record<string, Record<string, string>>; // key -> language -> text; language '' is for all
  consent: string;
  remember: boolean;
  hideWhenClosed: boolean;
  proactive: { mode: 'none' | 'greet' | 'presence'; rules: GreetRule[] };
  files: { max: number; types: string[] } | null;
  transcriptMail: boolean;
  workgroups: { name: string; jid: string; title: string }[];
}

/** A rule of `proactive.rules`: the first that matches greets, once a visit. */
export interface GreetRule {
  page: string; // a path, `*` stands for anything; '' = every page
  after: number; // seconds on the page
  text: Record<string, string>; // language -> text; '' is for all; never without one
}

/** GET /status (docs/interface.md, part C). */
export interface Status {
  site: string;
  workgroup: string;
  state: 'open' | 'busy' | 'closed' | 'offline';
  agents: number;
  waiting: number;
  estimate: number; // seconds
  opens: string; // RFC 3339 or ''
}

/** Where the visitor is. */
export type Phase =
  | 'idle' // nothing asked yet: the start view
  | 'starting' // the question is on its way (first connection included)
  | 'form' // the workgroup wants a form filled in first
  | 'queued' // waits; State.queue
  | 'offered' // an agent is being asked
  | 'connecting' // an agent has accepted; the room is being made
  | 'active' // they talk
  | 'agent-lost' // the agent is gone; he or another will come
  | 'wrapup' // over; may be rated
  | 'closed' // over
  | 'offline' // nobody there: State.closedReason; a message may be left (State.form)
  | 'left' // the message was left
  | 'called' // an agent asks for a chat: State.call
  | 'failed'; // could not start: State.error

/** The connection, as the visitor should see it. */
export type Link = 'none' | 'connecting' | 'up' | 'reconnecting' | 'server-down' | 'failed';

/** A data form (XEP-0004). */
export interface Form { title: string; instructions: string; fields: Field[] }
export interface Field {
  name: string;
  type: 'text-single' | 'text-multi' | 'text-private' | 'list-single' | 'list-multi' | 'boolean' | 'fixed' | 'hidden' | 'jid-single';
  label: string;
  required: boolean;
  value: string[]; // default, or what the visitor has put in
  options: { label: string; value: string }[];
  error: string; // '' or a text key: 'required' | 'email' | 'invalid'
}

export type MessageState = 'sending' | 'sent' | 'delivered' | 'failed';

/** One line of the chat. Notices have kind 'notice' and a text key with arguments in the place of a body. */
export interface Message {
  id: string; // ours, unique in the chat and stable
  kind: 'text' | 'file' | 'notice';
  from: 'visitor' | 'agent' | 'supervisor' | 'service';
  nick: string;
  body: string; // plain text; a file's URL
  time: number; // Unix ms
  state: MessageState; // of the visitor's own; others' are 'delivered'
  corrected: boolean;
  file?: { name: string; size: number; type: string; progress: number }; // progress 0..1 while it is uploaded
  notice?: { key: string; args: string[] };
}

/** All that a view needs. A snapshot: the engine makes a new one at each change and never changes one that is out. */
export interface State {
  phase: Phase;
  link: Link;
  error: string; // text key of what went wrong, '' if nothing
  form: Form | null;
  queue: { position: number; estimate: number | null; waiting: number } | null;
  agent: { nick: string; present: boolean; typing: boolean } | null;
  supervisors: string[]; // nicks in the room
  conversation: { id: string; number: string } | null;
  messages: Message[]; // oldest first, at most 500
  unread: number; // of others' since the view was last open and visible, in any tab
  rating: { value: number; text: string } | null; // what was given
  transcript: '' | 'sending' | 'sent' | 'failed'; // by mail
  closedReason: string; // hours | no-agents | full | paused | ''
  opens: string; // RFC 3339 or ''
  call: { nick: string; text: string } | null;
  endReason: string; // of a closed conversation: docs/interface.md B.3
  leader: boolean; // this tab holds the connection
  canSendFiles: boolean;
}

/** What a view may ask for. Nothing throws; what goes wrong is in the next State. */
export interface Engine {
  readonly state: State;
  /** Calls f now and at each change; the result ends it. At most one call an animation frame's worth of changes. */
  subscribe(f: (s: State) => void): () => void;
  /** Events of the JS API (ApiEvents). */
  on<K extends keyof ApiEvents>(event: K, f: (detail: ApiEvents[K]) => void): () => void;
  /** Takes up what an earlier page or another tab has left; true if there was something. Opens no connection if not. */
  restore(): Promise<boolean>;
  /** Asks for help: question and fields that are known already. Shows the form if the workgroup has one and it isn't filled. */
  start(values?: Record<string, string>): void;
  submitForm(values: Record<string, string[]>): void; // in phase form or offline
  leaveQueue(): void;
  send(text: string): void;
  sendFile(file: File): void;
  correct(id: string, text: string): void; // the visitor's last message only (XEP-0308)
  retry(id: string): void;
  typing(on: boolean): void; // called at each key; the engine thins it out (XEP-0085)
  seen(visible: boolean): void; // the panel is open and the page visible: unread is 0 meanwhile
  end(): void; // the visitor ends the chat
  rate(value: number, text: string): void;
  mailTranscript(address: string): void;
  leaveMessage(): void; // asks for the form of an offline message
  answerCall(accept: boolean): void;
  again(): void; // from closed, left, failed back to idle
  identify(jwt: string): void;
  setFields(fields: Record<string, string>): void;
  setLanguage(language: string): void;
  presence(): void; // connects without asking for anything (proactive: presence)
  dispose(): void;
}

/** Events of the JS API and their details. */
export interface ApiEvents {
  ready: {};
  opened: {};
  closed: {}; // the panel
  queued: { position: number };
  position: { position: number; estimate: number | null };
  'agent-joined': { nick: string };
  message: { from: Message['from']; nick: string; text: string; time: number };
  unread: { count: number };
  ended: { reason: string };
  rated: { value: number };
  error: { code: string };
}

/** What the engine is made with. */
export interface EngineOptions {
  config: SiteConfig;
  workgroup: string; // name; '' = the site's first
  language: string;
  page: () => { url: string; referrer: string; title: string };
  storage: Storage | null; // sessionStorage, or localStorage with `remember`; null where there is none
  now: () => number;
}

/** The loader's hand-over to the code that is fetched at the first open. That module exports mount(boot): Promise<App>. */
export interface Boot {
  base: string; // the gateway's URL, no slash at the end
  root: ShadowRoot; // closed, with the launcher in it
  host: HTMLElement;
  script: Record<string, string>; // the script's data-* attributes, or the element's attributes
  config: SiteConfig;
  status: () => Status | null; // refreshed by the loader
  launcher: HTMLButtonElement;
  emit: <K extends keyof ApiEvents>(event: K, detail: ApiEvents[K]) => void; // to the page's handlers
  setUnread: (count: number) => void; // badge on the launcher
  speak: (t: Translate, language: Language) => void; // the launcher too says it in these words from now on
}
export interface App {
  open(): void;
  close(): void;
  readonly isOpen: boolean;
  readonly engine: Engine;
  setLanguage(language: string): void;
  dispose(): void;
}

/** Storage keys: all begin with this and the site's name. */
export const STORAGE_PREFIX = 'usher:';
/** An open panel, kept over page loads: `usher:SITE:open` = '1' in sessionStorage. The loader fetches the rest at once if it or a chat is there. */
export const KEY_OPEN = 'open';
export const KEY_CHAT = 'chat';
/** The language that the visitor has chosen: `usher:SITE:language` in sessionStorage. */
export const KEY_LANGUAGE = 'language';

/** text/: languages. */
export interface Language {
  code: string; // BCP 47
  name: string; // its own
  rtl: boolean;
  checked: boolean; // by somebody who speaks it; false: machine-made
  words: Words;
}
/** key -> text with {0} {1}, or plural forms by Intl.PluralRules category. */
export type Words = Record<string, string | Partial<Record<Intl.LDMLPluralRule, string>>>;
/** Makes t(): a site's own texts first, then the language's, then English. With a number as first argument the plural form is taken. */
export type Translate = (key: string, ...args: (string | number)[]) => string;

/** text/: a message's body in pieces that a view turns into nodes; never markup. */
export type Piece = { text: string } | { link: string; text: string } | { br: true };
