import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Engine } from '../src/types';
import {
  DESK, JID, Net, ROOM, Shelf, anonymous, asked, bind, byToken, config, conversation, delay, entered, features, first, login, occupant, page, pass, said,
  says, shown, subject, token,
} from './wire';

function network(t: TestContext): Net {
  const net = new Net();
  t.after(() => net.over());
  return net;
}

/** A visitor who talks to alice. */
async function chat(t: TestContext): Promise<{ net: Net; engine: Engine; shelf: Shelf }> {
  const net = network(t);
  const shelf = new Shelf();
  const engine = page(shelf);
  t.after(() => engine.dispose());
  engine.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked + entered);
  assert.equal(engine.state.phase, 'active');
  return { net, engine, shelf };
}

/** The next page, with the same storage. */
async function reload(t: TestContext, engine: Engine, shelf: Shelf): Promise<Engine> {
  engine.dispose();
  const next = page(shelf);
  t.after(() => next.dispose());
  assert.equal(await next.restore(), true);
  await pass();
  return next;
}

test('a request from the question to the rating', async (t) => {
  const { net, engine } = await chat(t);
  await pass(20);
  const seen: string[] = [];
  engine.on('message', (m) => seen.push(`${m.from} ${m.text}`));
  engine.on('ended', (e) => seen.push(`ended ${e.reason}`));
  await pass(20);
  const s = engine.state;
  assert.deepEqual(s.agent, { nick: 'alice', present: true, typing: false });
  assert.deepEqual(s.conversation, { id: 'C1', number: '7' });
  assert.deepEqual(shown(s), ['visitor: Help!, delivered']);
  assert.deepEqual(s.messages.filter((m) => m.kind === 'notice').map((m) => m.notice), [{ key: 'notice_joined', args: ['alice'] }]);

  engine.send('Hello');
  await pass();
  assert.equal(shown(engine.state)[1], 'visitor: Hello, sending');
  const { a } = await net.last.plays(says('$a', 'Hello'));
  await net.last.plays(`S: <a xmlns='urn:xmpp:sm:3' h='6'/>`); // presence, token, form, disco, queue, join; not yet the message
  assert.equal(shown(engine.state)[1], 'visitor: Hello, sending');
  await net.last.plays(`S: <a xmlns='urn:xmpp:sm:3' h='7'/>`);
  assert.equal(shown(engine.state)[1], 'visitor: Hello, sent');
  await net.last.plays(said('Visitor 7', a, 'Hello'));
  assert.equal(shown(engine.state)[1], 'visitor: Hello, delivered');

  await net.last.plays(`S: <message xmlns='jabber:client' type='groupchat' from='${ROOM}/alice'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`);
  assert.equal(engine.state.agent?.typing, true);
  await net.last.plays(said('alice', 'a1', 'Hi') + '\n' + said('alice', 'a2', 'Hi there', "<replace xmlns='urn:xmpp:message-correct:0' id='a1'/>"));
  assert.equal(engine.state.agent?.typing, false);
  assert.deepEqual(shown(engine.state).slice(2), ['agent: Hi there (corrected)']);
  assert.equal(engine.state.unread, 1);
  engine.seen(true);
  assert.equal((await pass(), engine.state.unread), 0);

  await net.last.plays(occupant('carol'));
  assert.deepEqual(engine.state.supervisors, ['carol']);
  await net.last.plays(`S: <presence xmlns='jabber:client' type='unavailable' from='${ROOM}/carol'><x xmlns='http://jabber.org/protocol/muc#user'/></presence>`);
  assert.deepEqual(engine.state.supervisors, []);

  await net.last.plays(conversation('wrapup', "reason='agent'") + '\n' + conversation('closed', "reason='agent'"));
  assert.equal(engine.state.phase, 'closed');
  assert.equal(engine.state.endReason, 'agent');
  engine.rate(5, 'quick & <good>');
  await net.last.plays(`
    C: <iq id="$r" to="${DESK}" type="set" xmlns="jabber:client"><rating conversation="C1" value="5" xmlns="urn:usher:desk:0">quick &amp; &lt;good&gt;</rating></iq>
    S: <iq xmlns='jabber:client' type='result' id='$r' from='${DESK}'/>`);
  assert.deepEqual(engine.state.rating, { value: 5, text: 'quick & <good>' });
  await pass(20);
  assert.deepEqual(seen, ['visitor Hello', 'agent Hi there', 'ended agent']);
});

