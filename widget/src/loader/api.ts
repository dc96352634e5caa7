// The page's own hold on the chat: window.usher, and the element's methods. What a page calls before the loader is
// there waits in a stub's queue.

import type { ApiEvents } from '../types';
import type { Box, Emit, Methods } from './box';

type Handler = (detail: never) => void;

export interface Handlers {
  on(event: keyof ApiEvents, f: Handler): void;
  off(event: keyof ApiEvents, f?: Handler): void;
}

export type Api = Methods & Handlers;

/** Handlers of a page, by event. One that fails is the page's own trouble and does no harm here. */
export function createHandlers(): Handlers & { emit: Emit } {
  const lists: Partial<Record<keyof ApiEvents, Set<Handler>>> = {};
  let ready = false;
  const call = (f: Handler, detail: unknown) => queueMicrotask(() => f(detail as never));
  return {
    on(event, f) {
      (lists[event] ??= new Set()).add(f);
      if (event === 'ready' && ready) call(f, {});
    },
    off(event, f) {
      if (f) lists[event]?.delete(f);
      else delete lists[event];
    },
    emit(event, detail) {
      ready ||= event === 'ready';
      lists[event]?.forEach((f) => call(f, detail));
    },
  };
}

const NAMES = 'open close toggle show hide identify setFields setLanguage startChat sendMessage end'.split(' ') as (keyof Methods)[];

/** The methods, of the box that there is when they are called; without one they do nothing. */
export function createApi({ on, off }: Handlers, box: () => Box | undefined): Api {
  const methods = NAMES.map((name) => [name, (...args: unknown[]) => void (box()?.[name] as ((...args: unknown[]) => void) | undefined)?.(...args)]);
  return { ...(Object.fromEntries(methods) as Methods), on, off };
}

/** Carries out what waited in a stub: an array of calls ([name, …arguments]), or an object that has one as q. */
export function replay(api: Api, stub: unknown): void {
  const calls = Array.isArray(stub) ? stub : (stub as { q?: unknown } | undefined)?.q;
  if (Array.isArray(calls)) for (const call of calls) push(api, call);
}

export function push(api: Api, call: unknown): void {
  try {
    const [name, ...args] = call as [keyof Api, ...unknown[]];
    (api[name] as (...args: unknown[]) => void)(...args);
  } catch (e) {
    console.warn('usher: no such call', call, e);
  }
}
