// The button in the corner, its line and badge, and the greeting above it. What changes its size is replaced, never
// changed, and hangs outside of the button's own box: so nothing on the page, and nothing of ours, ever shifts.

import type { Status } from '../types';
import css from './launcher.css';
import { minutes, rtl, type Say } from './words';

const SVG = 'http://www.w3.org/2000/svg';
const BUBBLE = 'M4 5h16v11H10l-5 4v-4H4z';
const CROSS = 'M5 5l14 14M19 5L5 19';

export interface Look { position: string; dark: string; colour: string }

export class Launcher {
  readonly button = document.createElement('button');
  private readonly frame = document.createElement('div');
  private readonly name = span('hide');
  private greeting: HTMLElement | undefined;
  private unread = 0;
  private open = false;
  private say: Say;
  private code: string;

  constructor(private readonly root: ShadowRoot, look: Look, code: string, words: Say, click: () => void) {
    this.say = words;
    this.code = code;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    const { button, frame } = this;
    const media = matchMedia('(prefers-color-scheme: dark)');
    const paint = () => frame.classList.toggle('dark', look.dark === 'dark' || (look.dark !== 'light' && media.matches));
    paint();
    media.addEventListener?.('change', paint);
    frame.classList.add('launch', look.position === 'left' ? 'left' : 'right');
    if (look.colour) {
      frame.style.setProperty('--usher-colour', look.colour);
      frame.style.setProperty('--usher-on-colour', readable(look.colour));
    }
    button.type = 'button';
    button.className = 'launcher';
    button.setAttribute('aria-haspopup', 'dialog');
    button.append(this.name, icon(BUBBLE));
    button.addEventListener('click', click);
    frame.append(button);
    this.words(code, words);
  }

  /** Puts the launcher on the page, with everything that it says: it never grows afterwards. */
  show(): void {
    if (!this.frame.isConnected) this.root.append(this.frame);
  }

  words(code: string, words: Say): void {
    this.code = code;
    this.say = words;
    this.frame.lang = code;
    this.frame.dir = rtl(code) ? 'rtl' : 'ltr';
    this.label();
  }

  expanded(open: boolean): void {
    this.open = open;
    this.label();
    if (open) this.dismiss();
  }

  /** Who is there and how long it takes, in the words of the status. */
  line(status: Status | null): void {
    const old = this.button.querySelector('.line');
    const text = status ? presence(status, this.say, this.code) : '';
    if (old?.textContent === text || (!old && !text)) return;
    old?.remove();
    if (text) this.button.append(span('line', text));
  }

  badge(count: number): void {
    if (count === this.unread) return;
    this.unread = count;
    this.button.querySelector('.badge')?.remove();
    if (count > 0) {
      const badge = span('badge', count > 99 ? '99+' : String(count));
      badge.setAttribute('aria-hidden', 'true');
      this.button.append(badge);
    }
    this.label();
  }

  /** A word to the visitor, above the button. */
  greet(text: string, accept: () => void, refuse: () => void): void {
    this.dismiss();
    const bubble = document.createElement('div');
    bubble.className = 'greeting';
    bubble.setAttribute('role', 'status');
    bubble.setAttribute('aria-label', this.say('greeting'));
    const words = document.createElement('button');
    words.type = 'button';
    words.className = 'say';
    words.textContent = text;
    words.addEventListener('click', accept);
    const shut = document.createElement('button');
    shut.type = 'button';
    shut.className = 'shut';
    shut.setAttribute('aria-label', this.say('dismiss'));
    shut.append(icon(CROSS));
    shut.addEventListener('click', () => { this.dismiss(); refuse(); });
    bubble.append(words, shut);
    this.frame.prepend(bubble);
    this.greeting = bubble;
  }

  dismiss(): void {
    this.greeting?.remove();
    this.greeting = undefined;
  }

  busy(on: boolean): void {
    this.button.setAttribute('aria-busy', String(on));
  }

  private label(): void {
    this.button.setAttribute('aria-expanded', String(this.open));
    const parts = [this.say(this.open ? 'close' : 'open')];
    if (this.unread > 0) parts.push(this.say('unread', this.unread));
    this.name.textContent = parts.join('. ') + ' ';
  }
}

function presence(status: Status, say: Say, code: string): string {
  if (status.state === 'closed' || status.state === 'offline') return say('message');
  const parts = [status.agents > 0 ? say('online', status.agents) : say('label')];
  if (status.estimate > 0) parts.push(say('wait', minutes(code, status.estimate)));
  return parts.join(', ');
}

function span(kind: string, text = ''): HTMLSpanElement {
  const e = document.createElement('span');
  e.className = kind;
  e.textContent = text;
  return e;
}

function icon(d: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', d);
  svg.append(path);
  return svg;
}

/** Black or white, whichever is read better on the colour (#rgb or #rrggbb; WCAG 2.2 relative luminance). */
export function readable(colour: string): '#000' | '#fff' {
  const hex = colour.length === 4 ? colour.replace(/[^#]/g, '$&$&') : colour;
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? '#000' : '#fff';
}
