import type { Form } from '../types';
import { addLine, changeLine, isLive, newLine, noData, type Core, type Data } from './data';
import { fillForm, formValues, isAnswered, isValid, readForm, submission } from './form';
import type { Arrival } from './link';
import type { Room } from './room';
import { NS, attr, bare, child, children, condition, content, id, text, x } from './xml';

/** What the page says of its visitor. */
export interface About {
  page: { url: string; referrer: string; title: string };
  language: string;
  jwt: string;
}

const none = undefined;
const SILENT = 10_000; // ms after which a desk that hasn't said where a conversation is doesn't know of it

/** The visitor's side of the desk's protocol: XEP-0142 and docs/interface.md, B.3. */
export class Desk {
  private afterUp: (() => void)[] = [];
  private asking = false; // an answer to join-queue, or what it needs, is on its way
  private verdict: ReturnType<typeof setTimeout> | undefined;
  private caller: { conversation: Data['conversation']; agentName: string } = { conversation: null, agentName: '' };
  private told = false; // the desk has said where the conversation is, since we came

  constructor(
    private core: Core,
    private room: Room,
    private workgroup: string, // JID
    private about: () => About,
    private acts: () => void, // the visitor wants something: a connection is needed, and may be kept
  ) {}

  // What the visitor does.

  start(values: Record<string, string>): void {
    const { phase } = this.core.data;
    if (isLive(this.core.data) || phase === 'starting' || phase === 'called') return;
    if (phase !== 'idle') this.reset();
    this.core.change({ phase: 'starting', error: '', values });
    if (values.question) this.question(values.question);
    this.acts();
    if (this.core.link.up) this.ask();
  }

  submit(values: Record<string, string[]>): void {
    const { form, phase } = this.core.data;
    if (!form || (phase !== 'form' && phase !== 'offline')) return;
    const next = fillForm(form, values);
    this.core.change({ form: next, error: '' });
    if (!isValid(next)) return;
    this.acts();
    const submitted = formValues(next);
    this.core.change({ submitted });
    if (phase === 'offline') {
      if (this.core.link.up) this.leave();
      return;
    }
    const question = submitted.question?.join('\n');
    if (question) this.question(question);
    this.core.change({ phase: 'starting' });
    if (this.core.link.up) this.join(submitted);
  }

  leaveQueue(): void {
    const { phase } = this.core.data;
    if (!isLive(this.core.data) && phase !== 'starting' && phase !== 'form') return;
    if (this.core.data.inside) this.room.leave();
    this.reset();
    if (phase === 'form') return;
    this.core.change({ parting: 'queue' });
    this.part();
  }

  end(): void {
    const { data } = this.core;
    if (!isLive(data)) return;
    if (data.phase !== 'active' && data.phase !== 'agent-lost') {
      this.leaveQueue();
      return;
    }
    this.core.change({ phase: 'wrapup', endReason: 'visitor', parting: 'room' });
    this.part();
  }

  rate(value: number, words: string): void {
    const c = this.core.data.conversation;
    if (!c || this.core.data.rating) return;
    this.core.change({ rating: { value, text: words }, error: '' });
    this.request('set', x('rating', { xmlns: NS.desk, conversation: c.id, value }, text(words)), (el) => {
      if (!el || (attr(el, 'type') === 'error' && condition(el) !== 'conflict')) this.core.change({ rating: null, error: 'error_rating' });
    });
  }

  mailTranscript(address: string): void {
    const c = this.core.data.conversation;
    if (!c) return;
    this.core.change({ transcript: 'sending' });
    this.request('set', x('transcript', { xmlns: NS.desk, conversation: c.id, mail: address }), (el) => {
      this.core.change({ transcript: el && attr(el, 'type') === 'result' ? 'sent' : 'failed' });
    });
  }

  leaveMessage(): void {
    if (isLive(this.core.data)) return;
    const { closedReason, opens, values } = this.core.data;
    this.reset();
    this.core.change({ phase: 'offline', closedReason, opens, values });
    this.acts();
    this.offlineForm();
  }

