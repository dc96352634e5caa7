// What the loader fetches at the first open: joins the engine, which knows XMPP, and the views, which know the DOM.

import type { App, Boot } from './types';
import { translate } from './text/translate';
import { choose } from './text/choose';
import { codes, fetchLanguage } from './text/languages';

export async function mount(boot: Boot): Promise<Pick<App, 'open' | 'close' | 'dispose'>> {
  const code = choose([boot.script.language, document.documentElement.lang, ...navigator.languages], boot.config.languages, boot.config.language, codes);
  const t = translate(await fetchLanguage(code), boot.config.texts);
  const panel = document.createElement('div');
  panel.setAttribute('role', 'dialog');
  panel.setAttribute('aria-label', t('title'));
  panel.hidden = true;
  boot.root.append(panel);
  return {
    open() { panel.hidden = false; boot.emit('opened', {}); },
    close() { panel.hidden = true; boot.emit('closed', {}); },
    dispose() { panel.remove(); },
  };
}
