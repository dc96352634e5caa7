// One room, over WebSocket or BOSH. Nothing here knows of Usher: any XMPP
// server with anonymous login and a MUC service would do.
import { Strophe, $iq, $msg, $pres } from './strophe.js';

const MUC = 'http://jabber.org/protocol/muc';
const USER = MUC + '#user';
const STATES = 'http://jabber.org/protocol/chatstates';
const SERVICE = 'conference.localhost';

Strophe.setLogLevel(Strophe.LogLevel.WARN);

const $ = (id) => document.getElementById(id);
const door = $('door'), room = $('room'), log = $('log');
const gateway = document.body.dataset;

let visit = null; // the visit under way, from Join to Leave

class Visit {
  constructor({ nick, room, transport, site }) {
    Object.assign(this, { nick, transport, site });
    this.room = `${room.toLowerCase()}@${SERVICE}`;
    this.people = new Set();
    this.typing = new Set();
    this.seen = new Set(); // what is shown already: nick and id of each message
    this.pending = new Map(); // own messages whose copy has not come back: id -> {text, item}
    this.last = ''; // when the last message came, to ask for what was missed
    this.tries = 0;
    this.wasIn = false;
    this.over = false;
  }

  connect() {
    say(this.tries ? 'reconnecting…' : 'connecting…', this.tries > 0);
    this.joined = false;
    const url = this.transport === 'ws' ? gateway.ws + '/xmpp-websocket' : gateway.http + '/http-bind';
    const conn = (this.conn = new Strophe.Connection(url));
    conn.connect(this.site, '', (status, condition) => conn === this.conn && this.status(status, condition));
  }

  status(status, condition) {
    const S = Strophe.Status;
    if (condition) this.why = condition;
    if (status === S.CONNECTED) {
      $('me').textContent = this.conn.jid;
      this.conn.addHandler((el) => this.presence(el), null, 'presence');
      this.conn.addHandler((el) => this.message(el), null, 'message');
      this.enter();
    } else if (status === S.AUTHFAIL) {
      this.refuse('The gateway refused the login: ' + condition);
    } else if (status === S.DISCONNECTED && !this.over) {
      this.joined = false;
      this.people.clear();
      this.typing.clear();
      show();
      if (this.why === 'host-unknown' || this.why === 'policy-violation') return this.refuse('The gateway refused: ' + this.why);
      const wait = Math.min(15, 2 ** this.tries++);
      say(`connection lost${this.why ? ` (${this.why})` : ''}, trying again in ${wait} s`, true);
      this.timer = setTimeout(() => this.connect(), wait * 1000);
    }
  }

  enter() {
    const join = $pres({ to: `${this.room}/${this.nick}` }).c('x', { xmlns: MUC });
    join.c('history', this.last ? { since: this.last } : { maxstanzas: '20' });
    this.conn.send(join);
  }

  presence(el) {
    const from = el.getAttribute('from') || '';
    if (Strophe.getBareJidFromJid(from) !== this.room) return true;
    const nick = Strophe.getResourceFromJid(from) || '';
    const type = el.getAttribute('type');
    const codes = [...el.getElementsByTagName('status')].map((s) => s.getAttribute('code'));
    if (type === 'error') {
      if (this.joined) return true;
      const taken = child(el, 'error')?.getElementsByTagName('conflict').length > 0;
      // After a cut the room may still know the one who was cut off by his name.
      if (taken && this.wasIn && this.nick.length < 60) {
        this.nick += '_';
        this.enter();
      } else this.refuse(taken ? `Somebody called ${this.nick} is in that room already.` : 'The room refused: ' + condition(el));
      return true;
    }
    if (type === 'unavailable') {
      this.people.delete(nick);
      this.typing.delete(nick);
      if (codes.includes('110') && this.joined && !this.over) {
        this.joined = false;
        if (codes.includes('307') || codes.includes('301')) this.refuse('You were put out of the room.');
        else {
          say('the room went away, entering again…', true);
          this.timer = setTimeout(() => this.conn.connected && this.enter(), 2000);
        }
      }
    } else {
      this.people.add(nick);
      if (codes.includes('201')) this.open();
      if (codes.includes('110')) this.arrived(nick);
    }
    show();
    return true;
  }

  // A room that did not exist stays locked until its form is sent (XEP-0045 §10.1.2).
  open() {
    const form = $iq({ to: this.room, type: 'set', id: this.conn.getUniqueId('open') })
      .c('query', { xmlns: MUC + '#owner' }).c('x', { xmlns: 'jabber:x:data', type: 'submit' });
    this.conn.sendIQ(form, null, (el) => this.refuse('The room could not be opened: ' + (el ? condition(el) : 'no answer')));
  }

  arrived(nick) {
    this.nick = nick;
    this.joined = this.wasIn = true;
    this.tries = 0;
    this.why = '';
    say(`over ${this.transport === 'ws' ? 'WebSocket' : 'BOSH'}, at ${this.site}`);
    if (door.hidden) return;
    door.hidden = true;
    room.hidden = false;
    $('refusal').hidden = true;
    $('title').textContent = Strophe.getNodeFromJid(this.room);
    $('say').text.focus();
  }

