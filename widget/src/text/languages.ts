// Where a language's words come from: English is part of the app, the others are fetched.

import type { Language } from '../types';
import en from './en';

const fetched: Record<string, () => Promise<{ default: Language }>> = {};

/** Codes of all languages. */
export const codes: readonly string[] = ['en', ...Object.keys(fetched)];

/** The language's words; English where they can't be fetched. */
export async function fetchLanguage(code: string): Promise<Language> {
  try {
    return code in fetched ? (await fetched[code]()).default : en;
  } catch {
    return en;
  }
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
