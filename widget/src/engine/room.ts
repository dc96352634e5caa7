import type { Message } from '../types';
import { addLine, changeLine, isLive, newLine, type Core, type Line } from './data';
import type { Arrival } from './link';
import { NS, attr, child, children, condition, content, id, resource, text, x } from './xml';

// Milliseconds.
const COPY = 30_000; // until the room's copy of a message is missed
const TYPING = 30_000; // after which somebody who has begun to type and went silent counts as not typing
const PAUSED = 8_000; // without a key: the visitor has stopped
const ENTER = 15_000; // for a join
const RETRY = 3_000;
const SETTLED = 2_000; // after the own presence, in a room that sends no subject

/** Entries of the room's history and messages of the same text are the same if they carry no id and are so far apart. */
const SAME = 2_000;

/**
 * The room in which visitor and agent talk (XEP-0045). A message counts as delivered when the room's copy of it has come;
 * one whose copy isn't there once it would have to be is sent again, under its id.
 */
export class Room {
  /** A join is on its way. */
  entering = false;
  /** Another tab may have heard what this one has not: the room is asked for its history though we are in it. */
  stale = false;
  private tries = 0;
  private anchor = -1; // where in the lines the room's history has got to
  private settling: ReturnType<typeof setTimeout> | undefined;
  private overdue: ReturnType<typeof setTimeout> | undefined;
  private typed: ReturnType<typeof setTimeout> | undefined;
  private composing = false;
  private idle: ReturnType<typeof setTimeout> | undefined;

  constructor(private core: Core) {}