  answerCall(accept: boolean): void {
    const { data } = this.core;
    if (data.phase !== 'called') return;
    this.acts();
    if (accept) {
      this.core.change({ phase: 'connecting', call: null });
      if (data.room && this.core.link.up) this.room.enter(data.room);
      return;
    }
    const { room, inviter } = data;
    this.reset();
    this.core.change({ room, inviter, parting: 'call' });
    this.part();
  }

  /** Back to the start. */
  reset(): void {
    const { room, inviter, parting } = this.core.data;
    this.room.out();
    this.core.change({ ...noData(), ...(parting && { room, inviter, parting }) });
  }

  // The connection.

  arrived(how: Arrival): void {
    const { phase } = this.core.data;
    if (how !== 'resumed') this.asking = false;
    this.part();
    if (phase === 'starting' && !this.asking) {
      if (this.core.data.submitted) this.join(this.core.data.submitted);
      else this.ask();
    }
    if (phase === 'offline' && this.core.data.submitted) this.leave();
    else if (phase === 'offline' && !this.core.data.form) this.offlineForm();
    if (how === 'new' && isLive(this.core.data)) this.verify();
    if (how === 'new' && phase === 'called') this.reset(); // if the call still stands, the desk calls again
    for (const f of this.afterUp.splice(0)) f();
  }

  /** Sends to the workgroup, now or once there is a connection. */
  private request(type: 'get' | 'set', payload: string, done: (el: Element | null) => void): void {
    const send = () => {
      this.core.link.iq(type, this.workgroup, payload, done);
    };
    this.acts();
    if (this.core.link.up) send();
    else if (this.afterUp.length < 20) this.afterUp.push(send);
  }

  /** Tells the desk what the visitor has left while there was no connection, or now. */
  private part(): void {
    const { parting, room } = this.core.data;
    if (!parting || !this.core.link.up || (parting === 'call' && !room)) return; // the invitation is still to come
    if (parting === 'queue') { // until that is answered nothing is news that the desk says of the request
      this.core.link.iq('set', this.workgroup, x('depart-queue', { xmlns: NS.workgroup }), (el) => {
        if (el && this.core.data.parting === 'queue') this.core.change({ parting: '' });
      });
      return;
    }
    if (parting === 'room') this.room.leave();
    else this.core.link.send(x('message', { xmlns: NS.client, to: room }, x('x', { xmlns: NS.user }, x('decline', { to: this.core.data.inviter }))));
    this.core.change({ parting: '', ...(parting === 'call' && { room: '' }) });
  }

  /** After a login that the desk doesn't know: it tells where we stand, or there is nothing to tell any more. */
  private verify(): void {
    this.told = false;
    clearTimeout(this.verdict);
    this.core.link.iq('get', this.workgroup, x('queue-status', { xmlns: NS.workgroup }), (el) => {
      if (!el || this.told || !isLive(this.core.data)) return;
      if (attr(el, 'type') === 'result') this.place(child(el, 'queue-status', NS.workgroup));
      else this.verdict = setTimeout(() => this.over(), SILENT);
    });
  }

  private over(): void {
    if (this.told || !isLive(this.core.data) || this.core.data.inside || !this.core.link.up) return;
    this.room.giveUp();
    this.core.change({ phase: 'closed', endReason: 'lost', queue: null });
  }

  dispose(): void {
    clearTimeout(this.verdict);
  }

  // Asking for help.

  /** Fetches the form, and whether anybody is there; then asks, or has the form filled in first. */
  private ask(): void {
    this.asking = true;
    let form: Form | null = null;
    let open = true;
    let missing = 2;
    const got = () => {
      if (--missing || !this.core.link.up || this.core.data.phase !== 'starting') return;
      const { values } = this.core.data;
      if (form && open && !isAnswered(form)) {
        this.asking = false;
        this.core.change({ phase: 'form', form });
      } else this.join(Object.fromEntries(Object.entries(values).filter(([, v]) => v).map(([k, v]) => [k, [v]])));
    };
    this.core.link.iq('get', this.workgroup, x('join-queue', { xmlns: NS.workgroup }), (el) => {
      form = readForm(child(el ?? none, 'join-queue', NS.workgroup), this.core.data.values);
      got();
    });
    this.core.link.iq('get', this.workgroup, x('query', { xmlns: 'http://jabber.org/protocol/disco#info' }), (el) => {
      const about = child(child(el ?? none, 'query'), 'x', NS.form);
      open = !children(about, 'field').some((f) => attr(f, 'var') === 'workgroup#online' && content(f).trim() === 'closed');
      got();
    });
  }

