// Drives @xmpp/client, over WebSocket: it has no BOSH.
import WebSocket from 'ws';
import { client, xml } from '@xmpp/client';
import { drive, emit, describe, Session } from './driver.js';

globalThis.WebSocket ??= WebSocket; // Node has its own since version 22

const NS_MUC_USER = 'http://jabber.org/protocol/muc#user';
const NS_CHATSTATES = 'http://jabber.org/protocol/chatstates';

const session = new Session();
let xmpp;
let room = '';
let nick = '';
let joined = false;
let ids = 0;

// This library doesn't count the answers to its own requests (XEP-0198), so after a resumption it gets that many stanzas once more.
const heard = new Set();

function message(el) {
    const who = el.attrs.from.slice(el.attrs.from.indexOf('/') + 1);
    if (el.attrs.type === 'error') {
        emit('error', { text: el.toString() });
        return;
    }
    const state = el.children.find((c) => c.attrs?.xmlns === NS_CHATSTATES);
    if (state) emit('chatstate', { nick: who, state: state.name });
    const text = el.getChildText('body');
    if (text !== null) {
        const key = `${el.attrs.from} ${el.attrs.id}`;
        if (el.attrs.id && heard.has(key)) return;
        heard.add(key);
        const delayed = el.getChild('delay', 'urn:xmpp:delay') !== undefined;
        emit('message', { nick: who, text, id: el.attrs.id ?? '', delayed });
    }
}

async function presence(el) {
    if (room === '' || !el.attrs.from?.startsWith(room + '/')) return;
    const who = el.attrs.from.slice(room.length + 1);
    const type = el.attrs.type ?? 'available';
    const codes = (el.getChild('x', NS_MUC_USER)?.getChildren('status') ?? []).map((s) => s.attrs.code);
    emit('presence', { nick: who, type, self: codes.includes('110') });
    if (type === 'available' && codes.includes('110') && !joined) {
        joined = true;
        const created = codes.includes('201');
        if (created) await configure();
        emit('joined', { nick: who, created });
    }
}

// XEP-0045 §10.1.2: an instant room.
function configure() {
    return xmpp.iqCaller.request(
        xml(
            'iq',
            { type: 'set', to: room },
            xml(
                'query',
                { xmlns: 'http://jabber.org/protocol/muc#owner' },
                xml('x', { xmlns: 'jabber:x:data', type: 'submit' }),
            ),
        ),
    );
}

drive({
    // domain is the JID where there is a password, which makes it a login to an account.
    connect({ url, domain, password, mechanism }) {
        const [username] = domain.split('@');
        const account = {
            domain: domain.slice(username.length + 1),
            username,
            password,
            ...(mechanism && { credentials: (authenticate) => authenticate({ username, password }, mechanism) }),
        };
        xmpp = client({ service: url, ...(password === undefined ? { domain } : account) });
        xmpp.on('online', async (jid) => {
            await xmpp.send(xml('presence'));
            session.online(jid.toString());
        });
        xmpp.streamManagement.on('resumed', () => emit('resumed', { jid: xmpp.jid.toString() }));
        xmpp.on('disconnect', () => session.offline());
        xmpp.on('error', (err) => {
            if (err.name === 'SASLError') {
                session.close();
                emit('refused', { reason: err.condition });
                xmpp.stop();
                return;
            }
            // A lost connection and a server that stops are errors to this library, then it connects again.
            const lost = ['ECONNERROR', 'ECONNRESET', 'ECONNREFUSED'].includes(err.code);
            if (!lost && err.condition !== 'system-shutdown') emit('error', { text: describe(err) });
        });
        xmpp.on('stanza', (el) => {
            if (el.is('message')) message(el);
            if (el.is('presence')) presence(el).catch((err) => emit('error', { text: describe(err) }));
        });
        xmpp.start().catch((err) => err.name === 'SASLError' || emit('error', { text: describe(err) }));
    },
    async join(args) {
        ({ room, nick } = args);
        joined = false;
        await xmpp.send(
            xml(
                'presence',
                { to: `${room}/${nick}` },
                xml('x', { xmlns: 'http://jabber.org/protocol/muc' }, xml('history', { maxstanzas: '0' })),
            ),
        );
    },
    send({ text }) {
        const id = `xmppjs-${++ids}`;
        return xmpp.send(xml('message', { to: room, type: 'groupchat', id }, xml('body', {}, text)));
    },
    typing: ({ state }) =>
        xmpp.send(xml('message', { to: room, type: 'groupchat' }, xml(state, { xmlns: NS_CHATSTATES }))),
    leave: () => xmpp.send(xml('presence', { to: `${room}/${nick}`, type: 'unavailable' })),
    async close() {
        session.close();
        await xmpp.stop();
    },
});
