// Texts with what is to be put in, and plurals.

import type { Language, SiteConfig, Translate } from '../types';
import en from './en';
import { fill } from './fill';

/** Makes t(): the site's own texts first, in the language or for all, then the language's, then English. */
export function translate(language: Language, texts: SiteConfig['texts']): Translate {
  const rules = new Intl.PluralRules(language.code);
  const english = new Intl.PluralRules('en');
  const number = new Intl.NumberFormat(language.code);
  return (key, ...args) => {
    const own = texts[key];
    const mine = own && (own[language.code] || own['']);
    const words = mine || language.words[key] || en.words[key];
    if (!words) return key;
    let text = words;
    if (typeof text !== 'string') {
      const r = words === language.words[key] ? rules : english;
      text = (typeof args[0] === 'number' && text[r.select(args[0])]) || text.other || '';
    }
    return fill(text, args.map((a) => (typeof a === 'number' ? number.format(a) : a)));
  };
}