  private visitor(): string {
    const { page, language, jwt } = this.about();
    return x('visitor', {
      xmlns: NS.desk, page: page.url, referrer: page.referrer || none, title: page.title || none, language: language || none, token: jwt || none,
    });
  }

  private join(values: Record<string, string[]>): void {
    this.asking = true;
    const payload = x('join-queue', { xmlns: NS.workgroup },
      x('queue-notifications', {}), Object.keys(values).length ? submission(values) : '', this.visitor());
    this.core.link.iq('set', this.workgroup, payload, (el) => {
      this.asking = false;
      if (this.core.data.phase !== 'starting' || (!el && !this.core.link.up)) return; // asked again once there is a connection
      this.core.change({ submitted: null });
      if (!el) this.fails('error_timeout');
      else if (attr(el, 'type') === 'result') this.core.change({ phase: 'queued' });
      else this.turnedAway(el, values);
    });
  }

  private fails(error: string): void {
    this.core.change({ phase: 'failed', error, messages: [] });
  }

  /** Why join-queue was refused: docs/interface.md, B.3. */
  private turnedAway(el: Element, values: Record<string, string[]>): void {
    const error = child(el, 'error');
    const closed = child(error, 'closed', NS.desk);
    const why = condition(el);
    if (closed) {
      this.core.change({ phase: 'offline', form: null, messages: [], closedReason: attr(closed, 'reason'), opens: attr(closed, 'opens') });
      this.offlineForm();
    } else if (why === 'conflict') this.waits();
    else if (why === 'not-acceptable') this.askForm(values);
    else if (why === 'not-authorized') this.fails(child(error, 'invalid-token', NS.desk) ? 'error_identity' : 'error_refused');
    else this.fails('error_unknown');
  }

  /** He waits already, or chats: a page before this one has asked. */
  private waits(): void {
    this.core.link.iq('get', this.workgroup, x('queue-status', { xmlns: NS.workgroup }), (el) => {
      if (this.core.data.phase !== 'starting' || !el) return;
      if (attr(el, 'type') === 'result') {
        this.core.change({ phase: 'queued' });
        this.place(child(el, 'queue-status', NS.workgroup));
      } else this.fails('error_conflict');
    });
  }

  private askForm(values: Record<string, string[]>): void {
    this.core.link.iq('get', this.workgroup, x('join-queue', { xmlns: NS.workgroup }), (el) => {
      const form = readForm(child(el ?? none, 'join-queue', NS.workgroup), {});
      if (!form) {
        this.fails('error_form');
        return;
      }
      const filled = fillForm(form, values);
      this.core.change({ phase: 'form', form: filled, error: isValid(filled) ? 'error_form' : '', messages: [] });
    });
  }

  /** The question stands above the chat. */
  private question(body: string): void {
    if (this.core.data.messages.some((l) => l.from === 'visitor')) return;
    addLine(this.core, newLine({ id: id(), from: 'visitor', body, time: this.core.now(), state: 'sending' }));
  }

  private asked(): void {
    const l = this.core.data.messages.find((m) => m.from === 'visitor' && !m.wire && m.state === 'sending');
    if (l) changeLine(this.core, l.id, { state: 'delivered' });
  }

  // Messages left while nobody is there.

  private offlineForm(): void {
    this.request('get', x('leave-message', { xmlns: NS.desk }), (el) => {
      const { phase, form, values } = this.core.data;
      if (phase !== 'offline' || form) return;
      const got = readForm(child(el ?? none, 'leave-message', NS.desk), values);
      this.core.change({ form: got, error: got ? '' : 'error_leave' });
    });
  }

