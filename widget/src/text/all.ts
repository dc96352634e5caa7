// Every language there is. For the build and the tests; the widget itself fetches what it needs (languages.ts).

import type { Language } from '../types';
import en from './en';

export const all: Language[] = [en];

/** The words of keys that begin so, by language, in the order of the keys: what the build puts into the loader. */
export function words(prefix: string): Record<string, string[]> {
  const keys = Object.keys(en.words).filter((key) => key.startsWith(prefix));
  return Object.fromEntries(all.map((l) => [l.code, keys.map((key) => l.words[key] as string)]));
}