test('the form is filled in first, and what is wrong with it is told', async (t) => {
  const net = network(t);
  const engine = page(new Shelf());
  t.after(() => engine.dispose());
  engine.start();
  await pass();
  await net.last.plays(first + `
    C: <iq id="$f" … type="get" …><join-queue xmlns="http://jabber.org/protocol/workgroup"/></iq>
    C: <iq id="$i" …disco#info"/></iq>
    S: <iq xmlns='jabber:client' type='result' id='$i'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>
    S: <iq xmlns='jabber:client' type='result' id='$f'><join-queue xmlns='http://jabber.org/protocol/workgroup'><x xmlns='jabber:x:data' type='form'><title>T</title>
      <field var='email' type='text-single' label='Mail'/><field var='question' type='text-multi'><required/></field>
      <field var='topic' type='list-single'><option label='Pay'><value>p</value></option></field></x></join-queue></iq>`);
  assert.equal(engine.state.phase, 'form');
  assert.deepEqual(engine.state.form?.fields.map((f) => [f.name, f.type, f.label, f.required]), [
    ['email', 'text-single', 'Mail', false], ['question', 'text-multi', 'question', true], ['topic', 'list-single', 'topic', false]]);
  engine.submitForm({ email: ['nobody'], question: [' '], topic: ['x'] });
  await pass();
  assert.deepEqual(engine.state.form?.fields.map((f) => f.error), ['email', 'required', 'invalid']);
  await net.last.quiet();
  engine.submitForm({ email: ['a@b.test'], question: ['Why\x00?'], topic: ['p'] });
  await net.last.plays(`
    C: <iq id="$q" …<x type="submit" xmlns="jabber:x:data"><field var="email"><value>a@b.test</value></field><field var="question"><value>Why?</value></field>
      <field var="topic"><value>p</value></field></x>…</join-queue></iq>
    S: <iq xmlns='jabber:client' type='error' id='$q'><error code='406' type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
    C: <iq id="$g" …><join-queue xmlns="http://jabber.org/protocol/workgroup"/></iq>
    S: <iq xmlns='jabber:client' type='result' id='$g'><join-queue xmlns='http://jabber.org/protocol/workgroup'><x xmlns='jabber:x:data' type='form'>
      <field var='question' type='text-multi'><required/></field><field var='name' type='text-single'><required/></field></x></join-queue></iq>`);
  assert.equal(engine.state.phase, 'form'); // it has changed meanwhile: what was filled in is kept
  assert.deepEqual(engine.state.form?.fields.map((f) => [f.value, f.error]), [[['Why\x00?'], ''], [[], 'required']]);
});

