// Waits in the queue, for an answer to an offer, or for the room.
import { clean } from '../text/pieces';
import { ICONS, button, h, icon, setText } from './dom';
import type { Context, Part } from './options';

export function createWait(c: Context): Part {
  const { t } = c;
  const heading = h('h3', { tabindex: -1 });
  const place = h('p', { class: 'place' });
  const span = h('p', {});
  const stay = h('p', { class: 'dim' }, t('queue_stay'));
  const leave = button('plain', t('queue_leave'), () => c.ask(t('queue_leave_ask'), t('queue_leave'), t('cancel'), () => c.engine.leaveQueue()));
  const spin = h('div', { class: 'spin' }, icon(ICONS.user));
  const words = h('div', { role: 'status' }, heading, place, span);
  return {
    el: h('div', { class: 'wait' }, spin, words, stay, leave),
    focus: () => heading.focus(),
    update(s) {
      const q = s.phase === 'queued' ? s.queue : null;
      const name = s.agent && clean(s.agent.nick);
      setText(heading, s.phase === 'queued' ? t('queue_heading') : s.phase === 'offered' ? t('offered_heading') : name ? t('connecting_heading', name) : t('connecting_heading_unnamed'));
      setText(place, q && q.position > 0 ? (q.position === 1 ? t('queue_first') : t('queue_position', q.position)) : '');
      setText(span, q && q.estimate !== null ? t('queue_wait', c.dates.span(q.estimate)) : '');
      stay.hidden = leave.hidden = s.phase === 'connecting';
    },
  };
}
