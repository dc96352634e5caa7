// A file in the chat: a card with name and size, its progress while it goes up, and a picture if it is one.
import type { Message } from '../types';
import fileCss from './file.css';
import type { Context } from './options';

const RASTER = /^image\/(png|jpeg|gif|webp|avif)$/;
const NAMED = /\.(png|jpe?g|gif|webp|avif)$/i; // of those whose type isn't told; what comes tells it
const LARGEST = 8e6; // bytes that are fetched for a preview
const WIDTH = 480; // pixels it is drawn with

/**
 * Draws a picture from bytes. A page's policy may forbid images of the gateway, of blob: and of data:, but not to draw
 * what was fetched.
 */
export async function draw(c: Context, blob: Blob, name: string, width = WIDTH): Promise<HTMLCanvasElement> {
  const full = await createImageBitmap(blob);
  const scale = Math.min(1, width / full.width, (2 * width) / full.height);
  const canvas = c.kit.h('canvas', { role: 'img', 'aria-label': name, width: Math.max(1, Math.round(full.width * scale)), height: Math.max(1, Math.round(full.height * scale)) });
  canvas.getContext('2d')!.drawImage(full, 0, 0, canvas.width, canvas.height);
  full.close();
  return canvas;
}

/** Only the gateway's own files are fetched without being asked for: another server would learn who reads. */
function preview(c: Context, m: Message, link: HTMLElement): void {
  const f = m.file!;
  if (!(f.type ? RASTER.test(f.type) : NAMED.test(f.name)) || f.size > LARGEST || !m.body.startsWith(c.boot.base + '/files/')) return;
  const frame = c.kit.h('span', { class: 'preview' });
  link.prepend(frame);
  fetch(m.body, { credentials: 'omit' })
    .then((r) => {
      const told = (header: string) => r.headers.get(header) ?? '';
      if (r.ok && RASTER.test(told('content-type')) && Number(told('content-length')) <= LARGEST) return r.blob();
      r.body?.cancel();
      throw new Error(String(r.status));
    })
    .then((blob) => draw(c, blob, c.t('file_image', f.name)))
    .then((canvas) => frame.append(canvas))
    .catch(() => frame.remove()); // gone, or no picture after all: the card is enough
}

export interface FileCard {
  readonly el: HTMLElement;
  set(m: Message): void; // follows the progress
}

export function fileCard(c: Context, m: Message): FileCard {
  const { ICONS, h, icon } = c.kit;
  c.style(fileCss);
  const name = h('strong', { dir: 'auto' }, m.file!.name);
  const size = h('span', {}, m.file!.size ? c.dates.bytes(m.file!.size) : '');
  const bar = h('progress', { max: 1, 'aria-label': c.t('file_uploading', m.file!.name) });
  const inner = h('span', { class: 'card' }, icon(ICONS.file), h('span', {}, name, ' ', size));
  const el = h('div', { class: 'file' }, inner, bar);
  let linked = false;
  const set = (now: Message) => {
    bar.hidden = now.state !== 'sending';
    bar.value = now.file!.progress;
    if (linked || bar.hidden === false || now.state === 'failed' || !/^https?:/i.test(now.body)) return;
    linked = true;
    const link = h('a', { href: now.body, target: '_blank', rel: 'noopener noreferrer', download: now.file!.name, title: c.t('file_download', now.file!.name) });
    el.prepend(link);
    link.append(inner);
    preview(c, now, link);
  };
  set(m);
  return { el, set };
}
