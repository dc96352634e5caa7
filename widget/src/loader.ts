// widget.js: a classic script, the only thing that a page loads by itself. It puts a chat on the page for its own tag,
// gives it window.usher, and, where the tag names no site, has <usher-chat> defined.

import { createApi, createHandlers, push, replay, type Api } from './loader/api';
import { createBox, fetched, type Attributes, type Box, type Emit } from './loader/box';

/** What several copies of this script on one page share. */
interface Shared {
  boxes: Map<string, Box>; // by site and workgroup: a second tag of the same makes nothing
  emit: Emit;
}

type Page = { usher?: Partial<Api> & { shared?: Shared; push?: (call: unknown) => void } };

/** Puts a chat into the parent; undefined if the page has the same already. */
function add({ boxes }: Shared, base: string, parent: Element, given: Attributes, heard: Emit): Box | undefined {
  const key = [given.site, given.workgroup].join('/');
  if (boxes.has(key)) return undefined;
  const host = document.createElement('div');
  host.hidden = true;
  const box = createBox(base, host, given, heard);
  boxes.set(key, { ...box, dispose: () => (boxes.delete(key), host.remove(), box.dispose()) });
  parent.append(host);
  host.popover = 'manual'; // the top layer: no z-index, and no transform of an element around it, reaches that
  host.showPopover?.();
  return boxes.get(key);
}

function element(shared: Shared, base: string): void {
  const parts = { add: (parent: Element, given: Attributes, heard: Emit) => add(shared, base, parent, given, heard), emit: shared.emit, handlers: createHandlers, api: createApi };
  fetched<typeof import('./loader/element')>(base, 'element').then(({ define }) => define(parts), (e) => console.warn('usher', e));
}

/** The tag's data-…, without that. */
function attributes(script: Element): Attributes {
  return Object.fromEntries([...script.attributes].filter((a) => /^data-/.test(a.name)).map((a) => [a.name.slice(5), a.value]));
}

function run(page: Page, script: HTMLScriptElement | null): void {
  const before = page.usher;
  let shared = before?.shared;
  if (!shared) {
    const handlers = createHandlers();
    const mine: Shared = (shared = { boxes: new Map(), emit: handlers.emit });
    const api = createApi(handlers, () => mine.boxes.values().next().value);
    page.usher = Object.defineProperties(api, { shared: { value: mine }, push: { value: (call: unknown) => push(api, call) } });
  }
  const src = script?.src || document.querySelector<HTMLScriptElement>('script[src*="/widget.js"]')?.src;
  const base = (src || location.href).replace(/\/[^/]*$/, '');
  const begin = (all: Shared) => {
    if (script?.dataset.site) add(all, base, document.body, attributes(script), all.emit);
    else element(all, base);
    if (!before?.shared) replay(page.usher as Api, before);
  };
  if (document.body) begin(shared);
  else addEventListener('DOMContentLoaded', () => begin(shared!), { once: true });
}

try {
  run(window as unknown as Page, document.currentScript as HTMLScriptElement | null);
} catch (e) {
  console.warn('usher', e);
}
