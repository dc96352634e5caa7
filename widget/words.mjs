// The few words that the loader says by itself, taken out of each language's file.

import { build } from 'esbuild';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Language code -> its texts of the keys that begin with `launcher_`, in the order of LAUNCHER_KEYS. */
export async function launcherWords() {
  const bundled = await build({
    absWorkingDir: dirname(fileURLToPath(import.meta.url)),
    stdin: { contents: "export { all, LAUNCHER_KEYS } from './src/text/all'", resolveDir: '.', loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    charset: 'utf8',
  });
  const { all, LAUNCHER_KEYS } = await import('data:text/javascript;base64,' + Buffer.from(bundled.outputFiles[0].contents).toString('base64'));
  return Object.fromEntries(all.map((l) => [l.code, LAUNCHER_KEYS.map((key) => l.words[key])]));
}
