import { fetchBosh } from './bosh';
import type { Link as LinkState, SiteConfig } from '../types';
import { Connection, SASLAnonymous, SASLMechanism, Status, log, type SMState } from './strophe';
import { NS, attr, bare, child, content, id, parse, x } from './xml';

/** What is kept of the connection over page loads and handed from tab to tab. */
export interface Session {
  token: string; // of the visitor; '' if none
  renew: number; // Unix ms: when to ask for a fresh one
  jid: string; // full
  sm: SMState | null; // of XEP-0198; null over BOSH
  bosh: number; // Unix ms: until then BOSH is tried first
}
export const noSession = (): Session => ({ token: '', renew: 0, jid: '', sm: null, bosh: 0 });

/**
 * How the visitor is here again: 'resumed': nothing was lost. 'same': on a new stream with the same full JID, so still in his
 * rooms and with all that was sent to him; what he sent last may be lost. 'new': as somebody who has just come.
 */
export type Arrival = 'resumed' | 'same' | 'new';

export interface LinkEvents {
  up(how: Arrival): void;
  stanza(el: Element): void;
  state(s: LinkState): void;
  changed(): void; // the session
  acked(waiting: string[]): void; // the edge has taken all that was sent but these stanzas
}

// Milliseconds.
const FIRST_WORD = 4_000; // until a server that is reached over WebSocket says something; then BOSH is tried
const LOGIN = 15_000; // for a whole login
const ANSWER = 20_000; // for an IQ
const ALIVE = 6_000; // for a connection that is in doubt
const SILENCE = 60_000; // after which it is in doubt
const BOSH_FIRST = 600_000; // that BOSH is kept to after WebSocket has failed
const RETRY_MIN = 500;
const RETRY_MAX = 30_000;
const QUICK = 300;

interface Request {
  done(el: Element | null): void;
  at: number;
}

/** The visitor's connection: it is made, watched, made again; who uses it sees stanzas and Arrivals. */
export class Link {
  private conn: Connection | null = null;
  private bosh = false; // how conn goes
  private isUp = false;
  private wanted = false;
  private dialling: object | undefined; // the try that waits for the code of BOSH
  private tries = 0;
  private timer: ReturnType<typeof setTimeout> | undefined; // of the login, else of the next try
  private watch: ReturnType<typeof setInterval> | undefined;
  private heard = 0; // when something came last
  private doubt = 0; // since when the connection is in doubt
  private beat = 0;
  private was: LinkState = 'none';
  private unacked = 0; // stanzas that the edge hasn't acknowledged
  private requests = new Map<string, Request>();
  /** The server behind the edge can be reached. */
  upstream = true;

  constructor(
    private config: Pick<SiteConfig, 'domain' | 'ws' | 'bosh'>,
    readonly session: Session,
    private on: LinkEvents,
    private now: () => number,
  ) {
    log.setLogLevel(4);
  }

  get up(): boolean {
    return this.isUp;
  }

  /** Wants a connection from now on. */
  open(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.tries = 0;
    this.beat = this.now();
    this.watch = setInterval(() => this.look(), 5_000);
    this.tell('connecting');
    this.dial(false);
  }

  /** Ends it. Without a goodbye the session waits for who takes it up again. */
  close(goodbye: boolean): void {
    this.wanted = false;
    clearInterval(this.watch);
    const conn = this.conn;
    if (goodbye && conn && this.isUp) {
      this.conn = null;
      conn.disconnect();
      this.session.sm = null;
      this.session.jid = '';
    }
    this.drop();
    this.lost();
    this.tell('none');
  }

  /** The connection is no use any more. */
  private drop(): void {
    clearTimeout(this.timer);
    this.dialling = undefined;
    this.isUp = false;
    const conn = this.conn;
    this.conn = null;
    if (!conn) return;
    try {
      // strophe's own disconnect() would say goodbye to the server.
      conn._proto._abortAllRequests();
      conn._doDisconnect();
    } catch {
      // of a socket that is not open yet
    }
  }

  /** False if there is no connection: nothing was sent. */
  send(stanza: string): boolean {
    if (!this.conn || !this.isUp) return false;
    this.conn.send(parse(stanza));
    return true;
  }

  /** Asks to be told soon what the edge has taken. */
  askAck(): void {
    if (this.isUp && this.conn?.sm?.enabled) this.conn.sm.requestAck();
  }

