import type { ApiEvents, Engine, EngineOptions, Link as LinkState, State } from '../types';
import { STORAGE_PREFIX } from '../types';
import { isLive, noData, type Core, type Data } from './data';
import { Desk, type About } from './desk';
import { Link, noSession, type Arrival, type Session } from './link';
import { Room } from './room';
import { Store, type Kept } from './store';
import { Tabs, type TabParts } from './tabs';
import { Uploads } from './upload';
import { attr, bare } from './xml';

/** What the tabs share: what is kept, and the connection's state. */
interface Shared extends Kept {
  link: LinkState;
  acted: boolean;
}

type Act =
  | 'start' | 'submitForm' | 'leaveQueue' | 'send' | 'sendFile' | 'correct' | 'retry' | 'typing' | 'end' | 'rate'
  | 'mailTranscript' | 'leaveMessage' | 'answerCall' | 'again' | 'presence';
type Command = { act: Act | 'read'; args: unknown[]; about: About; fields: Record<string, string> };

const REST = 180_000; // ms that a connection that nobody needs is kept
const FRAME = 16; // ms
const STALE = 30_000; // ms after which another tab may have had the connection, and be gone
const LONGEST = /[^]{1,8000}/gu; // of a message: with all its characters escaped it fits into a stanza (limits.stanza)
const MOST = 12; // messages that one text is made into

export function createEngine(options: EngineOptions, parts?: TabParts): Engine {
  return new TheEngine(options, parts);
}

const pieces = (body: string): string[] => (body.trim() ? (body.match(LONGEST) ?? []).slice(0, MOST) : []);

class TheEngine implements Engine, Core {
  data: Data = noData();
  link!: Link;
  readonly config;
  readonly now;
  private session: Session = noSession();
  private linkState: LinkState = 'none';
  private room!: Room;
  private desk!: Desk;
  private uploads!: Uploads;
  private store: Store;
  private tabs: Tabs<Shared, Command>;
  private joining: Promise<void> | null = null;
  private acted = false; // the visitor has: only now anything is stored
  private watched = false; // proactive: presence
  private visible = false;
  private about: About;
  private fields: Record<string, string> = {};
  private snapshot: State;
  private shown: State; // that the subscribers know
  private subscribers = new Set<(s: State) => void>();
  private handlers = new Map<keyof ApiEvents, Set<(detail: never) => void>>();
  private dirty = false;
  private frame: ReturnType<typeof setTimeout> | undefined;
  private rest: ReturnType<typeof setTimeout> | undefined;
  private listening = new AbortController();

  constructor(private options: EngineOptions, parts?: TabParts) {
    const { config } = options;
    this.config = config;
    this.now = options.now;
    this.store = new Store(options.storage, config.site);
    this.about = { page: { url: '', referrer: '', title: '' }, language: options.language, jwt: '' };
    this.tabs = new Tabs(STORAGE_PREFIX + config.site, {
      lead: (all) => this.lead(all),
      follow: () => this.follow(),
      heard: (all) => this.heard(all),
      execute: (c) => this.execute(c),
      all: () => this.shared(),
    }, parts);
    this.build();
    this.shown = this.snapshot = this.look();
    this.listen();
  }

  /** The parts for a session. */
  private build(): void {
    const { config, workgroup } = this.options;
    const group = config.workgroups.find((w) => w.name === workgroup) ?? config.workgroups[0];
    this.room = new Room(this);
    this.desk = new Desk(this, this.room, group?.jid ?? '', () => this.about, () => this.acts());
    this.uploads = new Uploads(this, this.room);
    this.link = new Link(config, this.session, {
      up: (how) => this.arrived(how),
      stanza: (el) => this.stanza(el),
      state: (s) => {
        this.linkState = s;
        this.change({});
      },
      changed: () => this.change({}),
      acked: (waiting) => this.room.acked(waiting),
    }, this.now);
  }

  // The connection.

  private arrived(how: Arrival): void {
    this.desk.arrived(how);
    this.room.arrived(how);
  }

  private stanza(el: Element): void {
    const from = bare(attr(el, 'from'));
    if (el.localName === 'presence') {
      if (from === this.data.room) this.room.presence(el);
    } else if (el.localName === 'message' && !this.desk.message(el) && from === this.data.room) this.room.message(el);
  }

  /** The visitor wants something of the server. */
  private acts(): void {
    this.acted = true;
    this.link.open();
  }

  private get needed(): boolean {
    const { phase, parting, submitted } = this.data;
    return isLive(this.data) || phase === 'starting' || phase === 'called' || parting !== '' || submitted !== null;
  }

  /** Lets the connection go once nothing has needed it for a while. */
  private restLater(): void {
    if (this.needed || this.watched) {
      clearTimeout(this.rest);
      this.rest = undefined;
    } else {
      this.rest ??= setTimeout(() => {
        this.rest = undefined;
        if (!this.needed && !this.watched && this.tabs.leader) this.link.close(true);
      }, REST);
    }
  }

  // Changes.

