// One chat on a page: learns what the site has set and who is there, shows the launcher, and fetches the app when the
// visitor opens it, or at once where an earlier page has left a chat.

import { KEY_CHAT, KEY_LANGUAGE, KEY_OPEN } from '../types';
import type { ApiEvents, App, Boot, SiteConfig } from '../types';
import { choose } from '../text/choose';
import { createLauncher } from './launcher';
import { kept, keep } from './memory';
import { ask, insist, watch } from './status';
import { LAUNCHER, say } from './words';

export type Emit = <K extends keyof ApiEvents>(event: K, detail: ApiEvents[K]) => void;

/** What a page has written on the script or the element; names without `data-`. */
export type Attributes = Record<string, string>;

export type Fields = Record<string, string>;

/** What a page can ask of a chat. Nothing throws; what goes wrong is an `error` event. */
export interface Methods {
  open(): void;
  close(): void;
  toggle(): void;
  show(): void;
  hide(): void;
  identify(token: string): void;
  setFields(fields: Fields): void;
  setLanguage(tag: string): void;
  startChat(fields?: Fields): void;
  sendMessage(text: string): void;
  end(): void;
}

export interface Box extends Methods {
  dispose(): void;
}

export function createBox(base: string, host: HTMLElement, attributes: Attributes, heard: Emit): Box {
  const fields: Fields = {};
  let token = attributes.token;
  let config: SiteConfig;
  let boot: Boot | undefined;
  let launcher: ReturnType<typeof createLauncher>;
  let app: Promise<App> | undefined;
  let shown = true;
  let gone = false;
  let opened = false;
  let used = false; // by the visitor, on this page or one before
  let calm = () => {}; // ends the wait for a greeting, or the greeting

  for (const name in attributes) if (name.startsWith('fields-')) fields[name.slice(7)] = attributes[name];

  const status = watch(base, attributes, () => boot && draw());
  const closed = () => /closed|offline/.test(status.now()?.state ?? '');
  const language = () => choose([kept(config, KEY_LANGUAGE), attributes.language, document.documentElement.lang, ...navigator.languages], config.languages, config.language, Object.keys(USHER_LAUNCHER));
  const draw = () => {
    host.hidden = !shown || (closed() && config.hideWhenClosed && !used);
    launcher.set({ status: status.now() });
  };
  const emit: Emit = (event, detail) => {
    if (event === 'opened' || event === 'closed') {
      opened = event === 'opened';
      if (opened) calm();
      launcher.set({ open: opened });
    }
    if (/opened|closed|queued|message/.test(event)) {
      used = true;
      draw();
    }
    heard(event, detail);
  };
  const words = (code: string) => say('launcher_', LAUNCHER, USHER_LAUNCHER, code, config.texts);
  const greet = async (root: ShadowRoot) => {
    const { wait, bubble } = await fetched<typeof import('./greet')>(base, 'greet');
    calm = wait(config.proactive.rules, (rule) => {
      if (opened || gone) return true;
      if (closed() || !status.now()) return false; // nobody is there, or it isn't known
      const done = () => keep(config, 'greeted');
      calm = bubble(root, launcher.dock, config, language(), rule, () => (done(), box.open()), done);
      return true;
    });
  };

  const start = async () => {
    const question = () => (gone ? Promise.resolve(config) : ask<SiteConfig>(base, 'widget/config', { site: attributes.site }));
    [config] = await Promise.all([insist(question, () => heard('error', { code: 'config' })), status.first]);
    if (!gone) await status.among(config.workgroups);
    if (gone) return;
    config.theme = look(config.theme, attributes);
    const { proactive } = config;
    const code = language();
    const root = host.attachShadow({ mode: 'closed' });
    launcher = createLauncher(root, config.theme, code, words(code), () => box.toggle());
    boot = {
      base, root, host, config, emit,
      script: attributes,
      status: status.now,
      launcher: launcher.button,
      setUnread: (unread) => launcher.set({ unread }),
      speak: (t, { code }) => launcher.words(code, words(code), t),
    };
    const was = kept(config, KEY_OPEN);
    const opens = was === '1' || (attributes.open === 'true' && was !== '0');
    const goesOn = (used = opens || !!kept(config, KEY_CHAT));
    draw();
    if (attributes.launcher !== 'none') launcher.show();
    emit('ready', {});
    if (goesOn || proactive.mode === 'presence') void use(() => {}); // it opens itself
    if (proactive.mode !== 'none' && proactive.rules.length && !goesOn && !kept(config, 'greeted')) greet(root).catch(() => {});
  };

  const fetchApp = async (boot: Boot) => {
    const { mount } = await fetched<{ mount(boot: Boot): Promise<App> }>(base, 'app');
    const app = await mount(boot);
    if (token) app.engine.identify(token);
    app.engine.setFields(fields);
    if (gone) app.dispose();
    return app;
  };
  /** Gives the app to f as soon as it is there; fetches it if it isn't. */
  const use = async (f: (app: App) => void) => {
    try {
      await ready;
      if (gone || !boot) return;
      app ??= fetchApp(boot);
      f(await app);
    } catch {
      app = undefined; // the next click tries again
      heard('error', { code: 'load' });
    }
  };
  const ready = start().catch(() => heard('error', { code: 'config' }));

  const ifThere = (f: (app: App) => void) => { if (app) void use(f); };
  const visible = (on: boolean) => () => {
    shown = on;
    if (boot) draw();
  };
  const box: Box = {
    open: () => void use((app) => app.open()),
    close: () => ifThere((app) => app.close()),
    toggle() {
      const was = opened; // as the visitor sees it when he clicks: the panel may be about to open by itself
      void use((app) => (was ? app.close() : app.open()));
    },
    show: visible(true),
    hide: visible(false),
    identify(jwt) {
      token = jwt;
      ifThere((app) => app.engine.identify(jwt));
    },
    setFields(more) {
      Object.assign(fields, strings(more));
      ifThere((app) => app.engine.setFields(fields));
    },
    setLanguage(tag) {
      attributes.language = tag;
      if (!boot) return;
      launcher.words(language(), words(language()));
      ifThere((app) => app.setLanguage(language()));
    },
    startChat: (more) => void use((app) => (app.open(), app.engine.start(strings(more)))),
    sendMessage: (text) => void use((app) => app.engine.send(text + '')),
    end: () => ifThere((app) => app.engine.end()),
    dispose() {
      gone = true;
      status.stop();
      calm();
      app?.then((app) => app.dispose(), () => {});
    },
  };
  return box;
}

/** One of the loader's other files. */
export function fetched<T>(base: string, file: keyof typeof USHER_FILES): Promise<T> {
  return import(`${base}/widget/${USHER_FILES[file]}`) as Promise<T>;
}

/** The site's look with what the page has set. Where the page runs from right to left, the site's side is the other one. */
function look(theme: SiteConfig['theme'], { position, dark, colour }: Attributes): SiteConfig['theme'] {
  const right = (theme.position === 'left') === (document.documentElement.dir === 'rtl');
  return {
    ...theme,
    position: position === 'left' || position === 'right' ? position : right ? 'right' : 'left',
    dark: /^(auto|light|dark)$/.test(dark) ? (dark as 'auto') : theme.dark,
    colour: colour || theme.colour,
  };
}

function strings(fields: Fields | undefined): Fields {
  return Object.fromEntries(Object.entries(fields ?? {}).map(([k, v]) => [k, v + '']));
}
