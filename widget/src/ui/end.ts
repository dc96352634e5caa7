// After a chat: why it ended, the rating, the transcript, another one.
import { clean } from '../text/pieces';
import type { State } from '../types';
import { ICONS, button, focused, h, icon, say, setText } from './dom';
import type { Context, Part } from './options';
import { download, known } from './text';

const STAR = 'M12 3.6l2.6 5.3 5.9.8-4.3 4.1 1 5.8-5.2-2.7-5.2 2.7 1-5.8L3.5 9.7l5.9-.8z';

function createRating(c: Context): { el: HTMLElement; update(s: State): void } {
  const { t } = c;
  let value = 0;
  const stars = [1, 2, 3, 4, 5].map((n) =>
    h(
      'label',
      { title: t('rate_' + n) },
      h('input', { type: 'radio', name: 'usher-stars', value: n, onchange: () => choose(n) }),
      icon(STAR),
      h('span', { class: 'sr' }, t('rate_' + n)),
    ),
  );
  const said = h('span', { class: 'said' });
  said.setAttribute('aria-hidden', 'true');
  const text = h('textarea', { rows: 2, maxlength: 2000, dir: 'auto' });
  const more = h('div', { class: 'more', hidden: true }, h('label', {}, t('rate_text'), text), button('main', t('rate_send')));
  const form = h(
    'form',
    { onsubmit: (e: Event) => (e.preventDefault(), value && c.engine.rate(value, text.value.trim())) },
    h('fieldset', {}, h('legend', {}, t('rate_heading')), h('div', { class: 'stars' }, ...stars, said)),
    more,
  );
  const thanks = h('p', { role: 'status', tabindex: -1 });
  function choose(n: number): void {
    value = n;
    more.hidden = false;
    setText(said, t('rate_' + n));
    stars.forEach((s, i) => s.classList.toggle('on', i < n));
  }
  return {
    el: h('div', { class: 'rating' }, form, thanks),
    update(s) {
      const had = form.contains(focused(c.boot.root));
      form.hidden = !!s.rating || !s.conversation;
      say(thanks, s.rating ? t('rate_thanks') : '');
      if (had && form.hidden) thanks.focus(); // what had it is gone
    },
  };
}

function createMail(c: Context): { el: HTMLElement; update(s: State): void } {
  const { t } = c;
  const address = h('input', { type: 'email', autocomplete: 'email', required: true, dir: 'ltr' });
  const send = button('plain', t('transcript_send'));
  const said = h('p', { role: 'status' });
  const form = h(
    'form',
    { class: 'mail', onsubmit: (e: Event) => (e.preventDefault(), c.engine.mailTranscript(address.value.trim())) },
    h('label', {}, t('transcript_address'), address),
    send,
  );
  const el = h('details', { class: 'fold' }, h('summary', {}, t('transcript_mail')), form, said);
  return {
    el,
    update(s) {
      setText(said, s.transcript ? t('transcript_' + s.transcript) : '');
      send.disabled = s.transcript === 'sending';
      form.hidden = s.transcript === 'sent';
    },
  };
}

export function createEnd(c: Context): Part {
  const { t } = c;
  let last: State | null = null;
  const heading = h('h3', { tabindex: -1 }, t('ended_heading'));
  const reason = h('p', {});
  const rating = createRating(c);
  const mail = c.boot.config.transcriptMail ? createMail(c) : null;
  const save = button('plain', t('transcript_download'), () => last && download(c, last));
  const again = button('main', t('again'), () => c.engine.again());
  const el = h('div', { class: 'end' }, heading, reason, rating.el, mail?.el, h('div', { class: 'buttons' }, again, save));
  return {
    el,
    focus: () => heading.focus(),
    update(s) {
      last = s;
      say(reason, known(c, 'ended_' + s.endReason.replace(/-/g, '_')));
      rating.update(s);
      mail?.update(s);
      if (mail) mail.el.hidden = !s.conversation;
      save.hidden = !s.messages.length;
    },
  };
}

/** Waits in the queue, for an answer to an offer, or for the room. */
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
