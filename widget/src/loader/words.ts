// The loader's few words, in all languages: they are there before anything else is fetched.

import type { SiteConfig } from '../types';
import { fill } from '../text/fill';

/** In the order of text/en.ts; a test compares. */
export const LAUNCHER = ['label', 'online', 'wait', 'message'];

export type Say = (key: string, ...args: (string | number)[]) => string;

/** The site's own text first, then ours, of the words whose keys begin so. */
export function say(prefix: string, keys: readonly string[], words: Record<string, string[]>, code: string, texts: SiteConfig['texts']): Say {
  return (key, ...args) => {
    const own = texts[prefix + key] ?? {};
    return fill(own[code] || own[''] || (words[code] ?? words.en)[keys.indexOf(key)], args);
  };
}

/** A length of time in the language: '5 min'. */
export function minutes(code: string, seconds: number): string {
  return new Intl.NumberFormat(code, { style: 'unit', unit: 'minute', unitDisplay: 'short' }).format(Math.ceil(seconds / 60));
}
