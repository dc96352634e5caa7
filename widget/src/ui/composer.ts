// Where the visitor writes: Enter sends, Shift+Enter breaks the line, Arrow-up in an empty box changes the last message.
import type { Message, State } from '../types';
import { ICONS, h, iconButton, setText } from './dom';
import type { Emoji } from './emoji';
import { changeable } from './group';
import type { Context, Part } from './options';

const LONGEST = 5000; // characters
const NEAR = 300; // left, when that is said
const TALLEST = 132; // pixels

export interface Composer extends Part {
  edit(m: Message): void;
  files(list: FileList | null | undefined): boolean; // true if there was one
  escape(): boolean; // true if there was something to leave
}

/** Phones bring up a keyboard with emoji of its own, on which Enter is for lines. */
export const touch = () => matchMedia('(hover:none) and (pointer:coarse)').matches;

export function createComposer(c: Context, sent: () => void): Composer {
  const { t, engine, keep } = c;
  const limits = c.boot.config.files;
  let editing: Message | null = null;
  let state: State | null = null;

  const box = h('textarea', {
    rows: 1,
    'aria-label': t('compose_label'),
    placeholder: t('compose_placeholder'),
    dir: 'auto',
    enterkeyhint: touch() ? 'enter' : 'send',
    value: keep.message,
    oninput: typed,
    onkeydown: key,
    onpaste: (e: ClipboardEvent) => files(e.clipboardData?.files) && e.preventDefault(),
  });
  const send = iconButton(ICONS.send, t('compose_send'), submit, { class: 'icon send', flip: true });
  const picker = h('input', { type: 'file', hidden: true, tabindex: -1, accept: limits?.types.join(','), onchange: () => (files(picker.files), (picker.value = '')) });
  const attach = iconButton(ICONS.clip, t('compose_attach'), () => picker.click(), { hidden: true });
  let emoji: Emoji | null = null;
  const smile = iconButton(ICONS.smile, t('compose_emoji'), showEmoji, { 'aria-expanded': 'false', hidden: touch() });
  const hint = h('p', { class: 'hint', role: 'status' });
  const editText = h('span', {}, t('compose_editing'));
  const editBar = h('div', { class: 'editing', hidden: true }, editText, iconButton(ICONS.close, t('cancel'), stopEditing));
  const el = h('div', { class: 'composer' }, editBar, hint, h('div', { class: 'write' }, attach, picker, box, smile, send));

  function typed(): void {
    changed();
    engine.typing(box.value !== '');
  }
  function changed(): void {
    if (!editing) keep.message = box.value;
    grow();
    const left = LONGEST - box.value.length;
    setText(hint, left < 0 ? t('compose_long') : left < NEAR ? t('compose_left', left) : '');
    send.disabled = !box.value.trim() || left < 0;
  }
  function grow(): void {
    box.style.height = 'auto';
    box.style.height = Math.min(box.scrollHeight + 2, TALLEST) + 'px';
  }
  function put(text: string): void {
    box.value = text;
    changed();
  }
  function key(e: KeyboardEvent): void {
    if (e.isComposing || e.keyCode === 229) return; // Enter belongs to the input method
    if (e.key === 'Enter' && !e.shiftKey && !e.ctrlKey && !e.altKey && !e.metaKey && !touch()) {
      e.preventDefault();
      submit();
    } else if (e.key === 'ArrowUp' && !box.value && state?.phase === 'active') {
      const m = changeable(state.messages);
      if (m) {
        e.preventDefault();
        edit(m);
      }
    }
  }
  function submit(): void {
    const text = box.value.trim();
    if (!text || box.value.length > LONGEST) return;
    const m = editing;
    if (m) stopEditing();
    else {
      keep.message = '';
      put('');
    }
    if (!m) engine.send(text);
    else if (m.body !== text) engine.correct(m.id, text);
    hideEmoji(true);
    sent();
    box.focus();
  }
  function edit(m: Message): void {
    editing = m;
    editBar.hidden = false;
    send.setAttribute('aria-label', (send.title = t('compose_save')));
    c.announce(t('compose_editing'));
    put(m.body);
    box.focus();
    box.setSelectionRange(m.body.length, m.body.length);
  }
  function stopEditing(): void {
    editing = null;
    editBar.hidden = true;
    send.setAttribute('aria-label', (send.title = t('compose_send')));
    put(keep.message);
    box.focus();
  }
  function insert(text: string): void {
    box.setRangeText(text, box.selectionStart, box.selectionEnd, 'end');
    typed();
  }
  async function showEmoji(): Promise<void> {
    if (emoji && !emoji.el.hidden) return hideEmoji();
    if (!emoji) {
      const { createEmoji } = await import('./emoji');
      emoji ??= createEmoji(c, (e) => (insert(e), hideEmoji()));
      editBar.after(emoji.el);
    }
    emoji.open();
    smile.setAttribute('aria-expanded', 'true');
  }
  function hideEmoji(quiet = false): void {
    if (emoji) emoji.el.hidden = true;
    smile.setAttribute('aria-expanded', 'false');
    if (!quiet) box.focus();
  }
  function files(list: FileList | null | undefined): boolean {
    if (!list?.length || attach.hidden || !limits) return false;
    setText(hint, '');
    for (const f of list) {
      if (f.size > limits.max) setText(hint, t('file_size', c.dates.bytes(limits.max)));
      else engine.sendFile(f);
    }
    sent();
    return true;
  }

  requestAnimationFrame(grow); // once it is in the document
  send.disabled = !box.value.trim();
  return {
    el,
    edit,
    files,
    focus: () => box.focus(),
    escape() {
      if (emoji && !emoji.el.hidden) hideEmoji();
      else if (editing) stopEditing();
      else return false;
      return true;
    },
    update(s) {
      state = s;
      attach.hidden = !(s.canSendFiles && limits);
      if (editing && s.phase !== 'active') stopEditing();
    },
  };
}
