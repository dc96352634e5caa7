import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Engine } from '../src/types';
import type { TabParts } from '../src/engine/tabs';
import { Net, Shelf, asked, byToken, config, entered, first, login, page, pass, said, says, shown } from './wire';

/** A browser: its locks, and the channels between its tabs. */
class Browser {
  private channels = new Set<Channel>();
  private holder: { tab: Tab; end: () => void; stolen: () => void } | null = null;
  private queue: { tab: Tab; grant: () => void }[] = [];

  tab(): Tab {
    return new Tab(this);
  }

  open(c: Channel): void {
    this.channels.add(c);
  }

  close(c: Channel): void {
    this.channels.delete(c);
  }

  post(from: Channel, data: unknown): void {
    for (const c of this.channels) {
      if (c !== from && c.name === from.name && !c.tab.frozen) queueMicrotask(() => c.onmessage?.({ data: structuredClone(data) }));
    }
  }

  request(tab: Tab, name: string, options: LockOptions, got: (lock: { name: string } | null) => unknown): Promise<unknown> {
    return new Promise((done, failed) => {
      const grant = () => {
        const end = () => {
          if (this.holder?.end !== end) return;
          this.holder = null;
          this.queue.shift()?.grant();
        };
        this.holder = { tab, end, stolen: () => failed(new DOMException('stolen', 'AbortError')) };
        void Promise.resolve(got({ name })).then((v) => (end(), done(v)));
      };
      if (options.steal && this.holder) {
        const { stolen } = this.holder;
        this.holder = null;
        stolen();
        grant();
      } else if (!this.holder) queueMicrotask(grant);
      else if (options.ifAvailable) done(got(null));
      else {
        const waits = { tab, grant };
        this.queue.push(waits);
        options.signal?.addEventListener('abort', () => {
          this.queue = this.queue.filter((q) => q !== waits);
          failed(options.signal!.reason);
        });
      }
    });
  }

  held(): { name: string }[] {
    return this.holder ? [{ name: 'usher:shop' }] : [];
  }

  /** A tab's process is gone: the browser lets its lock go. */
  crash(tab: Tab): void {
    this.queue = this.queue.filter((q) => q.tab !== tab);
    if (this.holder?.tab === tab) this.holder.end();
  }
}

class Channel {
  onmessage: ((e: { data: unknown }) => void) | null = null;
  constructor(readonly tab: Tab, readonly name: string) {
    tab.browser.open(this);
  }
  postMessage(data: unknown): void {
    if (!this.tab.frozen) this.tab.browser.post(this, data);
  }
  close(): void {
    this.tab.browser.close(this);
  }
}

class Tab {
  frozen = false;
  shelf = new Shelf();
  constructor(readonly browser: Browser) {}

  get parts(): TabParts {
    return {
      locks: {
        request: (name: string, options: never, got: never) => this.browser.request(this, name, options, got),
        query: async () => ({ held: this.browser.held(), pending: [] }),
      } as unknown as TabParts['locks'],
      channel: (name) => new Channel(this, name) as unknown as BroadcastChannel,
    };
  }

  page(): Engine {
    return page(this.shelf, this.parts);
  }
}

/** A visitor who chats in one tab, and has opened the site in another. */
async function two(t: TestContext) {
  const net = new Net();
  const browser = new Browser();
  const [a, b] = [browser.tab(), browser.tab()];
  const one = a.page();
  t.after(() => net.over());
  t.after(() => one.dispose());
  one.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked + entered);
  const other = b.page();
  t.after(() => other.dispose());
  const restored = other.restore();
  await pass(50);
  assert.equal(await restored, true);
  return { net, browser, a, b, one, other };
}

test('two tabs, one connection: what one does both show', async (t) => {
  const { net, one, other, b } = await two(t);
  assert.equal(net.sockets.length, 1);
  assert.equal(one.state.leader, true);
  assert.equal(other.state.leader, false);
  assert.equal(other.state.link, 'up');
  other.send('from the second tab');
  await pass();
  const { m } = await net.last.plays(says('$m', 'from the second tab'));
  await net.last.plays(said('Visitor 7', m, 'from the second tab') + '\n' + said('alice', 'a1', 'Hi'));
  for (const e of [one, other]) {
    assert.deepEqual(shown(e.state), ['visitor: Help!, delivered', 'visitor: from the second tab, delivered', 'agent: Hi']);
    assert.equal(e.state.unread, 1);
  }
  other.seen(true); // in any tab
  await pass(20);
  assert.equal(one.state.unread, 0);
  assert.equal(other.state.unread, 0);
  assert.ok(b.shelf.getItem('usher:shop:chat'), 'so that it can go on alone');
});

