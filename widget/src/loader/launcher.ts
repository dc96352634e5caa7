// The button in the corner with who is there and what is unread. It's put on the page once it
// has all to say, so that nothing moves afterwards.

import type { SiteConfig, Status, Translate } from '../types';
import launcherCss from './launcher.css';
import { minutes, type Say } from './words';

const SVG = 'http://www.w3.org/2000/svg';
const BUBBLE = 'M21 12a8 8 0 0 1-8 8H4l2-3.5A8 8 0 1 1 21 12z';

interface Shows { status: Status | null; unread: number; open: boolean }

export function createLauncher(root: ShadowRoot, theme: SiteConfig['theme'], code: string, say: Say, click: () => void) {
  const shows: Shows = { status: null, unread: 0, open: false };
  const name = make('b');
  const presence = make('span');
  const badge = make('span', { class: 'badge', role: 'img' });
  const button = make('button', { class: 'launcher', type: 'button', 'aria-haspopup': 'dialog' }, picture(), make('span', { class: 'line' }, name, ' ', presence), badge);
  const dock = make('div', { class: `dock ${theme.position} ${theme.dark}` }, button);
  let t: Translate | undefined; // all the words, once the app is there

  button.onclick = click;
  if (/^#(...){1,2}$/.test(theme.colour)) {
    dock.style.setProperty('--c', theme.colour);
    dock.style.setProperty('--o', readable(theme.colour));
  }
  root.adoptedStyleSheets = [launcherCss, theme.css].map((css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    return sheet;
  });

  function draw(): void {
    const { status, unread, open } = shows;
    const away = /closed|offline/.test(status?.state ?? '');
    const there = [];
    if (status && !away && !open) {
      if (status.agents > 0) there.push(say('online', status.agents));
      if (status.estimate > 0) there.push(say('wait', minutes(code, status.estimate)));
    }
    dock.lang = code;
    dock.dir = /^(ar|he|fa|ur)$/.test(code) ? 'rtl' : 'ltr';
    button.setAttribute('aria-expanded', String(open));
    put(name, open && t ? t('launch_close') : say(away ? 'message' : 'label'));
    put(presence, there.join(', '));
    put(badge, unread > 99 ? '99+' : unread > 0 ? String(unread) : '');
    if (t) badge.setAttribute('aria-label', t('log_new', unread));
  }

  return {
    button,
    dock,
    show: () => root.append(dock),
    words(newCode: string, newSay: Say, all?: Translate) {
      code = newCode;
      say = newSay;
      t = all;
      draw();
    },
    set(change: Partial<Shows>) {
      Object.assign(shows, change);
      draw();
    },
  };
}

/** White, or black where that is read better on the colour (#rgb, #rrggbb): contrast by relative luminance, WCAG 2.2. */
export function readable(colour: string): '#fff' | '#000' {
  const step = (colour.length - 1) / 3;
  const [r, g, b] = [0, 1, 2].map((i) => {
    const part = colour.slice(1 + i * step, 1 + (i + 1) * step);
    const c = parseInt(step === 1 ? part + part : part, 16) / 255;
    return c > 0.04045 ? ((c + 0.055) / 1.055) ** 2.4 : c / 12.92;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.1791 ? '#000' : '#fff';
}

/** Sets a text, and hides who has none. */
function put(e: HTMLElement, text: string): void {
  if (e.textContent !== text) e.textContent = text;
  e.hidden = !text;
}

function make<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Record<string, string> = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  for (const name in attributes) e.setAttribute(name, attributes[name]);
  e.append(...children);
  return e;
}

function picture(): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', BUBBLE);
  svg.append(path);
  return svg;
}
