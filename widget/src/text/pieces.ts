// A message's body in pieces that a view turns into nodes. What strangers write is shown as text, never as markup;
// addresses become links only where following them can do nothing but open a page or a mail. Linear in the text's length.

import type { Piece } from '../types';

const MAX_LINK = 2048; // characters
const MAX_MARKS = 5; // combining marks on one character: no script needs more

// Invisible, or changing how what is around is shown: controls but tab and line end, embeddings, overrides and isolates
// (UAX #9), annotations, a byte order mark, half a surrogate pair.
const HARMFUL = /[\0-\x08\x0B-\x1F\x7F-\x9F\u202A-\u202E\u2066-\u206F\uFEFF\uFFF9-\uFFFB]|\p{Surrogate}/gu;
const STACKED = new RegExp(`(\\p{M}{${MAX_MARKS}})\\p{M}+`, 'gu');

/** Text of a stranger with nothing in it that could disturb what stands around it. */
export function clean(text: string): string {
  return text.replace(/\r\n?|[\x85\u2028\u2029]/g, '\n').replace(HARMFUL, '').replace(STACKED, '$1');
}

// Hosts of Latin letters only, so that none passes for another by letters that look alike.
const URL_LIKE = /https?:\/\/(?:\[[\da-f:.]+\]|[\p{Script=Latin}\p{Nd}.-]+)(?::\d+)?(?:[/?#][\p{L}\p{M}\p{N}!#$%&'()*+,\-./:;=?@[\]_~]*)?/giu;

// What follows a host that wasn't read to its end: a password, or a letter that is no Latin one. Scripts that are written
// without spaces may follow a host.
const GLUED = /^(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}])[@:\p{L}]/u;

/** The pieces of a body. Links are http, https or mailto. */
export function pieces(body: string): Piece[] {
  const out: Piece[] = [];
  clean(body).split('\n').forEach((line, i) => {
    if (i > 0) out.push({ br: true });
    let at = 0;
    for (const m of line.matchAll(URL_LIKE)) {
      const link = GLUED.test(line.slice(m.index + m[0].length, m.index + m[0].length + 2)) ? null : safe(trimmed(m[0]));
      if (!link) continue;
      mails(out, line.slice(at, m.index));
      out.push(link);
      at = m.index + link.text.length;
    }
    mails(out, line.slice(at));
  });
  return out;
}

/** Without the punctuation that ends the sentence around it, and a bracket that isn't opened in it. */
function trimmed(url: string): string {
  let end = url.length;
  let open = 0;
  for (const c of url) open += c === '(' || c === '[' ? 1 : c === ')' || c === ']' ? -1 : 0;
  for (; end > 0; end--) {
    const c = url[end - 1];
    if ((c === ')' || c === ']') && open < 0) open++;
    else if (!/[.,:;!?'*_~]/.test(c)) break;
  }
  return url.slice(0, end);
}

/** The link, if it's one that may be followed. */
function safe(text: string): { link: string; text: string } | null {
  if (text.length > MAX_LINK) return null;
  try {
    const url = new URL(text);
    const web = url.protocol === 'http:' || url.protocol === 'https:';
    return web && !url.username && !url.password ? { link: url.href, text } : null;
  } catch {
    return null;
  }
}

const BEFORE_AT = /(?:mailto:)?[\w.+-]{1,64}$/i;
const AFTER_AT = /^[a-z\d-]{1,63}(?:\.[a-z\d-]{1,63}){1,8}/i;

/** Adds text, with the mail addresses in it as links. */
function mails(out: Piece[], text: string): void {
  let at = 0;
  for (let i = text.indexOf('@'); i >= 0; i = text.indexOf('@', i + 1)) {
    const before = BEFORE_AT.exec(text.slice(Math.max(at, i - 71), i))?.[0];
    const after = AFTER_AT.exec(text.slice(i + 1, i + 1 + 254))?.[0].replace(/[.-]+$/, '');
    if (!before || !after?.includes('.') || /[/:@]/.test(text[i - before.length - 1] ?? '')) continue; // part of something else
    const mail = before + '@' + after;
    plain(out, text.slice(at, i - before.length));
    out.push({ link: 'mailto:' + mail.replace(/^mailto:/i, ''), text: mail });
    at = i + 1 + after.length;
    i = at - 1;
  }
  plain(out, text.slice(at));
}

function plain(out: Piece[], text: string): void {
  if (text) out.push({ text });
}
