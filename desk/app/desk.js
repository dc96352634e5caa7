// The agents' page: Converse.js, set up for Usher's support desk. What is the desk's own is in the plugin below: offers have
// buttons, rooms open when the workgroup invites, its words are a click away, and the title tells what is unread.
import './converse/converse.min.js'; // sets window.converse

const { converse } = window;
const NS_RESPONSE = 'urn:xmpp:tmp:quick-response'; // XEP-0439
const probeTime = 6000; // milliseconds for a WebSocket to open

const bareOf = (jid) => jid.split('/')[0];
const domainOf = (jid) => bareOf(jid).split('@').pop();

const trouble = (text) => {
    const el = document.getElementById('desk-trouble');
    el.textContent = text;
    el.hidden = text === '';
};

// Changes what an element of Converse.js shows, before it is first drawn.
const redraw = (name, change) => {
    const now = customElements.get(name);
    if (now) change(now.prototype);
    else customElements.whenDefined(name).then((later) => change(later.prototype));
};

// Whether a WebSocket gets through: proxies and company networks block some.
const opens = (url) =>
    new Promise((done) => {
        const socket = new WebSocket(url, 'xmpp');
        const timer = setTimeout(() => end(false), probeTime);
        const end = (ok) => {
            clearTimeout(timer);
            socket.onopen = socket.onerror = socket.onclose = null;
            socket.close();
            done(ok);
        };
        socket.onopen = () => end(true);
        socket.onerror = socket.onclose = () => end(false);
    });

const plugin = (config) => ({
    dependencies: ['converse-chat', 'converse-muc', 'converse-roster', 'converse-disco'],

    initialize() {
        const { _converse } = this;
        const { api } = _converse;
        const { html } = converse.env;

        // A workgroup is what is at the desk's domain and says that it's one; that domain is the edge's, so nobody else can say it.
        const known = new Map();
        const isWorkgroup = (jid) => {
            const bare = bareOf(jid);
            if (!bare.includes('@') || domainOf(bare) !== config.desk) return Promise.resolve(false);
            if (!known.has(bare)) {
                const asked = api.disco
                    .getIdentity('collaboration', 'workgroup', bare)
                    .then((identity) => Boolean(identity))
                    .catch(() => false);
                known.set(bare, asked);
                asked.then((yes) => {
                    if (yes) workgroups.add(bare);
                    else known.delete(bare); // it may not have been there yet
                });
            }
            return known.get(bare);
        };
        const workgroups = new Set();

        const say = async (jid, word) => {
            const chat = await api.chats.open(jid);
            return chat.sendMessage({ body: word });
        };

        // Offers: their answers as buttons, until one is given or the offer is over, which corrects the message.
        api.listen.on('parseMessage', (stanza, attrs) => {
            if (domainOf(stanza.getAttribute('from') ?? '') !== config.desk) return attrs;
            const responses = Array.from(stanza.children)
                .filter((c) => c.localName === 'response' && c.namespaceURI === NS_RESPONSE && c.getAttribute('value'))
                .map((c) => ({ value: c.getAttribute('value'), label: c.getAttribute('label') || c.getAttribute('value') }));
            return responses.length > 0 ? { ...attrs, desk_responses: responses } : attrs;
        });
        const answer = (model, value) => {
            model.save({ desk_answer: value });
            say(model.get('from'), value);
        };
        const responses = (model) => {
            const offered = model.get('desk_responses');
            if (!offered || model.get('edited') || model.get('sender') === 'me') return '';
            const given = model.get('desk_answer');
            return html`<div class="desk-responses" role="group" aria-label="Answers">
                ${offered.map(
                    ({ value, label }, i) =>
                        html`<button
                            type="button"
                            class="btn ${i === 0 ? 'btn-primary' : 'btn-secondary'}"
                            ?disabled=${given !== undefined}
                            aria-pressed=${given === value ? 'true' : 'false'}
                            @click=${() => answer(model, value)}
                        >
                            ${label}
                        </button>`,
                )}
            </div>`;
        };
        redraw('converse-chat-message', (message) => {
            const { renderMessageText } = message;
            message.renderMessageText = function () {
                return html`${renderMessageText.call(this)}${responses(this.model)}`;
            };
        });
        // The originals have images and links to elsewhere.
        redraw('converse-controlbox-navbar', (bar) => {
            bar.render = () => '';
        });
        redraw('converse-brand-logo', (logo) => {
            logo.render = () => html`<h1 class="desk-brand">Support desk</h1>`;
        });
        redraw('converse-footer', (footer) => {
            footer.render = () => html`<p class="desk-footer">Made with <a href="converse/LICENSE.txt">Converse.js</a></p>`;
        });

        // The workgroup's words, above the message field.
        const commands = (jid) => {
            const dialog = document.createElement('dialog');
            dialog.className = 'desk-commands';
            dialog.setAttribute('aria-label', 'Commands');
            const close = document.createElement('button');
            close.type = 'button';
            close.className = 'btn btn-secondary';
            close.textContent = 'Close';
            close.onclick = () => dialog.close();
            const header = document.createElement('header');
            const title = document.createElement('h2');
            title.textContent = 'Commands';
            header.append(title, close);
            const list = document.createElement('converse-adhoc-commands');
            list.jid = jid;
            dialog.append(header, list);
            dialog.onclose = () => dialog.remove();
            (document.querySelector('converse-root') ?? document.body).append(dialog); // where the theme is
            dialog.showModal();
            list.updateComplete.then(() => {
                const form = list.querySelector('form');
                const submit = () => form.requestSubmit();
                const field = form.querySelector('converse-autocomplete');
                (field?.updateComplete ?? Promise.resolve()).then(submit);
            });
        };
        const button = (label, title, act) =>
            html`<button type="button" title=${title} @click=${(ev) => (ev.preventDefault(), act())}>${label}</button>`;
        const group = (buttons) => html`<div class="desk-words" role="group" aria-label="Support desk">${buttons}</div>`;
        api.listen.on('getToolbarButtons', (toolbar, buttons) => {
            const jid = toolbar.model.get('jid');
            if (workgroups.has(jid)) {
                const word = (label, what, title) => button(label, title, () => say(jid, what));
                buttons.push(
                    group([
                        word('List', 'list', 'Chats that run or wait'),
                        word('Visitors', 'who', 'Who is on the site'),
                        word('Pause', 'pause', 'No more offers'),
                        word('Resume', 'resume', 'Take offers again'),
                        word('Help', 'help', 'All words'),
                        button('Commands…', 'Forms for all that the words do', () => commands(jid)),
                    ]),
                );
            } else if (toolbar.is_groupchat && rooms.has(jid)) {
                const word = (label, what, title) => button(label, title, () => toolbar.model.sendMessage({ body: what }));
                buttons.push(
                    group([
                        word('Leave', '!leave', 'Leave this chat to the others (supervisors)'),
                        button('Close chat', 'End this chat for the visitor', async () => {
                            if (await api.confirm('Close this chat?', ['The visitor is told that it is over.'])) {
                                toolbar.model.sendMessage({ body: '!close' });
                            }
                        }),
                    ]),
                );
            }
            return buttons;
        });

        // Rooms open when a workgroup invites (XEP-0249): that is what accepting an offer, or entering a chat, leads to.
        const rooms = new Set();
        const { onDirectMUCInvitation } = _converse.exports;
        _converse.exports.onDirectMUCInvitation = async (stanza) => {
            const room = stanza.querySelector('x')?.getAttribute('jid');
            if (!room || !(await isWorkgroup(stanza.getAttribute('from') ?? ''))) return onDirectMUCInvitation(stanza);
            rooms.add(room);
            const box = await api.rooms.open(room, { hidden: false }, true);
            if (box.session.get('connection_status') === converse.ROOMSTATUS.DISCONNECTED) box.rejoin();
        };

        // The workgroup is a contact, and its chat stands open.
        const welcome = async (contact) => {
            const jid = contact.get('jid');
            if (!(await isWorkgroup(jid))) return;
            if (contact.get('requesting')) contact.authorize().subscribe();
            await api.chats.open(jid, { hidden: _converse.state.chatboxes.models.some((c) => c.get('type') === 'chatbox' && !c.get('hidden')) });
        };
        api.listen.on('contactRequest', welcome);
        api.listen.on('rosterContactsFetched', () => {
            _converse.state.roster.models.forEach(welcome);
            _converse.state.roster.on('add', welcome);
        });

        // What is unread stands in the title.
        const tell = () => {
            const unread = _converse.state.chatboxes.models.reduce(
                (sum, c) => sum + (c.get('num_unread') || 0) + (c.get('num_unread_general') || 0),
                0,
            );
            document.title = unread > 0 ? `(${unread}) Desk` : 'Desk';
        };
        api.listen.on('chatBoxesInitialized', () => {
            _converse.state.chatboxes.on('change:num_unread', tell);
            _converse.state.chatboxes.on('change:num_unread_general', tell);
            _converse.state.chatboxes.on('remove', tell);
        });
        api.listen.on('connected', () => trouble(''));
    },
});

