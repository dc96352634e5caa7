// A scripted server for tests of the engine: WebSockets whose other end is a script that reads like the wire, a clock that is
// moved by hand, and what else the engine takes of a browser.
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { DOMImplementation, DOMParser, XMLSerializer } from '@xmldom/xmldom';
import type { EngineOptions, SiteConfig, State } from '../src/types';
import { createEngine } from '../src/engine/index';
import type { TabParts } from '../src/engine/tabs';

Object.assign(globalThis, { DOMParser, XMLSerializer, document: new DOMImplementation().createDocument(null, '', null) });
Object.defineProperty(Object.getPrototypeOf((globalThis.document as Document).createElement('a')), 'firstElementChild', {
  get(this: Node) {
    return Array.from(this.childNodes).find((n) => n.nodeType === 1) ?? null;
  },
});

export const ROOM = 'c-abcdefghijklmnopqrstuvwxyz@rooms.test';
export const JID = 'visitor@visitors.test/one';
export const DESK = 'support@visitors.test';

/** Moves the clock, in small steps, and lets what hangs on promises happen. */
export async function pass(ms = 0): Promise<void> {
  for (let left = ms; ; left -= 50) {
    for (let i = 0; i < 4; i++) await new Promise((done) => setImmediate(done));
    if (left <= 0) return;
    mock.timers.tick(Math.min(left, 50));
  }
}

/** A test's network; over is to be called at its end. */
export class Net {
  sockets: Socket[] = [];
  refuse = false; // new connections fail at once
  silent = false; // they get no answer
  requests: Request[] = []; // over HTTP

  constructor() {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.UTC(2026, 0, 2) });
    const net = this;
    Object.assign(globalThis, {
      WebSocket: class extends Socket {
        constructor(url: string) {
          super(url);
          net.sockets.push(this);
          if (net.refuse) queueMicrotask(() => this.drop());
          else if (!net.silent) queueMicrotask(() => this.accept());
        }
      },
      XMLHttpRequest: class extends Request {
        override send() {
          net.requests.push(this);
        }
      },
    });
  }

  over(): void {
    mock.timers.reset();
  }

  /** The newest connection. */
  get last(): Socket {
    return this.sockets[this.sockets.length - 1];
  }
}

const ACK = '<r '; // the client asks what has arrived when it likes; a script names it where it matters

/** A request over HTTP, and what becomes of it. */
export class Request {
  readyState = 0;
  status = 0;
  method = '';
  url = '';
  headers: Record<string, string> = {};
  upload: { onprogress?: (e: object) => void } = {};
  onload?: () => void;
  onerror?: () => void;

  open(method: string, url: string): void {
    this.readyState = 1;
    Object.assign(this, { method, url });
  }
  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }
  send(): void {}
  abort(): void {}
  ends(status: number): void {
    this.status = status;
    this.onload?.();
  }
  fails(): void {
    this.onerror?.();
  }
}

