// Where a language's words come from: each is a file of its own, fetched when it's spoken.

import type { Language } from '../types';

const files: Record<string, () => Promise<{ default: Language }>> = {
  en: () => import('./en'),
  de: () => import('./de'),
  fr: () => import('./fr'),
  es: () => import('./es'),
  it: () => import('./it'),
  pt: () => import('./pt'),
  nl: () => import('./nl'),
  pl: () => import('./pl'),
  cs: () => import('./cs'),
  ru: () => import('./ru'),
  uk: () => import('./uk'),
  tr: () => import('./tr'),
  ar: () => import('./ar'),
  he: () => import('./he'),
  ja: () => import('./ja'),
  zh: () => import('./zh'),
};

/** Codes of all languages. */
export const codes: readonly string[] = Object.keys(files);

export async function fetchLanguage(code: string): Promise<Language> {
  return (await files[code]()).default;
}

/** A language's name in itself: 'Deutsch', 'Français'. */
export function ownName(code: string): string {
  try {
    const name = new Intl.DisplayNames([code], { type: 'language' }).of(code) ?? code;
    return name[0].toLocaleUpperCase(code) + name.slice(1);
  } catch {
    return code;
  }
}
