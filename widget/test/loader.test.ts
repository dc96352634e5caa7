import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { createApi, createHandlers, push, replay } from '../src/loader/api';
import { GREET, matches, wait, wording } from '../src/loader/greet';
import type { Box } from '../src/loader/box';
import { readable } from '../src/loader/launcher';
import { keep, kept } from '../src/loader/memory';
import { ask, insist, watch } from '../src/loader/status';
import { LAUNCHER, minutes, say } from '../src/loader/words';
import { all } from '../src/text/all';
import en from '../src/text/en';
import type { GreetRule, SiteConfig } from '../src/types';

const page = globalThis as unknown as Record<string, unknown>;
const before = { ...page };
afterEach(() => {
  for (const name of ['document', 'window', 'location', 'navigation', 'sessionStorage', 'localStorage', 'fetch', 'addEventListener', 'removeEventListener']) {
    Object.defineProperty(page, name, { value: before[name], configurable: true, writable: true });
  }
});
const give = (name: string, value: unknown) => Object.defineProperty(page, name, { value, configurable: true, writable: true });
const settled = () => new Promise((done) => setImmediate(done));

test('the loader names its words in the order in which the build hands them over', () => {
  const keys = (prefix: string) => Object.keys(en.words).flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
  assert.deepEqual(LAUNCHER, keys('launcher_'));
  assert.deepEqual(GREET, keys('greet_'));
  assert.deepEqual(Object.keys(USHER_LAUNCHER), all.map((l) => l.code));
});

test("the loader's words: the site's own, ours, English", () => {
  const t = (code: string) => say('launcher_', LAUNCHER, USHER_LAUNCHER, code, { launcher_label: { de: 'Frag uns', '': 'Ask' } });
  assert.equal(t('de')('label'), 'Frag uns');
  assert.equal(t('fr')('label'), 'Ask');
  assert.equal(t('de')('online', 2), '2 online');
  assert.equal(t('xx')('message'), en.words.launcher_message);
  assert.equal(minutes('en', 61), '2 min');
});

test('a page of a greeting rule', () => {
  for (const [rule, path, want] of [
    ['', '/any', true],
    ['/pricing', '/pricing', true],
    ['/pricing', '/pricing/', false],
    ['/shop/*', '/shop/shoes', true],
    ['/shop/*', '/shop', false],
    ['*', '/', true],
    ['/*/cart', '/de/cart', true],
    ['/*/cart', '/cart', false],
    ['/a*b*c', '/aXbYc', true],
    ['/a*b*c', '/acb', false],
    ['/aa*aa', '/aaa', false], // the ends do not share a letter
    ['/a.b', '/axb', false], // only the star has a meaning
    ['/(a|b)+', '/(a|b)+', true],
  ] as const) {
    assert.equal(matches(rule, path), want, `${rule} on ${path}`);
  }
});

test('the first rule that fits the page greets, once; a new path counts as a new page', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  give('location', { pathname: '/' });
  give('window', new EventTarget());
  give('navigation', new EventTarget());
  const rule = (page: string, after: number, text: string): GreetRule => ({ page, after, text: { '': text, de: text + '!' } });
  const said: string[] = [];
  const speak = (r: GreetRule) => said.push(wording(r, 'en')) > 0;
  wait([rule('/pricing', 5, 'prices'), rule('', 20, 'hello')], speak);
  t.mock.timers.tick(19_000);
  assert.equal(said.length, 0);
  give('location', { pathname: '/pricing' });
  (page.navigation as EventTarget).dispatchEvent(new Event('navigatesuccess'));
  t.mock.timers.tick(4_999);
  assert.equal(said.length, 0);
  t.mock.timers.tick(1);
  assert.equal(said.join(), 'prices');
  (page.window as EventTarget).dispatchEvent(new Event('popstate'));
  t.mock.timers.tick(60_000);
  assert.equal(said.join(), 'prices');

  let there = false;
  wait([rule('', 1, 'now')], (r) => there && speak(r));
  t.mock.timers.tick(2_000); // nobody is there, or it isn't known
  there = true;
  t.mock.timers.tick(30_000);
  assert.equal(said.splice(1).join(), 'now');

  const stop = wait([rule('', 1, 'never')], speak);
  stop();
  t.mock.timers.tick(60_000);
  assert.equal(said.join(), 'prices');
  assert.equal(wording(rule('', 0, 'x'), 'de'), 'x!');
});

test('handlers: told, forgotten, late for ready; one that fails harms no other', async () => {
  const { on, off, emit } = createHandlers();
  const heard: object[] = [];
  const f = (d: object) => heard.push(d);
  on('unread', f);
  on('unread', (d) => heard.push({ again: d }));
  emit('unread', { count: 1 });
  assert.deepEqual(heard, [], "never within the widget's own work");
  await settled();
  assert.deepEqual(heard.splice(0), [{ count: 1 }, { again: { count: 1 } }]);
  off('unread', f);
  emit('unread', { count: 2 });
  await settled();
  assert.deepEqual(heard.splice(0), [{ again: { count: 2 } }]);
  off('unread');
  emit('unread', { count: 3 });
  emit('ready', {});
  await settled();
  on('ready', f);
  await settled();
  assert.deepEqual(heard, [{}]);
});