test('closed: a message is left', async (t) => {
  const net = network(t);
  const engine = page(null);
  t.after(() => engine.dispose());
  engine.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked.replace(/ S: <iq xmlns='jabber:client' type='result' id='\$q'.*/s, `
    S: <iq xmlns='jabber:client' type='error' id='$q'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
      <closed xmlns='urn:usher:desk:0' reason='hours' opens='2026-01-05T09:00:00Z'/></error></iq>
    C: <iq id="$l" to="${DESK}" type="get" xmlns="jabber:client"><leave-message xmlns="urn:usher:desk:0"/></iq>
    S: <iq xmlns='jabber:client' type='result' id='$l'><leave-message xmlns='urn:usher:desk:0'><x xmlns='jabber:x:data' type='form'>
      <field var='email' type='text-single'/><field var='question' type='text-multi'><required/></field></x></leave-message></iq>`));
  assert.equal(engine.state.phase, 'offline');
  assert.equal(engine.state.closedReason, 'hours');
  assert.equal(engine.state.opens, '2026-01-05T09:00:00Z');
  assert.deepEqual(engine.state.form?.fields[1].value, ['Help!']);
  net.last.drop(); // in between
  engine.submitForm({ email: ['a@b.test'], question: ['Help!'] });
  await pass(400);
  await net.last.plays(login(byToken) + `
    C: <resume h="5" previd="sm-1" xmlns="urn:xmpp:sm:3"/>
    S: <resumed xmlns='urn:xmpp:sm:3' previd='sm-1' h='6'/>
    C: <iq id="$m" …<leave-message xmlns="urn:usher:desk:0"><x type="submit" xmlns="jabber:x:data">…</x><visitor …/></leave-message></iq>
    S: <iq xmlns='jabber:client' type='result' id='$m'><leave-message xmlns='urn:usher:desk:0' id='L1'/></iq>`);
  assert.equal(engine.state.phase, 'left');
});

test('a page load resumes the stream: what wasn’t acknowledged is sent again, what has come meanwhile is there', async (t) => {
  const { net, engine, shelf } = await chat(t);
  engine.send('unacknowledged');
  const { a } = await net.last.plays(says('$a', 'unacknowledged'));
  assert.equal(net.last.closed, false);
  const next = await reload(t, engine, shelf);
  assert.equal(net.sockets[0].closed, true);
  assert.deepEqual(net.sockets[0].sent, [], 'no goodbye');
  assert.equal(next.state.phase, 'active'); // before there is a connection
  await net.last.plays(login(byToken) + `
    C: <resume h="11" previd="sm-1" xmlns="urn:xmpp:sm:3"/>
    S: <resumed xmlns='urn:xmpp:sm:3' previd='sm-1' h='6'/>
    C: <message id="${a}" …><body>unacknowledged</body>…</message>
    C: <r xmlns="urn:xmpp:sm:3"/>
    ${said('alice', 'a1', 'meanwhile')}
    ${said('Visitor 7', a, 'unacknowledged')}`);
  await net.last.quiet();
  assert.equal(next.state.link, 'up');
  assert.deepEqual(shown(next.state), ['visitor: Help!, delivered', 'visitor: unacknowledged, delivered', 'agent: meanwhile']);
  assert.deepEqual(next.state.agent, { nick: 'alice', present: true, typing: false });
});

test('resumption refused, but the same address: what the room has not is sent again, under its id', async (t) => {
  const { net, engine } = await chat(t);
  engine.send('one');
  engine.send('two');
  const { a, b } = await net.last.plays(says('$a', 'one') + says('$b', 'two'));
  net.last.drop();
  await pass(10);
  assert.equal(engine.state.link, 'reconnecting');
  engine.send('three');
  await pass(400);
  await net.last.plays(login(byToken) + `
    C: <resume h="11" previd="sm-1" xmlns="urn:xmpp:sm:3"/>
    S: <failed xmlns='urn:xmpp:sm:3' h='6'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>
    ${bind(JID, 'sm-2').replace(/S: <enabled.*/, '')}
    C: <iq id="$p" to="${ROOM}/Visitor 7" type="get" xmlns="jabber:client"><ping xmlns="urn:xmpp:ping"/></iq>
    S: <enabled xmlns='urn:xmpp:sm:3' id='sm-2' resume='true'/>
    ${said('Visitor 7', a, 'one')}
    S: <iq xmlns='jabber:client' type='result' id='$p' from='${ROOM}/Visitor 7'/>
    C: <message id="${b}" …><body>two</body>…</message>
    C: <message id="$c" …><body>three</body>…</message>
    C: <r xmlns="urn:xmpp:sm:3"/>
    ${said('Visitor 7', b, 'two')}
    ${said('Visitor 7', '$c', 'three')}`);
  assert.deepEqual(shown(engine.state), ['visitor: Help!, delivered', 'visitor: one, delivered', 'visitor: two, delivered', 'visitor: three, delivered']);
});