// Browsers ask for the leave to notify only while somebody clicks: he logs in.
document.addEventListener('submit', () => globalThis.Notification?.permission === 'default' && Notification.requestPermission(), true);

async function start() {
    const res = await fetch('config.json');
    if (!res.ok) throw new Error(`the server answers ${res.status}`);
    const config = await res.json();
    if (config.accounts.length === 0) {
        trouble('No accounts are configured (upstream.accounts), so nobody can log in here.');
        return;
    }
    const service = (await opens(config.ws)) ? { websocket_url: config.ws } : { bosh_service_url: config.bosh };
    converse.plugins.add('usher-desk', plugin(config));
    await converse.initialize({
        ...service,
        ...(config.accounts.length === 1 ? { locked_domain: config.accounts[0] } : { default_domain: config.accounts[0] }),
        allow_registration: false,
        allow_url_history_change: false,
        assets_path: new URL('converse/', location.href).pathname,
        authentication: 'login',
        auto_away: 0,
        auto_reconnect: true,
        auto_register_muc_nickname: false,
        blacklisted_plugins: ['converse-dragresize', 'converse-minimize', 'converse-omemo', 'converse-omemo-views', 'converse-push', 'converse-register'],
        clear_cache_on_logout: true,
        discover_connection_methods: false,
        muc_clear_messages_on_leave: true,
        muc_fetch_members: false, // the room's list of members is its owner's
        muc_nickname_from_jid: true,
        notify_all_room_messages: true,
        notification_icon: new URL('converse/images/logo/conversejs-filled.svg', location.href).pathname,
        play_sounds: true,
        render_media: false,
        show_client_info: false,
        show_controlbox_by_default: true,
        show_desktop_notifications: true,
        view_mode: 'fullscreen',
        whitelisted_plugins: ['usher-desk'],
    });
}

start().catch((err) => trouble(`The page could not be started: ${err.message}`));
