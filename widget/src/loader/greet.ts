// Greetings by the site's rules: the first rule whose page matches greets when the visitor has been on it for so long.
// Fetched only where a site greets.

import type { GreetRule, SiteConfig } from '../types';
import { say } from './words';
import css from './greet.css';

/** In the order of text/en.ts; a test compares. */
export const GREET = ['label', 'dismiss'];

/** Whether a path is a rule's page: `*` stands for anything, '' for every page. */
export function matches(page: string, path: string): boolean {
  const pattern = page.split('*').map((part) => part.replace(/[^\w/]/g, '\\$&')).join('.*');
  return !page || new RegExp(`^${pattern}$`, 's').test(path);
}

/** The rule's text in the language, or for all; '' if it has none. */
export function wording(rule: GreetRule, code: string): string {
  return rule.text[code] || rule.text[''] || Object.values(rule.text)[0] || '';
}

const LATER = 30_000; // ms

/**
 * Calls greet when the time has come on a page that matches, until that says that it's done; the result stops it. A new path
 * within the page (history, Navigation API) counts as a new page.
 */
export function wait(rules: readonly GreetRule[], greet: (rule: GreetRule) => boolean): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const events: [EventTarget | undefined, string][] = [[(globalThis as { navigation?: EventTarget }).navigation, 'navigatesuccess'], [window, 'popstate']];
  const stop = () => {
    clearTimeout(timer);
    for (const [target, event] of events) target?.removeEventListener(event, arm);
  };
  const arm = () => {
    clearTimeout(timer);
    const rule = rules.find((r) => matches(r.page, location.pathname));
    const due = () => (greet(rule!) ? stop() : (timer = setTimeout(due, LATER)));
    if (rule) timer = setTimeout(due, rule.after * 1000);
  };
  for (const [target, event] of events) target?.addEventListener(event, arm);
  arm();
  return stop;
}

/** Puts the bubble above the launcher; the result takes it away. */
export function bubble(root: ShadowRoot, dock: HTMLElement, config: SiteConfig, code: string, rule: GreetRule, accept: () => void, refuse: () => void): () => void {
  const t = say('greet_', GREET, USHER_GREET, code, config.texts);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet, ...root.adoptedStyleSheets];
  const box = document.createElement('div');
  const words = document.createElement('button');
  const shut = document.createElement('button');
  const line = document.createElement('p');
  const gone = () => {
    box.remove();
    root.adoptedStyleSheets = root.adoptedStyleSheets.filter((s) => s !== sheet);
  };
  box.className = 'greet';
  box.setAttribute('role', 'region');
  box.setAttribute('aria-label', t('label'));
  words.type = shut.type = 'button';
  words.textContent = wording(rule, code);
  words.dir = 'auto';
  words.onclick = accept;
  shut.textContent = '×';
  shut.setAttribute('aria-label', t('dismiss'));
  shut.onclick = () => (gone(), refuse());
  line.append(words);
  box.append(line, shut);
  dock.prepend(box);
  return gone;
}
