import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clean, pieces } from '../src/text/pieces';
import { all } from '../src/text/all';
import { choose } from '../src/text/choose';
import en from '../src/text/en';
import { codes, fetchLanguage, ownName } from '../src/text/languages';
import { translate } from '../src/text/translate';
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

test('every language has every text, every plural form that it needs, and puts in what English does', async () => {
  const keys = Object.keys(en.words);
  assert.deepEqual(all.map((l) => l.code), codes);
  assert.ok(codes.length >= 12);
  for (const language of all) {
    const { code, words, rtl } = language;
    assert.equal((await fetchLanguage(code)).code, code);
    assert.deepEqual(Object.keys(words), keys, code);
    assert.equal(rtl, ['ar', 'he'].includes(code));
    const needed = new Intl.PluralRules(code).resolvedOptions().pluralCategories.slice().sort();
    for (const key of keys) {
      const model = en.words[key];
      const text = words[key];
      assert.equal(typeof text, typeof model, `${code} ${key}: plural forms or none`);
      const holes = (s: string) => (s.match(/\{\d\}/g) ?? []).sort().join('');
      if (typeof text === 'string') {
        assert.ok(text.trim(), `${code} ${key} is empty`);
        assert.equal(holes(text), holes(model as string), `${code} ${key}`);
        continue;
      }
      for (const category of needed) assert.ok(text[category], `${code} ${key} has no form for ${category}`);
      for (const [category, form] of Object.entries(text)) {
        assert.ok(form);
        // Some say the smallest numbers by a word.
        if (!['zero', 'one', 'two'].includes(category)) assert.equal(holes(form), '{0}', `${code} ${key} ${category}`);
      }
    }
    assert.ok(ownName(code).length > 1);
  }
});

test('which languages somebody who speaks them has checked', () => {
  assert.deepEqual(all.filter((l) => l.checked).map((l) => l.code), ['en', 'de', 'fr', 'es']);
});

test('plurals', () => {
  for (const [code, n, want] of [
    ['en', 0, '0 new messages'], ['en', 1, '1 new message'], ['en', 2, '2 new messages'], ['en', 1234, '1,234 new messages'],
    ['de', 1, '1 neue Nachricht'], ['de', 5, '5 neue Nachrichten'],
    ['fr', 0, '0 nouveau message'], ['fr', 2, '2 nouveaux messages'], ['fr', 1e6, '1\u202F000\u202F000 de nouveaux messages'],
    ['pl', 1, '1 nowa wiadomość'], ['pl', 3, '3 nowe wiadomości'], ['pl', 5, '5 nowych wiadomości'], ['pl', 12, '12 nowych wiadomości'], ['pl', 22, '22 nowe wiadomości'],
    ['ru', 21, '21 новое сообщение'], ['ru', 4, '4 новых сообщения'], ['ru', 11, '11 новых сообщений'],
    ['cs', 1, '1 nová zpráva'], ['cs', 4, '4 nové zprávy'], ['cs', 5, '5 nových zpráv'],
    ['ar', 1, 'رسالة جديدة واحدة'], ['ar', 2, 'رسالتان جديدتان'], ['ar', 3, '3 رسائل جديدة'], ['ar', 11, '11 رسالة جديدة'],
    ['he', 2, 'שתי הודעות חדשות'], ['ja', 7, '新着メッセージ7件'], ['zh', 7, '7 条新消息'],
  ] as const) {
    const language = all.find((l) => l.code === code)!;
    const digits = (s: string) => s.replace(/[٠-٩]/g, (d) => String(d.charCodeAt(0) - 0x660)); // a matter of the browser's data
    assert.equal(digits(translate(language, {})('log_new', n)), want, `${code} ${n}`);
  }
});

test("a site's own texts come first", () => {
  const t = translate(all.find((l) => l.code === 'de')!, {
    start_heading: { de: 'Moin!', en: 'Ahoy!' },
    start_text: { '': 'For all' },
    start_send: { en: 'Go' },
    connecting_heading: { '': '{0} $& {0} {1}' },
  });
  assert.equal(t('start_heading'), 'Moin!');
  assert.equal(t('start_text'), 'For all');
  assert.equal(t('start_send'), 'Chat beginnen');
  assert.equal(t('connecting_heading', '{0} $1'), '{0} $1 $& {0} $1 '); // what is put in isn't looked through again
  assert.equal(t('no_such_key'), 'no_such_key');
});

test('which language is spoken', () => {
  const there = ['en', 'de', 'fr', 'he', 'zh'];
  for (const [wanted, allowed, site, want] of [
    [['de'], [], 'en', 'de'],
    [['de-AT', 'fr'], [], 'en', 'de'],
    [['DE_ch'], [], 'en', 'de'],
    [['xx', undefined, null, '', 'fr'], [], 'en', 'fr'],
    [['xx'], [], 'de', 'de'],
    [['xx'], [], 'xx', 'en'],
    [['fr'], ['en', 'de'], 'de', 'de'],
    [['fr'], ['de-DE'], 'de-DE', 'de'],
    [['zh-Hant-TW'], [], 'en', 'zh'],
    [['iw'], [], 'en', 'he'],
    [['fr'], ['xx'], 'xx', 'en'],
  ] as const) {
    assert.equal(choose(wanted, allowed, site, there), want, `${wanted} of ${allowed} at ${site}`);
  }
});
