import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { createBox, type Box } from '../src/loader/box';
import type { ApiEvents, Boot, SiteConfig, Status } from '../src/types';

const page = globalThis as unknown as Record<string, unknown>;
const given = ['document', 'navigator', 'sessionStorage', 'CSSStyleSheet', 'fetch', 'mounted'];
const boxes: Box[] = [];
const before = Object.fromEntries(given.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));
const give = (name: string, value: unknown) => Object.defineProperty(page, name, { value, configurable: true, writable: true });
afterEach(() => {
  for (const box of boxes.splice(0)) box.dispose();
  for (const name of given) {
    if (before[name]) Object.defineProperty(page, name, before[name]!);
    else delete page[name];
  }
});

/** As much of an element as the launcher touches. */
class Element {
  children: unknown[] = [];
  attributes: Record<string, string> = {};
  style = { setProperty() {} };
  hidden = false;
  textContent = '';
  append(...all: unknown[]) { this.children.push(...all); }
  setAttribute(name: string, value: string) { this.attributes[name] = value; }
  attachShadow() { return Object.assign(new Element(), { adoptedStyleSheets: [] }); }
}

// A gateway whose app says that it is open, and hands over what it was mounted with.
const BASE = `data:text/javascript,export const mount=async(b)=>(mounted(b),{open:()=>b.emit('opened',{}),close:()=>b.emit('closed',{}),dispose(){},engine:{setFields(){},identify(){},send:()=>b.emit('queued',{})}})//`;

const site = (name: string, more: Partial<SiteConfig> = {}): SiteConfig => ({
  site: name, domain: '', ws: '', bosh: '', language: 'en', languages: [], theme: { colour: '', logo: '', position: 'right', dark: 'auto', css: '' }, texts: {},
  consent: '', remember: false, hideWhenClosed: false, proactive: { mode: 'none', rules: [] }, files: null, transcriptMail: false,
  workgroups: [{ name: 'sales', jid: '', title: '' }], ...more,
});

/** A chat on a page; statuses are the gateway's by workgroup, '' where none is named. */
function chat(config: SiteConfig, statuses: Record<string, Status['state']>, attributes: Record<string, string> = {}) {
  const asked: string[] = [];
  give('document', Object.assign(new EventTarget(), { hidden: false, documentElement: { lang: '', dir: '' }, createElement: () => new Element(), createElementNS: () => new Element() }));
  give('navigator', { languages: [] });
  give('sessionStorage', { getItem: () => null, setItem() {} });
  give('CSSStyleSheet', class { replaceSync() {} });
  const mounted = new Promise<Boot>((done) => give('mounted', done));
  give('fetch', async (url: string) => {
    const query = new URLSearchParams(url.split('?')[1]);
    if (url.includes('/widget/config?')) return { ok: true, json: async () => config };
    asked.push(query.get('workgroup') ?? '');
    const state = statuses[asked[asked.length - 1]];
    return { ok: !!state, json: async () => ({ state, agents: 0, estimate: 0 }) };
  });
  const host = new Element();
  const waiting = new Map<keyof ApiEvents, () => void>();
  const heard = (event: keyof ApiEvents) => new Promise<void>((done) => waiting.set(event, done));
  const ready = heard('ready');
  const box: Box = createBox(BASE, host as unknown as HTMLElement, { site: config.site, ...attributes }, (event) => waiting.get(event)?.());
  boxes.push(box);
  return { box, host, asked, ready, heard, mounted };
}

const of = (...names: string[]) => names.map((name) => ({ name, jid: '', title: '' }));

const bounded = { timeout: 10_000 };

test('the status is that of the workgroup that the chat is with', bounded, async () => {
  for (const [groups, named, statuses, asked, state] of [
    [of('sales'), '', { '': 'open', sales: 'open' }, [''], 'open'],
    [of('sales', 'help'), 'help', { help: 'closed', sales: 'open' }, ['help'], 'closed'],
    // The gateway doesn't say which of several is meant: it's the first, also for who names none that there is.
    [of('sales', 'help'), '', { help: 'closed', sales: 'open' }, ['', 'sales'], 'open'],
    [of('sales', 'help'), 'gone', { help: 'closed', sales: 'open' }, ['gone', 'sales'], 'open'],
    [of('sales'), 'sales', {}, ['sales'], undefined], // can't be had now
    [of(), '', {}, [''], undefined],
  ] as const) {
    const { box, ready, asked: did, mounted } = chat(site('shop', { workgroups: [...groups] }), statuses as Record<string, Status['state']>, named ? { workgroup: named } : {});
    await ready;
    assert.deepEqual(did, asked);
    box.open();
    assert.equal((await mounted).status()?.state, state);
  }
});

test('hide_when_closed: no launcher while nobody is there, unless the visitor is at it', bounded, async () => {
  const hides = { hideWhenClosed: true };
  for (const [state, more, hidden] of [
    ['open', hides, false],
    ['offline', hides, true],
    ['closed', hides, true],
    ['closed', {}, false],
    ['closed', { ...hides, proactive: { mode: 'presence', rules: [] } }, true], // he is connected, and has done nothing
  ] as [Status['state'], Partial<SiteConfig>, boolean][]) {
    const { box, host, ready, mounted } = chat(site('shop', more), { '': state });
    await ready;
    if (more.proactive) await mounted;
    box.show();
    assert.equal(host.hidden, hidden, `${state} ${JSON.stringify(more)}`);
  }
  for (const [act, event] of [[(box: Box) => box.open(), 'opened'], [(box: Box) => box.sendMessage('hello'), 'queued']] as const) {
    const { box, host, ready, heard } = chat(site('shop', hides), { '': 'closed' });
    await ready;
    const done = heard(event);
    act(box);
    await done;
    assert.equal(host.hidden, false, event);
    if (event === 'opened') {
      const closed = heard('closed');
      box.close();
      await closed;
      assert.equal(host.hidden, false, 'he may come back to it');
    }
  }
});
