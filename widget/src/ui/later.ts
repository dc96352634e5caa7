// Parts that not every chat needs are files of their own, fetched when they are.
import type { State } from '../types';
import { h } from './dom';
import type { Part } from './options';

const AGAIN = 3000; // ms after which a file that didn't come is asked for again

/** Stands in for a part until its code is there. */
export function later(load: () => Promise<Part>): Part {
  const el = h('div', { class: 'later' });
  let part: Part | null = null;
  let last: State | null = null;
  let wanted = false; // the focus
  let gone = false;
  function fetch(): void {
    load().then(
      (made) => {
        if (gone) return;
        part = made;
        if (last) part.update(last);
        el.append(part.el);
        if (wanted) part.focus();
      },
      () => gone || setTimeout(fetch, AGAIN),
    );
  }
  fetch();
  return {
    el,
    update(s) {
      last = s;
      part?.update(s);
    },
    focus() {
      wanted = !part;
      part?.focus();
    },
    dispose() {
      gone = true;
      part?.dispose?.();
    },
  };
}
