// The types of strophe.js as far as link.ts uses it.

/** State of XEP-0198 that strophe has its storage keep. */
export interface SMState {
  id: string | null;
  enabled: boolean;
  hIn: number;
  unacked: { name: string; stanza: string; queuedAt: number }[];
  resumed: boolean;
  [more: string]: unknown;
}

export interface SMStorage {
  load(key: string): SMState | null;
  save(key: string, state: SMState): void;
  clear(key: string): void;
}

export interface StreamManagement {
  serverSupported: boolean;
  readonly resumed: boolean;
  readonly enabled: boolean;
  reset(): void;
  requestAck(): void;
  onFailed(view?: unknown, resumeFailed?: boolean): void;
}

export class SASLMechanism {
  constructor(name: string, clientFirst: boolean, priority: number);
  test(connection: Connection): boolean;
  onChallenge(connection: Connection, challenge?: string): string;
}
export class SASLAnonymous extends SASLMechanism {
  constructor();
}

export class Connection {
  constructor(service: string, options: {
    mechanisms: (new () => SASLMechanism)[];
    enableStreamManagement?: boolean;
    streamManagement?: { storage: SMStorage; maxUnacked: number };
  });
  jid: string;
  authenticated: boolean;
  mechanisms: Record<string, SASLMechanism>;
  sm?: StreamManagement;
  rawInput: (data: string) => void;
  _proto: { _abortAllRequests(): void };
  connect(jid: string, password: string, on: (status: number, condition: string | null) => void): void;
  authenticate(mechanisms: SASLMechanism[]): void;
  addHandler(f: (el: Element) => boolean, ns: null, name: null, type: null): unknown;
  send(el: Element): void;
  disconnect(reason?: string): void;
  _doDisconnect(): void;
}

export const log: { setLogLevel(level: number): void };
export const Status: Record<
  'ERROR' | 'CONNECTING' | 'CONNFAIL' | 'AUTHFAIL' | 'CONNECTED' | 'DISCONNECTED' | 'DISCONNECTING' | 'CONNTIMEOUT', number
>;
