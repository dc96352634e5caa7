// Drives the widget's engine (widget/src/engine) without a browser: it is bundled here, with Node's WebSocket, xmldom's parser
// and a little of XMLHttpRequest, which is what it takes of a browser besides storage.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import WebSocket from 'ws';
import { DOMImplementation, DOMParser, XMLSerializer } from '@xmldom/xmldom';
import { build } from '../widget/node_modules/esbuild/lib/main.js';
import lean from '../widget/strophe-lean.mjs';
import { drive, emit } from './driver.js';

globalThis.WebSocket = class extends WebSocket {
    constructor(...args) {
        super(...args);
        this.on('error', () => {}); // as in strophe.js
    }
};
globalThis.DOMParser = DOMParser;
globalThis.XMLSerializer = XMLSerializer;
globalThis.document = new DOMImplementation().createDocument(null, null, null);
Object.defineProperty(Object.getPrototypeOf(document.createElement('a')), 'firstElementChild', {
    get() {
        return Array.from(this.childNodes).find((n) => n.nodeType === 1) ?? null;
    },
});

globalThis.XMLHttpRequest = class {
    readyState = 0;
    status = 0;
    responseText = '';
    responseXML = null;
    upload = {};
    #headers = {};
    #stop = new AbortController();

    open(method, url) {
        this.method = method;
        this.url = url;
        this.readyState = 1;
    }

    setRequestHeader(name, value) {
        this.#headers[name] = value;
    }

    getAllResponseHeaders() {
        return '';
    }

    abort() {
        this.#stop.abort();
    }

    async send(body) {
        try {
            const answer = await fetch(this.url, { method: this.method, headers: this.#headers, body, signal: this.#stop.signal });
            this.responseText = await answer.text();
            if (/xml/.test(answer.headers.get('content-type') ?? '')) this.responseXML = new DOMParser().parseFromString(this.responseText, 'text/xml');
            this.status = answer.status;
        } catch {
            this.status = 0;
        }
        this.readyState = 4;
        this.onreadystatechange?.();
        if (this.status) this.onload?.();
        else this.onerror?.();
    }
};

class Storage {
    #all = new Map();
    getItem(k) {
        return this.#all.get(k) ?? null;
    }
    setItem(k, v) {
        this.#all.set(k, String(v));
    }
    removeItem(k) {
        this.#all.delete(k);
    }
}

const out = join(mkdtempSync(join(tmpdir(), 'usher-engine-')), 'engine.mjs');
await build({
    entryPoints: [fileURLToPath(new URL('../widget/src/engine/index.ts', import.meta.url))],
    bundle: true, format: 'esm', target: 'es2020', outfile: out, plugins: [lean], logLevel: 'warning',
});
const { createEngine } = await import(pathToFileURL(out));

const storage = new Storage();
let options, engine;
let before = { phase: '', link: '', agent: null, supervisors: [], messages: [], queue: null, rating: null };

// shows tells what is different from what was told last, also of the page before.
function shows(s) {
    if (s.phase !== before.phase) emit('phase', { state: s.phase, id: s.conversation?.id ?? '', reason: s.endReason || s.closedReason });
    if (s.link !== before.link) emit('link', { state: s.link });
    if (s.form && s.form !== before.form) emit('form', { fields: Object.fromEntries(s.form.fields.map((f) => [f.name, f.label])) });
    if (s.agent && (s.agent.nick !== before.agent?.nick || s.agent.present !== before.agent.present)) {
        emit('agent', { nick: s.agent.nick, state: s.agent.present ? 'here' : 'away' });
    }
    if (s.agent && s.agent.typing !== !!before.agent?.typing) emit('typing', { nick: s.agent.nick, state: s.agent.typing ? 'composing' : '' });
    if (s.supervisors.join() !== before.supervisors.join()) emit('supervisors', { names: s.supervisors });
    if (s.queue && s.queue.position !== before.queue?.position) emit('queue', { position: s.queue.position });
    if (s.rating !== before.rating) emit('rated', { state: s.rating ? 'given' : '' });
    if (s.error && s.error !== before.error) emit('trouble', { text: s.error });
    for (const m of s.messages) {
        const old = before.messages.find((o) => o.id === m.id);
        if (!old || old.state !== m.state || old.body !== m.body) {
            emit('line', { id: m.id, from: m.from, nick: m.nick, text: m.notice?.key ?? m.body, state: m.state, type: m.kind, delayed: m.corrected });
        }
    }
    before = s;
}

function load() {
    engine = createEngine({ ...options, storage, now: Date.now, page: () => ({ url: 'https://shop.example/orders', referrer: '', title: 'Orders' }) });
    engine.subscribe(shows);
}

drive({
    open(args) {
        const { ws, bosh, domain, workgroup } = args;
        options = {
            workgroup: '', language: 'en',
            config: {
                site: 'shop', domain, ws, bosh, language: 'en', languages: [], texts: {}, remember: false, files: null, transcriptMail: false,
                workgroups: [{ name: 'support', jid: workgroup, title: '' }],
            },
        };
        load();
    },
    act: ({ name, args }) => engine[name](...args),
    /** The page goes away, and another one of the site comes. */
    async reload() {
        engine.dispose();
        load();
        emit('restored', { state: String(await engine.restore()) });
    },
    lines() {
        emit('lines', { names: engine.state.messages.filter((m) => m.kind === 'text' && m.from !== 'service').map((m) => `${m.from}: ${m.body}`) });
    },
    close() {
        engine.dispose();
        emit('closed');
    },
});
