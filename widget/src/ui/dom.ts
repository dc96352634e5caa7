// Nodes without markup: no innerHTML, no style attribute, so that the strictest policy has nothing to say.

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, unknown>;

/**
 * Makes an element. An attribute that is a function listens (`onclick`), true sets it empty, false, null and undefined leave
 * it out; `value`, `checked` and `hidden` are set as properties.
 */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const el = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) {
    if (typeof v === 'function') el.addEventListener(k.slice(2), v as EventListener);
    else if (/^(value|checked|hidden)$/.test(k)) (el as unknown as Attributes)[k] = v;
    else if (v !== false && v != null) el.setAttribute(k, v === true ? '' : String(v));
  }
  el.append(...(children.filter(Boolean) as (Node | string)[]));
  return el;
}

const SVG = 'http://www.w3.org/2000/svg';

/** A decorative picture of strokes in a box of 24. `flip`: mirrored where text runs from right to left. */
export function icon(d: string, flip = false): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', flip ? 'i flip' : 'i');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', d);
  svg.append(path);
  return svg;
}

/** A button with nothing but a picture: its name is read out and shown as a tip. */
export function iconButton(d: string, name: string, click: (e: MouseEvent) => void, { flip, ...attributes }: Attributes = {}): HTMLButtonElement {
  return h('button', { type: 'button', class: 'icon', 'aria-label': name, title: name, onclick: click, ...attributes }, icon(d, !!flip));
}

/** Sets text only if it differs, so that a live region doesn't speak twice. */
export function setText(el: Element, text: string): void {
  if (el.textContent !== text) el.textContent = text;
}

/** A button with words, of a look: main, plain, link. */
export function button(look: string, text: string, click?: (e: MouseEvent) => void, attributes: Attributes = {}): HTMLButtonElement {
  return h('button', { type: click ? 'button' : 'submit', class: look, onclick: click, ...attributes }, text);
}

/** Sets the text; without one the element is hidden. */
export function say(el: HTMLElement, text: string): void {
  setText(el, text);
  el.hidden = !text;
}

/** The focused element, also inside the closed shadow root. */
export function focused(root: ShadowRoot): HTMLElement | null {
  return root.activeElement as HTMLElement | null;
}

export const ICONS = {
  down: 'M6 9l6 6 6-6',
  close: 'M6 6l12 12M18 6L6 18',
  more: 'M12 5a.5.5 0 1 1 0 1 .5.5 0 0 1 0-1zM12 11.5a.5.5 0 1 1 0 1 .5.5 0 0 1 0-1zM12 18a.5.5 0 1 1 0 1 .5.5 0 0 1 0-1z',
  end: 'M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M9 16l-4-4 4-4M5 12h10',
  send: 'M4 12l16-8-6 16-3-7z',
  clip: 'M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.3 3.3 0 0 1 4.7 4.7L9 17.3a1.7 1.7 0 0 1-2.4-2.4L14 7.5',
  smile: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 14.5s1.2 1.8 3.5 1.8 3.5-1.8 3.5-1.8M9 9.5h.01M15 9.5h.01',
  file: 'M14 3H7a1 1 0 0 0-1 1v16a1 1 0 0 0 1 1h10a1 1 0 0 0 1-1V7zM14 3v4h4',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM5 20a7 7 0 0 1 14 0',
} as const;