test('back as an occupant no more: the room is entered again, and its history merged in order', async (t) => {
  const { net, engine } = await chat(t);
  engine.send('one');
  const { a } = await net.last.plays(says('$a', 'one'));
  await net.last.plays(said('Visitor 7', a, 'one') + '\n' + said('alice', 'a1', 'first'));
  engine.send('two');
  const { b } = await net.last.plays(says('$b', 'two'));
  await pass(60_000 - 300);
  net.last.drop();
  await pass(400);
  await net.last.plays(login(byToken) + `
    C: <resume …/>
    S: <failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>
    ${bind(JID, 'sm-2').replace(/S: <enabled.*/, '')}
    C: <iq id="$p" to="${ROOM}/Visitor 7" type="get" xmlns="jabber:client"><ping xmlns="urn:xmpp:ping"/></iq>
    S: <iq xmlns='jabber:client' type='error' id='$p'><error type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
    C: <presence to="${ROOM}/Visitor 7" xmlns="jabber:client"><x xmlns="http://jabber.org/protocol/muc"><history maxstanzas="200" since="2026-01-0…Z"/></x></presence>
    ${occupant('alice')}
    ${occupant('Visitor 7', "<status code='110'/>")}
    ${said('Visitor 7', a, 'one', delay('2T00:00:01'))}
    ${said('alice', 'a1', 'first', delay('2T00:00:02'))}
    ${said('alice', 'a2', 'second', delay('2T00:00:03'))}
    ${said('Visitor 7', b, 'two', delay('2T00:00:04'))}
    ${said('alice', 'a3', 'third', delay('2T00:00:05'))}
    ${subject}`);
  await net.last.quiet(); // two was heard, so it isn't said again
  assert.deepEqual(shown(engine.state), ['visitor: Help!, delivered', 'visitor: one, delivered', 'agent: first', 'agent: second', 'visitor: two, delivered', 'agent: third']);
});

test('a message without its copy fails, and is sent again under its id', async (t) => {
  const { net, engine } = await chat(t);
  engine.send('lost');
  const { a } = await net.last.plays(says('$a', 'lost'));
  await net.last.plays(`S: <a xmlns='urn:xmpp:sm:3' h='7'/>`);
  await pass(25_000);
  assert.equal(shown(engine.state)[1], 'visitor: lost, sent');
  await pass(11_000);
  assert.equal(shown(engine.state)[1], 'visitor: lost, failed');
  engine.retry(engine.state.messages.find((m) => m.body === 'lost')!.id);
  await net.last.plays(says(a, 'lost'));
  await net.last.plays(`S: <message xmlns='jabber:client' type='error' from='${ROOM}' id='${a}'><error type='wait'><remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`);
  assert.equal(shown(engine.state)[1], 'visitor: lost, failed');
  await net.last.plays(said('Visitor 7', a, 'lost')); // it was there after all
  assert.equal(shown(engine.state)[1], 'visitor: lost, delivered');
});

test('a server that is away makes nothing fail', async (t) => {
  const { net, engine } = await chat(t);
  const link = (state: string) => `S: <message xmlns='jabber:client' from='visitors.test' to='${JID}' type='headline'><link xmlns='urn:usher:link:0' state='${state}'/></message>`;
  await net.last.plays(link('down'));
  assert.equal(engine.state.link, 'server-down');
  engine.send('held');
  const { a } = await net.last.plays(says('$a', 'held'));
  await net.last.plays(`S: <a xmlns='urn:xmpp:sm:3' h='7'/>`);
  await pass(45_000);
  assert.equal(shown(engine.state)[1], 'visitor: held, sent');
  await net.last.plays(link('up') + '\n' + said('Visitor 7', a, 'held'));
  assert.equal(engine.state.link, 'up');
  assert.equal(shown(engine.state)[1], 'visitor: held, delivered');
});

