// Every language there is. For the build and the tests; the widget itself fetches what it needs (languages.ts).

import type { Language } from '../types';
import en from './en';

export const all: Language[] = [en];

/** What the loader says by itself, in the order in which the build hands it over. */
export const LAUNCHER_KEYS = Object.keys(en.words).filter((key) => key.startsWith('launcher_'));
