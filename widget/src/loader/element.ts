// <usher-chat>: the second form, for pages that are put together by elements. Fetched by a tag without data-site. The
// element's chat lives as long as the element is on the page.

import type { Attributes, Box, Emit } from './box';
import type { createApi, createHandlers } from './api';

/** What the loader shares with it. */
export interface Shared {
  add: (parent: Element, given: Attributes, heard: Emit) => Box | undefined;
  emit: Emit; // to window.usher's handlers
  handlers: typeof createHandlers;
  api: typeof createApi;
}

export function define({ add, emit, handlers, api }: Shared): void {
  class Chat extends HTMLElement {
    static observedAttributes = ['language'];
    private box: Box | undefined;
    private own = handlers();

    constructor() {
      super();
      Object.assign(this, api(this.own, () => this.box));
    }

    connectedCallback(): void {
      const given = Object.fromEntries([...this.attributes].map((a) => [a.name, a.value]));
      this.box ??= add(this, given, (event, detail) => {
        this.own.emit(event, detail);
        this.dispatchEvent(new CustomEvent(event, { detail }));
        emit(event, detail);
      });
    }

    disconnectedCallback(): void {
      queueMicrotask(() => {
        if (this.isConnected) return; // moved within the page
        this.box?.dispose();
        this.box = undefined;
      });
    }

    attributeChangedCallback(_name: string, _old: string | null, value: string | null): void {
      if (value) this.box?.setLanguage(value);
    }
  }
  if (!customElements.get('usher-chat')) customElements.define('usher-chat', Chat);
}
