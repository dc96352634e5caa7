// One chat on a page: fetches what the site has set and who is there, shows the launcher, and fetches the app when the
// visitor opens it, or at once where an earlier page has left a chat.

import { KEY_CHAT, KEY_OPEN, STORAGE_PREFIX } from '../types';
import type { ApiEvents, App, Boot, SiteConfig, Status } from '../types';
import { choose } from '../text/choose';
import { greetings } from './greet';
import { Launcher } from './launcher';
import { say } from './words';

const STATUS_EVERY = 30_000; // ms, while the page is visible

export type Emit = <K extends keyof ApiEvents>(event: K, detail: ApiEvents[K]) => void;

/** What a page has written on the script or the element; names without `data-`. */
export type Attributes = Record<string, string>;

export class Box {
  private config: SiteConfig | undefined;
  private state: Status | null = null;
  private launcher: Launcher | undefined;
  private app: Promise<App> | undefined;
  private timer = 0;
  private shown = true;
  private gone = false;
  private stopGreeting: (() => void) | undefined;
  private token = '';
  private fields: Record<string, string> = {};
  private readonly ready: Promise<void>;

  constructor(
    private readonly base: string,
    readonly host: HTMLElement,
    readonly attributes: Attributes,
    private readonly heard: Emit,
  ) {
    this.token = attributes.token ?? '';
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('fields-')) this.fields[name.slice(7)] = value;
    }
    this.ready = this.start();
    this.ready.catch(() => this.emit('error', { code: 'config' }));
  }

  private async start(): Promise<void> {
    const { host, attributes } = this;
    const query = '?site=' + encodeURIComponent(attributes.site ?? '');
    const [config] = await Promise.all([this.get<SiteConfig>('/widget/config' + query), this.refresh()]);
    if (this.gone) return;
    this.config = config;
    const code = this.language();
    const look = {
      position: attributes.position || config.theme.position,
      dark: attributes.dark || config.theme.dark,
      colour: colour(attributes.colour) || colour(config.theme.colour),
    };
    const root = host.attachShadow({ mode: 'closed' });
    this.launcher = new Launcher(root, look, code, say(code, config.texts), () => void this.toggle());
    this.draw();
    if (attributes.launcher !== 'none') this.launcher.show();
    document.addEventListener('visibilitychange', this.visible);
    this.visible();
    this.boot = this.bootFor(root, config, this.launcher);
    this.emit('ready', {});
    if (attributes.open === 'true' || this.kept(KEY_OPEN) || this.kept(KEY_CHAT) || config.proactive.mode === 'presence') {
      const open = attributes.open === 'true' && this.kept(KEY_OPEN) !== '0';
      void this.use((app) => {
        if (open) app.open();
        else if (config.proactive.mode === 'presence') app.engine.presence();
      });
    } else if (config.proactive.mode === 'greet') {
      this.stopGreeting = greetings(config.proactive.rules, code, (text) => this.greet(text));
    }
  }

  private boot: Boot | undefined;

  private bootFor(root: ShadowRoot, config: SiteConfig, launcher: Launcher): Boot {
    return {
      base: this.base,
      root,
      host: this.host,
      script: this.attributes,
      config,
      status: () => this.state,
      launcher: launcher.button,
      emit: this.emit,
      setUnread: (count) => launcher.badge(count),
      text: say(this.language(), config.texts) as Boot['text'],
    };
  }

  readonly emit: Emit = (event, detail) => {
    if (event === 'opened' || event === 'closed') {
      this.launcher?.expanded(event === 'opened');
      this.draw();
    }
    this.heard(event, detail);
  };

  /** Gives the app to f as soon as it is there; fetches it if it isn't. What fails is an `error` event. */
  async use(f: (app: App) => void): Promise<void> {
    try {
      await this.ready;
      if (this.gone || !this.boot) return;
      this.app ??= this.fetchApp(this.boot);
      f(await this.app);
    } catch {
      if (this.config) this.emit('error', { code: 'load' });
    }
  }

  private async fetchApp(boot: Boot): Promise<App> {
    this.stopGreeting?.();
    this.launcher?.busy(true);
    try {
      const { mount } = (await import(/* the app's own file */ `${this.base}/widget/${USHER_APP}`)) as { mount(boot: Boot): Promise<App> };
      const app = await mount(boot);
      if (this.token) app.engine.identify(this.token);
      if (Object.keys(this.fields).length) app.engine.setFields(this.fields);
      if (this.gone) app.dispose();
      return app;
    } catch (e) {
      this.app = undefined; // the next click tries again
      throw e;
    } finally {
      this.launcher?.busy(false);
    }
  }

  async toggle(): Promise<void> {
    await this.use((app) => (app.isOpen ? app.close() : app.open()));
  }

  close(): void {
    if (this.app) void this.use((app) => app.close());
  }

  show(on: boolean): void {
    this.shown = on;
    this.draw();
  }

  identify(token: string): void {
    this.token = token;
    if (this.app) void this.use((app) => app.engine.identify(token));
  }

  setFields(fields: Record<string, string>): void {
    Object.assign(this.fields, fields);
    if (this.app) void this.use((app) => app.engine.setFields(this.fields));
  }

  setLanguage(tag: string): void {
    this.attributes.language = tag;
    if (!this.config) return;
    const code = this.language();
    this.launcher?.words(code, say(code, this.config.texts));
    this.draw();
    if (this.app) void this.use((app) => app.setLanguage(code));
  }

  dispose(): void {
    this.gone = true;
    clearInterval(this.timer);
    document.removeEventListener('visibilitychange', this.visible);
    this.stopGreeting?.();
    void this.app?.then((app) => app.dispose(), () => undefined);
  }

  private language(): string {
    const c = this.config!;
    return choose([this.attributes.language, document.documentElement.lang, ...navigator.languages], c.languages, c.language, Object.keys(USHER_WORDS));
  }

  private greet(text: string): void {
    if (!this.launcher || !this.open() || this.app || this.kept('greeted')) return;
    const done = () => this.keep('greeted');
    this.launcher.greet(text, () => { done(); void this.use((app) => app.open()); }, done);
  }

  private open(): boolean {
    return this.state?.state === 'open' || this.state?.state === 'busy';
  }

  /** Hides or shows the whole, and says who is there. */
  private draw(): void {
    const closed = !!this.state && !this.open();
    this.host.hidden = !this.shown || (closed && !!this.config?.hideWhenClosed && !this.app);
    this.launcher?.line(this.state);
  }

  private readonly visible = () => {
    clearInterval(this.timer);
    if (document.visibilityState !== 'visible') return;
    this.timer = window.setInterval(() => void this.refresh(), STATUS_EVERY);
  };

  private async refresh(): Promise<void> {
    const { site = '', workgroup = '' } = this.attributes;
    const query = `?site=${encodeURIComponent(site)}` + (workgroup && `&workgroup=${encodeURIComponent(workgroup)}`);
    try {
      this.state = await this.get<Status>('/status' + query);
    } catch {
      this.state = null; // nothing is said rather than something that is old
    }
    if (this.launcher) this.draw();
  }

  private async get<T>(path: string): Promise<T> {
    const answer = await fetch(this.base + path, { credentials: 'omit' });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return (await answer.json()) as T;
  }

  private kept(key: string): string | null {
    const name = STORAGE_PREFIX + this.config!.site + ':' + key;
    try {
      return sessionStorage.getItem(name) ?? (this.config!.remember ? localStorage.getItem(name) : null);
    } catch {
      return null; // no storage here
    }
  }

  private keep(key: string): void {
    try {
      sessionStorage.setItem(STORAGE_PREFIX + this.config!.site + ':' + key, '1');
    } catch {
      // no storage here: asked again on the next page
    }
  }
}

/** The colour if it is one, as the gateway's config wants it. */
function colour(text: string | undefined): string {
  return text && /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(text) ? text : '';
}