test('what was called before the loader came is carried out in its order', (t) => {
  const calls: unknown[] = [];
  const box = new Proxy({}, { get: (_, name) => (...args: unknown[]) => void calls.push([name, ...args]) }) as Box;
  const api = createApi(createHandlers(), () => box);
  replay(api, [['open'], ['setFields', { a: 'b' }]]);
  // The stub of docs/widget.md.
  const stub = new Proxy({ q: [] as unknown[] }, { get: (s, name) => (name === 'q' ? s.q : (...args: unknown[]) => void s.q.push([name, ...args])) }) as unknown as typeof api;
  stub.startChat({ question: 'Is it blue?' });
  stub.hide();
  replay(api, stub);
  assert.deepEqual(calls, [['open'], ['setFields', { a: 'b' }], ['startChat', { question: 'Is it blue?' }], ['hide']]);

  const warned = t.mock.method(console, 'warn', () => {});
  for (const nonsense of [undefined, null, 'open', 5, {}]) replay(api, nonsense);
  push(api, ['nonsense']);
  push(api, null);
  push(api, ['end']);
  assert.equal(warned.mock.callCount(), 2);
  assert.deepEqual(calls.at(-1), ['end']);
  const none = createApi(createHandlers(), () => undefined);
  none.open();
  none.sendMessage('x');
});

test('what is kept over pages, with and without storage', () => {
  const config = { site: 'shop', remember: false } as SiteConfig;
  const store = (items: Record<string, string>) => ({ getItem: (k: string) => items[k] ?? null, setItem: (k: string, v: string) => void (items[k] = v) });
  const session: Record<string, string> = {};
  give('sessionStorage', store(session));
  give('localStorage', store({ 'usher:shop:chat': 'x' }));
  assert.equal(kept(config, 'chat'), null, 'only with `remember`');
  assert.equal(kept({ ...config, remember: true }, 'chat'), 'x');
  keep(config, 'greeted');
  assert.deepEqual(session, { 'usher:shop:greeted': '1' });
  Object.defineProperty(page, 'sessionStorage', { configurable: true, get() { throw new Error('denied'); } });
  assert.equal(kept(config, 'greeted'), null);
  keep(config, 'greeted');
});

test('the status is asked for at once and while the page is seen, and nothing old is said', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const document = Object.assign(new EventTarget(), { hidden: false });
  give('document', document);
  const asked: string[] = [];
  let fails = false;
  give('fetch', async (url: string, options: RequestInit) => {
    asked.push(url);
    assert.equal(options.credentials, 'omit');
    return fails ? { ok: false, status: 502 } : { ok: true, json: async () => ({ state: 'open', agents: asked.length }) };
  });
  let changes = 0;
  const status = watch('https://gw.example', { site: 'shop', workgroup: 'a&b' }, () => changes++);
  assert.equal(status.now(), null);
  await status.first;
  assert.deepEqual(asked, ['https://gw.example/status?site=shop&workgroup=a%26b']);
  assert.equal(status.now()?.agents, 1);
  t.mock.timers.tick(30_000);
  await settled();
  assert.equal(status.now()?.agents, 2);
  document.hidden = true;
  document.dispatchEvent(new Event('visibilitychange'));
  t.mock.timers.tick(300_000);
  await settled();
  assert.equal(asked.length, 2);
  document.hidden = false;
  fails = true;
  document.dispatchEvent(new Event('visibilitychange'));
  await settled();
  assert.equal(status.now(), null);
  assert.equal(changes, 3);
  status.stop();
  t.mock.timers.tick(300_000);
  document.dispatchEvent(new Event('visibilitychange'));
  assert.equal(asked.length, 3);
  await assert.rejects(ask('https://gw.example', 'widget/config', { site: undefined }));
  assert.equal(asked.at(-1), 'https://gw.example/widget/config?');
});

test('what is read on a colour', () => {
  for (const [colour, want] of [['#fff', '#000'], ['#000', '#fff'], ['#ffff00', '#000'], ['#1f5fd6', '#fff'], ['#0b5', '#000'], ['#800000', '#fff']]) {
    assert.equal(readable(colour), want, colour);
  }
});

test('a gateway that cannot be reached is asked again, later and later, and when the network is back', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const online = new Set<() => void>();
  give('addEventListener', (name: string, f: () => void) => name === 'online' && online.add(f));
  give('removeEventListener', (name: string, f: () => void) => name === 'online' && online.delete(f));
  let asked = 0;
  let failures = 0;
  const answer = insist(async () => {
    if (++asked < 5) throw new Error('no network');
    return 'config';
  }, () => failures++);
  await settled();
  assert.equal(asked, 1);
  t.mock.timers.tick(4_999);
  await settled();
  assert.equal(asked, 1);
  t.mock.timers.tick(1);
  await settled();
  assert.equal(asked, 2);
  t.mock.timers.tick(10_000);
  await settled();
  assert.equal(asked, 3);
  for (const f of [...online]) f();
  await settled();
  assert.equal(asked, 4);
  t.mock.timers.tick(39_999);
  await settled();
  assert.equal(asked, 4, 'the timer of a try that the network has overtaken is gone');
  t.mock.timers.tick(1);
  assert.equal(await answer, 'config');
  assert.deepEqual([asked, failures, online.size], [5, 1, 0]);
});
