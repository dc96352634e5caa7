// Drives Strophe.js as a visitor who asks for help: XEP-0142's user side and our own stanzas (docs/interface.md B.3),
// the invitation followed as any MUC client does, the connection taken up again with the visitor's token (B.1).
import { request } from 'node:http';
import { DOMParser } from '@xmldom/xmldom';
import WebSocket from 'ws';
import { Strophe, $iq, $msg, $pres } from 'strophe.js';
import { drive, emit, Session } from './driver.js';

// What Strophe wants for BOSH; Node has none.
globalThis.XMLHttpRequest = class {
    readyState = 0;
    status = 0;
    responseText = '';
    #request;
    #aborted = false;
    #headers = {};

    open(method, url) {
        Object.assign(this, { method, url, readyState: 1 });
    }
    setRequestHeader(name, value) {
        this.#headers[name] = value;
    }
    overrideMimeType() {}
    getAllResponseHeaders() {
        return '';
    }
    abort() {
        this.#aborted = true;
        this.#request?.destroy();
    }
    send(body) {
        const answer = (status, text) => {
            if (this.#aborted) return;
            const xml = text && new DOMParser().parseFromString(text, 'text/xml'); // Strophe parses no text itself
            Object.assign(this, { status, responseText: text, responseXML: xml || null, readyState: 4 });
            this.onreadystatechange?.();
        };
        this.#request = request(this.url, { method: this.method, headers: this.#headers }, (res) => {
            let text = '';
            res.setEncoding('utf8');
            res.on('data', (part) => (text += part));
            res.on('end', () => answer(res.statusCode, text));
            res.on('error', () => answer(0, '')); // as a browser tells that there was no answer
        });
        this.#request.on('error', () => answer(0, ''));
        this.#request.end(body);
    }
};

globalThis.WebSocket = class extends WebSocket {
    constructor(...args) {
        super(...args);
        this.on('error', () => {}); // as in strophe.js
    }
};

const NS_WORKGROUP = 'http://jabber.org/protocol/workgroup';
const NS_DESK = 'urn:usher:desk:0';
const NS_TOKEN = 'urn:usher:token:0';
const NS_USER = 'http://jabber.org/protocol/muc#user';
const NS_STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';

const session = new Session();
let conn, url, domain;
let jid = '';
let token = '';
let follow = true;
let ids = 0;
const rooms = new Map(); // nick by room

class UsherToken extends Strophe.SASLMechanism {
    constructor() {
        super('X-USHER-TOKEN', true, 90);
    }
    test() {
        return token !== '';
    }
    onChallenge() {
        return token;
    }
}

const children = (el, name, ns) =>
    Array.from(el?.childNodes ?? []).filter((c) => c.localName === name && (!ns || c.namespaceURI === ns));
const child = (el, name, ns) => children(el, name, ns)[0];
const bare = (jid) => Strophe.getBareJidFromJid(jid ?? '') ?? '';
const text = (el) => el?.textContent ?? '';

function connect() {
    const mine = new Strophe.Connection(url, { keepalive: true, mechanisms: [Strophe.SASLAnonymous, UsherToken] });
    conn = mine;
    login(mine);
}

function login(mine) {
    // Before it connects: what waits for him comes right behind the answer to bind, with BOSH in the same body.
    for (const name of ['message', 'presence', 'iq']) mine.addHandler((el) => (handlers[name](el), true), null, name);
    mine.connect(domain, '', (status, condition) => {
        const { Status } = Strophe;
        if (mine !== conn) return; // another page has gone on
        if (status === Status.CONNECTED) {
            // With the same full JID he is still in his rooms; with another one the desk invites him again.
            if (conn.jid !== jid) rooms.clear();
            jid = conn.jid;
            conn.send($pres());
            // Asked for at each login: the old one is good for a minute more only.
            ask('get', null, (iq) => iq.c('token', { xmlns: NS_TOKEN }), 'token', (el) => {
                token = text(child(el, 'token', NS_TOKEN));
                session.online(conn.jid);
            });
        } else if (status === Status.AUTHFAIL || status === Status.ERROR) {
            if (condition !== 'system-shutdown') emit('error', { text: `status ${status}: ${condition}` });
        } else if (status === Status.DISCONNECTED) {
            session.offline();
            if (!session.closing) {
                conn.reset();
                setTimeout(() => mine === conn && login(mine), 300);
            }
        }
    });
}

