// The panel: one part for each phase, header above, banner between; open, closed, and what has the focus.
import type { Phase, State } from '../types';
import { createChat } from './chat';
import { touch } from './composer';
import { createDates } from './dates';
import { button, focused, h, say } from './dom';
import { type Header, createHeader } from './header';
import { kit } from './kit';
import { later } from './later';
import { createNotices } from './notices';
import type { Context, Keep, Part, View, ViewOptions } from './options';
import panelCss from './panel.css';
import { createPhone } from './phone';
import { createNote, createStart } from './start';
import { known } from './text';
import { themeCss } from './theme';

const CHAT: Phase[] = ['queued', 'offered', 'connecting', 'active', 'agent-lost', 'wrapup', 'closed'];
const START: Phase[] = ['idle', 'starting'];
const STATUS = 10_000; // ms

/** Which part is shown: another one is drawn when this changes. */
function kindOf(s: State): string {
  return START.includes(s.phase) ? 'start' : CHAT.includes(s.phase) ? 'chat' : s.phase + (s.form ? ' form' : '');
}

function make(c: Context, s: State): Part {
  if (START.includes(s.phase)) return createStart(c);
  if (CHAT.includes(s.phase)) return createChat(c);
  return s.form ? later(async () => (await import('./form')).createForm(c, s)) : createNote(c, s);
}

/** What the banner says of the connection. Before a chat there is none to speak of. */
function linkText(s: State): string {
  if (!CHAT.includes(s.phase) && s.phase !== 'form') return '';
  return s.link === 'up' || s.link === 'none' ? '' : 'link_' + s.link.replace('-', '_');
}

interface Drawn {
  update(s: State): void;
  focus(): void;
  escape(): void;
  dispose(): void;
}

/** Fills the panel for one language. */
function draw(panel: HTMLElement, options: ViewOptions, keep: Keep, style: Context['style'], close: () => void): Drawn {
  const { t, language } = options;
  const spoken = h('div', { class: 'sr', role: 'status' });
  const banner = h('p', { class: 'banner', role: 'status' });
  const error = h('p', { class: 'banner bad', role: 'alert' });
  const body = h('div', { class: 'body' });
  const asking = h('div', { class: 'ask', role: 'alertdialog', 'aria-modal': 'true', 'aria-labelledby': 'usher-ask', hidden: true });
  const c: Context = { ...options, kit, keep, style, announce, ask, dates: createDates(language.code, t) };
  const header: Header = createHeader(c, close);
  let part: Part & { escape?: () => boolean } | null = null;
  let kind = '';
  let link = '';
  let answered: (() => void) | null = null;

  function announce(text: string): void {
    spoken.textContent = '';
    spoken.textContent = text;
  }
  function ask(question: string, yes: string, no: string, then: () => void): void {
    const before = focused(c.boot.root);
    answered = () => {
      answered = null;
      asking.hidden = true;
      for (const x of [header.el, body]) x.inert = false;
      if (before?.isConnected) before.focus();
    };
    const cancel = button('plain', no, () => answered?.());
    asking.replaceChildren(h('p', { id: 'usher-ask' }, question), h('div', { class: 'buttons' }, button('main', yes, () => (answered?.(), then())), cancel));
    for (const x of [header.el, body]) x.inert = true;
    asking.hidden = false;
    cancel.focus();
  }
  function update(s: State): void {
    const had = body.contains(focused(c.boot.root));
    if (kindOf(s) !== kind) {
      if (answered) answered(); // what was asked about is over
      kind = kindOf(s);
      part?.dispose?.();
      part = make(c, s);
      if (CHAT.includes(s.phase)) keep.question = ''; // it has been asked
      part.update(s); // before it is in the document: what is there from the start isn't read out
      body.replaceChildren(part.el);
      if (had) part.focus();
    }
    header.update(s);
    part!.update(s);
    const now = linkText(s);
    if (link && !now && s.link === 'up') announce(t('link_up'));
    link = now;
    say(banner, now && t(now));
    say(error, s.error && s.phase !== 'failed' ? known(c, s.error) || t('error_unknown') : '');
  }

  panel.lang = language.code;
  panel.dir = language.rtl ? 'rtl' : 'ltr';
  panel.replaceChildren(header.el, banner, error, body, asking, spoken);
  return {
    update,
    focus: () => (touch() ? panel.focus() : part!.focus()), // no keyboard that nobody has asked for
    escape() {
      if (answered) answered();
      else if (!header.escape() && !part?.escape?.()) close();
    },
    dispose: () => part?.dispose?.(),
  };
}

