// Before a chat: the question; and the pages with one thing to say and a button or two.
import { clean } from '../text/pieces';
import type { State } from '../types';
import { consentBox } from './consent';
import { button, h, say, setText } from './dom';
import type { Context, Part } from './options';
import { awayText, known } from './text';

/** Phases idle and starting. */
export function createStart(c: Context): Part {
  const { t, keep, engine } = c;
  const heading = h('h3', { tabindex: -1, dir: 'auto' });
  const text = h('p', { dir: 'auto' });
  const online = h('p', { class: 'dim' });
  const box = h('textarea', { id: 'usher-question', rows: 4, dir: 'auto', placeholder: ' ', maxlength: 5000, value: keep.question, oninput: () => (keep.question = box.value), onkeydown: key });
  const consent = consentBox(c);
  const go = button('main', '');
  const ask = h('div', { class: 'field' }, h('label', { for: 'usher-question' }, t('start_question')), box);
  const el = h('form', { class: 'page', onsubmit: submit }, heading, text, online, ask, consent.el, h('div', { class: 'buttons' }, go));
  let away = false;

  function submit(e: Event): void {
    e.preventDefault();
    if (go.getAttribute('aria-disabled') === 'true' || !consent.agreed()) return;
    const question = box.value.trim();
    if (away) engine.leaveMessage();
    else engine.start(question ? { question } : {});
  }
  function key(e: KeyboardEvent): void {
    if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && !e.isComposing) el.requestSubmit();
  }

  return {
    el,
    focus: () => (ask.hidden ? heading : box).focus(),
    update(s) {
      const status = c.boot.status();
      const busy = s.phase === 'starting';
      away = !busy && (status?.state === 'closed' || status?.state === 'offline');
      setText(heading, t(away ? 'away_heading' : 'start_heading'));
      setText(text, away ? awayText(c, { closedReason: status!.state === 'closed' ? 'hours' : 'no-agents', opens: status!.opens }) : t('start_text'));
      const wait = status && status.estimate > 0 ? ' · ' + t('queue_wait', c.dates.span(status.estimate)) : '';
      say(online, !away && status?.agents ? t('start_online', status.agents) + wait : '');
      ask.hidden = away;
      box.readOnly = busy;
      setText(go, t(busy ? 'starting' : away ? 'away_leave' : 'start_send'));
      go.setAttribute('aria-disabled', String(busy)); // stays focusable while it works
      el.setAttribute('aria-busy', String(busy));
    },
  };
}

/** Pages that say one thing: a call, nobody there, a message left, a failure. */
export function createNote(c: Context, first: State): Part {
  const { t, engine } = c;
  const heading = h('h3', { tabindex: -1, dir: 'auto' });
  const text = h('p', { dir: 'auto' });
  const main = (key: string, click: () => void) => button('main', t(key), click);
  const plain = (key: string, click: () => void) => button('plain', t(key), click);
  const again = () => engine.again();
  const consent = first.phase === 'called' ? consentBox(c) : null;
  const buttons: Record<string, () => HTMLElement[]> = {
    called: () => [main('call_accept', () => consent!.agreed() && engine.answerCall(true)), plain('call_decline', () => engine.answerCall(false))],
    offline: () => [main('away_leave', () => engine.leaveMessage()), plain('back', again)],
    left: () => [main('left_again', again)],
  };
  const el = h('div', { class: 'page note' }, heading, text, consent?.el, h('div', { class: 'buttons' }, ...(buttons[first.phase]?.() ?? [main('retry', again)])));
  return {
    el,
    focus: () => heading.focus(),
    update(s) {
      const words: Record<string, () => [string, string]> = {
        called: () => [t('call_heading', clean(s.call?.nick ?? '') || t('support')), clean(s.call?.text ?? '')],
        offline: () => [t('away_heading'), awayText(c, s)],
        left: () => [t('left_heading'), t('left_text')],
      };
      const [a, b] = words[s.phase]?.() ?? [t('error_heading'), known(c, s.error) || t('error_unknown')];
      setText(heading, a);
      say(text, b);
    },
  };
}