  change(patch: Partial<Data>): void {
    this.data = { ...this.data, ...patch };
    if (this.visible && this.data.unread && this.tabs.leader) this.data.unread = 0;
    if (this.dirty) return;
    this.dirty = true;
    queueMicrotask(() => this.publish()); // before the next stanza is read: what is acknowledged is kept
  }

  private publish(): void {
    if (!this.dirty) return;
    this.dirty = false;
    if (this.tabs.leader) {
      this.keep();
      this.tabs.tell(this.shared());
      if (this.linkState !== 'none') this.restLater();
    }
    this.snapshot = this.look();
    this.frame ??= setTimeout(() => this.show(), FRAME);
  }

  private keep(): void {
    if (!this.acted) return;
    if (this.data.phase === 'idle' && !this.data.parting) this.store.forget(this.session);
    else this.store.save(this.shared());
  }

  private shared(): Shared {
    return { session: this.session, data: this.data, at: this.now(), link: this.linkState, acted: this.acted };
  }

  private look(): State {
    const up = this.linkState === 'up' || this.linkState === 'server-down';
    const d = this.data;
    return {
      ...d, link: this.linkState, unread: this.visible ? 0 : d.unread, leader: this.tabs.leader,
      canSendFiles: !!this.config.files && up && d.inside && d.phase === 'active',
    };
  }

  /** Shows what has changed to the views and the page. */
  private show(): void {
    this.frame = undefined;
    const before = this.shown;
    const now = (this.shown = this.snapshot);
    for (const f of [...this.subscribers]) f(now);
    this.events(before, now);
  }

  get state(): State {
    return this.snapshot;
  }

  subscribe(f: (s: State) => void): () => void {
    this.subscribers.add(f);
    f(this.snapshot);
    return () => this.subscribers.delete(f);
  }

  on<K extends keyof ApiEvents>(event: K, f: (detail: ApiEvents[K]) => void): () => void {
    const all = this.handlers.get(event) ?? new Set();
    this.handlers.set(event, all.add(f));
    return () => all.delete(f);
  }

  private emit<K extends keyof ApiEvents>(event: K, detail: ApiEvents[K]): void {
    for (const f of [...(this.handlers.get(event) ?? [])]) {
      try {
        (f as (d: ApiEvents[K]) => void)(detail);
      } catch (e) {
        console.error(e); // of the page's own
      }
    }
  }

  private events(was: State, is: State): void {
    const ended = (s: State) => s.phase === 'wrapup' || s.phase === 'closed';
    const waits = (s: State) => s.phase === 'queued' || s.phase === 'offered';
    const position = is.queue?.position ?? 0;
    if (waits(is) && !waits(was)) this.emit('queued', { position });
    if (waits(is) && is.queue && (is.queue.position !== was.queue?.position || is.queue.estimate !== was.queue?.estimate)) {
      this.emit('position', { position, estimate: is.queue.estimate });
    }
    if (is.agent?.present && (!was.agent?.present || was.agent.nick !== is.agent.nick)) this.emit('agent-joined', { nick: is.agent.nick });
    if (is.messages !== was.messages) {
      const known = new Set(was.messages.map((m) => m.id));
      for (const m of is.messages) {
        if (!known.has(m.id) && m.kind !== 'notice') this.emit('message', { from: m.from, nick: m.nick, text: m.body, time: m.time });
      }
    }
    if (is.unread !== was.unread) this.emit('unread', { count: is.unread });
    if (ended(is) && !ended(was)) this.emit('ended', { reason: is.endReason });
    if (is.rating && !was.rating) this.emit('rated', { value: is.rating.value });
    if (is.error && is.error !== was.error) this.emit('error', { code: is.error });
  }

  // The tabs.

  /** This tab holds the connection from now on. */
  private lead(all: Shared | null): void {
    const kept = all ?? this.store.load(this.now());
    if (kept) {
      this.session = { ...kept.session };
      this.data = kept.data;
    }
    this.acted ||= all ? all.acted : this.data.phase !== 'idle';
    this.build();
    this.room.stale = !all && !!kept && this.now() - kept.at > STALE;
    this.uploads.abandon();
    if (this.needed || this.watched) this.link.open();
    this.change({});
  }

  /** Another tab does. */
  private follow(): void {
    this.halt();
    this.change({});
    void this.tabs.hello();
  }

  private halt(): void {
    clearTimeout(this.rest);
    this.rest = undefined;
    this.uploads.dispose();
    this.room.dispose();
    this.desk.dispose();
    this.link.close(false);
  }

  private heard(all: Shared): void {
    this.data = all.data;
    this.session = all.session;
    this.linkState = all.link;
    this.acted = all.acted;
    if (!this.tabs.joined && this.data.phase !== 'idle') this.join();
    // Storage of a tab's own keeps what it needs to go on alone; shared storage is the leader's to write.
    if (!this.config.remember) this.keep();
    if (this.visible && this.data.unread) this.run('read');
    this.change({});
  }

  private join(): Promise<void> {
    return (this.joining ??= this.tabs.join());
  }

