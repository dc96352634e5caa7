// No test that runs: tsc finds here whether usher-widget.d.ts says what the widget does.

import type { Api } from '../src/loader/api';
import type { ApiEvents } from '../src/types';
import type { UsherChat, UsherEvents } from '../usher-widget';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export const events: Same<ApiEvents, UsherEvents> = true;
export const names: Same<keyof Api, keyof UsherChat> = true;
export const given = (api: Api): UsherChat => api;

/** As a page uses it. */
export function page(): void {
  window.usher.on('agent-joined', ({ nick }) => nick.trim());
  window.usher.startChat({ question: 'Is it blue?' });
  document.querySelector('usher-chat')?.open();
  // @ts-expect-error: there is no such event
  window.usher.on('nonsense', () => {});
  // @ts-expect-error: a position has no name
  window.usher.on('position', ({ name }) => name);
}
