// Converse.js as a site would set it up for anonymous visitors. It connects
// again by itself, with a session of its own, so its rooms have to be opened again.
import '/node_modules/converse.js/dist/converse.min.js'; // sets window.converse
import { emit, Session } from './session.js';

const NS_MUC_USER = 'http://jabber.org/protocol/muc#user';
const session = new Session();
let api;
let room;
let roomJID = '';
let created = false;

function online() {
    const conn = api.connection.get();
    conn.addHandler((el) => (presence(el), true), null, 'presence');
    session.online(conn.jid);
}

function presence(el) {
    const from = el.getAttribute('from') ?? '';
    if (roomJID === '' || !from.startsWith(roomJID + '/')) return;
    const x = Array.from(el.children).find((c) => c.namespaceURI === NS_MUC_USER);
    const codes = Array.from(x?.getElementsByTagName('status') ?? [], (s) => s.getAttribute('code'));
    if (codes.includes('201')) created = true;
    emit('presence', {
        nick: from.slice(roomJID.length + 1),
        type: el.getAttribute('type') ?? 'available',
        self: codes.includes('110'),
    });
}

window.converse.plugins.add('driver', {
    initialize() {
        const { _converse } = this;
        api = _converse.api;
        api.listen.on('connected', online);
        let closed = Promise.resolve();
        api.listen.on('will-reconnect', () => {
            // It closes its rooms now, and may be back before it is done with that.
            const { chatboxes } = _converse.state;
            closed = chatboxes.get(roomJID) ? new Promise((done) => chatboxes.once('remove', done)) : Promise.resolve();
            session.offline();
        });
        api.listen.on('reconnected', () => closed.then(online));
        api.listen.on('disconnected', () => session.offline());
        api.listen.on('message', ({ attrs }) => {
            if (attrs.type === 'error') emit('error', { text: JSON.stringify(attrs) });
            if (attrs.chat_state) emit('chatstate', { nick: attrs.nick, state: attrs.chat_state });
            if (attrs.body) {
                emit('message', { nick: attrs.nick, text: attrs.body, id: attrs.msgid, delayed: attrs.is_delayed });
            }
        });
        api.listen.on('enteredNewRoom', (entered) => emit('joined', { nick: entered.get('nick'), created }));
    },
});

// entered is the room once what is said there is sent: on a busy machine Converse.js may say twice that it is in, and between the two
// it drops each message with a warning.
async function entered() {
    const model = await room;
    while (!model.isEntered()) await new Promise((changed) => model.session.once('change:connection_status', changed));
    return model;
}

window.driver = {
    // domain is the JID where there is a password, which makes it a login to an account.
    connect({ url, transport, domain, password }) {
        const service = transport === 'ws' ? { websocket_url: url } : { bosh_service_url: url };
        window.converse.initialize({
            ...service,
            assets_path: '/node_modules/converse.js/dist/',
            authentication: password === undefined ? 'anonymous' : 'login',
            auto_login: true,
            jid: domain,
            password,
            discover_connection_methods: false,
            view_mode: 'fullscreen',
            muc_instant_rooms: true,
            // A nickname registered by an owner who never returns would be lost to everybody, himself included.
            auto_register_muc_nickname: false,
            muc_history_max_stanzas: 0,
            whitelisted_plugins: ['driver'],
            // After a new login it may look for a room that Converse.js has just taken off its list, and throw.
            blacklisted_plugins: ['converse-notification'],
            loglevel: 'warn',
            i18n: 'en',
            play_sounds: false,
            show_desktop_notifications: false,
        });
    },
    async join({ room: jid, nick }) {
        roomJID = jid;
        created = false;
        room = api.rooms.open(jid, { nick }); // which may say that he is in before it is done
        await room;
    },
    send: async ({ text }) => void (await (await entered()).sendMessage({ body: text })),
    typing: async ({ state }) => void (await room).setChatState(state),
    leave: async () => void (await (await room).close()),
    async close() {
        session.close();
        await api.user.logout();
    },
};
window.driverReady = true;