  async restore(): Promise<boolean> {
    const kept = this.store.load(this.now());
    if (kept) this.session = kept.session;
    if (kept && (kept.data.phase !== 'idle' || kept.data.parting)) {
      this.data = kept.data;
      this.acted = true;
      await this.join();
    } else {
      await this.tabs.hello();
      if (this.data.phase !== 'idle') await this.join();
    }
    this.dirty = true;
    this.publish();
    this.shown = this.snapshot; // what was there before is no news
    return this.data.phase !== 'idle';
  }

  /** Has the tab that holds the connection do something. */
  private run(act: Command['act'], ...args: unknown[]): void {
    const command = { act, args, about: { ...this.about, page: this.options.page() }, fields: this.fields };
    if (this.tabs.joined && this.tabs.leader) this.execute(command);
    else void this.join().then(() => this.tabs.command(command));
  }

  private execute(c: Command): void {
    this.about = c.about;
    if (this.data.error && c.act !== 'typing' && c.act !== 'read') this.change({ error: '' });
    const [a, b] = c.args as never[];
    const { desk, room } = this;
    switch (c.act) {
      case 'start': desk.start({ ...c.fields, ...(a as Record<string, string> | undefined) }); break;
      case 'submitForm': desk.submit(a); break;
      case 'leaveQueue': desk.leaveQueue(); break;
      case 'send': this.say(a, c.fields); break;
      case 'sendFile': if (this.look().canSendFiles) this.uploads.send(a); break;
      case 'correct': if (isLive(this.data)) room.correct(a, pieces(b)[0] ?? ''); break;
      case 'retry': if (isLive(this.data) && !this.uploads.retry(a)) room.retry(a); break;
      case 'typing': room.typing(a); break;
      case 'end': desk.end(); break;
      case 'rate': desk.rate(a, b); break;
      case 'mailTranscript': desk.mailTranscript(a); break;
      case 'leaveMessage': desk.leaveMessage(); break;
      case 'answerCall': desk.answerCall(a); break;
      case 'again': if (!isLive(this.data)) desk.reset(); break;
      case 'presence': this.link.open(); break;
      case 'read': if (this.data.unread) this.change({ unread: 0 });
    }
  }

  private say(body: string, fields: Record<string, string>): void {
    if (!pieces(body).length) return;
    if (isLive(this.data)) {
      this.link.open(); // if it was given up
      for (const piece of pieces(body)) this.room.say(piece);
    } else if (this.data.phase === 'idle') this.desk.start({ ...fields, question: body });
  }

  start(values?: Record<string, string>): void { this.run('start', values); }
  submitForm(values: Record<string, string[]>): void { this.run('submitForm', values); }
  leaveQueue(): void { this.run('leaveQueue'); }
  send(body: string): void { this.run('send', body); }
  sendFile(file: File): void { this.run('sendFile', file); }
  correct(id: string, body: string): void { this.run('correct', id, body); }
  retry(id: string): void { this.run('retry', id); }
  typing(on: boolean): void { if (isLive(this.data)) this.run('typing', on); }
  end(): void { this.run('end'); }
  rate(value: number, words: string): void { this.run('rate', value, words); }
  mailTranscript(address: string): void { this.run('mailTranscript', address); }
  leaveMessage(): void { this.run('leaveMessage'); }
  answerCall(accept: boolean): void { this.run('answerCall', accept); }
  again(): void { this.run('again'); }
  presence(): void {
    this.watched = true;
    this.run('presence');
  }

  seen(visible: boolean): void {
    if (visible === this.visible) return;
    this.visible = visible;
    if (visible && this.data.unread) this.run('read');
    this.change({});
  }

  identify(jwt: string): void { this.about = { ...this.about, jwt }; }
  setFields(fields: Record<string, string>): void { this.fields = { ...this.fields, ...fields }; }
  setLanguage(language: string): void { this.about = { ...this.about, language }; }

  // The page.

  private listen(): void {
    if (typeof window === 'undefined') return;
    const { signal } = this.listening;
    const shown = () => {
      if (document.visibilityState !== 'visible') return;
      if (this.tabs.leader) this.link.wake();
      else this.tabs.check();
    };
    window.addEventListener('online', () => this.tabs.leader && this.link.wake(), { signal });
    window.addEventListener('offline', () => this.tabs.leader && this.link.sleep(), { signal });
    document.addEventListener('visibilitychange', shown, { signal });
    window.addEventListener('pagehide', () => this.suspend(), { signal });
    document.addEventListener('freeze', () => this.suspend(), { signal });
    window.addEventListener('pageshow', (e) => e.persisted && this.wake(), { signal });
    document.addEventListener('resume', () => this.wake(), { signal });
  }

  /** The page goes away, perhaps to come back. Nobody says goodbye: the session waits for the next page, or another tab takes it. */
  private suspend(): void {
    this.dirty = true;
    this.publish();
    if (!this.tabs.joined) return;
    const led = this.tabs.leader;
    this.tabs.part();
    this.joining = null;
    if (led) this.halt();
  }

  private wake(): void {
    if (this.data.phase !== 'idle') void this.restore();
    else if (this.watched) this.presence();
  }

  dispose(): void {
    this.listening.abort();
    this.suspend();
    this.tabs.close();
    clearTimeout(this.frame);
    this.subscribers.clear();
    this.handlers.clear();
  }
}
