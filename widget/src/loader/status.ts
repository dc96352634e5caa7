// Who is there: asked at first, and again while the page is seen.

import type { SiteConfig, Status } from '../types';

const EVERY = 30_000; // ms

/** GET of the gateway's JSON. */
export async function ask<T>(base: string, path: string, query: Record<string, string | undefined>): Promise<T> {
  const given = Object.entries(query).filter(([, v]) => v) as [string, string][];
  const answer = await fetch(`${base}/${path}?${new URLSearchParams(given)}`, { credentials: 'omit' });
  if (!answer.ok) throw new Error(path);
  return (await answer.json()) as T;
}

/** Asks until there is an answer: soon again, then seldom, and at once when the network is back. failed is told the first time. */
export async function insist<T>(question: () => Promise<T>, failed: () => void): Promise<T> {
  for (let wait = 5_000; ; wait = Math.min(2 * wait, 300_000)) {
    try {
      return await question();
    } catch {
      if (wait === 5_000) failed();
    }
    await new Promise<void>((again) => {
      const go = () => (clearTimeout(timer), removeEventListener('online', go), again());
      const timer = setTimeout(go, wait);
      addEventListener('online', go);
    });
  }
}

export function watch(base: string, { site, workgroup }: Record<string, string>, change: () => void) {
  let now: Status | null = null;
  let timer: ReturnType<typeof setInterval>;
  const refresh = async () => {
    now = await ask<Status>(base, 'status', { site, workgroup }).catch(() => null); // nothing is said rather than something old
    change();
  };
  const seen = (again?: unknown) => {
    clearInterval(timer);
    if (document.hidden) return;
    timer = setInterval(refresh, EVERY);
    if (again) void refresh();
  };
  document.addEventListener('visibilitychange', seen);
  seen();
  return {
    now: () => now,
    first: refresh(),
    /** Of several workgroups the gateway doesn't say which is meant: it's the first, also where the page names one that there isn't. */
    async among(groups: SiteConfig['workgroups']) {
      if (now || !groups[0] || groups.some((g) => g.name === workgroup)) return;
      workgroup = groups[0].name;
      await refresh();
    },
    stop() {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', seen);
    },
  };
}