  /** A request; done gets its answer, or null if there was none. False if it was not sent. */
  iq(type: 'get' | 'set', to: string, payload: string, done: (el: Element | null) => void): boolean {
    const n = id();
    if (!this.send(x('iq', { xmlns: NS.client, type, id: n, to: to || undefined }, payload))) return false;
    this.requests.set(n, { done, at: this.now() });
    return true;
  }

  /** Something has happened after which the connection may be dead, or a new one may succeed: the device woke up, the network is back. */
  wake(): void {
    if (!this.wanted) return;
    if (!this.isUp) {
      if (!this.conn) {
        this.tries = 0;
        this.dial(false);
      }
      return;
    }
    if (this.doubt) return;
    this.doubt = this.now();
    if (this.conn?.sm?.enabled) this.askAck();
    else this.iq('get', '', x('ping', { xmlns: NS.ping }), () => {});
  }

  /** The network is gone. */
  sleep(): void {
    if (this.wanted && !this.isUp) this.tell('reconnecting');
    else this.wake();
  }

  private tell(s: LinkState): void {
    if (s === 'up' && !this.upstream) s = 'server-down';
    if (s === this.was) return;
    this.was = s;
    this.on.state(s);
  }

  /** Looks after the connection every few seconds. */
  private look(): void {
    const now = this.now();
    const slept = now - this.beat > 30_000; // no timer ran meanwhile
    this.beat = now;
    if (slept) {
      this.wake();
      return;
    }
    if (!this.isUp) return;
    if (this.doubt && now - this.doubt >= ALIVE) {
      this.drop();
      this.again();
      return;
    }
    if (!this.bosh && now - this.heard >= SILENCE) this.wake();
    for (const [n, r] of this.requests) {
      if (this.upstream && now - r.at >= ANSWER) {
        this.requests.delete(n);
        r.done(null);
      }
    }
  }

  private lost(): void {
    const all = [...this.requests.values()];
    this.requests.clear();
    for (const r of all) r.done(null);
  }

  /** Tries once: WebSocket, and BOSH as soon as that fails. */
  private dial(overBosh: boolean): void {
    clearTimeout(this.timer);
    this.drop();
    const { ws, bosh } = this.config;
    this.bosh = !!bosh && (overBosh || !ws || this.session.bosh > this.now());
    if (!this.bosh) return this.connect(overBosh);
    const dialling = (this.dialling = {});
    const still = (then: () => void) => () => void (this.dialling === dialling && this.wanted && then());
    fetchBosh().then(still(() => this.connect(overBosh)), still(() => this.again()));
  }

  private connect(overBosh: boolean): void {
    const { ws, bosh } = this.config;
    const s = this.session;
    this.unacked = s.sm?.unacked.length ?? 0;
    let said = false;
    const failed = (blocked: boolean) => {
      if (this.conn !== conn) return;
      this.drop();
      if (blocked && !this.bosh && bosh) this.dial(true);
      else {
        if (this.bosh && ws) s.bosh = 0; // next time WebSocket first again
        this.again();
      }
    };
    const conn = new Connection(this.bosh ? bosh : ws, {
      mechanisms: this.mechanisms(),
      enableStreamManagement: true,
      streamManagement: {
        maxUnacked: 5,
        storage: {
          load: () => s.sm,
          save: (_, state) => this.saved(state),
          clear: () => void (s.sm = null),
        },
      },
    });
    this.conn = conn;
    const sm = conn.sm!;
    sm.onFailed = (_, resuming) => {
      if (!resuming) return;
      // What wasn't acknowledged is sent again by who knows whether it arrived (XEP-0198 §5), not by strophe.
      sm.reset();
      sm.serverSupported = true;
    };
    conn.rawInput = () => {
      said = true;
      this.heard = this.now();
      this.doubt = 0;
    };
    conn.addHandler((el) => {
      if (this.conn === conn) this.take(el);
      return true;
    }, null, null, null);
    this.timer = setTimeout(() => {
      if (said) this.timer = setTimeout(() => failed(false), LOGIN - FIRST_WORD);
      else failed(true);
    }, this.bosh ? LOGIN : FIRST_WORD);
    try {
      conn.connect(this.config.domain, '', (status, why) => {
        if (this.conn !== conn) return;
        if (status === Status.CONNECTED) this.connected(conn, overBosh);
        else if (status === Status.AUTHFAIL && !conn.authenticated && s.token) {
          s.token = ''; // expired or revoked; the stream stays open (docs/interface.md, B.1)
          conn.authenticate([conn.mechanisms.ANONYMOUS]);
        } else if (status === Status.AUTHFAIL || status === Status.DISCONNECTED) failed(!said);
        else if ((status === Status.ERROR || status === Status.CONNFAIL) && why) this.refused(why);
      });
    } catch {
      failed(true); // the page's policy forbids WebSockets, say
    }
  }

