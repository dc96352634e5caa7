// Every language there is. For the build and the tests; the widget itself fetches what it needs (languages.ts).

import type { Language } from '../types';
import ar from './ar';
import cs from './cs';
import de from './de';
import en from './en';
import es from './es';
import fr from './fr';
import he from './he';
import it from './it';
import ja from './ja';
import nl from './nl';
import pl from './pl';
import pt from './pt';
import ru from './ru';
import tr from './tr';
import uk from './uk';
import zh from './zh';

export const all: Language[] = [en, de, fr, es, it, pt, nl, pl, cs, ru, uk, tr, ar, he, ja, zh];

/** The words of keys that begin so, by language, in the order of the keys: what the build puts into the loader. */
export function words(prefix: string): Record<string, string[]> {
  const keys = Object.keys(en.words).filter((key) => key.startsWith(prefix));
  return Object.fromEntries(all.map((l) => [l.code, keys.map((key) => l.words[key] as string)]));
}
