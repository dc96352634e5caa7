// A data form (XEP-0004): each type of field, errors beside the fields, what the visitor has put in stays.
import type { Field, Form, State } from '../types';
import type { Context, Part } from './options';

interface Control {
  el: HTMLElement;
  input: HTMLElement | null; // what takes the focus
  name: string;
  read(): string[];
  fail(text: string): void;
}

let serial = 0; // of ids, which need to differ within the shadow root only

/** What a browser may fill in, and which keyboard a phone shows, guessed from the field's name. */
function hints(f: Field): Record<string, string> {
  const n = f.name.toLowerCase();
  if (/e-?mail/.test(n) || f.type === 'jid-single') return { type: 'email', autocomplete: 'email', dir: 'ltr' };
  if (/phone|^tel|mobile/.test(n)) return { type: 'tel', autocomplete: 'tel', dir: 'ltr' };
  if (n === 'name') return { autocomplete: 'name' };
  return {};
}

function single(c: Context, f: Field, id: string): HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement {
  const { h } = c.kit;
  if (f.type === 'text-multi') return h('textarea', { id, rows: 3, dir: 'auto', placeholder: ' ', value: f.value.join('\n') });
  if (f.type === 'list-single') {
    const options = f.options.map((o) => h('option', { value: o.value }, o.label || o.value));
    if (!f.value[0]) options.unshift(h('option', { value: '' }, c.t('form_choose')));
    const select = h('select', { id }, ...options);
    if (f.value[0]) select.value = f.value[0];
    return select;
  }
  return h('input', { id, type: f.type === 'text-private' ? 'password' : 'text', dir: 'auto', placeholder: ' ', ...(f.type === 'text-private' ? { autocomplete: 'off' } : hints(f)), value: f.value[0] ?? '' });
}

function control(c: Context, f: Field): Control {
  const { h, say } = c.kit;
  if (f.type === 'hidden') return { el: h('span', { hidden: true }), input: null, name: f.name, read: () => f.value, fail() {} };
  if (f.type === 'fixed') return { el: h('p', { class: 'dim', dir: 'auto' }, f.value.join('\n') || f.label), input: null, name: '', read: () => [], fail() {} };
  const id = `usher-${++serial}`;
  const label = f.label || f.name;
  const error = h('p', { class: 'error', id: id + 'e', hidden: true });
  const optional = !f.required && h('span', { class: 'dim' }, ` (${c.t('form_optional')})`);
  const fail = (input: HTMLElement) => (text: string) => {
    say(error, text);
    input.setAttribute('aria-invalid', String(!!text));
  };
  if (f.type === 'boolean') {
    const input = h('input', { type: 'checkbox', id, 'aria-describedby': error.id, checked: f.value[0] === '1' || f.value[0] === 'true' });
    const el = h('div', { class: 'field' }, h('label', { class: 'check' }, input, h('span', { dir: 'auto' }, label)), error);
    if (f.required) input.setAttribute('aria-required', 'true');
    return { el, input, name: f.name, read: () => [input.checked ? '1' : '0'], fail: fail(input) };
  }
  if (f.type === 'list-multi') {
    const inputs = f.options.map((o) => h('input', { type: 'checkbox', value: o.value, checked: f.value.includes(o.value), 'aria-describedby': error.id }));
    const labels = f.options.map((o, i) => h('label', { class: 'check' }, inputs[i], h('span', { dir: 'auto' }, o.label || o.value)));
    const el = h('fieldset', { class: 'field' }, h('legend', { dir: 'auto' }, label, optional), ...labels, error);
    return { el, input: inputs[0] ?? null, name: f.name, read: () => inputs.filter((i) => i.checked).map((i) => i.value), fail: fail(inputs[0] ?? el) };
  }
  const input = single(c, f, id);
  input.setAttribute('aria-describedby', error.id);
  if (f.required) input.setAttribute('aria-required', 'true');
  const el = h('div', { class: 'field' }, h('label', { for: id, dir: 'auto' }, label, optional), input, error);
  return { el, input, name: f.name, read: () => (f.type === 'text-multi' ? input.value.split(/\r?\n/) : [input.value.trim()]), fail: fail(input) };
}

const shape = (f: Form | null) => JSON.stringify(f && [f.title, f.instructions, f.fields.map((x) => [x.name, x.type, x.label, x.options])]);

/** The form before a chat, and the one of an offline message. */
export function createForm(c: Context, first: State): Part {
  const offline = first.phase === 'offline';
  const { t } = c;
  const { awayText, button, consentBox, h, known, say, setText } = c.kit;
  let drawn = '';
  let controls: Control[] = [];
  let complained: Form | null = null;
  let sent = false; // and not yet answered
  const heading = h('h3', { tabindex: -1, dir: 'auto' });
  const text = h('p', { dir: 'auto' });
  const fields = h('div', {});
  const consent = consentBox(c);
  const wrong = h('p', { class: 'error', role: 'alert' });
  const send = button('main', t(offline ? 'away_send' : 'form_send'));
  const back = button('plain', t('back'), () => c.engine.again());
  const el = h('form', { class: 'page', novalidate: true, onsubmit: submit }, heading, text, fields, consent.el, wrong, h('div', { class: 'buttons' }, send, back));

  function submit(e: Event): void {
    e.preventDefault();
    if (sent || !consent.agreed()) return; // a second click sends no second message
    setText(wrong, '');
    sent = true;
    complained = null; // say it again, also if the same is wrong
    const values: Record<string, string[]> = {};
    for (const x of controls) if (x.name) values[x.name] = x.read();
    c.engine.submitForm(values);
  }
  function draw(form: Form): void {
    setText(heading, form.title || t(offline ? 'away_leave' : 'form_heading'));
    say(text, form.instructions || (offline ? awayText(c, first) : ''));
    controls = form.fields.map((f) => control(c, f));
    fields.replaceChildren(...controls.map((x) => x.el));
  }

  return {
    el,
    focus: () => (controls.find((x) => x.input)?.input ?? heading).focus(),
    update(s) {
      if (!s.form) return;
      const bad = s.form.fields.filter((f) => f.error);
      const refused = sent && bad.length > 0;
      if (s.error || bad.length) sent = false;
      send.setAttribute('aria-disabled', String(sent));
      const now = shape(s.form);
      if (now !== drawn) draw(s.form);
      drawn = now;
      if (s.form === complained) return;
      complained = s.form;
      s.form.fields.forEach((f, i) => controls[i].fail(f.error && (known(c, f.error) || t('invalid'))));
      setText(wrong, bad.length ? t('form_errors', bad.length) : '');
      if (refused) controls[s.form.fields.indexOf(bad[0])].input?.focus();
    },
  };
}
