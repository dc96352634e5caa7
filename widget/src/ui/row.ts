// One line of the chat. What doesn't change stays in the document, so that a screen reader isn't told of it again.
import type { Message } from '../types';
import { button, h, say, setText } from './dom';
import type { FileCard } from './file';
import type { Place } from './group';
import type { Context } from './options';
import { author, nodes, noticeText } from './text';

const LONG = 3000; // characters that are shown of a message at first

export interface RowActions {
  edit: (m: Message) => void;
  retry: (m: Message) => void;
}

export interface Row {
  readonly el: HTMLElement;
  set(m: Message, place: Place, editable: boolean): void;
}

function bodyNodes(c: Context, body: string, bubble: HTMLElement): Node[] {
  if (body.length <= LONG) return nodes(c.pieces(body));
  const more = button('link', c.t('message_more'), () => bubble.replaceChildren(...nodes(c.pieces(body))));
  return [...nodes(c.pieces(body.slice(0, LONG))), document.createTextNode('… '), more];
}

function noticeRow(c: Context): Row {
  const day = h('div', { class: 'day' });
  const text = h('div', { class: 'notice' });
  return {
    el: h('div', { class: 'row' }, day, text),
    set(m, place) {
      say(day, place.day ? c.dates.day(m.time) : '');
      setText(text, noticeText(c, m));
    },
  };
}

export function createRow(c: Context, m: Message, actions: RowActions): Row {
  if (m.kind === 'notice') return noticeRow(c);
  const own = m.from === 'visitor';
  const day = h('div', { class: 'day' });
  const who = h('div', { class: 'who', dir: 'auto' }, author(c, m));
  const isFile = m.kind === 'file' && !!m.file;
  const bubble = h('div', { class: 'bubble', dir: 'auto' }, isFile && m.file!.name);
  const edited = h('span', { hidden: true }, c.t('message_edited'));
  const time = h('time');
  const mark = h('span', { class: 'sr' });
  const meta = h('div', { class: 'meta' }, edited, time, own && h('span', { class: 'mark' }, mark));
  const change = button('link', c.t('message_edit'), () => actions.edit(now));
  const retry = button('link', c.t('message_retry'), () => actions.retry(now));
  if (own) meta.append(change, retry);
  let now = m;
  let body: string | null = null;
  let file: FileCard | null = null;
  if (isFile) import('./file').then(({ fileCard }) => bubble.replaceChildren((file = fileCard(c, now)).el), () => 0); // without it the name stays
  const el = h('div', { class: own ? 'row own' : 'row ' + m.from }, day, who, bubble, meta);
  return {
    el,
    set(next, place, editable) {
      now = next;
      say(day, place.day ? c.dates.day(next.time) : '');
      who.className = place.first && !own ? 'who' : 'sr'; // read out with every line, seen once
      el.classList.toggle('first', place.first);
      el.classList.toggle('last', place.last);
      if (isFile) file?.set(next);
      else if (body !== next.body) bubble.replaceChildren(...bodyNodes(c, (body = next.body), bubble));
      edited.hidden = !next.corrected;
      time.dateTime = new Date(next.time).toISOString();
      setText(time, c.dates.clock(next.time));
      setText(mark, c.t('message_' + next.state));
      el.dataset.state = next.state;
      change.hidden = !editable;
      retry.hidden = next.state !== 'failed';
      meta.hidden = !place.last && !editable && !next.corrected && next.state !== 'failed';
    },
  };
}
