/** Puts the args in for {0} to {9}, in one pass: what is put in isn't looked through again. */
export function fill(text: string, args: readonly (string | number)[]): string {
  return text.replace(/\{(\d)\}/g, (_, i) => String(args[i] ?? ''));
}
