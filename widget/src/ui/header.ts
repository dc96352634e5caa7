// The panel's header (no landmark of the page): who is there, the menu, the end of the chat, minimise.
import { clean } from '../text/pieces';
import { type State, STORAGE_PREFIX } from '../types';
import { ICONS, button, focused, h, iconButton, say, setText } from './dom';
import type { Context } from './options';
import { download } from './text';
import { DOMParser } from '../dom-parser';

export interface Header {
  readonly el: HTMLElement;
  update(s: State): void;
  escape(): boolean; // closes the menu; true if it was open
}

/** The choice of sound: on, until the visitor turns it off. */
export function sound(c: Context): boolean {
  return c.storage?.getItem(soundKey(c)) !== '0';
}
const soundKey = (c: Context) => `${STORAGE_PREFIX}${c.boot.config.site}:sound`;

/**
 * The site's picture: an SVG that the gateway has cleaned, or one that is fetched and drawn, since a page's policy may
 * forbid images. A decoration: the title says whose chat it is.
 */
async function logo(c: Context, source: string): Promise<Element> {
  const picture = source.startsWith('<')
    ? document.importNode(new DOMParser().parseFromString(source, 'text/xml').documentElement, true)
    : await (await import('./file')).draw(c, await (await fetch(source, { credentials: 'omit' })).blob(), '', 160);
  for (const name of ['role', 'aria-label']) picture.removeAttribute(name);
  picture.setAttribute('aria-hidden', 'true');
  return picture;
}

function languageChoice(c: Context): HTMLElement | null {
  if (c.languages.length < 2) return null;
  const select = h('select', { onchange: () => c.chosen(select.value) }, ...c.languages.map((l) => h('option', { value: l.code, lang: l.code }, l.name)));
  select.value = c.language.code;
  return h('label', {}, c.t('language'), select);
}

export function createHeader(c: Context, close: () => void): Header {
  const { t, boot } = c;
  let last: State | null = null;
  const group = boot.config.workgroups.find((g) => g.name === boot.script.workgroup) ?? boot.config.workgroups[0];
  const named = group && group.title && group.title !== group.name ? group.title : t('title'); // without a title there is its bare name
  const title = h('h2', { id: 'usher-title', tabindex: -1 });
  const sub = h('p');
  const picture = h('span', { class: 'logo' });
  const source = boot.config.theme.logo;
  if (source) logo(c, source).then((drawn) => picture.append(drawn), () => picture.remove());

  const soundButton = button('', '', toggleSound);
  const save = button('', t('transcript_download'), () => (last && download(c, last), hide(true)));
  const menu = h('div', { class: 'menu', id: 'usher-menu', hidden: true, onfocusout: left }, soundButton, save, languageChoice(c));
  const more = iconButton(ICONS.more, t('menu'), () => (menu.hidden ? show() : hide(true)), { 'aria-expanded': 'false', 'aria-controls': menu.id, onfocusout: left });
  const end = iconButton(ICONS.end, t('end'), () => c.ask(t('end_ask'), t('end'), t('end_no'), () => c.engine.end()), { flip: true });
  const el = h('header', { role: 'none' }, source && picture, h('div', { class: 'names' }, title, sub), end, more, iconButton(ICONS.down, t('minimise'), close), menu);

  function show(): void {
    setText(soundButton, t(sound(c) ? 'sound_off' : 'sound_on'));
    save.hidden = !last?.messages.length;
    menu.hidden = false;
    more.setAttribute('aria-expanded', 'true');
    soundButton.focus();
  }
  function hide(back: boolean): void {
    menu.hidden = true;
    more.setAttribute('aria-expanded', 'false');
    if (back) more.focus();
  }
  function left(e: FocusEvent): void {
    const to = e.relatedTarget as Node | null;
    if (!menu.hidden && to && to !== more && !menu.contains(to)) hide(false);
  }
  function toggleSound(): void {
    const on = !sound(c);
    try {
      c.storage?.setItem(soundKey(c), on ? '1' : '0');
    } catch {
      // full or forbidden: the choice lasts as long as there is room for it
    }
    setText(soundButton, t(on ? 'sound_off' : 'sound_on'));
  }

  return {
    el,
    escape() {
      if (menu.hidden) return false;
      hide(true);
      return true;
    },
    update(s) {
      last = s;
      const talking = s.phase === 'active' || s.phase === 'agent-lost';
      const nick = talking && s.agent ? clean(s.agent.nick) : '';
      setText(title, nick || named);
      const typing = s.phase === 'active' && s.agent?.typing ? (nick ? t('typing', nick) : t('typing_unnamed')) : '';
      say(sub, typing || (talking ? s.supervisors.map((x) => `${clean(x)} (${t('supervisor')})`).join(', ') : ''));
      if (!talking && focused(boot.root) === end) title.focus();
      end.hidden = !talking;
    },
  };
}