  message(el) {
    const from = el.getAttribute('from') || '';
    const type = el.getAttribute('type');
    const id = el.getAttribute('id') || '';
    if (type === 'error' && this.pending.has(id)) return this.failed(id, condition(el));
    const link = el.getElementsByTagNameNS('urn:usher:link:0', 'link')[0];
    if (link) {
      const down = link.getAttribute('state') === 'down';
      say(down ? 'the server behind the gateway is away; waiting for it' : 'the server is back', down);
      return true;
    }
    if (type !== 'groupchat' || Strophe.getBareJidFromJid(from) !== this.room) return true;
    const nick = Strophe.getResourceFromJid(from);
    const body = child(el, 'body');
    if (!nick || !body) {
      if (nick && nick !== this.nick) this.state(nick, el);
      // The subject ends the history (XEP-0045 §7.2.15): what has no copy by now did not arrive.
      if (child(el, 'subject') && !body) this.resend();
      return true;
    }
    this.typing.delete(nick);
    const delay = child(el, 'delay');
    this.last = delay?.getAttribute('stamp') || new Date().toISOString();
    const key = nick + '/' + id;
    if (id && this.seen.has(key)) return true;
    if (id) this.seen.add(key);
    const own = this.pending.get(id);
    if (own) {
      own.item.classList.remove('pending');
      this.pending.delete(id);
    } else {
      write(nick, body.textContent, nick === this.nick ? 'mine' : '', delay && new Date(this.last));
    }
    show();
    return true;
  }

  state(nick, el) {
    if (child(el, 'composing')) this.typing.add(nick);
    else this.typing.delete(nick);
    show();
  }

  failed(id, text) {
    const { item } = this.pending.get(id);
    this.pending.delete(id);
    item.classList.replace('pending', 'failed');
    item.append(small('not delivered: ' + text));
    return true;
  }

  say(text) {
    const id = crypto.randomUUID();
    this.pending.set(id, { text, item: write(this.nick, text, 'mine pending') });
    this.sendState(null);
    if (this.joined) this.transmit(id, text);
  }

  transmit(id, text) {
    this.conn.send($msg({ to: this.room, type: 'groupchat', id }).c('body').t(text).up()
      .c('active', { xmlns: STATES }).up().c('origin-id', { xmlns: 'urn:xmpp:sid:0', id }));
  }

  resend() {
    for (const [id, { text }] of this.pending) this.transmit(id, text);
  }

  // Typing states: composing at the first key, paused after 4 s without one (XEP-0085).
  sendState(state) {
    clearTimeout(this.pauseTimer);
    if (state === 'composing') this.pauseTimer = setTimeout(() => this.sendState('paused'), 4000);
    if (state === this.own || (state === 'paused' && this.own !== 'composing')) return;
    this.own = state;
    if (!state || !this.joined) return;
    this.conn.send($msg({ to: this.room, type: 'groupchat', id: this.conn.getUniqueId('state') })
      .c(state, { xmlns: STATES }).up().c('no-store', { xmlns: 'urn:xmpp:hints' }));
  }

  refuse(text) {
    this.leave();
    $('refusal').textContent = text;
    $('refusal').hidden = false;
  }

  leave() {
    this.over = true;
    clearTimeout(this.timer);
    clearTimeout(this.pauseTimer);
    if (this.conn?.connected) {
      if (this.joined) this.conn.send($pres({ to: `${this.room}/${this.nick}`, type: 'unavailable' }));
      this.conn.flush();
    }
    this.conn?.disconnect('left');
    visit = null;
    room.hidden = true;
    door.hidden = false;
    log.replaceChildren();
    $('people').replaceChildren();
    $('me').textContent = 'nobody yet';
    for (const b of $('join').querySelectorAll('button')) b.disabled = false;
  }
}

const child = (el, name) => [...el.children].find((c) => c.localName === name);

function condition(el) {
  const error = child(el, 'error');
  const text = error && child(error, 'text');
  return text?.textContent || error?.firstElementChild?.localName || 'unknown error';
}

function small(text) {
  const el = document.createElement('small');
  el.textContent = text;
  return el;
}

function write(nick, text, kind, when) {
  const item = document.createElement('li');
  item.className = kind;
  const time = (when || new Date()).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  item.append(small(`${nick}, ${time}`), text);
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  log.append(item);
  if (atEnd || kind.includes('mine')) log.scrollTop = log.scrollHeight;
  return item;
}

function say(text, bad) {
  $('state').textContent = text;
  $('state').classList.toggle('bad', Boolean(bad));
}

function show() {
  if (!visit) return;
  $('people').replaceChildren(...[...visit.people].sort().map((nick) => {
    const item = document.createElement('li');
    item.textContent = nick === visit.nick ? nick + ' (you)' : nick;
    return item;
  }));
  const names = [...visit.typing];
  $('typing').textContent = names.length ? `${names.join(', ')} ${names.length > 1 ? 'are' : 'is'} typing…` : '';
}

$('join').addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target;
  const values = Object.fromEntries(new FormData(form, event.submitter));
  for (const k in values) values[k] = values[k].trim();
  sessionStorage.setItem('visit', JSON.stringify(values));
  $('refusal').hidden = true;
  for (const b of form.querySelectorAll('button')) b.disabled = true;
  visit = new Visit(values);
  visit.connect();
});
$('say').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = event.target.text.value.trim();
  if (!text || !visit) return;
  event.target.text.value = '';
  visit.say(text);
});
$('say').text.addEventListener('input', (event) => visit?.sendState(event.target.value ? 'composing' : 'active'));
$('leave').addEventListener('click', () => visit?.leave());
addEventListener('pagehide', () => visit?.leave());

const saved = JSON.parse(sessionStorage.getItem('visit') || 'null') || { nick: 'Guest ' + Math.floor(100 + Math.random() * 900) };
for (const [name, value] of Object.entries(saved)) {
  const field = $('join').elements.namedItem(name);
  if (field) field.value = value;
}