/** Keeps Tab inside while the panel is the whole screen. */
function cycle(e: KeyboardEvent, panel: HTMLElement, root: ShadowRoot): void {
  const stops = [...panel.querySelectorAll<HTMLElement>('button,[href],input,select,textarea,summary,[tabindex="0"]')].filter(
    (x) => x.tabIndex >= 0 && !(x as HTMLButtonElement).disabled && x.getClientRects().length && !x.closest('[inert]'),
  );
  const from = focused(root);
  const edge = e.shiftKey ? stops[0] : stops[stops.length - 1];
  if (from !== edge && from !== panel) return;
  if (from === panel && !e.shiftKey) return;
  e.preventDefault();
  (e.shiftKey ? stops[stops.length - 1] : stops[0])?.focus();
}

export function createView(options: ViewOptions): View {
  const { boot, engine } = options;
  const keep: Keep = { question: '', message: '', agreed: false };
  const panel = h('div', { class: 'panel', role: 'dialog', 'aria-labelledby': 'usher-title', tabindex: -1, hidden: true, onkeydown: key });
  const phone = createPhone(panel, close);
  const notices = createNotices();
  const sheet = new CSSStyleSheet();
  const rules = new Set([themeCss(boot.config.theme) + panelCss]);
  const style = (css: string) => void sheet.replaceSync([...rules.add(css)].join(''));
  let isOpen = false;
  let status: ReturnType<typeof setInterval> | undefined; // while open: the loader's status is no part of the engine's state
  let current = options;
  let drawn = draw(panel, current, keep, style, close);
  let last = engine.state;

  style('');
  boot.root.adoptedStyleSheets = [sheet, ...boot.root.adoptedStyleSheets]; // the site's own rules stay the last
  boot.root.append(panel);

  function update(s: State): void {
    last = s;
    drawn.update(s);
    notices.update({ ...current, keep } as Context, s);
  }
  function seen(): void {
    engine.seen(isOpen && !document.hidden);
  }
  function key(e: KeyboardEvent): void {
    if (e.key === 'Escape' && !e.isComposing) {
      e.preventDefault();
      drawn.escape();
    } else if (e.key === 'Tab' && phone.full) cycle(e, panel, boot.root);
    e.stopPropagation(); // the page's shortcuts aren't for what is typed here
  }
  function shown(open: boolean): void {
    isOpen = open;
    panel.hidden = !open;
    boot.launcher.setAttribute('aria-expanded', String(open));
    seen();
    clearInterval(status);
    if (open) status = setInterval(() => drawn.update(last), STATUS);
  }
  function open(quiet = false): void {
    if (isOpen) return quiet ? undefined : drawn.focus();
    shown(true);
    drawn.update(last); // the status may be another by now
    phone.opened();
    if (!quiet) drawn.focus();
    current.toggled(true);
  }
  function close(): void {
    if (!isOpen) return;
    const had = panel.contains(focused(boot.root));
    shown(false);
    phone.closed();
    if (had) boot.launcher.focus();
    current.toggled(false);
  }

  document.addEventListener('visibilitychange', seen);
  const unsubscribe = engine.subscribe(update);
  return {
    open,
    close,
    get isOpen() {
      return isOpen;
    },
    setLanguage(t, language) {
      const had = panel.contains(focused(boot.root));
      current = { ...current, t, language };
      drawn.dispose();
      drawn = draw(panel, current, keep, style, close);
      drawn.update(last);
      if (had) panel.focus();
    },
    dispose() {
      unsubscribe();
      clearInterval(status);
      document.removeEventListener('visibilitychange', seen);
      drawn.dispose();
      phone.dispose();
      notices.dispose();
      panel.remove();
      boot.root.adoptedStyleSheets = boot.root.adoptedStyleSheets.filter((x) => x !== sheet);
    },
  };
}
