// Drives stanza, over WebSocket or BOSH, with its own reconnect on. After one it joins its rooms again by itself.
import { createRequire } from 'node:module';
import { drive, emit, describe, Session } from './driver.js';

const XMPP = createRequire(import.meta.url)('stanza');

const session = new Session();
let client;
let room = '';
let nick = '';

// ordered hands a transport for BOSH its answers in the order of its requests, which XEP-0124 §14.2 asks of the client and stanza
// leaves to chance: on a busy machine the later of two may be read first.
function ordered(transport) {
    let last = Promise.resolve();
    for (const channel of transport.channels) {
        const send = channel.send.bind(channel);
        channel.send = (rid, body) => {
            const before = last;
            const answer = send(rid, body);
            last = Promise.allSettled([before, answer]);
            return before.then(() => answer);
        };
    }
    return transport;
}

drive({
    connect({ url, transport, domain }) {
        const ours = transport === 'ws' ? 'websocket' : 'bosh';
        client = XMPP.createClient({
            server: domain,
            jid: domain,
            credentials: {},
            transports: { websocket: false, bosh: false, [ours]: url },
            autoReconnect: true,
        });
        const BOSH = client.transports.bosh;
        client.transports.bosh = function (...args) {
            return ordered(new BOSH(...args));
        };
        client.on('session:started', async () => {
            client.sendPresence();
            session.online(client.jid);
            try {
                await client.getRoster(); // what the documentation tells applications to do first
            } catch (err) {
                emit('error', { text: 'roster: ' + describe(err) });
            }
        });
        client.on('stream:management:resumed', () => emit('resumed', { jid: client.jid }));
        client.on('disconnected', () => session.offline());
        client.on('stream:error', (err) => {
            if (err.condition !== 'system-shutdown') emit('error', { text: describe(err) }); // then it connects again
        });
        client.on('auth:failed', () => emit('error', { text: 'login refused' }));
        client.on('message', (m) => {
            const who = m.from.slice(m.from.indexOf('/') + 1);
            if (m.type === 'error') emit('error', { text: describe(m) });
            if (m.chatState) emit('chatstate', { nick: who, state: m.chatState });
            if (m.body !== undefined && m.type === 'groupchat') {
                emit('message', { nick: who, text: m.body, id: m.id ?? '', delayed: m.delay !== undefined });
            }
        });
        client.on('presence', (p) => {
            if (room === '' || !p.from?.startsWith(room + '/')) return;
            const self = p.muc?.statusCodes?.includes('110') ?? false;
            emit('presence', { nick: p.from.slice(room.length + 1), type: p.type ?? 'available', self });
        });
        client.on('muc:join', async (p) => {
            const created = p.muc.statusCodes?.includes('201') ?? false;
            try {
                if (created) await client.configureRoom(room, { type: 'submit' }); // an instant room
                emit('joined', { nick: p.from.slice(room.length + 1), created });
            } catch (err) {
                emit('error', { text: 'owner form: ' + describe(err) });
            }
        });
        client.connect();
    },
    async join(args) {
        ({ room, nick } = args);
        await client.joinRoom(room, nick, { muc: { history: { maxStanzas: 0 } } });
    },
    send: ({ text }) => void client.sendMessage({ to: room, type: 'groupchat', body: text }),
    typing: ({ state }) => void client.sendMessage({ to: room, type: 'groupchat', chatState: state }),
    leave: async () => void (await client.leaveRoom(room, nick)),
    async close() {
        session.close();
        await client.disconnect();
    },
});
