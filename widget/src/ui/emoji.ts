// A small choice of emoji for those whose keyboard has none. One stop for the Tab key, arrows inside.
import emojiCss from './emoji.css';
import type { Context } from './options';

const EMOJI = '😀 😃 😉 😊 😍 😂 🤔 😐 😕 😢 😮 😡 👍 👎 👌 👋 🙏 💪 👏 🤝 ❤️ 🎉 ✨ 🔥 ✅ ❌ ⚠️ ❓ 💡 📎 📷 📦 🛒 💳 ⏰ ☕'.split(' ');
const COLUMNS = 9;

export interface Emoji {
  readonly el: HTMLElement;
  open(): void;
}

export function createEmoji(c: Context, pick: (emoji: string) => void): Emoji {
  const { h } = c.kit;
  c.style(emojiCss);
  const buttons = EMOJI.map((e, i) => h('button', { type: 'button', tabindex: i ? -1 : 0, onclick: () => pick(e) }, e));
  const el = h('div', { class: 'emoji', role: 'group', 'aria-label': c.t('compose_emoji'), hidden: true, onkeydown: move }, ...buttons);
  function move(e: KeyboardEvent): void {
    const i = buttons.indexOf(e.target as HTMLButtonElement);
    const side = c.language.rtl ? -1 : 1;
    const step = { ArrowRight: side, ArrowLeft: -side, ArrowDown: COLUMNS, ArrowUp: -COLUMNS }[e.key];
    const to = e.key === 'Home' ? 0 : e.key === 'End' ? buttons.length - 1 : step ? i + step : -1;
    if (i < 0 || !buttons[to]) return;
    e.preventDefault();
    buttons[i].tabIndex = -1;
    buttons[to].tabIndex = 0;
    buttons[to].focus();
  }
  return {
    el,
    open() {
      el.hidden = false;
      buttons.find((b) => b.tabIndex === 0)!.focus();
    },
  };
}