test('the last message is corrected, once', async (t) => {
  const { net, engine } = await chat(t);
  engine.send('Helo');
  const { a } = await net.last.plays(says('$a', 'Helo'));
  await net.last.plays(said('Visitor 7', a, 'Helo'));
  engine.correct(engine.state.messages[0].id, 'not the last');
  engine.correct(a, 'Hello');
  const { b } = await net.last.plays(`
    C: <message id="$b" to="${ROOM}" type="groupchat" xmlns="jabber:client"><body>Hello</body><replace id="${a}" xmlns="urn:xmpp:message-correct:0"/>…</message>
    C: <r xmlns="urn:xmpp:sm:3"/>`);
  assert.equal(shown(engine.state)[1], 'visitor: Hello (corrected), sending');
  const again = said('Visitor 7', b, 'Hello', `<replace xmlns='urn:xmpp:message-correct:0' id='${a}'/>`);
  await net.last.plays(again + '\n' + again);
  assert.deepEqual(shown(engine.state).slice(1), ['visitor: Hello (corrected), delivered']);
});

test('what the room says twice is shown once', async (t) => {
  const sid = "<stanza-id xmlns='urn:xmpp:sid:0' by='" + ROOM + "' id='s1'/>";
  const forged = "<stanza-id xmlns='urn:xmpp:sid:0' by='other@rooms.test' id='s1'/>";
  for (const [name, one, two, want] of [
    ['same id', said('alice', 'x', 'a'), said('alice', 'x', 'a', delay('2T00:00:00')), 1],
    ['same id of another', said('alice', 'x', 'a'), said('carol', 'x', 'a'), 2],
    ['same stanza-id', said('alice', '', 'a', sid), said('alice', '', 'a', sid), 1],
    ['a stanza-id that isn’t the room’s', said('alice', 'x', 'a', forged), said('alice', 'y', 'a', forged), 2],
    ['no id, live', said('alice', '', 'a'), said('alice', '', 'a'), 2],
    ['no id, history', said('alice', '', 'a'), said('alice', '', 'a', delay('2T00:00:01')), 1],
    ['no id, older history', said('alice', '', 'a'), said('alice', '', 'a', delay('1T00:00:00')), 2],
  ] as const) {
    await t.test(name, async (t) => {
      const { net, engine } = await chat(t);
      await net.last.plays(one + '\n' + two);
      assert.equal(engine.state.messages.filter((m) => m.body === 'a').length, want);
    });
  }
});

test('typing is told at the first key and when it stops', async (t) => {
  const { net, engine } = await chat(t);
  const state = (name: string) => `C: <message to="${ROOM}" type="groupchat" xmlns="jabber:client"><${name} xmlns="http://jabber.org/protocol/chatstates"/><no-store xmlns="urn:xmpp:hints"/></message>`;
  for (let i = 0; i < 5; i++) engine.typing(true);
  await net.last.plays(state('composing'));
  await net.last.quiet(7_000);
  engine.typing(true);
  await net.last.quiet(7_000);
  await pass(2_000);
  await net.last.plays(state('paused'));
  engine.typing(true);
  await net.last.plays(state('composing'));
  engine.typing(false);
  await net.last.plays(state('paused'));
});

test('a token that is no good: anonymous on the same stream', async (t) => {
  const net = network(t);
  const shelf = new Shelf();
  shelf.setItem('usher:shop:token', JSON.stringify({ v: 1, token: 'TOKEN', renew: Date.now() + 1e9 }));
  const engine = page(shelf);
  t.after(() => engine.dispose());
  assert.equal(await engine.restore(), false);
  assert.equal(net.sockets.length, 0, 'nothing is asked: no connection');
  engine.start({ question: 'Help!' });
  await pass();
  await net.last.plays(login(byToken).replace(/ S: <success[\s\S]*/, `
    S: <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>
    C: ${anonymous}
    S: <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>` + features + bind(JID, 'sm-1').replace(/S: <enabled.*/, '') + `
    C: <presence xmlns="jabber:client"/>
    S: <enabled xmlns='urn:xmpp:sm:3' id='sm-1' resume='true'/>` + token + asked));
  assert.equal(engine.state.phase, 'queued');
});

