// Bodies as nodes, and what stands in a transcript.
import { clean } from '../text/pieces';
import type { Message, Piece, State } from '../types';
import { h } from './dom';
import type { Context } from './options';

/** Never markup: text nodes, breaks, and links whose addresses `pieces` has found harmless. */
export function nodes(pieces: Piece[]): Node[] {
  return pieces.map((p) =>
    'br' in p ? h('br') : 'link' in p ? h('a', { href: p.link, dir: 'ltr', target: '_blank', rel: 'noopener noreferrer nofollow' }, p.text) : document.createTextNode(p.text),
  );
}

export function author(c: Context, m: Message): string {
  return m.from === 'visitor' ? c.t('you') : clean(m.nick).slice(0, 60) || c.t(m.from === 'supervisor' ? 'supervisor' : 'support');
}

export function noticeText(c: Context, m: Message): string {
  return m.notice ? c.t(m.notice.key, ...m.notice.args.map(clean)) : clean(m.body);
}

/** t(), but '' for a key that has no text: what the desk says may be newer than we are. */
export function known(c: Context, key: string): string {
  const text = c.t(key);
  return text === key ? '' : text;
}

/** The conversation as a text file, handed to the browser as a download. */
export function download(c: Context, s: State): void {
  const lines = s.messages.map((m) => {
    const at = `[${c.dates.day(m.time)} ${c.dates.clock(m.time)}] `;
    return at + (m.kind === 'notice' ? noticeText(c, m) : `${author(c, m)}: ${m.file ? m.file.name + ' ' : ''}${m.body}`);
  });
  const title = [c.t('transcript'), c.boot.config.site, s.conversation?.number].filter(Boolean).join(' ');
  const url = URL.createObjectURL(new Blob([`${title}\n\n${lines.join('\n')}\n`], { type: 'text/plain;charset=utf-8' }));
  h('a', { href: url, download: title.replace(/[^\p{L}\p{N}]+/gu, '-') + '.txt' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it after the click
}

/** Why nobody takes him, when they are back, and what he can do. */
export function awayText(c: Context, s: { closedReason: string; opens: string }): string {
  const { t } = c;
  return [s.closedReason && known(c, 'away_for_' + s.closedReason.replace(/-/g, '_')), s.opens && t('away_until', c.dates.moment(s.opens)), t('away_invite')].filter(Boolean).join('\n');
}