/** The server's end of a WebSocket. */
export class Socket {
  static CLOSED = 3;
  readyState = 0;
  sent: string[] = []; // by the client, and not yet read by the script
  closed = false; // by the client
  onopen: (() => void) | null = null;
  onclose: ((e: { code: number }) => void) | null = null;
  onerror: ((e: object) => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;

  constructor(readonly url: string) {}

  send(data: string): void {
    this.sent.push(data);
  }

  close(): void {
    this.closed = true;
    this.readyState = 3;
  }

  accept(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  /** The connection breaks. */
  drop(): void {
    this.readyState = 3;
    this.onerror?.({});
    this.onclose?.({ code: 1006 });
  }

  says(xml: string): void {
    this.onmessage?.({ data: xml });
  }

  /**
   * Plays a script. `S:` lines are sent. `C:` lines are awaited, in order: … stands for anything, $name for an attribute's value or text that is
   * the same from then on, also in S: lines. Attributes are in alphabetical order. Lines that go on are indented.
   */
  async plays(script: string, names: Record<string, string> = {}): Promise<Record<string, string>> {
    const lines = script.trim().split(/\n\s*(?=[CS]: )/).map((l) => l.trim().replace(/\n\s+/g, ''));
    for (const line of lines) {
      const fill = (s: string) => s.replace(/\$(\w+)/g, (whole, n: string) => names[n] ?? whole);
      const xml = fill(line.slice(3));
      if (line.startsWith('S: ')) {
        this.says(xml);
        await pass();
        continue;
      }
      for (let i = 0; i < 10; i++) {
        while (this.sent[0]?.startsWith(ACK) && !xml.startsWith(ACK)) this.sent.shift();
        if (this.sent.length) break;
        await pass(i && 50);
      }
      const got = this.sent.shift() ?? '(nothing)';
      const fresh: string[] = [];
      const pattern = xml.replace(/[.*+?^{}()|[\]\\]/g, '\\$&').replace(/…/g, '.*').replace(/\$(\w+)/g, (_, n: string) => {
        fresh.push(n);
        return '([^"<>]*)';
      });
      const m = new RegExp(`^${pattern}$`, 's').exec(got);
      assert.ok(m, `the client says\n  ${got}\nwhere the script has\n  ${xml}\nand then\n  ${this.sent.join('\n  ')}`);
      fresh.forEach((n, i) => (names[n] = m[i + 1]));
    }
    return names;
  }

  /** That the client says nothing, whatever is to be read. */
  async quiet(ms = 0): Promise<void> {
    await pass(ms);
    assert.deepEqual(this.sent.filter((s) => !s.startsWith(ACK)), []);
  }
}

const FEATURES = "xmlns:stream='http://etherx.jabber.org/streams'";

/** As far as the features after the login. */
export const login = (auth: string): string => `
  C: <open to="visitors.test" version="1.0" xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>
  S: <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0' id='1' from='visitors.test'/>
  S: <stream:features ${FEATURES}><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism><mechanism>X-USHER-TOKEN</mechanism></mechanisms></stream:features>
  C: ${auth}
  S: <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
  ${features}`;
export const features = `
  C: <open to="visitors.test" version="1.0" xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>
  S: <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0' id='2' from='visitors.test'/>
  S: <stream:features ${FEATURES}><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>`;

export const anonymous = '<auth mechanism="ANONYMOUS" xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>';
export const byToken = '<auth mechanism="X-USHER-TOKEN" xmlns="urn:ietf:params:xml:ns:xmpp-sasl">VE9LRU4=</auth>'; // TOKEN

export const bind = (jid: string, sm: string): string => `
  C: <iq id="_bind_auth_2" type="set" xmlns="jabber:client"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>
  S: <iq xmlns='jabber:client' type='result' id='_bind_auth_2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${jid}</jid></bind></iq>
  C: <enable resume="true" xmlns="urn:xmpp:sm:3"/>
  S: <enabled xmlns='urn:xmpp:sm:3' id='${sm}' resume='true' max='300'/>`;

export const token = `
  C: <iq id="$t" type="get" xmlns="jabber:client"><token xmlns="urn:usher:token:0"/></iq>
  S: <iq xmlns='jabber:client' type='result' id='$t'><token xmlns='urn:usher:token:0' expires='2026-02-01T00:00:00Z'>TOKEN</token></iq>`;

/** A visitor's first login, with nothing that is his. */
export const first = login(anonymous) + `
  C: <iq id="_bind_auth_2" type="set" xmlns="jabber:client"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>
  S: <iq xmlns='jabber:client' type='result' id='_bind_auth_2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${JID}</jid></bind></iq>
  C: <enable resume="true" xmlns="urn:xmpp:sm:3"/>
  C: <presence xmlns="jabber:client"/>
  S: <enabled xmlns='urn:xmpp:sm:3' id='sm-1' resume='true' max='300'/>${token}`;

/** Asks without a form, is queued, gets an agent and is in the room with him. */
export const asked = `
  C: <iq id="$f" to="${DESK}" type="get" xmlns="jabber:client"><join-queue xmlns="http://jabber.org/protocol/workgroup"/></iq>
  C: <iq id="$i" to="${DESK}" type="get" xmlns="jabber:client"><query xmlns="http://jabber.org/protocol/disco#info"/></iq>
  S: <iq xmlns='jabber:client' type='result' id='$f' from='${DESK}'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
  S: <iq xmlns='jabber:client' type='result' id='$i' from='${DESK}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>
  C: <iq id="$q" to="${DESK}" type="set" xmlns="jabber:client"><join-queue xmlns="http://jabber.org/protocol/workgroup"><queue-notifications/>
    <x type="submit" xmlns="jabber:x:data"><field var="question"><value>Help!</value></field></x>
    <visitor language="en" page="https://shop.test/" title="Shop" xmlns="urn:usher:desk:0"/></join-queue></iq>
  S: <iq xmlns='jabber:client' type='result' id='$q' from='${DESK}'/>
  S: <message xmlns='jabber:client' from='${DESK}'><conversation xmlns='urn:usher:desk:0' id='C1' number='7' state='queued'/></message>`;

export const conversation = (state: string, more = ''): string =>
  `S: <message xmlns='jabber:client' from='${DESK}'><conversation xmlns='urn:usher:desk:0' id='C1' number='7' state='${state}' ${more}/></message>`;

export const occupant = (nick: string, more = '', affiliation = 'member'): string =>
  `S: <presence xmlns='jabber:client' from='${ROOM}/${nick}'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='${affiliation}' role='participant'/>${more}</x></presence>`;

export const subject = `S: <message xmlns='jabber:client' type='groupchat' from='${ROOM}'><subject/></message>`;

export const entered = `
  ${conversation('connecting', `agent='alice' room='${ROOM}'`)}
  C: <presence to="${ROOM}/visitor" xmlns="jabber:client"><x xmlns="http://jabber.org/protocol/muc"><history maxstanzas="200"/></x></presence>
  ${occupant('Support', '', 'owner')}
  ${occupant('Visitor 7', "<status code='110'/><status code='210'/>")}
  ${subject}
  ${occupant('alice')}
  ${conversation('active', `agent='alice' room='${ROOM}'`)}`;

/** A message of the room. */
export const said = (nick: string, id: string, body: string, more = ''): string =>
  `S: <message xmlns='jabber:client' type='groupchat' from='${ROOM}/${nick}'${id && ` id='${id}'`}><body>${body}</body>${more}</message>`;

export const delay = (time: string): string => `<delay xmlns='urn:xmpp:delay' stamp='2026-01-0${time}Z'/>`;

/** The client's message to the room, with the request for an acknowledgement behind it. */
export const says = (id: string, body: string): string => `
  C: <message id="${id}" to="${ROOM}" type="groupchat" xmlns="jabber:client"><body>${body}</body>
    <active xmlns="http://jabber.org/protocol/chatstates"/><origin-id id="${id}" xmlns="urn:xmpp:sid:0"/></message>
  C: <r xmlns="urn:xmpp:sm:3"/>`;

/** Storage of one tab; full: it takes nothing more. */
export class Shelf {
  full = false;
  map = new Map<string, string>();
  get length() { return this.map.size; }
  getItem(k: string) { return this.map.get(k) ?? null; }
  setItem(k: string, v: string) {
    if (this.full) throw new DOMException('full', 'QuotaExceededError');
    this.map.set(k, v);
  }
  removeItem(k: string) { this.map.delete(k); }
  key(i: number) { return [...this.map.keys()][i] ?? null; }
  clear() { this.map.clear(); }
}

export const config: SiteConfig = {
  site: 'shop', domain: 'visitors.test', ws: 'wss://chat.test/xmpp-websocket', bosh: 'https://chat.test/http-bind', language: 'en', languages: [],
  theme: { colour: '', logo: '', position: 'right', dark: 'auto', css: '' }, texts: {}, consent: '', remember: false, hideWhenClosed: false,
  proactive: { mode: 'none', rules: [] }, files: null, transcriptMail: false, workgroups: [{ name: 'support', jid: DESK, title: '' }],
};

/** An engine of a page; without parts it has no other tabs. */
export function page(storage: Storage | null, parts: TabParts = { locks: undefined, channel: undefined }, more: Partial<EngineOptions> = {}) {
  return createEngine({
    config, workgroup: '', language: 'en', page: () => ({ url: 'https://shop.test/', referrer: '', title: 'Shop' }), storage, now: () => Date.now(), ...more,
  }, parts);
}

/** What a chat shows: who, what, in which state. */
export const shown = (s: State): string[] =>
  s.messages.filter((m) => m.kind !== 'notice').map((m) => `${m.from}: ${m.body}${m.corrected ? ' (corrected)' : ''}${m.from === 'visitor' ? `, ${m.state}` : ''}`);
