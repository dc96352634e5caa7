import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matches } from '../src/loader/greet';
import { KEYS } from '../src/loader/words';
import { LAUNCHER_KEYS } from '../src/text/all';

test('the loader has the launcher words in the order in which the build hands them over', () => {
  assert.deepEqual(KEYS.map((key) => 'launcher_' + key), LAUNCHER_KEYS);
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
