import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Net, Shelf, asked, byToken, config, entered, first, login, page, pass, said, says, shown } from './wire';

function network(t: TestContext): Net {
  const net = new Net();
  t.after(() => net.over());
  return net;
}

test('WebSocket that is refused: BOSH at once', async (t) => {
  const net = network(t);
  net.refuse = true;
  const engine = page(null);
  t.after(() => engine.dispose());
  engine.start({});
  await pass(150);
  assert.equal(net.sockets.length, 1);
  assert.deepEqual(net.requests.map((r) => `${r.method} ${r.url}`), ['POST https://chat.test/http-bind']);
  assert.equal(engine.state.link, 'connecting');
});

test('WebSocket that nobody answers: BOSH after 4 s', async (t) => {
  const net = network(t);
  net.silent = true;
  const engine = page(null);
  t.after(() => engine.dispose());
  engine.start({});
  await pass(3_900);
  assert.deepEqual(net.requests, []);
  await pass(300);
  assert.equal(net.requests.length, 1);
  assert.equal(net.sockets[0].closed, true);
});

test('a page whose policy forbids WebSockets: BOSH', async (t) => {
  const net = network(t);
  (globalThis as { WebSocket: unknown }).WebSocket = class {
    constructor() {
      throw new DOMException('no', 'SecurityError');
    }
  };
  const engine = page(null);
  t.after(() => engine.dispose());
  engine.start({});
  await pass(150);
  assert.equal(net.requests.length, 1);
});

test('tries again later each time, and at once when the network is back', async (t) => {
  const net = network(t);
  const engine = page(null, undefined, { config: { ...config, bosh: '' } });
  t.after(() => engine.dispose());
  net.refuse = true;
  engine.start({});
  await pass(500);
  const early = net.sockets.length;
  assert.ok(early >= 2, 'quick the first time');
  await pass(60_000);
  const soon = net.sockets.length;
  assert.ok(soon >= 6 && soon <= 12, `${soon} tries in a minute`);
  await pass(60_000);
  const later = net.sockets.length - soon;
  assert.ok(later >= 2 && later <= 4, `${later} tries in the next`);
  assert.equal(engine.state.link, 'reconnecting');
  assert.equal(engine.state.phase, 'starting');
});

test('a connection in doubt is asked, and given up if it is dead', async (t) => {
  const net = network(t);
  const shelf = new Shelf();
  const engine = page(shelf);
  t.after(() => engine.dispose());
  engine.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked + entered);
  net.last.sent = [];
  await pass(66_000); // nothing is heard for a minute
  assert.ok(net.last.sent.includes('<r xmlns="urn:xmpp:sm:3"/>'));
  net.last.says("<a xmlns='urn:xmpp:sm:3' h='7'/>");
  await pass(30_000);
  assert.equal(net.sockets.length, 1, 'it was alive');
  for (let i = 0; i < 60 && net.sockets.length < 2; i++) await pass(1_000);
  assert.equal(net.sockets.length, 2, 'this time nobody answered');
  assert.equal(net.sockets[0].closed, true);
  await net.last.plays(login(byToken) + `
    C: <resume h="11" previd="sm-1" xmlns="urn:xmpp:sm:3"/>
    S: <resumed xmlns='urn:xmpp:sm:3' previd='sm-1' h='7'/>`);
  assert.equal(engine.state.link, 'up');
});

test('another connection of the same visitor ends this one for good, until he does something', async (t) => {
  const net = network(t);
  const engine = page(new Shelf());
  t.after(() => engine.dispose());
  engine.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked + entered);
  net.last.says("<stream:error xmlns:stream='http://etherx.jabber.org/streams'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
  await pass(120_000);
  assert.equal(net.sockets.length, 1);
  assert.equal(engine.state.link, 'failed');
  engine.send('I am here');
  await pass();
  assert.equal(net.sockets.length, 2);
});

test('a request of the server gets an answer', async (t) => {
  const net = network(t);
  const engine = page(new Shelf());
  t.after(() => engine.dispose());
  engine.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked + `
    S: <iq xmlns='jabber:client' type='get' id='p' from='rooms.test'><ping xmlns='urn:xmpp:ping'/></iq>
    C: <iq id="p" to="rooms.test" type="result" xmlns="jabber:client"/>
    S: <iq xmlns='jabber:client' type='get' id='v' from='rooms.test'><query xmlns='jabber:iq:version'/></iq>
    C: <iq id="v" to="rooms.test" type="error" xmlns="jabber:client"><error type="cancel"><service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>`);
});

test('a connection that nobody needs is let go, with a goodbye', async (t) => {
  const net = network(t);
  const engine = page(new Shelf());
  t.after(() => engine.dispose());
  engine.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked);
  engine.leaveQueue();
  const { d } = await net.last.plays('C: <iq id="$d" …><depart-queue …/></iq>');
  net.last.says(`<iq xmlns='jabber:client' type='result' id='${d}'/>`);
  for (let i = 0; i < 5; i++) {
    await pass(40_000);
    net.last.says("<a xmlns='urn:xmpp:sm:3' h='7'/>");
  }
  assert.ok(net.last.sent.some((s) => s.startsWith('<close ')));
  assert.equal(engine.state.link, 'none');
});

test('storage: nothing before the visitor acts, little after, and never a failure', async (t) => {
  const net = network(t);
  const shelf = new Shelf();
  for (const junk of ['', 'null', '{', '[]', '{"v":1}', '{"v":1,"data":{"messages":3}}', '{"v":0,"data":{"phase":"active"}}']) {
    shelf.setItem('usher:shop:chat', junk);
    const engine = page(shelf);
    assert.equal(await engine.restore(), false, junk);
    engine.dispose();
  }
  shelf.clear();
  const engine = page(shelf);
  t.after(() => engine.dispose());
  engine.seen(true);
  engine.setLanguage('de');
  engine.setFields({ name: 'A' });
  engine.identify('JWT');
  await pass(50);
  assert.equal(shelf.length, 0);
  engine.setLanguage('en');
  engine.identify('');
  engine.setFields({ name: '' });
  engine.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked + entered);
  assert.deepEqual([...shelf.map.keys()].sort(), ['usher:shop:chat', 'usher:shop:token']);
  for (let i = 0; i < 520; i++) net.last.says(said('alice', `m${i}`, 'x'.repeat(4000)).slice(3));
  await pass(50);
  assert.equal(engine.state.messages.length, 500);
  assert.ok(shelf.getItem('usher:shop:chat')!.length < 1_000_000);
  const { last } = net;
  const next = page(shelf);
  assert.equal(await next.restore(), true);
  assert.equal(shown(next.state).pop(), 'agent: ' + 'x'.repeat(4000));
  next.dispose();
  shelf.full = true;
  engine.send('all the same');
  await last.plays(says('$m', 'all the same'));
  assert.equal(engine.state.phase, 'active');
});
