// XML as the engine writes and reads it. What is written is a string, built by x() and text(), so that nothing gets into it unescaped.

import { DOMParser } from '../dom-parser';

export const NS = {
  client: 'jabber:client',
  stanzas: 'urn:ietf:params:xml:ns:xmpp-stanzas',
  workgroup: 'http://jabber.org/protocol/workgroup',
  desk: 'urn:usher:desk:0',
  token: 'urn:usher:token:0',
  link: 'urn:usher:link:0',
  form: 'jabber:x:data',
  muc: 'http://jabber.org/protocol/muc',
  user: 'http://jabber.org/protocol/muc#user',
  states: 'http://jabber.org/protocol/chatstates',
  sid: 'urn:xmpp:sid:0',
  correct: 'urn:xmpp:message-correct:0',
  delay: 'urn:xmpp:delay',
  oob: 'jabber:x:oob',
  hints: 'urn:xmpp:hints',
  ping: 'urn:xmpp:ping',
  upload: 'urn:xmpp:http:upload:0',
} as const;

// What XML 1.0 can't carry: control characters and half surrogate pairs.
const illegal = /[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Escaped text. */
export const text = (s: string): string => s.replace(illegal, '').replace(/[&<>"']/g, (c) => escapes[c]);

/** An element. Attributes that are undefined are left out; what is inside is XML already. */
export function x(name: string, attrs: Record<string, string | number | undefined>, ...inner: string[]): string {
  let s = '<' + name;
  for (const [k, v] of Object.entries(attrs)) if (v !== undefined) s += ` ${k}="${text(String(v))}"`;
  return s + '>' + inner.join('') + `</${name}>`;
}

/** Element of a string made by x(). */
export const parse = (s: string): Element => new DOMParser().parseFromString(s, 'text/xml').documentElement;

export const elements = (el: Element | undefined): Element[] =>
  el ? (Array.from(el.childNodes).filter((n) => n.nodeType === 1) as Element[]) : [];
export const children = (el: Element | undefined, name: string, ns?: string): Element[] =>
  elements(el).filter((c) => c.localName === name && (!ns || c.namespaceURI === ns));
export const child = (el: Element | undefined, name: string, ns?: string): Element | undefined => children(el, name, ns)[0];
export const content = (el: Element | undefined): string => el?.textContent ?? '';
export const attr = (el: Element | undefined, name: string): string => el?.getAttribute(name) ?? '';

export const bare = (jid: string): string => jid.split('/', 1)[0];
export const resource = (jid: string): string => jid.slice(bare(jid).length + 1);

/** The defined condition of an error stanza (RFC 6120 §8.3.2). */
export const condition = (el: Element): string =>
  elements(child(el, 'error')).find((c) => c.namespaceURI === NS.stanzas && c.localName !== 'text')?.localName ?? '';

/** 128 random bits, in letters and digits. */
export function id(): string {
  let s = '';
  for (const b of crypto.getRandomValues(new Uint8Array(16))) s += b.toString(16).padStart(2, '0');
  return s;
}
