// Texts with what is to be put in, and plurals.

import type { Language, SiteConfig, Translate } from '../types';
import { fill } from './fill';

/** Makes t(): the site's own texts first, in the language or for all, then the language's. With a number as first argument the plural form is taken. */
export function translate(language: Language, texts: SiteConfig['texts']): Translate {
  const rules = new Intl.PluralRules(language.code);
  const number = new Intl.NumberFormat(language.code);
  return (key, ...args) => {
    const own = texts[key] ?? {};
    let text = own[language.code] || own[''] || language.words[key] || key;
    if (typeof text !== 'string') text = (typeof args[0] === 'number' && text[rules.select(args[0])]) || text.other || key;
    return fill(text, args.map((a) => (typeof a === 'number' ? number.format(a) : a)));
  };
}
