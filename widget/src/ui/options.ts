// What the views are made with, and what they are to whoever mounts them: createView(options: ViewOptions): View, in view.ts.
import type { Boot, Engine, Language, Piece, State, Translate } from '../types';
import type { Kit } from './kit';

export interface ViewOptions {
  boot: Boot;
  engine: Engine;
  t: Translate;
  language: Language;
  languages: { code: string; name: string }[]; // to choose from; with fewer than two there is no choice
  pieces: (body: string) => Piece[];
  storage: Storage | null; // where the choice of sound stays, once the visitor has made one
  toggled: (open: boolean) => void; // the panel has been opened or closed, by whomever: storage, events
  chosen: (code: string) => void; // another language: answer with View.setLanguage
}

/**
 * The panel. It draws the engine's states, tells the engine what is seen, and keeps launcher (aria-expanded, badge through
 * boot.setUnread), title and sound in step with them, also while it is closed.
 */
export interface View {
  open(quiet?: boolean): void; // quiet: the focus stays where it is (a panel that was open before the page was loaded)
  close(): void; // gives the focus back to the launcher, if it was in the panel
  readonly isOpen: boolean;
  setLanguage(t: Translate, language: Language): void;
  dispose(): void;
}

/** What each part of the panel works with. */
export interface Context extends ViewOptions {
  kit: Kit;
  keep: Keep;
  style: (css: string) => void; // rules of a part that is fetched later
  announce: (text: string) => void; // read out, politely, and not shown
  ask: (question: string, yes: string, no: string, then: () => void) => void; // before what can't be taken back
  dates: Dates;
}

/** What outlives a change of the language. */
export interface Keep {
  question: string; // not yet sent
  message: string;
  agreed: boolean; // to the site's consent text
}

/** Times in the visitor's language. */
export interface Dates {
  clock(ms: number): string;
  day(ms: number): string; // today, yesterday, or the date
  moment(iso: string): string; // weekday and time
  span(seconds: number): string; // a length of time, in minutes
  bytes(n: number): string;
}

/** A part of the panel: drawn once, then brought up to date. */
export interface Part {
  readonly el: HTMLElement;
  update(s: State): void;
  focus(): void;
  dispose?(): void;
}