  private leave(): void {
    const { submitted } = this.core.data;
    if (!submitted) return;
    this.core.link.iq('set', this.workgroup, x('leave-message', { xmlns: NS.desk }, submission(submitted), this.visitor()), (el) => {
      if (this.core.data.phase !== 'offline' || (!el && !this.core.link.up)) return;
      if (el && attr(el, 'type') === 'result') this.core.change({ phase: 'left', form: null, submitted: null });
      else this.core.change({ submitted: null, error: el && condition(el) === 'not-acceptable' ? 'error_form' : 'error_leave' });
    });
  }

  // What the desk says.

  /** True if the stanza was for us. */
  message(el: Element): boolean {
    const from = bare(attr(el, 'from'));
    const invite = child(child(el, 'x', NS.user), 'invite');
    if (invite) {
      this.invited(from, attr(invite, 'from'));
      return true;
    }
    if (from !== this.workgroup || attr(el, 'type') === 'error') return from === this.workgroup;
    const conversation = child(el, 'conversation', NS.desk);
    if (conversation) this.conversation(conversation);
    const status = child(el, 'queue-status', NS.workgroup);
    if (status) this.place(status);
    const call = child(el, 'call', NS.desk);
    if (call) this.called(content(call));
    return true;
  }

  private place(status: Element | undefined): void {
    const { phase } = this.core.data;
    if (!status || (phase !== 'queued' && phase !== 'offered')) return;
    const position = Number(content(child(status, 'position'))) || 0;
    const estimate = child(status, 'time') && content(child(status, 'time'));
    this.core.change({ queue: { position, estimate: estimate ? Number(estimate) : null, waiting: position } });
    this.asked();
  }

  private conversation(c: Element): void {
    const { data } = this.core;
    const state = attr(c, 'state');
    const of = { id: attr(c, 'id'), number: attr(c, 'number') };
    const ours = isLive(data) || data.phase === 'starting';
    const mine = data.conversation?.id === of.id;
    const room = attr(c, 'room');
    const agent = attr(c, 'agent');
    this.told = true;
    if (data.parting === 'queue' && !mine) return;
    switch (state) {
      case 'queued':
      case 'offered':
        if (data.phase === 'wrapup' && mine) return; // he has ended it, and the desk doesn't know yet
        if (data.room && data.room !== room) {
          this.room.out();
          this.core.change({ room: '' });
        }
        this.core.change({ phase: state, conversation: of, agent: null, agentName: '' });
        this.asked();
        return;
      case 'connecting':
      case 'active':
      case 'agent-lost':
        if (data.phase === 'wrapup' && mine) return;
        if (state === 'connecting' && !ours && (!mine || data.phase === 'called')) {
          this.caller = { conversation: of, agentName: agent }; // he didn't ask for it: the call follows
          return;
        }
        // One that runs already was begun on another page.
        this.asked();
        this.core.change({ conversation: of, queue: null });
        this.room.named(agent);
        this.core.change({ phase: state });
        this.enter(room);
        return;
      case 'wrapup':
      case 'closed':
        if (!mine) return;
        if (data.phase === 'called') {
          this.reset();
          return;
        }
        this.core.change({ phase: state, endReason: attr(c, 'reason') || data.endReason, queue: null, conversation: of });
        this.room.giveUp();
        this.asked();
    }
  }

  private called(words: string): void {
    const { phase, parting } = this.core.data;
    if (isLive(this.core.data) || phase === 'starting' || parting) return;
    if (phase !== 'called') this.reset();
    this.core.change({ ...this.caller, phase: 'called', call: { nick: this.caller.agentName, text: words || this.core.data.call?.text || '' } });
  }

  private invited(room: string, inviter: string): void {
    const { data } = this.core;
    if (!/^c-[a-z2-7]{26}@/.test(room)) return; // no support room
    if (data.parting === 'call') { // declined already
      this.core.change({ room, inviter });
      this.part();
      return;
    }
    if (data.phase === 'wrapup' || data.parting) return;
    if (!isLive(data)) {
      this.called('');
      this.core.change({ room, inviter });
      return;
    }
    if (data.room === room && data.inside) this.room.check(); // the desk believes that we are not
    else this.enter(room);
  }

  private enter(room: string): void {
    const { data } = this.core;
    if (!room || data.phase === 'called') {
      if (room) this.core.change({ room });
      return;
    }
    if (data.room !== room || (!data.inside && !this.room.entering)) this.room.enter(room);
  }
}