// ask sends a request; its answer is one event of that kind, unless done takes a result.
function ask(type, to, build, kind, done) {
    const iq = $iq({ type, ...(to ? { to } : {}) });
    build(iq);
    conn.sendIQ(
        iq,
        (el) => (done ? done(el) : emit(kind, { type: 'result' })),
        (el) => {
            if (el === null) return; // the stream has ended
            const error = child(el, 'error');
            const ours = Array.from(error?.childNodes ?? []).find((c) => c.namespaceURI === NS_DESK);
            emit(kind, {
                type: 'error',
                state: Array.from(error?.childNodes ?? []).find((c) => c.namespaceURI === NS_STANZAS && c.localName !== 'text')?.localName,
                id: error?.getAttribute('code') ?? '',
                reason: ours?.getAttribute('reason') ?? '',
                names: ours ? [ours.localName] : [],
                fields: fields(el),
            });
        },
    );
}

// fields reads the form in a stanza: var to label or value.
function fields(el) {
    const form = el.getElementsByTagNameNS('jabber:x:data', 'x')[0];
    const all = {};
    for (const f of children(form, 'field')) all[f.getAttribute('var')] = text(child(f, 'value')) || f.getAttribute('label') || '';
    return all;
}

function submit(iq, values) {
    iq.c('x', { xmlns: 'jabber:x:data', type: 'submit' });
    for (const [name, value] of Object.entries(values)) iq.c('field', { var: name }).c('value').t(value).up().up();
    return iq.up();
}

const handlers = {
    message(el) {
        const from = el.getAttribute('from') ?? '';
        const type = el.getAttribute('type');
        const id = el.getAttribute('id') ?? '';
        if (type === 'error') {
            const error = child(el, 'error');
            emit('refused', { from, id, state: Array.from(error?.childNodes ?? []).find((c) => c.namespaceURI === NS_STANZAS)?.localName });
            return;
        }
        const invite = child(child(el, 'x', NS_USER), 'invite');
        if (invite) {
            emit('invited', { room: from, from: invite.getAttribute('from') ?? '', text: text(child(invite, 'reason')) });
            if (follow) handlers.follow(from);
        }
        const conversation = child(el, 'conversation', NS_DESK);
        if (conversation) {
            const get = (name) => conversation.getAttribute(name) ?? '';
            emit('conversation', {
                from: bare(from), id: get('id'), number: Number(get('number')), state: get('state'), agent: get('agent'),
                room: get('room'), reason: get('reason'),
            });
        }
        const status = child(el, 'queue-status', NS_WORKGROUP);
        if (status) emit('queue', { from: bare(from), ...place(status) });
        if (child(el, 'depart-queue', NS_WORKGROUP)) emit('departed', { from: bare(from) });
        const call = child(el, 'call', NS_DESK);
        if (call) emit('call', { from: bare(from), id: call.getAttribute('conversation') ?? '', text: text(call) });
        const body = child(el, 'body');
        if (!body || child(el, 'subject')) return;
        const nick = Strophe.getResourceFromJid(from) ?? '';
        const delayed = child(el, 'delay', 'urn:xmpp:delay') !== undefined;
        if (type === 'groupchat') emit('message', { room: bare(from), nick, text: text(body), id, delayed });
        else if (rooms.has(bare(from))) emit('pm', { room: bare(from), nick, text: text(body), delayed });
        else emit('chat', { from: bare(from), text: text(body), id });
    },

    presence(el) {
        const from = el.getAttribute('from') ?? '';
        const room = bare(from);
        if (!rooms.has(room)) return;
        const type = el.getAttribute('type') ?? 'available';
        const nick = Strophe.getResourceFromJid(from) ?? '';
        if (type === 'error') {
            const error = child(el, 'error');
            emit('refused', { room, nick, state: error?.firstElementChild?.localName ?? error?.firstChild?.localName });
            return;
        }
        const x = child(el, 'x', NS_USER);
        const names = children(x, 'status').map((s) => s.getAttribute('code'));
        const self = names.includes('110');
        if (self && type === 'available') {
            rooms.set(room, nick); // as the edge has set it
            emit('joined', { room, nick });
        }
        emit('presence', { room, nick, type, self, names, reason: child(x, 'destroy') ? 'destroyed' : '' });
    },

    iq(el) {
        const type = el.getAttribute('type');
        if (type === 'result' || type === 'error') return;
        conn.send(
            $iq({ type: 'error', id: el.getAttribute('id'), to: el.getAttribute('from') })
                .c('error', { type: 'cancel' })
                .c('service-unavailable', { xmlns: NS_STANZAS }),
        );
    },

    follow(room, nick = 'me') {
        if (!rooms.has(room)) rooms.set(room, nick);
        conn.send($pres({ to: `${room}/${nick}` }).c('x', { xmlns: 'http://jabber.org/protocol/muc' }));
    },
};

