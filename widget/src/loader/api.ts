// The page's own hold on the chat: window.usher. What a page calls before the loader is there waits in a stub's queue.

import type { ApiEvents } from '../types';
import type { Box } from './box';

export type Handler = (detail: never) => void;

/** One call that waited: the method's name and its arguments. */
export type Call = [name: string, ...args: unknown[]];

/** Handlers of a page, by event. A handler that fails is the page's own trouble, reported as its errors are. */
export class Handlers {
  private readonly lists = new Map<string, Set<Handler>>();
  private ready = false;

  on(event: string, f: Handler): void {
    const list = this.lists.get(event) ?? new Set();
    this.lists.set(event, list.add(f));
    if (event === 'ready' && this.ready) this.call(f, {});
  }

  off(event: string, f?: Handler): void {
    if (f) this.lists.get(event)?.delete(f);
    else this.lists.delete(event);
  }

  emit<K extends keyof ApiEvents>(event: K, detail: ApiEvents[K]): void {
    if (event === 'ready') this.ready = true;
    for (const f of [...(this.lists.get(event) ?? [])]) this.call(f, detail);
  }

  private call(f: Handler, detail: unknown): void {
    queueMicrotask(() => (f as (detail: unknown) => void)(detail));
  }
}

/** The methods, on the box that there is when they are called; without one they do nothing. */
export function api(handlers: Handlers, box: () => Box | undefined) {
  const use = (f: Parameters<Box['use']>[0]) => void box()?.use(f);
  return {
    open: () => use((app) => app.open()),
    close: () => box()?.close(),
    toggle: () => void box()?.toggle(),
    show: () => box()?.show(true),
    hide: () => box()?.show(false),
    identify: (token: string) => box()?.identify(String(token)),
    setFields: (fields: Record<string, unknown>) => box()?.setFields(strings(fields)),
    setLanguage: (tag: string) => box()?.setLanguage(String(tag)),
    startChat: (fields?: Record<string, unknown>) => use((app) => { app.open(); app.engine.start(strings(fields)); }),
    sendMessage: (text: string) => use((app) => app.engine.send(String(text))),
    end: () => use((app) => app.engine.end()),
    on: (event: keyof ApiEvents, f: Handler) => handlers.on(event, f),
    off: (event: keyof ApiEvents, f?: Handler) => handlers.off(event, f),
  };
}

export type Api = ReturnType<typeof api>;

/** Carries out what waited in a stub: an array of calls, or an object that has one as q. */
export function replay(target: Api, stub: unknown): void {
  const calls = Array.isArray(stub) ? stub : (stub as { q?: unknown } | undefined)?.q;
  if (!Array.isArray(calls)) return;
  for (const call of calls as Call[]) {
    try {
      const [name, ...args] = call;
      (target[name as keyof Api] as (...args: unknown[]) => void)(...args);
    } catch (e) {
      console.warn('usher: a call that cannot be carried out', call, e);
    }
  }
}

function strings(fields: Record<string, unknown> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(fields ?? {}).map(([k, v]) => [k, String(v)]));
}
