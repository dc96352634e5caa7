// widget.js: a classic script, the only thing that a page loads by itself. It puts a chat on the page for its own tag,
// defines <usher-chat>, and gives the page window.usher.

import { Handlers, api, replay, type Api } from './loader/api';
import { Box, type Attributes, type Emit } from './loader/box';

/** window.usher: the methods, and what several copies of this script on one page share. */
interface Shared extends Api {
  boxes: Map<string, Box>; // by site and workgroup; a second tag of the same makes nothing
  handlers: Handlers;
  push: (call: unknown) => void; // an array stub that somebody still holds
}

function shared(page: { usher?: unknown }): Shared {
  const old = page.usher as Partial<Shared> | undefined;
  if (old?.boxes instanceof Map) return old as Shared;
  const boxes = new Map<string, Box>();
  const handlers = new Handlers();
  const methods = api(handlers, () => boxes.values().next().value);
  const usher: Shared = Object.assign(methods, { boxes, handlers, push: (call: unknown) => replay(methods, [call]) });
  for (const hidden of ['boxes', 'handlers', 'push']) Object.defineProperty(usher, hidden, { enumerable: false });
  page.usher = usher;
  return usher;
}

/** Puts a chat into the parent; undefined if the page has the same already. */
function add(usher: Shared, base: string, parent: Element, attributes: Attributes, heard: Emit): Box | undefined {
  const key = `${attributes.site ?? ''}/${attributes.workgroup ?? ''}`;
  if (usher.boxes.has(key)) return undefined;
  const host = document.createElement('div');
  host.hidden = true;
  const box = new Box(base, host, attributes, heard);
  usher.boxes.set(key, box);
  parent.append(host);
  return box;
}

/** The element's chat lives as long as the element is on the page. */
function element(usher: Shared, base: string): CustomElementConstructor {
  return class extends HTMLElement {
    static observedAttributes = ['language'];
    private box: Box | undefined;
    private readonly handlers = new Handlers();

    constructor() {
      super();
      Object.assign(this, api(this.handlers, () => this.box));
    }

    connectedCallback(): void {
      this.box ??= add(usher, base, this, attributes(this, ''), (event, detail) => {
        this.handlers.emit(event, detail);
        this.dispatchEvent(new CustomEvent(event, { detail }));
        usher.handlers.emit(event, detail);
      });
    }

    disconnectedCallback(): void {
      queueMicrotask(() => { // moved within the page, it is back by then
        if (this.isConnected || !this.box) return;
        for (const [key, box] of usher.boxes) if (box === this.box) usher.boxes.delete(key);
        this.box.dispose();
        this.box = undefined;
      });
    }

    attributeChangedCallback(_name: string, _old: string | null, value: string | null): void {
      if (value) this.box?.setLanguage(value);
    }
  };
}

function attributes(e: Element, prefix: string): Attributes {
  return Object.fromEntries([...e.attributes].filter((a) => a.name.startsWith(prefix)).map((a) => [a.name.slice(prefix.length), a.value]));
}

function run(script: HTMLScriptElement | null): void {
  const page = window as { usher?: unknown };
  const waiting = page.usher;
  const usher = shared(page);
  const src = script?.src || document.querySelector<HTMLScriptElement>('script[src*="/widget.js"]')?.src || location.origin + '/';
  const base = src.replace(/\/[^/]*$/, '');
  const begin = () => {
    if (!customElements.get('usher-chat')) customElements.define('usher-chat', element(usher, base));
    const data = script ? attributes(script, 'data-') : {};
    if ('site' in data) add(usher, base, document.body, data, (event, detail) => usher.handlers.emit(event, detail));
    if (waiting !== usher) replay(usher, waiting);
  };
  if (document.body) begin();
  else document.addEventListener('DOMContentLoaded', begin, { once: true });
}

try {
  run(document.currentScript as HTMLScriptElement | null);
} catch (e) {
  console.warn('usher:', e);
}
