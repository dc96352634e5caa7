// From the queue to the end of a chat: one list of messages, with what belongs to the phase above and below it.
import type { Phase, State } from '../types';
import { type Composer, createComposer } from './composer';
import { focused, h, say } from './dom';
import { later } from './later';
import { createLog } from './log';
import type { Context, Part } from './options';
import { createWait } from './wait';

type Mode = 'wait' | 'talk' | 'end';
const mode = (p: Phase): Mode => (p === 'active' || p === 'agent-lost' ? 'talk' : p === 'wrapup' || p === 'closed' ? 'end' : 'wait');

export function createChat(c: Context): Part & { escape(): boolean } {
  const log = createLog(c, { edit: (m) => composer.edit(m), retry: (m) => c.engine.retry(m.id) });
  const composer: Composer = createComposer(c, () => log.toEnd());
  const wait = createWait(c);
  let end: Part | null = null;
  const lost = h('div', { class: 'strip', role: 'status' });
  const drop = h('div', { class: 'drop', hidden: true }, c.t('file_drop'));
  const el = h('div', { class: 'chat', ondragover: over, ondragleave: leave, ondrop: dropped }, wait.el, log.el, lost, composer.el, drop);
  let last: State | null = null;

  const droppable = (e: DragEvent) => !!last?.canSendFiles && mode(last.phase) === 'talk' && !!e.dataTransfer?.types.includes('Files');
  function over(e: DragEvent): void {
    if (!droppable(e)) return;
    e.preventDefault();
    drop.hidden = false;
  }
  function leave(e: DragEvent): void {
    if (!el.contains(e.relatedTarget as Node | null)) drop.hidden = true;
  }
  function dropped(e: DragEvent): void {
    drop.hidden = true;
    if (!droppable(e)) return;
    e.preventDefault();
    composer.files(e.dataTransfer!.files);
  }
  function focus(): void {
    const m = last && mode(last.phase);
    (m === 'talk' ? composer : m === 'end' && end ? end : wait).focus();
  }

  return {
    el,
    focus,
    escape: () => composer.escape(),
    dispose() {
      log.dispose?.();
      end?.dispose?.();
    },
    update(s) {
      const m = mode(s.phase);
      const moved = last && mode(last.phase) !== m;
      const had = el.contains(focused(c.boot.root));
      const failed = last && s.messages.some((x) => x.state === 'failed' && last!.messages.some((y) => y.id === x.id && y.state !== 'failed'));
      last = s;
      wait.el.hidden = m !== 'wait';
      composer.el.hidden = m !== 'talk';
      if (m === 'end' && !end) el.append((end = later(async () => (await import('./end')).createEnd(c))).el);
      if (end) end.el.hidden = m !== 'end';
      log.el.hidden = m !== 'talk' && !s.messages.length;
      say(lost, s.phase === 'agent-lost' ? c.t('lost_text') : '');
      wait.update(s);
      end?.update(s);
      composer.update(s);
      log.update(s);
      if (failed) c.announce(c.t('message_failed'));
      if (moved && had) focus();
    },
  };
}
