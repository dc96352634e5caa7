// The views' rules, as far as they need no document. What they look like is seen in dev/states.html and in a browser's tests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import en from '../src/text/en';
import { translate } from '../src/text/translate';
import type { Message } from '../src/types';
import { createDates } from '../src/ui/dates';
import { PAUSE, changeable, follows, growth, places } from '../src/ui/group';
import { DEFAULT_COLOUR, contrast, onColour, parseColour, readable, themeCss } from '../src/ui/theme';

const NOON = new Date(2026, 10, 20, 12).getTime();
let serial = 0;
function message(more: Partial<Message> = {}): Message {
  serial++;
  return { id: `m${serial}`, kind: 'text', from: 'agent', nick: 'Alice', body: 'x', time: NOON + serial * 1000, state: 'delivered', corrected: false, ...more };
}
const theme = (more: object) => themeCss({ colour: '', logo: '', position: 'right', dark: 'auto', css: '', ...more });

/** The tokens of each ground in a theme's sheet. */
function grounds(css: string): Record<string, string>[] {
  return [...css.matchAll(/\.panel\{(--c[^}]*)\}/g)].map((m) => Object.fromEntries(m[1].split(';').map((x) => x.split(':') as [string, string])));
}

test('contrast is that of WCAG 2.2', () => {
  const known: [string, string, number][] = [
    ['#ffffff', '#000000', 21],
    ['#fff', '#fff', 1],
    ['#777777', '#ffffff', 4.48],
    ['#767676', '#ffffff', 4.54],
    ['#ff0000', '#ffffff', 4],
    ['#0000ff', '#ffffff', 8.59],
  ];
  for (const [a, b, want] of known) {
    assert.equal(Math.round(contrast(a, b) * 100) / 100, want, `${a} on ${b}`);
    assert.equal(contrast(a, b), contrast(b, a));
  }
});

test('a colour is #rgb or #rrggbb', () => {
  assert.deepEqual(parseColour('#0aF'), [0, 170, 255]);
  assert.deepEqual(parseColour('#00aaff'), [0, 170, 255]);
  for (const bad of ['', 'red', '#12', '#12345', '#ggg', '#fff;}', 'rgb(1,2,3)']) assert.equal(parseColour(bad), null, bad);
});

test('whatever colour a site has, its texts have AA contrast in light and dark', () => {
  const colours = ['#000', '#fff', '#ffd400', '#777', '#767676', '#888', '#ff0000', '#00ff00', '#0000ff', '#171a21', '#f0f2f6', DEFAULT_COLOUR];
  for (let n = 0; n < 4096; n += 37) colours.push('#' + n.toString(16).padStart(3, '0'));
  for (const colour of colours) {
    const both = grounds(theme({ colour }));
    assert.equal(both.length, 2);
    for (const t of both) {
      const pairs: [string, string, number][] = [
        ['--o', '--c', 4.5], // text on the colour
        ['--t', '--b', 4.5], // links
        ['--t', '--s', 4.5], // links in a bubble
        ['--f', '--b', 4.5],
        ['--f', '--s', 4.5],
        ['--d', '--b', 4.5],
        ['--d', '--s', 4.5],
        ['--r', '--b', 4.5],
        ['--r', '--s', 4.5],
        ['--e', '--b', 3], // edges of controls
        ['--c', '--b', 1.25], // a bubble is seen as one
      ];
      for (const [a, b, least] of pairs) assert.ok(contrast(t[a], t[b]) >= least, `${colour}: ${a} ${t[a]} on ${b} ${t[b]}: ${contrast(t[a], t[b])}`);
    }
  }
});

test('a colour stays as it is where it can be read', () => {
  assert.equal(readable('#0000ff', '#ffffff', 4.5), '#0000ff');
  assert.notEqual(readable('#ffff00', '#ffffff', 4.5), '#ffff00');
  assert.equal(onColour('#1f5fd6'), '#ffffff');
  assert.equal(onColour('#ffd400'), '#000000');
  assert.equal(grounds(theme({ colour: '#ffd400' }))[0]['--c'], '#ffd400');
});

test('a theme has the grounds and the side that the site has set', () => {
  assert.match(theme({ dark: 'auto' }), /^\.panel\{[^}]*scheme:light\}@media\(prefers-color-scheme:dark\)\{\.panel\{[^}]*scheme:dark\}\}/);
  assert.doesNotMatch(theme({ dark: 'light' }), /scheme:dark/);
  assert.doesNotMatch(theme({ dark: 'dark' }), /scheme:light|@media/);
  assert.match(theme({ position: 'left' }), /\.panel\{left:/);
  assert.match(theme({}), /\.panel\{right:/);
  assert.equal(theme({ colour: 'red}*{display:none' }), theme({}));
});