const place = (el) => ({ position: Number(text(child(el, 'position'))), seconds: Number(text(child(el, 'time'))) });

drive({
    connect(args) {
        ({ url, domain } = args);
        Strophe.setLogLevel(Strophe.LogLevel.FATAL);
        connect();
    },
    // A page load, to another transport perhaps: a connection of its own, which begins with the token and nothing else. The rooms
    // are joined again, as a page does that shows them anew.
    reload(args) {
        ({ url } = args);
        const old = conn;
        connect();
        old._proto._abortAllRequests?.();
        old._proto.socket?.terminate?.();
    },
    follow: (args) => void (follow = args.follow),
    join: ({ room, nick }) => handlers.follow(room, nick),

    ask({ to, form, visitor, updates }) {
        ask('set', to, (iq) => {
            iq.c('join-queue', { xmlns: NS_WORKGROUP });
            if (updates) iq.c('queue-notifications').up();
            if (form) submit(iq, form);
            if (visitor) iq.c('visitor', { xmlns: NS_DESK, ...visitor }).up();
        }, 'asked');
    },
    form: ({ to }) =>
        ask('get', to, (iq) => iq.c('join-queue', { xmlns: NS_WORKGROUP }), 'form', (el) => emit('form', { fields: fields(el) })),
    place: ({ to }) =>
        ask('get', to, (iq) => iq.c('queue-status', { xmlns: NS_WORKGROUP }), 'place', (el) =>
            emit('place', { type: 'result', ...place(child(el, 'queue-status', NS_WORKGROUP)) }),
        ),
    depart: ({ to }) => ask('set', to, (iq) => iq.c('depart-queue', { xmlns: NS_WORKGROUP }), 'depart'),
    offlineForm: ({ to }) =>
        ask('get', to, (iq) => iq.c('leave-message', { xmlns: NS_DESK }), 'form', (el) => emit('form', { fields: fields(el) })),
    leaveMessage: ({ to, form }) =>
        ask('set', to, (iq) => submit(iq.c('leave-message', { xmlns: NS_DESK }), form), 'left', (el) =>
            emit('left', { type: 'result', id: child(el, 'leave-message', NS_DESK)?.getAttribute('id') ?? '' }),
        ),
    rate: ({ to, conversation, value, text: words }) =>
        ask('set', to, (iq) => iq.c('rating', { xmlns: NS_DESK, conversation, value: String(value) }).t(words ?? ''), 'rated'),
    info: ({ of }) =>
        ask('get', of, (iq) => iq.c('query', { xmlns: Strophe.NS.DISCO_INFO }), 'info', (el) =>
            emit('info', {
                type: 'result',
                names: Array.from(el.getElementsByTagName('feature')).map((f) => f.getAttribute('var')),
                fields: fields(el),
            }),
        ),

    chat: ({ to, text: body }) => conn.send($msg({ to, type: 'chat', id: `visitor-${++ids}` }).c('body').t(body)),
    say: ({ room, text: body }) => conn.send($msg({ to: room, type: 'groupchat', id: `visitor-${++ids}` }).c('body').t(body)),
    leave: ({ room }) => conn.send($pres({ to: `${room}/${rooms.get(room)}`, type: 'unavailable' })),
    decline: ({ room, from }) =>
        conn.send($msg({ to: room }).c('x', { xmlns: NS_USER }).c('decline', { to: from }).c('reason').t('not now')),
    close() {
        session.close();
        conn.disconnect('bye');
    },
});
