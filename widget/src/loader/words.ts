// The loader's few words, in all languages: they are there before anything else is fetched.

import type { SiteConfig } from '../types';
import { fill } from '../text/fill';

/** In the order of text/all.ts LAUNCHER_KEYS; a test compares. */
export const KEYS = ['open', 'close', 'label', 'online', 'wait', 'message', 'unread', 'greeting', 'dismiss'] as const;
export type Key = (typeof KEYS)[number];

export type Say = (key: Key, ...args: (string | number)[]) => string;

/** The site's own text first, then ours. */
export function say(code: string, texts: SiteConfig['texts']): Say {
  return (key, ...args) => {
    const own = texts['launcher_' + key];
    return fill((own && (own[code] || own[''])) || (USHER_WORDS[code] ?? USHER_WORDS.en)[KEYS.indexOf(key)], args);
  };
}

/** A length of time in the language: '5 min'. */
export function minutes(code: string, seconds: number): string {
  const n = Math.max(1, Math.round(seconds / 60));
  try {
    return new Intl.NumberFormat(code, { style: 'unit', unit: 'minute', unitDisplay: 'short' }).format(n);
  } catch {
    return n + ' min';
  }
}

export function rtl(code: string): boolean {
  return /^(ar|he|fa|ur)$/.test(code);
}