  /** Enters a room, or the same again. */
  enter(room: string): void {
    const { data, link } = this.core;
    if (data.room !== room) {
      this.tries = 0;
      this.core.change({ room, nick: '', here: [], supervisors: [] });
    }
    this.anchor = -1;
    this.entering = true;
    this.core.change({ inside: false });
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.refused('remote-server-timeout'), ENTER);
    const last = data.messages.filter((l) => l.kind !== 'notice' && l.state === 'delivered' && l.wire).pop();
    // A minute more than is missing: clocks differ, and what is known already is told apart.
    const since = last && data.room === room ? new Date(last.time - 60_000).toISOString().replace(/\.\d+/, '') : undefined;
    link.send(x('presence', { xmlns: NS.client, to: `${room}/${data.nick || 'visitor'}` },
      x('x', { xmlns: NS.muc }, x('history', since ? { since, maxstanzas: 200 } : { maxstanzas: 200 }))));
  }

  leave(): void {
    const { room, nick } = this.core.data;
    if (room) this.core.link.send(x('presence', { xmlns: NS.client, type: 'unavailable', to: `${room}/${nick || 'visitor'}` }));
    this.out();
  }

  /** We are in no room any more. */
  out(): void {
    const { agent } = this.core.data;
    clearTimeout(this.settling);
    clearTimeout(this.typed);
    this.entering = false;
    this.core.change({ inside: false, here: [], supervisors: [], agent: agent && { ...agent, present: false, typing: false } });
  }

  /** The chat is over: what was not heard will not be. */
  giveUp(): void {
    this.out();
    const { messages } = this.core.data;
    this.core.change({
      messages: messages.map((l) => (l.wire && (l.state === 'sending' || l.state === 'sent') ? { ...l, state: 'failed' as const, out: false } : l)),
    });
  }

  dispose(): void {
    for (const t of [this.settling, this.overdue, this.typed, this.idle]) clearTimeout(t);
  }

  // The connection.

  /** The connection is there again. */
  arrived(how: Arrival): void {
    const { data } = this.core;
    if (how === 'resumed') {
      if (data.inside) this.flush();
      else if (data.room && isLive(data) && !this.entering) this.enter(data.room); // meant to, while there was no connection
      this.late();
      return;
    }
    this.entering = false;
    if (how === 'new') {
      this.forget();
      this.out(); // the desk asks him in again
      return;
    }
    if (!data.room || !isLive(data)) return;
    if (!data.inside || this.stale) {
      this.stale = false;
      this.forget();
      this.enter(data.room);
      return;
    }
    this.check();
  }

  /** Asks whether we are in the room (XEP-0410), enters it if not, and sends again what was not heard there. */
  check(): void {
    // What we had said before has come back from the room when the answer comes, or it was never heard there.
    const { room, nick } = this.core.data;
    this.core.link.iq('get', `${room}/${nick}`, x('ping', { xmlns: NS.ping }), (el) => {
      if (!this.core.link.up || this.core.data.room !== room) return;
      const why = el && attr(el, 'type') === 'error' ? condition(el) : '';
      this.forget();
      if (!el || why === 'not-acceptable' || why === 'item-not-found' || why === 'forbidden') this.enter(room);
      else this.flush();
    });
  }

  /** What has no copy was never heard. */
  private forget(): void {
    const { messages } = this.core.data;
    if (!messages.some((l) => l.out)) return;
    this.core.change({ messages: messages.map((l) => (l.out ? { ...l, out: false } : l)) });
  }

  /** The edge has all of our stanzas but these. */
  acked(waiting: string[]): void {
    for (const l of this.core.data.messages) {
      if (!l.out || l.state !== 'sending') continue;
      const wire = l.fix || l.wire;
      if (!waiting.some((w) => w.includes(wire))) changeLine(this.core, l.id, { state: 'sent' });
    }
  }

  // What the visitor says.

  say(body: string): void {
    const wire = id();
    addLine(this.core, newLine({ id: wire, wire, from: 'visitor', nick: this.core.data.nick, body, time: this.core.now(), state: 'sending' }));
    this.flush();
  }

  /** Changes the visitor's last message (XEP-0308). */
  correct(which: string, body: string): void {
    const own = this.core.data.messages.filter((l) => l.from === 'visitor' && l.kind === 'text' && l.wire);
    const l = own[own.length - 1];
    if (!l || l.id !== which || !body || body === l.body) return;
    // One that the room hasn't got is simply said differently.
    const unsaid = l.state === 'failed' || !l.out && l.state !== 'delivered';
    changeLine(this.core, l.id, { body, corrected: !unsaid, fix: unsaid ? '' : id(), state: 'sending', out: false });
    this.flush();
  }

  /** Sends a failed message once more, under its id. */
  retry(which: string): void {
    const l = this.core.data.messages.find((m) => m.id === which);
    if (!l || l.state !== 'failed' || !l.body || !l.wire) return;
    changeLine(this.core, l.id, { state: 'sending', out: false });
    this.flush();
  }

  /** Sends all that waits to be sent. */
  flush(): void {
    const { data, link } = this.core;
    if (!data.inside || !link.up) return;
    let sent = false;
    for (const l of data.messages) {
      if (l.from !== 'visitor' || l.out || !l.body || !l.wire || (l.state !== 'sending' && l.state !== 'sent')) continue;
      if (!this.put(l)) break;
      sent = true;
      changeLine(this.core, l.id, { out: true, at: this.core.now() });
    }
    if (!sent) return;
    this.composing = false;
    clearTimeout(this.idle);
    link.askAck();
    this.late();
  }

  private put(l: Line): boolean {
    const wire = l.fix || l.wire;
    return this.core.link.send(x('message', { xmlns: NS.client, type: 'groupchat', to: this.core.data.room, id: wire },
      x('body', {}, text(l.body)),
      l.fix ? x('replace', { xmlns: NS.correct, id: l.wire }) : '',
      l.kind === 'file' ? x('x', { xmlns: NS.oob }, x('url', {}, text(l.body))) : '',
      x('active', { xmlns: NS.states }),
      x('origin-id', { xmlns: NS.sid, id: wire })));
  }

  /** Looks for messages whose copy should have come. While there is no connection nothing is late. */
  private late(): void {
    clearTimeout(this.overdue);
    const { data, link, now } = this.core;
    const open = data.messages.filter((l) => l.out && (l.state === 'sending' || l.state === 'sent'));
    if (!open.length) return;
    if (link.up && link.upstream) {
      for (const l of open) if (now() - l.at >= COPY) changeLine(this.core, l.id, { state: 'failed', out: false });
    }
    this.overdue = setTimeout(() => this.late(), COPY / 6);
  }

  /** Called at each key: the room hears of the first one, and when there were none for a while. */
  typing(on: boolean): void {
    const { data, link } = this.core;
    if (!data.inside || !link.up) return;
    clearTimeout(this.idle);
    if (on) {
      this.idle = setTimeout(() => this.typing(false), PAUSED);
    }
    if (on === this.composing) return;
    this.composing = on;
    this.chatState(on ? 'composing' : 'paused');
  }

  private chatState(name: string): void {
    this.core.link.send(x('message', { xmlns: NS.client, type: 'groupchat', to: this.core.data.room },
      x(name, { xmlns: NS.states }), x('no-store', { xmlns: NS.hints })));
  }

  // What the room says.

  message(el: Element): void {
    if (attr(el, 'type') === 'error') {
      this.bounced(el);
      return;
    }
    const nick = resource(attr(el, 'from'));
    const body = child(el, 'body');
    if (child(el, 'subject') && !body) {
      this.settled(); // XEP-0045 §7.2.15: the last thing of a join
      return;
    }
    const own = nick !== '' && nick === this.core.data.nick;
    const delayed = child(el, 'delay', NS.delay);
    if (!own && !delayed) this.chatStateOf(nick, el, !!body);
    if (body && nick) this.said(el, nick, own, content(body), delayed);
  }

  private said(el: Element, nick: string, own: boolean, body: string, delayed?: Element): void {
    const { data, now } = this.core;
    const wire = attr(el, 'id');
    const sid = attr(children(el, 'stanza-id', NS.sid).find((s) => attr(s, 'by') === data.room), 'id');
    const origin = attr(child(el, 'origin-id', NS.sid), 'id');
    const replaces = attr(child(el, 'replace', NS.correct), 'id');
    const time = (delayed && Date.parse(attr(delayed, 'stamp'))) || now();
    const known = data.messages.findIndex((l) =>
      (sid && l.sid === sid)
      || (own === (l.from === 'visitor') && (own || l.nick === nick) && l.kind !== 'notice'
        && (wire || origin
          ? [wire, origin].some((w) => w && (l.wire === w || l.fix === w))
          : !!delayed && l.body === body && Math.abs(l.time - time) < SAME)));
    if (known >= 0) {
      const l = data.messages[known];
      this.anchor = known;
      const fixed = l.fix !== '' && (l.fix === wire || l.fix === origin);
      if (own && (fixed || !l.fix)) changeLine(this.core, l.id, { state: 'delivered', out: false, fix: '', sid: l.sid || sid });
      return;
    }
    if (replaces && this.corrected(nick, own, replaces, body)) return;
    const url = content(child(child(el, 'x', NS.oob), 'url'));
    const isFile = url !== '' && url === body.trim() && /^https?:\/\//i.test(url);
    const line = newLine({
      id: sid || id(), wire: wire || origin, sid, body: isFile ? url : body, time, nick,
      kind: isFile ? 'file' : 'text',
      from: own ? 'visitor' : data.roles[nick] ?? 'agent',
      ...(isFile && { file: { name: nameOf(url), size: 0, type: '', progress: 1 } }),
    });
    if (delayed) this.addOld(line);
    else addLine(this.core, line);
    if (!own) this.core.change({ unread: this.core.data.unread + 1 });
  }

  /** A line of the history: behind the last of it that is known, else by its time. */
  private addOld(line: Line): void {
    const { messages } = this.core.data;
    let at = this.anchor + 1;
    if (this.anchor < 0) {
      at = messages.findIndex((l) => l.time > line.time);
      if (at < 0) at = messages.length;
    }
    addLine(this.core, line, at);
    this.anchor = this.core.data.messages.indexOf(line);
  }

  /** A correction of a line that is there; false: of none. */
  private corrected(nick: string, own: boolean, replaces: string, body: string): boolean {
    const l = this.core.data.messages.find((m) => m.wire === replaces && (own ? m.from === 'visitor' : m.nick === nick && m.from !== 'visitor'));
    if (!l) return false;
    if (l.body !== body) changeLine(this.core, l.id, { body, corrected: true });
    return true;
  }

  private bounced(el: Element): void {
    const wire = attr(el, 'id');
    const why = condition(el);
    const l = wire && this.core.data.messages.find((m) => m.out && (m.wire === wire || m.fix === wire));
    if (!l) return;
    if ((why === 'not-acceptable' || why === 'item-not-found') && this.core.data.inside && isLive(this.core.data)) {
      this.forget(); // XEP-0045 §7.4: we aren't in it; what waits goes out once we are
      this.enter(this.core.data.room);
      return;
    }
    changeLine(this.core, l.id, { state: 'failed', out: false });
  }

  private chatStateOf(nick: string, el: Element, said: boolean): void {
    const { agent } = this.core.data;
    const state = children(el, 'composing', NS.states).length ? true : said || ['active', 'paused', 'inactive', 'gone'].some((s) => child(el, s, NS.states)) ? false : null;
    if (state === null || !agent || agent.nick !== nick) return;
    clearTimeout(this.typed);
    if (agent.typing !== state) this.core.change({ agent: { ...agent, typing: state } });
    if (state) {
      this.typed = setTimeout(() => {
        const now = this.core.data.agent;
        if (now) this.core.change({ agent: { ...now, typing: false } });
      }, TYPING);
    }
  }

  // Who is there.

  presence(el: Element): void {
    const type = attr(el, 'type');
    const nick = resource(attr(el, 'from'));
    if (type === 'error') {
      this.refused(condition(el));
      return;
    }
    const user = child(el, 'x', NS.user);
    const codes = children(user, 'status').map((s) => attr(s, 'code'));
    const item = child(user, 'item');
    const own = codes.includes('110') || nick === this.core.data.nick;
    if (type === 'unavailable') {
      if (own) this.thrownOut(!!child(user, 'destroy'));
      else if (codes.includes('303')) this.renamed(nick, attr(item, 'nick'));
      else this.gone(nick);
    } else if (!type) {
      if (own) this.inside(nick);
      else if (nick) this.came(nick, attr(item, 'affiliation') === 'owner');
    }
  }

  private inside(nick: string): void {
    this.tries = 0;
    this.entering = false;
    if (this.core.data.inside && this.core.data.nick === nick) return;
    this.core.change({ nick });
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settled(), SETTLED);
  }

  /** The history has come: what has no copy in it was never heard. */
  private settled(): void {
    clearTimeout(this.settling);
    if (this.core.data.inside || !this.core.data.nick) return;
    this.anchor = -1;
    this.core.change({ inside: true });
    this.flush();
  }

  private refused(why: string): void {
    if (this.core.data.inside) return; // of a change of our presence
    this.entering = false;
    clearTimeout(this.settling);
    // Not a member: the desk has taken the room away, or hasn't given it yet, and will ask us in.
    if (!/^(remote-server-timeout|resource-constraint|service-unavailable|internal-server-error|conflict|item-not-found)$/.test(why)) return;
    if (++this.tries > 5) return;
    this.later();
  }

  private later(): void {
    const { room } = this.core.data;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      const { data, link } = this.core;
      if (data.room === room && !data.inside && isLive(data) && link.up) this.enter(room);
    }, RETRY * Math.max(1, this.tries));
  }

  private thrownOut(destroyed: boolean): void {
    this.out();
    this.forget();
    if (!destroyed && isLive(this.core.data)) this.later();
  }

  private came(nick: string, owner: boolean): void {
    const { data } = this.core;
    if (data.here.includes(nick) || data.here.length >= 64) return;
    const role = owner ? 'service' : this.roleOf(nick);
    this.core.change({ here: [...data.here, nick], roles: this.roles(nick, role) });
    if (role === 'supervisor') this.core.change({ supervisors: [...data.supervisors, nick] });
    if (role !== 'agent') return;
    const before = data.agent;
    if (before?.present && before.nick !== nick) { // taken for the agent until he came himself
      this.core.change({ roles: { ...this.core.data.roles, [before.nick]: 'supervisor' }, supervisors: [...this.core.data.supervisors, before.nick] });
    }
    this.core.change({ agent: { nick, present: true, typing: false } });
    if (before?.nick !== nick || !data.roles[nick]) this.notice('notice_joined', nick);
  }

  /** The roles with one more; of those that are gone not all are kept. */
  private roles(nick: string, role: Message['from']): Record<string, Message['from']> {
    const { roles, here } = this.core.data;
    const kept = Object.keys(roles).length < 128 ? roles : Object.fromEntries(Object.entries(roles).filter(([n]) => here.includes(n)));
    return { ...kept, [nick]: role };
  }

  /** The desk names the agent; his client may enter under another nick. Who else comes is a supervisor. */
  private roleOf(nick: string): Message['from'] {
    const { agentName, roles, here, agent } = this.core.data;
    const named = agentName !== '' && nick.toLowerCase() === agentName.toLowerCase();
    if (named) return 'agent';
    if (agent?.present && here.includes(agent.nick)) return 'supervisor';
    return roles[nick] ?? 'agent';
  }

  private gone(nick: string): void {
    const { here, supervisors, agent } = this.core.data;
    this.core.change({ here: here.filter((n) => n !== nick), supervisors: supervisors.filter((n) => n !== nick) });
    if (agent?.nick === nick) this.core.change({ agent: { ...agent, present: false, typing: false } });
  }

  private renamed(nick: string, to: string): void {
    const { here, supervisors, agent, roles } = this.core.data;
    if (!to) return;
    const swap = (all: string[]) => all.map((n) => (n === nick ? to : n));
    this.core.change({
      here: swap(here), supervisors: swap(supervisors), roles: this.roles(to, roles[nick] ?? 'agent'),
      agent: agent?.nick === nick ? { ...agent, nick: to } : agent,
    });
  }

  /** The desk has named another agent. */
  named(name: string): void {
    const { data } = this.core;
    if (name === data.agentName) return;
    this.core.change({ agentName: name });
    if (!name) return;
    const nick = data.here.find((n) => n.toLowerCase() === name.toLowerCase());
    if (nick && data.agent?.nick !== nick) {
      this.core.change({ agent: { nick, present: true, typing: false }, roles: { ...data.roles, [nick]: 'agent' }, supervisors: data.supervisors.filter((n) => n !== nick) });
      this.notice('notice_joined', nick);
    } else if (!nick && !data.agent?.present) this.core.change({ agent: { nick: name, present: false, typing: false } });
  }

  private notice(key: string, ...args: string[]): void {
    addLine(this.core, newLine({ id: id(), kind: 'notice', from: 'service', time: this.core.now(), notice: { key, args } }));
  }
}

/** The file name at the end of a URL. */
export function nameOf(url: string): string {
  const last = url.split(/[?#]/, 1)[0].split('/').pop() ?? '';
  try {
    return decodeURIComponent(last) || url;
  } catch {
    return last;
  }
}