for (const how of ['closed', 'crashed'] as const) {
  test(`the tab with the connection is ${how}: the other resumes`, async (t) => {
    const { net, browser, a, one, other } = await two(t);
    one.send('last words');
    const { m } = await net.last.plays(says('$m', 'last words'));
    await pass();
    if (how === 'closed') one.dispose();
    else {
      a.frozen = true;
      browser.crash(a);
    }
    await pass();
    assert.equal(net.sockets.length, 2);
    assert.deepEqual(net.sockets[0].sent.filter((s) => !s.startsWith('<r')), [], 'no goodbye');
    await net.last.plays(login(byToken) + `
      C: <resume h="11" previd="sm-1" xmlns="urn:xmpp:sm:3"/>
      S: <resumed xmlns='urn:xmpp:sm:3' previd='sm-1' h='6'/>
      C: <message id="${m}" …><body>last words</body>…</message>
      ${said('Visitor 7', m, 'last words')}`);
    assert.equal(other.state.leader, true);
    assert.deepEqual(shown(other.state), ['visitor: Help!, delivered', 'visitor: last words, delivered']);
  });
}

test('the tab with the connection is frozen: the other takes over, and it finds out when it thaws', async (t) => {
  const { net, a, one, other } = await two(t);
  a.frozen = true;
  other.send('is anybody there?');
  await pass(2_900);
  assert.equal(net.sockets.length, 1);
  await pass(300);
  assert.equal(net.sockets.length, 2);
  await net.last.plays(login(byToken) + `
    C: <resume h="11" previd="sm-1" xmlns="urn:xmpp:sm:3"/>
    S: <resumed xmlns='urn:xmpp:sm:3' previd='sm-1' h='6'/>`);
  const { m } = await net.last.plays(says('$m', 'is anybody there?'));
  a.frozen = false;
  await net.last.plays(said('Visitor 7', m, 'is anybody there?'));
  assert.equal(net.sockets[0].closed, true);
  assert.equal(one.state.leader, false);
  assert.equal(other.state.leader, true);
  for (const e of [one, other]) assert.deepEqual(shown(e.state), ['visitor: Help!, delivered', 'visitor: is anybody there?, delivered']);
  assert.equal(net.sockets.length, 2, 'they do not fight');
});

test('a tab that is opened before joins in when a chat begins in another', async (t) => {
  const net = new Net();
  t.after(() => net.over());
  const browser = new Browser();
  const early = browser.tab().page();
  assert.equal(await early.restore(), false);
  const late = browser.tab().page();
  late.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked);
  assert.equal(early.state.phase, 'queued');
  early.leaveQueue();
  await net.last.plays('C: <iq …><depart-queue …/></iq>');
  assert.equal(late.state.phase, 'idle');
  for (const e of [early, late]) e.dispose();
});

test('without locks or channels each tab is on its own', async (t) => {
  const net = new Net();
  t.after(() => net.over());
  for (const parts of [{ locks: undefined, channel: () => assert.fail('no channel alone') }, { locks: new Browser().tab().parts.locks, channel: undefined }]) {
    const engine = page(new Shelf(), parts as unknown as TabParts);
    engine.start({ question: 'Help!' });
    await pass();
    assert.equal(engine.state.leader, true);
    await net.last.plays(first + asked);
    assert.equal(engine.state.phase, 'queued');
    engine.dispose();
  }
});

test('with shared storage only the tab with the connection writes', async (t) => {
  const net = new Net();
  t.after(() => net.over());
  const browser = new Browser();
  const shelf = new Shelf();
  const more = { config: { ...config, remember: true } };
  const one = page(shelf, browser.tab().parts, more);
  one.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked);
  const other = page(shelf, browser.tab().parts, more);
  const restored = other.restore();
  await pass(50);
  assert.equal(await restored, true);
  const kept = shelf.getItem('usher:shop:chat');
  shelf.full = true; // whoever writes now loses what there was
  other.seen(true);
  other.setLanguage('de');
  await pass(50);
  assert.equal(shelf.getItem('usher:shop:chat'), kept);
  for (const e of [one, other]) e.dispose();
});
