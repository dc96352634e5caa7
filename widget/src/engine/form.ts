import type { Field, Form } from '../types';
import { NS, attr, child, children, content, text, x } from './xml';

// Data forms (XEP-0004).

const types = new Set<string>(['text-multi', 'text-private', 'list-single', 'list-multi', 'boolean', 'fixed', 'hidden', 'jid-single']);

/** Reads the form in an element; null if there is none. Values that are known already are put in. */
export function readForm(parent: Element | undefined, known: Record<string, string>): Form | null {
  const form = child(parent, 'x', NS.form);
  if (!form) return null;
  return {
    title: content(child(form, 'title')),
    instructions: content(child(form, 'instructions')),
    fields: children(form, 'field').map((f) => {
      const name = attr(f, 'var');
      const type = attr(f, 'type');
      return {
        name,
        type: (types.has(type) ? type : type === 'jid-multi' ? 'text-multi' : 'text-single') as Field['type'],
        label: attr(f, 'label') || name,
        required: !!child(f, 'required'),
        value: known[name] ? [known[name]] : children(f, 'value').map(content),
        options: children(f, 'option').map((o) => ({ label: attr(o, 'label') || content(child(o, 'value')), value: content(child(o, 'value')) })),
        error: '',
      };
    }),
  };
}

const filled = (f: Field): boolean => f.value.some((v) => v.trim() !== '');
const isMail = (f: Field): boolean => f.name === 'email';

/** The form with values and, field by field, what is wrong with them. */
export function fillForm(form: Form, values: Record<string, string[]>): Form {
  return {
    ...form,
    fields: form.fields.map((f) => {
      const next = { ...f, value: values[f.name] ?? f.value, error: '' };
      if (f.type === 'fixed' || f.type === 'hidden') return next;
      if (f.required && (!filled(next) || (f.type === 'boolean' && !/^(1|true)$/.test(next.value[0])))) next.error = 'required';
      else if (isMail(f) && filled(next) && !/^[^\s@]+@[^\s@]+$/.test(next.value[0].trim())) next.error = 'email';
      else if (f.options.length && next.value.some((v) => v && !f.options.some((o) => o.value === v))) next.error = 'invalid';
      return next;
    }),
  };
}

export const isValid = (form: Form): boolean => form.fields.every((f) => !f.error);

/** Nothing is left to be asked: there is no field that the visitor would fill in, or what he has to is there. */
export function isAnswered(form: Form): boolean {
  const asked = form.fields.filter((f) => f.type !== 'fixed' && f.type !== 'hidden');
  return asked.every((f) => !f.required || filled(f)) && (!asked.length || asked.some(filled));
}

/** What the form holds, by field. */
export const formValues = (form: Form): Record<string, string[]> =>
  Object.fromEntries(form.fields.filter((f) => f.name && f.type !== 'fixed').map((f) => [f.name, f.value.filter((v) => v !== '')]));

const LONGEST = 9_000; // characters: a little more than the desk takes (docs/interface.md, B.3), and no more than a stanza does

/** A submitted form. */
export const submission = (values: Record<string, string[]>): string =>
  x('x', { xmlns: NS.form, type: 'submit' },
    ...Object.entries(values).filter(([, v]) => v.length)
      .map(([name, v]) => x('field', { var: name }, ...v.map((one) => x('value', {}, text(one.slice(0, LONGEST)))))));
