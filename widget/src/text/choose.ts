// Which language to speak.

/**
 * The first of the wanted languages that there is, by the first part of its tag; else the site's; else the first
 * allowed one. Allowed: the site's list, or all where it is empty.
 */
export function choose(wanted: readonly (string | null | undefined)[], allowed: readonly string[], site: string, there: readonly string[]): string {
  const may = there.filter((code) => !allowed.length || allowed.some((a) => primary(a) === code));
  return [...wanted, site].map((tag) => primary(tag || '')).find((code) => may.includes(code)) ?? may[0] ?? 'en';
}

function primary(tag: string): string {
  const code = tag.toLowerCase().split(/[-_]/)[0];
  return code === 'iw' ? 'he' : code; // what old systems call Hebrew
}
