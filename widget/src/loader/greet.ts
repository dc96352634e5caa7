// Greetings by the site's rules: the first rule whose page matches greets when the visitor has been on it for so long.

import type { GreetRule } from '../types';

/** Whether a path is a rule's page: `*` stands for anything, '' for every page. */
export function matches(page: string, path: string): boolean {
  if (!page) return true;
  const parts = page.split('*');
  if (parts.length === 1) return page === path;
  const last = parts.pop()!;
  const first = parts.shift()!;
  if (!path.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts) {
    const i = path.indexOf(part, at);
    if (i < 0) return false;
    at = i + part.length;
  }
  return path.length - at >= last.length && path.endsWith(last);
}

/** The rule's text in the language, or for all. */
export function wording(rule: GreetRule, code: string): string {
  return rule.text[code] || rule.text[''] || Object.values(rule.text)[0] || '';
}

/** Greets once, when its time has come on a page that matches; the result stops it. A page of a single-page application counts as a new one. */
export function greetings(rules: readonly GreetRule[], code: string, greet: (text: string) => void): () => void {
  let timer = 0;
  const arm = () => {
    clearTimeout(timer);
    const rule = rules.find((r) => matches(r.page, location.pathname));
    if (!rule) return;
    timer = window.setTimeout(() => { stop(); greet(wording(rule, code)); }, rule.after * 1000);
  };
  const pages = (globalThis as { navigation?: EventTarget }).navigation ?? window;
  const change = pages === window ? 'popstate' : 'navigatesuccess';
  const stop = () => { clearTimeout(timer); pages.removeEventListener(change, arm); };
  pages.addEventListener(change, arm);
  arm();
  return stop;
}
