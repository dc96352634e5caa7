import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clean, pieces } from '../src/text/pieces';
import type { Piece } from '../src/types';

const shown = (list: Piece[]) => list.map((p) => ('br' in p ? '\n' : p.text)).join('');
const links = (body: string) => pieces(body).flatMap((p) => ('link' in p ? [p.link] : []));

test('markup stays text', () => {
  const body = '<img src=x onerror=alert(1)><script>alert(2)</script> &lt; {0} ${x}';
  assert.deepEqual(pieces(body), [{ text: body }]);
});

test('lines', () => {
  assert.deepEqual(pieces('a\r\nb\rc\nd\u2028e\n'), [
    { text: 'a' }, { br: true }, { text: 'b' }, { br: true }, { text: 'c' }, { br: true }, { text: 'd' }, { br: true }, { text: 'e' }, { br: true },
  ]);
  assert.deepEqual(pieces(''), []);
});

test('addresses that become links, and where they end', () => {
  for (const [body, want] of [
    ['see https://example.com/a?b=c#d.', ['https://example.com/a?b=c#d']],
    ['(https://example.com/a)', ['https://example.com/a']],
    ['https://en.example/wiki/Mercury_(planet)', ['https://en.example/wiki/Mercury_(planet)']],
    ['https://en.example/wiki/Mercury_(planet))!', ['https://en.example/wiki/Mercury_(planet)']],
    ['"https://example.com"', ['https://example.com/']],
    ['HTTP://EXAMPLE.COM/X', ['http://example.com/X']],
    ['http://[2001:db8::1]:8080/x', ['http://[2001:db8::1]:8080/x']],
    ['two https://a.example, https://b.example!', ['https://a.example/', 'https://b.example/']],
    ['看https://example.com谢谢', ['https://example.com/']],
    ['https://ru.example/wiki/Москва', ['https://ru.example/wiki/%D0%9C%D0%BE%D1%81%D0%BA%D0%B2%D0%B0']],
    ['https://müller.example/', ['https://xn--mller-kva.example/']],
    ['write to info@example.com.', ['mailto:info@example.com']],
    ['mailto:a.b+c@example.co.uk', ['mailto:a.b+c@example.co.uk']],
    ['a@b.example,c@d.example', ['mailto:a@b.example', 'mailto:c@d.example']],
  ] as const) {
    assert.deepEqual(links(body), want, body);
    assert.equal(shown(pieces(body)), body, 'nothing of the text is lost');
  }
});

test('addresses that stay text', () => {
  for (const body of [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x file:///etc/passwd ftp://example.com blob:x',
    'https://',
    'https:example.com',
    'http:\\\\example.com',
    'https://user:pass@evil.example/',
    'https://bank.example@evil.example/x', // reads like the bank
    'https://раypal.com/', 'https://pаypal.com/', // Cyrillic letters that look like Latin ones
    'https://' + 'a'.repeat(3000) + '.example/',
    'https://example.com:99999999/',
    'a @ b.example', '@example.com', 'a@b', 'a@.example', '@@@',
  ]) {
    assert.deepEqual(links(body), [], body);
    assert.equal(shown(pieces(body)), body);
  }
});

test('a link goes where its text says', () => {
  for (const p of pieces('https://example.com/\u202Ecod.exe https://a\u2066b.example/ https://x.example/\u200F')) {
    if (!('link' in p)) continue;
    assert.equal(new URL(p.text).href, p.link);
    assert.doesNotMatch(p.text, /[\u200E\u200F\u061C\u202A-\u202E\u2066-\u2069]/);
  }
});

test('what disturbs its surroundings is taken out', () => {
  for (const [text, want] of [
    ['a\u202Etxt.exe\u202C', 'atxt.exe'],
    ['\u2067right\u2069 \u202Aleft\u202C', 'right left'],
    ['nul\0 bell\x07 esc\x1B[31m c1\x9B tab\t', 'nul bell esc[31m c1 tab\t'],
    ['bom\uFEFF half\uD800 half\uDC00!', 'bom half half!'],
    ['👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم', '👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم'], // joiners belong to writing
    ['עברית\u200F abc', 'עברית\u200F abc'], // so do marks
    ['Z' + '\u0301'.repeat(500) + 'algo', 'Z' + '\u0301'.repeat(5) + 'algo'],
    ['Tiê\u0323\u0301ng Việt', 'Tiê\u0323\u0301ng Việt'],
  ]) {
    assert.equal(clean(text), want);
  }
});

test('half a megabyte of anything is done with', { timeout: 120_000 }, () => {
  // With a cost that grows faster than the length this would take very long.
  for (const unit of ['a', '@', 'a@', 'http://', 'https://a', '(', ')', 'https://a.example/(', 'mailto:', '\u0301', 'a.b@c.', '\u202E', '\n', 'h', '.', 'a.']) {
    const body = unit.repeat(500_000 / unit.length);
    assert.equal(shown(pieces(body)), clean(body), unit);
  }
});