test('back as somebody the desk doesn’t know: the conversation is over', async (t) => {
  const { net, engine } = await chat(t);
  net.last.drop();
  await pass(400);
  await net.last.plays(login(byToken) + `
    C: <resume …/>
    S: <failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>
    ${bind('other@visitors.test/two', 'sm-2').replace(/S: <enabled.*/, '')}
    C: <presence xmlns="jabber:client"/>
    C: <iq id="$s" to="${DESK}" type="get" xmlns="jabber:client"><queue-status xmlns="http://jabber.org/protocol/workgroup"/></iq>
    S: <iq xmlns='jabber:client' type='error' id='$s' from='${DESK}'><error type='auth'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`);
  assert.equal(engine.state.phase, 'active');
  await pass(11_000);
  assert.equal(engine.state.phase, 'closed');
  assert.equal(engine.state.endReason, 'lost');
});

test('who calls is not followed before the visitor agrees', async (t) => {
  const net = network(t);
  const shelf = new Shelf();
  const engine = page(shelf);
  t.after(() => engine.dispose());
  engine.presence();
  await pass();
  await net.last.plays(first + `
    ${conversation('connecting', "agent='alice'")}`);
  assert.equal(engine.state.phase, 'idle');
  await net.last.plays(`
    S: <message xmlns='jabber:client' type='chat' from='${DESK}'><body>May I?</body><call xmlns='urn:usher:desk:0' conversation='C1'>May I?</call></message>`);
  assert.equal(engine.state.phase, 'called');
  assert.deepEqual(engine.state.call, { nick: 'alice', text: 'May I?' });
  await net.last.quiet();
  assert.equal(shelf.length, 0, 'he has not acted');
  engine.answerCall(false);
  await net.last.quiet();
  assert.equal(engine.state.phase, 'idle');
  await net.last.plays(`
    S: <message xmlns='jabber:client' from='${ROOM}'><x xmlns='http://jabber.org/protocol/muc#user'><invite from='c-owner@visitors.test/usher'/></x></message>
    C: <message to="${ROOM}" xmlns="jabber:client"><x xmlns="http://jabber.org/protocol/muc#user"><decline to="c-owner@visitors.test/usher"/></x></message>`);
  assert.equal(engine.state.phase, 'idle');
});

const call = `
  ${conversation('connecting', "agent='alice'")}
  S: <message xmlns='jabber:client' type='chat' from='${DESK}'><body>May I?</body><call xmlns='urn:usher:desk:0' conversation='C1'>May I?</call></message>
  S: <message xmlns='jabber:client' from='${ROOM}'><x xmlns='http://jabber.org/protocol/muc#user'><invite from='c-owner@visitors.test/usher'/></x></message>`;

/** A visitor whom alice calls, on a connection that then breaks. */
async function calledAndCut(t: TestContext): Promise<{ net: Net; engine: Engine }> {
  const net = network(t);
  const engine = page(new Shelf());
  t.after(() => engine.dispose());
  engine.presence();
  await pass();
  await net.last.plays(first + call);
  assert.equal(engine.state.phase, 'called');
  net.last.drop();
  await pass();
  return { net, engine };
}

const resumed = `${login(byToken)}
  C: <resume …/>
  S: <resumed xmlns='urn:xmpp:sm:3' previd='sm-1' h='2'/>`;

test('a call answered while there is no connection: the room is entered once there is one, and only once', async (t) => {
  const { net, engine } = await calledAndCut(t);
  engine.answerCall(true);
  await pass();
  assert.equal(engine.state.phase, 'connecting');
  await pass(400);
  await net.last.plays(`${resumed}
    C: <presence to="${ROOM}/visitor" xmlns="jabber:client"><x xmlns="http://jabber.org/protocol/muc"><history maxstanzas="200"/></x></presence>`);
  net.last.drop(); // with the join on its way: it is among what is sent again
  await pass(400);
  await net.last.plays(`${resumed}
    C: <presence to="${ROOM}/visitor" …</presence>
    C: <r xmlns="urn:xmpp:sm:3"/>
    ${occupant('alice')}
    ${occupant('Visitor 7', "<status code='110'/>")}
    ${subject}
    ${conversation('active', `agent='alice' room='${ROOM}'`)}`);
  await net.last.quiet();
  assert.equal(engine.state.phase, 'active');
});

