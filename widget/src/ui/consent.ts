// What the visitor agrees to before anything of his is sent.
import { h, setText } from './dom';
import type { Context } from './options';
import { nodes } from './text';

/** The site's consent text with its box. Without one, or once agreed, it isn't there. */
export function consentBox(c: Context): { el: HTMLElement; agreed(): boolean } {
  const text = c.boot.config.consent;
  if (!text || c.keep.agreed) return { el: h('div', { hidden: true }), agreed: () => true };
  const box = h('input', { type: 'checkbox', 'aria-describedby': 'usher-consent usher-consent-e', onchange: () => box.checked && setText(error, '') });
  const error = h('p', { class: 'error', id: 'usher-consent-e', role: 'alert' });
  const el = h('div', { class: 'consent' }, h('p', { id: 'usher-consent', dir: 'auto' }, ...nodes(c.pieces(text))), h('label', { class: 'check' }, box, h('span', {}, c.t('consent_label'))), error);
  return {
    el,
    agreed() {
      c.keep.agreed = box.checked;
      setText(error, box.checked ? '' : c.t('consent_needed'));
      if (!box.checked) box.focus();
      return box.checked;
    },
  };
}
