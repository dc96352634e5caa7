import type { Message, SiteConfig, State } from '../types';
import type { Link } from './link';

/** A message with what only the engine wants to know. */
export interface Line extends Message {
  wire: string; // its id in the room (XEP-0359's origin-id, where it is ours)
  sid: string; // the id that the room gave it; '' if none
  out: boolean; // of our own: it was given to the connection
  at: number; // Unix ms: when
  fix: string; // id of a correction of ours whose copy hasn't come yet
}

/** All that is known of the visitor's request: kept over page loads, and the same in all tabs. Never changed in place but by change(). */
export interface Data extends Omit<State, 'link' | 'leader' | 'canSendFiles' | 'messages'> {
  messages: Line[];
  values: Record<string, string>; // that the question is asked with
  submitted: Record<string, string[]> | null; // an offline message that is on its way
  agentName: string; // as the desk calls the agent
  room: string; // bare JID; '' if none
  inviter: string; // who asked us into it
  nick: string; // our own in it
  inside: boolean; // the room has us
  roles: Record<string, Message['from']>; // by nick
  here: string[]; // nicks in the room, ours aside
  parting: '' | 'queue' | 'room' | 'call'; // what the visitor has left and the desk hasn't heard of
}

export const noData = (): Data => ({
  phase: 'idle', error: '', form: null, queue: null, agent: null, supervisors: [], conversation: null, messages: [],
  unread: 0, rating: null, transcript: '', closedReason: '', opens: '', call: null, endReason: '', values: {}, submitted: null,
  agentName: '', room: '', inviter: '', nick: '', inside: false, roles: {}, here: [], parting: '',
});

/** What the engine's parts share. */
export interface Core {
  readonly data: Data;
  readonly link: Link;
  readonly config: SiteConfig;
  readonly now: () => number;
  /** Changes the data and tells everybody soon. */
  change(patch: Partial<Data>): void;
}

/** Phases in which the desk has a request of the visitor. */
export const isLive = (d: Data): boolean => ['queued', 'offered', 'connecting', 'active', 'agent-lost'].includes(d.phase);

export const MAX_LINES = 500;

/** Adds a line behind the others or at index; the oldest give way. */
export function addLine(core: Core, line: Line, index = core.data.messages.length): void {
  const messages = core.data.messages.slice();
  messages.splice(index, 0, line);
  core.change({ messages: messages.slice(-MAX_LINES) });
}

export function changeLine(core: Core, id: string, patch: Partial<Line>): void {
  core.change({ messages: core.data.messages.map((l) => (l.id === id ? { ...l, ...patch } : l)) });
}

export const newLine = (l: Partial<Line> & Pick<Line, 'id' | 'from' | 'time'>): Line => ({
  kind: 'text', nick: '', body: '', state: 'delivered', corrected: false, wire: '', sid: '', out: false, at: 0, fix: '', ...l,
});