  /** Reasons of a server after which it is no use to try again. */
  private refused(why: string): void {
    if (!/^(conflict|host-unknown|host-gone|unsupported-version)$/.test(why)) return;
    this.wanted = false;
    clearInterval(this.watch);
    this.drop();
    this.lost();
    if (why === 'conflict') this.session.sm = null; // another tab that can't be talked to has the session
    this.tell('failed');
  }

  private mechanisms(): (new () => SASLMechanism)[] {
    const { token } = this.session;
    if (!token) return [SASLAnonymous];
    return [
      SASLAnonymous,
      class extends SASLMechanism {
        constructor() {
          super('X-USHER-TOKEN', true, 90);
        }
        override onChallenge() {
          return token;
        }
      },
    ];
  }

  /** Strophe's state of XEP-0198 has changed. */
  private saved(state: SMState): void {
    this.session.sm = state;
    this.on.changed();
    const before = this.unacked;
    this.unacked = state.unacked.length;
    if (state.enabled && this.unacked < before) this.on.acked(state.unacked.map((u) => u.stanza));
  }

  private connected(conn: Connection, fellBack: boolean): void {
    clearTimeout(this.timer);
    const s = this.session;
    if (!conn.sm!.resumed) this.lost(); // nobody answers them any more; that the link isn't up yet tells so
    this.isUp = true;
    this.tries = 0;
    this.doubt = 0;
    this.heard = this.now();
    if (fellBack) s.bosh = this.now() + BOSH_FIRST;
    if (this.bosh) s.sm = null;
    const how: Arrival = conn.sm!.resumed ? 'resumed' : conn.jid === s.jid ? 'same' : 'new';
    s.jid = conn.jid;
    if (how !== 'resumed') {
      this.upstream = true;
      if (how === 'new') this.send(x('presence', { xmlns: NS.client }));
    }
    this.on.changed();
    this.tell('up');
    if (!s.token || this.now() >= s.renew) this.renewToken();
    this.on.up(how);
  }

  private renewToken(): void {
    this.iq('get', '', x('token', { xmlns: NS.token }), (el) => {
      const token = child(el ?? undefined, 'token', NS.token);
      if (!token || !content(token)) return;
      const now = this.now();
      this.session.token = content(token);
      // Half of its life, so that a page that goes away in between never holds a dead one.
      this.session.renew = now + Math.max(60_000, (Date.parse(attr(token, 'expires')) - now) / 2 || 0);
      this.on.changed();
    });
  }

  /** The connection was lost, or couldn't be made: again, later each time. */
  private again(): void {
    if (!this.wanted) return;
    this.tell('reconnecting');
    const full = this.tries ? Math.min(RETRY_MAX, RETRY_MIN * 2 ** this.tries) : QUICK;
    this.tries++;
    this.timer = setTimeout(() => this.dial(false), full * (0.5 + Math.random() / 2));
  }

  /** A stanza. What is no news to anybody else is dealt with here. */
  private take(el: Element): void {
    try {
      if (el.localName === 'iq') {
        this.takeIQ(el);
        return;
      }
      const link = attr(el, 'from') === this.config.domain ? child(el, 'link', NS.link) : undefined;
      if (link) {
        this.upstream = attr(link, 'state') !== 'down';
        this.tell('up');
        return;
      }
      this.on.stanza(el);
    } catch (e) {
      console.error(e); // strophe would take the handler out
    }
  }

  private takeIQ(el: Element): void {
    const n = attr(el, 'id');
    const type = attr(el, 'type');
    if (type === 'result' || type === 'error') {
      const request = this.requests.get(n);
      this.requests.delete(n);
      request?.done(el);
      return;
    }
    // RFC 6120 §8.2.3: a request gets an answer. XEP-0199 §4.
    const to = attr(el, 'from') || undefined;
    if (child(el, 'ping', NS.ping)) this.send(x('iq', { xmlns: NS.client, type: 'result', id: n, to }));
    else if (type) {
      this.send(x('iq', { xmlns: NS.client, type: 'error', id: n, to },
        x('error', { type: 'cancel' }, x('service-unavailable', { xmlns: NS.stanzas }))));
    }
  }

  /** The visitor's bare JID; '' before the first login. */
  get jid(): string {
    return bare(this.session.jid);
  }
}
