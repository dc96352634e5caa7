// What the loader fetches at the first open: joins the engine, which knows XMPP, the views, which know the DOM, and the
// words.

import { createEngine } from './engine/index';
import { choose } from './text/choose';
import { codes, fetchLanguage, ownName } from './text/languages';
import { pieces } from './text/pieces';
import { translate } from './text/translate';
import { KEY_LANGUAGE, KEY_OPEN, STORAGE_PREFIX } from './types';
import type { ApiEvents, App, Boot, SiteConfig } from './types';
import { createView } from './ui/view';

const EVENTS: (keyof ApiEvents)[] = ['queued', 'position', 'agent-joined', 'message', 'unread', 'ended', 'rated', 'error'];

export async function mount(boot: Boot): Promise<App> {
  const { config, script } = boot;
  const visit = createVisit(config);
  const wanted = [visit.get(KEY_LANGUAGE), script.language, document.documentElement.lang, ...navigator.languages];
  let language = await fetchLanguage(choose(wanted, config.languages, config.language, codes));
  let t = translate(language, config.texts);

  const engine = createEngine({
    config,
    workgroup: script.workgroup ?? '',
    language: language.code,
    page: () => ({ url: location.href, referrer: document.referrer, title: document.title }),
    storage: storage(config.remember ? 'localStorage' : 'sessionStorage'),
    now: Date.now,
  });
  for (const event of EVENTS) engine.on(event, (detail) => boot.emit(event, detail));

  const speak = async (code: string) => {
    language = await fetchLanguage(code);
    t = translate(language, config.texts);
    boot.speak(t, language);
    view.setLanguage(t, language);
    engine.setLanguage(language.code);
  };
  const view = createView({
    boot, engine, t, language, pieces,
    languages: codes.filter((code) => choose([code], config.languages, config.language, codes) === code).map((code) => ({ code, name: ownName(code) })),
    storage: storage('sessionStorage'),
    toggled(open) {
      visit.set(KEY_OPEN, open ? '1' : '0');
      boot.emit(open ? 'opened' : 'closed', {});
    },
    chosen(code) {
      visit.set(KEY_LANGUAGE, code);
      void speak(code);
    },
  });
  boot.speak(t, language);

  await engine.restore();
  const was = visit.get(KEY_OPEN);
  if (was === '1' || (script.open === 'true' && was !== '0')) view.open(true);
  if (config.proactive.mode === 'presence') engine.presence();
  let phase = engine.state.phase;
  engine.subscribe((s) => {
    if (s.phase === 'called' && phase !== 'called') view.open(true); // an agent asks: the visitor should see it
    phase = s.phase;
  });

  return {
    open: () => view.open(),
    close: () => view.close(),
    get isOpen() {
      return view.isOpen;
    },
    engine,
    setLanguage: (code) => void speak(code),
    dispose() {
      view.dispose();
      engine.dispose();
    },
  };
}

/** The page's storage; null where it has none, as in a sandboxed frame or with a strict privacy setting. */
function storage(which: 'localStorage' | 'sessionStorage'): Storage | null {
  try {
    return window[which];
  } catch {
    return null;
  }
}

/** What is kept for the time of a visit, from the visitor's first act on. A panel that the page itself has opened is none. */
function createVisit(config: SiteConfig) {
  const kept = storage('sessionStorage');
  const name = (key: string) => `${STORAGE_PREFIX}${config.site}:${key}`;
  return {
    get(key: string): string | null {
      try {
        return kept?.getItem(name(key)) ?? null;
      } catch {
        return null;
      }
    },
    set(key: string, value: string): void {
      if (navigator.userActivation?.hasBeenActive === false) return;
      try {
        kept?.setItem(name(key), value);
      } catch {
        // full: the next page begins closed, and in its own language
      }
    },
  };
}