test('a call declined while there is no connection is declined once there is one, to who called, whatever he does meanwhile', async (t) => {
  const { net, engine } = await calledAndCut(t);
  engine.answerCall(false);
  engine.leaveMessage();
  await pass(400);
  await net.last.plays(`${resumed}
    C: <message to="${ROOM}" xmlns="jabber:client"><x xmlns="http://jabber.org/protocol/muc#user"><decline to="c-owner@visitors.test/usher"/></x></message>
    C: <iq …><leave-message xmlns="urn:usher:desk:0"/></iq>`);
  assert.equal(engine.state.phase, 'offline');
});

test('a call to an address that is lost is over', async (t) => {
  const { net, engine } = await calledAndCut(t);
  await pass(400);
  await net.last.plays(login(byToken).replace(/<success(.|\n)*/, `<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>`) + `
    C: ${anonymous}
    S: <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>${features}
    C: <resume …/>
    S: <failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>
    ${bind('visitor@visitors.test/two', 'sm-2').replace(/S: <enabled.*/, '')}
    C: <presence xmlns="jabber:client"/>`);
  assert.equal(engine.state.phase, 'idle');
  assert.equal(engine.state.call, null);
});

test('a page load while the question is on its way: it isn’t asked twice', async (t) => {
  const net = network(t);
  const shelf = new Shelf();
  const engine = page(shelf);
  t.after(() => engine.dispose());
  engine.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked.replace(/ S: <iq xmlns='jabber:client' type='result' id='\$q'.*/s, ''));
  const next = await reload(t, engine, shelf);
  assert.equal(next.state.phase, 'starting');
  await net.last.plays(login(byToken) + `
    C: <resume …/>
    S: <resumed xmlns='urn:xmpp:sm:3' previd='sm-1' h='4'/>
    C: <iq …><join-queue …</join-queue></iq>
    C: <iq id="$f" …><join-queue xmlns="http://jabber.org/protocol/workgroup"/></iq>
    C: <iq id="$i" …disco#info"/></iq>
    S: <iq xmlns='jabber:client' type='result' id='$f'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
    S: <iq xmlns='jabber:client' type='result' id='$i'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>
    C: <iq id="$q" …><join-queue …</join-queue></iq>
    S: <iq xmlns='jabber:client' type='error' id='$q'><error code='409' type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
    C: <iq id="$s" to="${DESK}" type="get" xmlns="jabber:client"><queue-status xmlns="http://jabber.org/protocol/workgroup"/></iq>
    S: <iq xmlns='jabber:client' type='result' id='$s'><queue-status xmlns='http://jabber.org/protocol/workgroup'><position>3</position><time>90</time></queue-status></iq>`);
  assert.equal(next.state.phase, 'queued');
  assert.deepEqual(next.state.queue, { position: 3, estimate: 90, waiting: 3 });
});

test('a page that comes back after another tab had the connection asks the room for what it has missed', async (t) => {
  const { net, engine, shelf } = await chat(t);
  engine.dispose();
  await pass(40_000);
  const next = page(shelf);
  t.after(() => next.dispose());
  await next.restore();
  await pass();
  await net.last.plays(login(byToken) + `
    C: <resume …/>
    S: <failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>
    ${bind(JID, 'sm-2').replace(/S: <enabled.*/, '')}
    C: <presence to="${ROOM}/Visitor 7" xmlns="jabber:client"><x xmlns="http://jabber.org/protocol/muc"><history maxstanzas="200"/></x></presence>
    ${occupant('Visitor 7', "<status code='110'/>")}
    ${said('alice', 'a1', 'said to the other tab', delay('2T00:00:03'))}
    ${subject}`);
  assert.deepEqual(shown(next.state).slice(1), ['agent: said to the other tab']);
});