test('messages of one author stand together', () => {
  const day = 24 * 3_600_000;
  const list: [Partial<Message>, string][] = [
    [{ time: NOON }, 'day first'],
    [{ time: NOON + 1 }, ''],
    [{ time: NOON + 2 }, 'last'],
    [{ time: NOON + 3, from: 'visitor', nick: '' }, 'first last'],
    [{ time: NOON + 4, from: 'supervisor', nick: 'Carol' }, 'first last'],
    [{ time: NOON + 5, nick: 'Bob' }, 'first'],
    [{ time: NOON + 6, nick: 'Bob', kind: 'file' }, 'last'],
    [{ time: NOON + 7, kind: 'notice', from: 'service' }, 'first last'],
    [{ time: NOON + 8, kind: 'notice', from: 'service' }, 'first last'],
    [{ time: NOON + 9, nick: 'Bob' }, 'first last'],
    [{ time: NOON + 9 + PAUSE, nick: 'Bob' }, 'first'],
    [{ time: NOON + 8 + 2 * PAUSE, nick: 'Bob' }, 'last'],
    [{ time: NOON + day, nick: 'Bob' }, 'day first last'],
  ];
  const got = places(list.map(([m]) => message(m))).map((p) => [p.day && 'day', p.first && 'first', p.last && 'last'].filter(Boolean).join(' '));
  assert.deepEqual(got, list.map(([, want]) => want));
});

test('only the last own message may be changed, if it is a text that has arrived', () => {
  const own = (more: Partial<Message> = {}) => message({ from: 'visitor', nick: '', ...more });
  const a = own();
  assert.equal(changeable([]), null);
  assert.equal(changeable([message()]), null);
  assert.equal(changeable([own(), a, message(), message({ kind: 'notice', from: 'service' })]), a);
  const sent = own({ state: 'sent' });
  assert.equal(changeable([a, sent]), sent);
  for (const last of [own({ state: 'sending' }), own({ state: 'failed' }), own({ kind: 'file' })]) assert.equal(changeable([a, last]), null);
});

test('what has come to the list', () => {
  const [a, b, c, d] = [message(), message(), message(), message()];
  const own = message({ from: 'visitor' });
  assert.deepEqual(growth([a, b], [a, b]), { own: false, others: 0, earlier: false });
  assert.deepEqual(growth([a], [a, b, c]), { own: false, others: 2, earlier: false });
  assert.deepEqual(growth([a], [a, own]), { own: true, others: 0, earlier: false });
  assert.deepEqual(growth([c], [a, b, c, d]), { own: false, others: 1, earlier: true });
  assert.deepEqual(growth([a, b], [b, c]), { own: false, others: 1, earlier: false }, 'the oldest falls out');
  assert.deepEqual(growth([], [a, b]), { own: false, others: 0, earlier: false }, 'a list that is new has not grown');
  assert.deepEqual(growth([a, b], [c, d]), { own: false, others: 0, earlier: false }, 'another list');
});

test('the list follows its end, a new list and the visitor himself', () => {
  assert.equal(follows(true, false, false), true);
  assert.equal(follows(false, true, false), true);
  assert.equal(follows(false, false, true), true);
  assert.equal(follows(false, false, false), false, 'who reads above stays there');
});

test('times, lengths and sizes in a language', () => {
  const t = translate(en, {});
  const dates = createDates('en', t, () => NOON);
  const day = 24 * 3_600_000;
  assert.equal(dates.day(NOON - 3_600_000), 'Today');
  assert.equal(dates.day(NOON - day), 'Yesterday');
  assert.equal(dates.day(NOON - 3 * day), 'Tuesday, November 17');
  assert.match(dates.clock(NOON), /^12:00\sPM$/);
  assert.equal(dates.span(10), 'less than a minute');
  assert.equal(dates.span(45), '1 minute');
  assert.equal(dates.span(61), '2 minutes');
  assert.equal(createDates('de', t).span(240), '4 Minuten');
  assert.equal(dates.bytes(12), '1 kB');
  assert.equal(dates.bytes(88_000), '88 kB');
  assert.equal(dates.bytes(2_400_000), '2.4 MB');
});
