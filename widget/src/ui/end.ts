// After a chat: why it ended, the rating, the transcript, another one.
import type { State } from '../types';
import endCss from './end.css';
import type { Context, Part } from './options';

const STAR = 'M12 3.6l2.6 5.3 5.9.8-4.3 4.1 1 5.8-5.2-2.7-5.2 2.7 1-5.8L3.5 9.7l5.9-.8z';

function createRating(c: Context): { el: HTMLElement; update(s: State): void } {
  const { t } = c;
  const { button, focused, h, icon, say, setText } = c.kit;
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
      const met = s.messages.some((m) => m.from === 'agent' || m.notice?.key === 'notice_joined'); // else there is nothing to rate
      form.hidden = !!s.rating || !s.conversation || !met;
      say(thanks, s.rating ? t('rate_thanks') : '');
      if (had && form.hidden) thanks.focus(); // what had it is gone
    },
  };
}

function createMail(c: Context): { el: HTMLElement; update(s: State): void } {
  const { t } = c;
  const { button, h, setText } = c.kit;
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
  const { button, download, h, known, say } = c.kit;
  c.style(endCss);
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
