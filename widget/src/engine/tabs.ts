import { id } from './xml';

/** What tabs say to each other. R is what they share, C a command. */
type Word<R, C> =
  | { k: 'hello' } // is anybody there who holds the connection?
  | { k: 'all'; all: R } // the one who holds it, at each change
  | { k: 'do'; n: string; command: C } // to him
  | { k: 'did'; n: string }; // from him

export interface TabEvents<R, C> {
  lead(all: R | null): void; // this tab holds the connection from now on; all: what the one before it has left
  follow(): void; // it does no more
  heard(all: R): void; // from the one who does
  execute(command: C): void; // for another tab
  all(): R;
}

/** The browser's parts that it takes; undefined where there are none. Tests hand in their own. */
export interface TabParts {
  locks: Pick<LockManager, 'request' | 'query'> | undefined;
  channel: ((name: string) => BroadcastChannel) | undefined;
}

const browserParts = (): TabParts => ({
  locks: typeof navigator !== 'undefined' ? navigator.locks : undefined,
  channel: typeof BroadcastChannel !== 'undefined' ? (name) => new BroadcastChannel(name) : undefined,
});

const ANSWER = 3_000; // ms that the leader has to answer a command, before he is taken for frozen
const HELLO = 700; // ms that he has to say what there is

/**
 * The tabs of one site share one connection: who has the lock holds it (the leader), and tells the others what there is. His
 * lock passes on when his page goes away; when he doesn't answer any more it is taken from him. Where the browser lacks locks
 * or channels each tab leads for itself.
 */
export class Tabs<R, C> {
  leader = false;
  /** It leads or waits to. */
  private channel: BroadcastChannel | undefined;
  private locks: TabParts['locks'];
  private last: R | null = null;
  joined = false;
  private release: (() => void) | undefined;
  private waiting: AbortController | undefined;
  private open = new Map<string, { command: C; timer: ReturnType<typeof setTimeout> }>();
  private greeted: (() => void)[] = [];

  constructor(private name: string, private on: TabEvents<R, C>, parts: TabParts = browserParts()) {
    if (!parts.locks || !parts.channel) return;
    try {
      this.channel = parts.channel(name);
      this.locks = parts.locks;
      this.channel.onmessage = (e) => this.take(e.data);
    } catch {
      // a page without an origin of its own has neither
    }
  }

  /** Takes part: leads if nobody does. Resolves once it is known who leads and, if it is another tab, what there is. */
  async join(): Promise<void> {
    if (this.joined) return;
    this.joined = true;
    if (!this.locks) {
      this.lead();
      return;
    }
    const got = await this.ask({ ifAvailable: true });
    if (got) return;
    const heard = this.hello();
    this.queue();
    await heard;
  }

  /** Asks whether another tab has something, without taking part. */
  async hello(): Promise<void> {
    if (!this.channel || !this.locks) return;
    const { held } = await this.locks.query();
    if (!held?.some((l) => l.name === this.name)) return;
    this.say({ k: 'hello' });
    await new Promise<void>((done) => {
      const timer = setTimeout(done, HELLO);
      this.greeted.push(() => {
        clearTimeout(timer);
        done();
      });
    });
  }

  /** Has the leader do something. */
  command(command: C): void {
    if (this.leader) {
      this.on.execute(command);
      return;
    }
    const n = id();
    this.open.set(n, { command, timer: setTimeout(() => this.steal(), ANSWER) });
    this.say({ k: 'do', n, command });
  }

  /** Tells the other tabs. */
  tell(all: R): void {
    if (this.leader) this.say({ k: 'all', all });
  }

  /** Asks whether the leader is alive, and takes over if not. */
  check(): void {
    if (!this.joined || this.leader || !this.locks) return;
    let alive = false;
    this.greeted.push(() => (alive = true));
    this.say({ k: 'hello' });
    setTimeout(() => {
      if (!alive && this.joined) this.steal();
    }, ANSWER);
  }

  /** Takes part no more: the next tab may lead. */
  part(): void {
    this.joined = false;
    this.leader = false;
    this.waiting?.abort();
    this.release?.();
    for (const { timer } of this.open.values()) clearTimeout(timer);
    this.open.clear();
  }

  close(): void {
    this.part();
    this.channel?.close();
    this.channel = undefined;
  }

  private lead(): void {
    this.leader = true;
    this.on.lead(this.last);
    const open = [...this.open.values()];
    this.open.clear();
    for (const { command, timer } of open) {
      clearTimeout(timer);
      this.on.execute(command); // the one who was asked is gone
    }
  }

  /** Holds the lock, if it is got, until release. */
  private ask(options: LockOptions): Promise<boolean> {
    let held = false;
    return new Promise((known) => {
      this.locks!.request(this.name, options, (lock) => {
        if (!lock || !this.joined) {
          known(false);
          return undefined;
        }
        return new Promise<void>((release) => {
          held = true;
          this.release = release;
          this.lead();
          known(true);
        });
      }).catch(() => {
        // Given up while it waited, or stolen by a tab to which this one seemed dead.
        known(false);
        if (!held || !this.leader) return;
        this.leader = false;
        this.on.follow();
        this.queue();
      });
    });
  }

  private queue(): void {
    this.waiting = new AbortController();
    void this.ask({ signal: this.waiting.signal });
  }

  private steal(): void {
    if (this.leader || !this.joined || !this.locks) return;
    this.waiting?.abort();
    void this.ask({ steal: true });
  }

  private say(word: Word<R, C>): void {
    try {
      this.channel?.postMessage(word);
    } catch (e) {
      console.error(e); // what can't be cloned
    }
  }

  private take(word: Word<R, C>): void {
    switch (word.k) {
      case 'hello':
        this.tell(this.on.all());
        return;
      case 'all':
        if (this.leader) return; // from one who was thought dead
        this.last = word.all;
        for (const f of this.greeted.splice(0)) f();
        this.on.heard(word.all);
        return;
      case 'do':
        if (!this.leader) return;
        this.say({ k: 'did', n: word.n });
        this.on.execute(word.command);
        return;
      case 'did':
        clearTimeout(this.open.get(word.n)?.timer);
        this.open.delete(word.n);
    }
  }
}
