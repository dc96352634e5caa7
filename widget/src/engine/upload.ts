import { addLine, changeLine, newLine, type Core } from './data';
import type { Room } from './room';
import { NS, attr, child, children, content, id, x } from './xml';

/** Files that the visitor sends (XEP-0363): a slot is asked for, the file is put there, and its address is said in the room. */
export class Uploads {
  private files = new Map<string, File>(); // of this page: what has not arrived yet
  private running = new Map<string, XMLHttpRequest>();

  constructor(private core: Core, private room: Room) {}

  send(file: File): void {
    const { config, now, data } = this.core;
    if (!config.files) return;
    const refused = file.size > config.files.max ? 'file_size' : allowed(file.type, config.files.types) ? '' : 'file_type';
    if (refused) {
      this.core.change({ error: refused });
      return;
    }
    const n = id();
    this.files.set(n, file);
    addLine(this.core, newLine({
      id: n, wire: n, kind: 'file', from: 'visitor', nick: data.nick, time: now(), state: 'sending',
      file: { name: file.name, size: file.size, type: file.type, progress: 0 },
    }));
    this.slot(n, file);
  }

  /** Takes up a file again that failed; true if it is one. */
  retry(n: string): boolean {
    const file = this.files.get(n);
    const l = this.core.data.messages.find((m) => m.id === n);
    if (!file || !l || l.state !== 'failed' || l.body) return false;
    changeLine(this.core, n, { state: 'sending' });
    this.slot(n, file);
    return true;
  }

  /** Files that a page that is gone has begun to send. */
  abandon(): void {
    for (const l of this.core.data.messages) {
      if (l.kind === 'file' && l.from === 'visitor' && !l.body && l.state === 'sending' && !this.files.has(l.id)) this.failed(l.id);
    }
  }

  dispose(): void {
    for (const r of this.running.values()) r.abort();
  }

  private failed(n: string): void {
    this.running.delete(n);
    changeLine(this.core, n, { state: 'failed' });
  }

  private slot(n: string, file: File): void {
    const request = x('request', {
      xmlns: NS.upload, filename: file.name, size: file.size, 'content-type': file.type || undefined,
    });
    const asked = this.core.link.iq('get', this.core.config.domain, request, (el) => {
      const slot = child(el ?? undefined, 'slot', NS.upload);
      const put = child(slot, 'put');
      const get = attr(child(slot, 'get'), 'url');
      if (!put || !get) {
        this.failed(n);
        return;
      }
      // XEP-0363 §4: only these headers, and no line breaks in them.
      const headers = children(put, 'header')
        .map((h) => [attr(h, 'name'), content(h).replace(/[\r\n]/g, '')])
        .filter(([name]) => /^(authorization|cookie|expires)$/i.test(name));
      this.put(n, file, attr(put, 'url'), headers, get);
    });
    if (!asked) this.failed(n);
  }

  private put(n: string, file: File, url: string, headers: string[][], get: string): void {
    const request = new XMLHttpRequest();
    this.running.set(n, request);
    const show = (progress: number) => {
      const l = this.core.data.messages.find((m) => m.id === n);
      if (l?.file) changeLine(this.core, n, { file: { ...l.file, progress } });
    };
    request.open('PUT', url);
    request.setRequestHeader('Content-Type', file.type || 'application/octet-stream');
    for (const [name, value] of headers) request.setRequestHeader(name, value);
    request.upload.onprogress = (e) => show(e.lengthComputable ? Math.min(0.99, e.loaded / e.total) : 0);
    request.onload = () => {
      if (request.status !== 200 && request.status !== 201) {
        this.failed(n);
        return;
      }
      this.running.delete(n);
      this.files.delete(n);
      show(1);
      changeLine(this.core, n, { body: get });
      this.room.flush();
    };
    request.onerror = request.onabort = () => this.failed(n);
    request.send(file);
  }
}

/** Whether the site takes files of that type: `image/*` is all of a kind. An empty list takes any. */
export function allowed(type: string, types: string[]): boolean {
  return !types.length || types.some((t) => t === '*/*' || t === type || (t.endsWith('/*') && type.startsWith(t.slice(0, -1))));
}
