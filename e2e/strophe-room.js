// A client made with Strophe.js, in Node or in a page: Strophe knows XMPP, but
// leaves rooms and connecting again to the application, which is this.
const NS_CHATSTATES = 'http://jabber.org/protocol/chatstates';
const NS_DELAY = 'urn:xmpp:delay';

export class StropheClient {
    // lib is the module's { Strophe, $pres, $msg, $iq }; emit and session as in driver.js.
    constructor(lib, emit, session) {
        Object.assign(this, { lib, emit, session, room: '', nick: '', ids: 0 });
    }

    // resumable: with XEP-0198, over WebSocket.
    connect(args, resumable = false) {
        this.resumable = resumable;
        this.#open(args);
        this.#login();
    }

    // After a page load, over BOSH: goes on with the session that the page before had (XEP-0206 §9).
    restore({ url, domain, room, nick }) {
        Object.assign(this, { room, nick, joined: true });
        this.#open({ url, domain });
        this.conn.restore(null, (status, condition) => this.#status(status, condition));
        this.conn.flush();
    }

    // domain is the JID where there is a password, which makes it a login to an account: with one mechanism, if it is named.
    #open({ url, domain, password = '', mechanism }) {
        const { Strophe } = this.lib;
        Object.assign(this, { url, domain, password });
        Strophe.setLogLevel(Strophe.LogLevel.FATAL);
        const known = { PLAIN: Strophe.SASLPlain, 'SCRAM-SHA-1': Strophe.SASLSHA1, 'SCRAM-SHA-256': Strophe.SASLSHA256 };
        const mechanisms = mechanism ? { mechanisms: [known[mechanism]] } : {};
        this.conn = new Strophe.Connection(url, { keepalive: true, enableStreamManagement: this.resumable, ...mechanisms });
    }

    #login() {
        this.conn.connect(this.domain, this.password, (status, condition, el) => this.#status(status, condition, el));
    }

    #listen() {
        for (const name of ['message', 'presence', 'iq']) {
            this.conn.addHandler((el) => (this[name](el), true), null, name);
        }
    }

    #status(status, condition, el) {
        const { Status } = this.lib.Strophe;
        switch (status) {
            case Status.CONNECTED:
                this.#listen();
                if (this.conn.hasResumed()) { // the room has noticed nothing
                    this.emit('resumed', { jid: this.conn.jid });
                    break;
                }
                this.conn.send(this.lib.$pres());
                this.session.online(this.conn.jid);
                break;
            case Status.ATTACHED:
                this.#listen();
                this.emit('restored', { jid: this.conn.jid });
                break;
            case Status.AUTHFAIL:
                if (this.password !== '') {
                    this.session.close();
                    this.emit('refused', { reason: el?.firstChild?.localName ?? condition });
                    break;
                }
            // falls through
            case Status.ERROR:
                if (condition === 'system-shutdown') break; // it connects again, as after any loss
                this.emit('error', { text: `status ${status}: ${condition}` });
                break;
            case Status.DISCONNECTED:
                this.session.offline();
                if (!this.session.closing) {
                    this.conn.reset();
                    clearTimeout(this.again); // Strophe may say twice that a connection is gone
                    this.again = setTimeout(() => this.#login(), 500);
                }
                break;
        }
    }

    message(el) {
        const nick = this.lib.Strophe.getResourceFromJid(el.getAttribute('from'));
        if (el.getAttribute('type') === 'error') {
            this.emit('error', { text: el.outerHTML ?? String(el) });
            return;
        }
        let delayed = false;
        for (const child of Array.from(el.childNodes)) {
            if (child.namespaceURI === NS_DELAY) delayed = true;
            if (child.namespaceURI === NS_CHATSTATES) this.emit('chatstate', { nick, state: child.localName });
        }
        const body = Array.from(el.childNodes).find((c) => c.localName === 'body');
        if (body) this.emit('message', { nick, text: body.textContent, id: el.getAttribute('id') ?? '', delayed });
    }

    presence(el) {
        const from = el.getAttribute('from') ?? '';
        if (this.room === '' || !from.startsWith(this.room + '/')) return;
        const nick = from.slice(this.room.length + 1);
        const type = el.getAttribute('type') ?? 'available';
        const has = (code) =>
            Array.from(el.getElementsByTagName('status')).some((s) => s.getAttribute('code') === code);
        if (type === 'available' && has('110') && nick === this.nick && !this.joined) {
            this.joined = true;
            if (has('201')) {
                this.#configure(() => this.emit('joined', { nick, created: true }));
            } else {
                this.emit('joined', { nick, created: false });
            }
        }
        const condition = type === 'error' ? el.getElementsByTagName('error')[0]?.firstElementChild?.localName : undefined;
        this.emit('presence', { nick, type, self: has('110'), state: condition });
    }

    iq(el) {
        const type = el.getAttribute('type');
        if (type === 'result' || type === 'error') return;
        // RFC 6120 §8.2.3: each request is answered.
        this.conn.send(
            this.lib
                .$iq({ type: 'error', id: el.getAttribute('id'), to: el.getAttribute('from') })
                .c('error', { type: 'cancel' })
                .c('service-unavailable', { xmlns: 'urn:ietf:params:xml:ns:xmpp-stanzas' }),
        );
    }

    join({ room, nick }) {
        Object.assign(this, { room, nick, joined: false });
        this.conn.send(
            this.lib
                .$pres({ to: `${room}/${nick}` })
                .c('x', { xmlns: 'http://jabber.org/protocol/muc' })
                .c('history', { maxstanzas: '0' }),
        );
    }

    // XEP-0045 §10.1.2: an instant room.
    #configure(done) {
        const iq = this.lib
            .$iq({ to: this.room, type: 'set' })
            .c('query', { xmlns: 'http://jabber.org/protocol/muc#owner' })
            .c('x', { xmlns: 'jabber:x:data', type: 'submit' });
        this.conn.sendIQ(iq, done, (err) => this.emit('error', { text: 'owner form: ' + (err?.outerHTML ?? err) }));
    }

    send({ text }) {
        const id = `strophe-${++this.ids}`;
        this.conn.send(this.lib.$msg({ to: this.room, type: 'groupchat', id }).c('body').t(text));
    }

    typing({ state }) {
        this.conn.send(this.lib.$msg({ to: this.room, type: 'groupchat' }).c(state, { xmlns: NS_CHATSTATES }));
    }

    leave() {
        this.conn.send(this.lib.$pres({ to: `${this.room}/${this.nick}`, type: 'unavailable' }));
    }

    close() {
        this.session.close();
        this.conn.disconnect('bye');
    }
}