test('a text that no stanza can hold is sent in pieces', async (t) => {
  const { net, engine } = await chat(t);
  engine.send('"😀'.repeat(5_000));
  await pass();
  const bodies = net.last.sent.filter((s) => s.startsWith('<message ')).map((s) => /<body>(.*)<\/body>/s.exec(s)![1]);
  assert.equal(bodies.join('').split('&quot;').join('"'), '"😀'.repeat(5_000));
  assert.ok(net.last.sent.every((s) => Buffer.byteLength(s) < 65_536));
});

test('a file: slot, upload with progress, its address in the room', async (t) => {
  const net = network(t);
  const shelf = new Shelf();
  const engine = page(shelf, undefined, { config: { ...config, files: { max: 10, types: ['image/*', 'text/plain'] } } });
  t.after(() => engine.dispose());
  engine.start({ question: 'Help!' });
  await pass();
  await net.last.plays(first + asked + entered);
  assert.equal(engine.state.canSendFiles, true);
  engine.sendFile(new File(['x'.repeat(11)], 'a.txt', { type: 'text/plain' }));
  assert.equal((await pass(), engine.state.error), 'file_size');
  engine.sendFile(new File(['x'], 'a.exe', { type: 'application/x-msdownload' }));
  assert.equal((await pass(), engine.state.error), 'file_type');
  engine.sendFile(new File(['hello'], 'ä.txt', { type: 'text/plain' }));
  assert.equal((await pass(), engine.state.error), '');
  await net.last.plays(`
    C: <iq id="$s" to="visitors.test" type="get" xmlns="jabber:client"><request content-type="text/plain" filename="ä.txt" size="5" xmlns="urn:xmpp:http:upload:0"/></iq>
    S: <iq xmlns='jabber:client' type='result' id='$s'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://chat.test/files/k/a.txt'>
      <header name='Authorization'>Bearer k</header><header name='Host'>evil.test</header></put><get url='https://chat.test/files/k/a.txt'/></slot></iq>`);
  const put = net.requests.find((r) => r.method === 'PUT')!;
  assert.equal(put.url, 'https://chat.test/files/k/a.txt');
  assert.deepEqual(put.headers, { 'Content-Type': 'text/plain', Authorization: 'Bearer k' });
  put.upload.onprogress?.({ lengthComputable: true, loaded: 2, total: 5 });
  await pass();
  const file = () => engine.state.messages.find((m) => m.kind === 'file')!;
  assert.deepEqual(file().file, { name: 'ä.txt', size: 5, type: 'text/plain', progress: 0.4 });
  put.fails();
  assert.equal((await pass(), file().state), 'failed');
  engine.retry(file().id);
  await net.last.plays(`
    C: <iq id="$s" …><request …/></iq>
    S: <iq xmlns='jabber:client' type='result' id='$s'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://chat.test/files/l/a.txt'/><get url='https://chat.test/files/l/a.txt'/></slot></iq>`);
  net.requests[net.requests.length - 1].ends(201);
  const { m } = await net.last.plays(`
    C: <message id="$m" to="${ROOM}" type="groupchat" xmlns="jabber:client"><body>https://chat.test/files/l/a.txt</body><x xmlns="jabber:x:oob"><url>https://chat.test/files/l/a.txt</url></x>…</message>`);
  await net.last.plays(said('Visitor 7', m, 'https://chat.test/files/l/a.txt'));
  assert.equal(file().state, 'delivered');
  await net.last.plays(said('alice', 'a1', 'https://chat.test/files/q/b%20c.png', "<x xmlns='jabber:x:oob'><url>https://chat.test/files/q/b%20c.png</url></x>"));
  assert.equal(engine.state.messages[engine.state.messages.length - 1].file?.name, 'b c.png');
});
