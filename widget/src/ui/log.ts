// The list of messages: role=log, the last hundred at first, following the end unless the visitor reads above.
import type { Message, State } from '../types';
import { ICONS, button, h, icon, setText } from './dom';
import { changeable, follows, growth, places } from './group';
import type { Context, Part } from './options';
import { type Row, type RowActions, createRow } from './row';

const SHOWN = 100; // lines at first, and more at each click
const NEAR = 48; // pixels from the end that count as the end

export function createLog(c: Context, actions: RowActions): Part & { toEnd(): void } {
  const log = h('div', { class: 'log', role: 'log', 'aria-label': c.t('log_label'), 'aria-relevant': 'additions', tabindex: 0 });
  const earlier = button('link earlier', c.t('log_earlier'), showEarlier);
  const dots = h('div', { class: 'dots', hidden: true }, h('i'), h('i'), h('i'));
  dots.setAttribute('aria-hidden', 'true'); // the header says it in words
  const scroll = h('div', { class: 'scroll', onscroll: scrolled }, earlier, log, dots);
  const jumpText = h('span');
  const jump = h('button', { type: 'button', class: 'jump', hidden: true, onclick: () => (toEnd(), log.focus()) }, jumpText, icon(ICONS.down));
  const el = h('div', { class: 'list' }, scroll, jump);
  const rows = new Map<string, Row & { key: string; m: Message }>();
  let shown = SHOWN;
  let before: Message[] = [];
  let last: State | null = null;
  let unseen = 0;
  let pinned = true; // to the end
  let reached = 0; // the last scrollTop

  function atEnd(): boolean {
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR;
  }
  function toEnd(): void {
    scroll.scrollTop = scroll.scrollHeight;
    reached = scroll.scrollTop;
    pinned = true;
    unseen = 0;
    drawJump();
  }
  function scrolled(): void {
    // What grows or shrinks around it moves the end away, and nobody has scrolled: only upwards leaves it.
    pinned = atEnd() || (pinned && scroll.scrollTop >= reached);
    reached = scroll.scrollTop;
    if (pinned) unseen = 0;
    drawJump();
  }
  function drawJump(): void {
    jump.hidden = pinned;
    setText(jumpText, unseen ? c.t('log_new', unseen) : '');
    jump.setAttribute('aria-label', unseen ? c.t('log_new', unseen) : c.t('log_newest'));
  }
  function showEarlier(): void {
    shown += SHOWN;
    if (last) update(last);
    if (earlier.hidden) log.focus();
  }

  function draw(messages: Message[], editable: Message | null): void {
    const at = places(messages);
    const ids = new Set(messages.map((m) => m.id));
    for (const [id, row] of rows) {
      if (!ids.has(id)) {
        row.el.remove();
        rows.delete(id);
      }
    }
    let next: ChildNode | null = log.firstChild;
    messages.forEach((m, i) => {
      let row = rows.get(m.id);
      if (!row) rows.set(m.id, (row = { ...createRow(c, m, actions), key: '', m }));
      const key = `${at[i].day}${at[i].first}${at[i].last}${m === editable}`;
      if (row.key !== key || row.m !== m) row.set(m, at[i], m === editable);
      row.key = key;
      row.m = m;
      if (row.el === next) next = next.nextSibling;
      else log.insertBefore(row.el, next);
    });
  }

  function update(s: State): void {
    last = s;
    const talking = s.phase === 'active';
    const messages = s.messages.slice(-shown);
    const g = growth(before, messages);
    const fresh = !rows.size || (before.length > 0 && messages.length > 0 && !messages.some((m) => rows.has(m.id)));
    // What was said before isn't read out, nor is history that comes in later.
    log.setAttribute('aria-live', fresh || g.earlier ? 'off' : 'polite');
    const height = scroll.scrollHeight;
    const top = scroll.scrollTop;
    draw(messages, talking ? changeable(messages) : null);
    before = messages;
    earlier.hidden = s.messages.length <= shown;
    dots.hidden = !(talking && s.agent?.typing);
    if (follows(pinned, fresh, g.own)) return toEnd();
    if (g.earlier) scroll.scrollTop = top + scroll.scrollHeight - height;
    unseen += g.others;
    drawJump();
  }

  // A keyboard that comes up, or a composer that grows, leaves the end in sight; so do pictures that arrive.
  const sizes = new ResizeObserver(() => pinned && toEnd());
  sizes.observe(scroll);
  sizes.observe(log);
  return { el, update, toEnd, focus: () => log.focus(), dispose: () => sizes.disconnect() };
}
