import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GREET, matches } from '../src/loader/greet';
import { LAUNCHER } from '../src/loader/words';
import en from '../src/text/en';

test('the loader names its words in the order in which the build hands them over', () => {
  const keys = (prefix: string) => Object.keys(en.words).flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
  assert.deepEqual(LAUNCHER, keys('launcher_'));
  assert.deepEqual(GREET, keys('greet_'));
});

test('a page of a greeting rule', () => {
  for (const [page, path, want] of [
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
  ] as const) {
    assert.equal(matches(page, path), want, `${page} on ${path}`);
  }
});
