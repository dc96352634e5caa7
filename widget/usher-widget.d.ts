// Types of the page's side of the chat widget: window.usher and <usher-chat>. Copy this file into a TypeScript project, or
// name it in `files`; it imports nothing. docs/widget.md explains what each does.

/** What the page hears, and with what. */
export interface UsherEvents {
  ready: {};
  opened: {};
  closed: {};
  queued: { position: number };
  position: { position: number; estimate: number | null };
  'agent-joined': { nick: string };
  message: { from: 'visitor' | 'agent' | 'supervisor' | 'service'; nick: string; text: string; time: number };
  unread: { count: number };
  ended: { reason: string };
  rated: { value: number };
  error: { code: string };
}

/** The methods of window.usher and of the element. None throws; what goes wrong is an `error` event. */
export interface UsherChat {
  open(): void;
  close(): void;
  toggle(): void;
  show(): void;
  hide(): void;
  identify(token: string): void;
  setFields(fields: Record<string, string>): void;
  setLanguage(tag: string): void;
  startChat(fields?: Record<string, string>): void;
  sendMessage(text: string): void;
  end(): void;
  on<K extends keyof UsherEvents>(event: K, handler: (detail: UsherEvents[K]) => void): void;
  off<K extends keyof UsherEvents>(event: K, handler?: (detail: UsherEvents[K]) => void): void;
}

/** <usher-chat site="shop">: events are CustomEvents of the same names. */
export type UsherChatElement = HTMLElement & UsherChat;

declare global {
  interface Window {
    usher: UsherChat;
  }
  interface HTMLElementTagNameMap {
    'usher-chat': UsherChatElement;
  }
}
