import { KEY_CHAT, STORAGE_PREFIX } from '../types';
import { MAX_LINES, noData, type Data } from './data';
import { noSession, type Session } from './link';

/** What outlives a page, and what the tabs share. */
export interface Kept {
  session: Session;
  data: Data;
  at: number; // Unix ms
}

const VERSION = 1;
const KEY_TOKEN = 'token';
const MAX_CHARS = 1_000_000; // of the chat; storage has some 5 million for all that the page keeps
const MAX_AGE = 24 * 3_600_000; // of a chat that is over

/** Storage that never fails: what doesn't fit or isn't allowed isn't kept. The token stands alone, so that it outlives the chat. */
export class Store {
  constructor(private storage: Storage | null, private site: string) {}

  private key(name: string): string {
    return `${STORAGE_PREFIX}${this.site}:${name}`;
  }

  private get(name: string): Record<string, unknown> | null {
    try {
      const v: unknown = JSON.parse(this.storage?.getItem(this.key(name)) ?? 'null');
      return v && typeof v === 'object' && (v as { v?: number }).v === VERSION ? (v as Record<string, unknown>) : null;
    } catch {
      return null;
    }
  }

  private set(name: string, value: object): boolean {
    const s = JSON.stringify({ v: VERSION, ...value });
    if (s.length > MAX_CHARS) return false;
    try {
      this.storage?.setItem(this.key(name), s);
      return true;
    } catch {
      return false;
    }
  }

  private remove(name: string): void {
    try {
      this.storage?.removeItem(this.key(name));
    } catch {
      // nothing was kept then
    }
  }

  load(now: number): Kept | null {
    const chat = this.get(KEY_CHAT) as Kept | null;
    const token = this.get(KEY_TOKEN) as { token: string; renew: number } | null;
    if (!chat && !token) return null;
    const session = { ...noSession(), ...chat?.session };
    if (token) Object.assign(session, { token: token.token, renew: token.renew });
    let data = { ...noData(), ...chat?.data };
    if (!Array.isArray(data.messages)) data = noData();
    const over = ['closed', 'wrapup', 'left', 'failed', 'offline'].includes(data.phase) && now - (chat?.at ?? 0) > MAX_AGE;
    return { session, data: over ? noData() : data, at: chat?.at ?? 0 };
  }

  /** Of what is too much the oldest messages are left out. */
  save(kept: Kept): void {
    const { session, data, at } = kept;
    if (session.token) this.set(KEY_TOKEN, { token: session.token, renew: session.renew });
    else this.remove(KEY_TOKEN);
    for (let lines = MAX_LINES; lines >= 1; lines = Math.floor(lines / 4)) {
      if (this.set(KEY_CHAT, { session: { ...session, token: '' }, data: { ...data, messages: data.messages.slice(-lines) }, at })) return;
    }
    this.remove(KEY_CHAT); // an older one would be worse than none
  }

  /** Nothing but the token is kept. */
  forget(session: Session): void {
    this.remove(KEY_CHAT);
    if (session.token) this.set(KEY_TOKEN, { token: session.token, renew: session.renew });
  }
}
