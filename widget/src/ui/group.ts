// The rules of the list of messages: what belongs together, what may be changed, when the list follows. No DOM.
import type { Message } from '../types';

/** Messages of one author stand together up to this pause. */
export const PAUSE = 5 * 60_000;

export interface Place {
  day: boolean; // the first of its day
  first: boolean; // the first of its group: has the author's name
  last: boolean; // the last of its group: has the time
}

const sameDay = (a: Message, b: Message) => new Date(a.time).toDateString() === new Date(b.time).toDateString();

function together(a: Message | undefined, b: Message | undefined): boolean {
  return !!a && !!b && a.kind !== 'notice' && b.kind !== 'notice' && a.from === b.from && a.nick === b.nick && Math.abs(b.time - a.time) < PAUSE && sameDay(a, b);
}

export function places(messages: readonly Message[]): Place[] {
  return messages.map((m, i) => ({
    day: !i || !sameDay(messages[i - 1], m),
    first: !together(messages[i - 1], m),
    last: !together(m, messages[i + 1]),
  }));
}

/** XEP-0308 §3: the last message only; here the visitor's last, if it is a text that has arrived. */
export function changeable(messages: readonly Message[]): Message | null {
  for (let i = messages.length - 1; i >= 0; i--) {
    const m = messages[i];
    if (m.from === 'visitor' && m.kind !== 'notice') return m.kind === 'text' && (m.state === 'sent' || m.state === 'delivered') ? m : null;
  }
  return null;
}

export interface Growth {
  own: boolean; // the visitor has written
  others: number; // new lines of others at the end
  earlier: boolean; // lines have come in before the first
}

/** What has come to the list since. A list that shares nothing with the old one is new: nothing has grown. */
export function growth(before: readonly Message[], after: readonly Message[]): Growth {
  const known = new Set(before.map((m) => m.id));
  const g: Growth = { own: false, others: 0, earlier: false };
  let seen = false;
  for (const m of after) {
    if (known.has(m.id)) seen = true;
    else if (!seen) g.earlier = true;
    else if (m.from === 'visitor' && m.kind !== 'notice') g.own = true;
    else g.others++;
  }
  if (!seen) return { own: false, others: 0, earlier: false };
  return g;
}

/** The list goes to its end if it was there, or is new, or the visitor has written; else it stays and a button says so. */
export function follows(pinned: boolean, fresh: boolean, own: boolean): boolean {
  return pinned || fresh || own;
}
