// The few words that are there before a language is fetched, taken out of each language's file.

import { build } from 'esbuild';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the loader's sources have as USHER_LAUNCHER and USHER_GREET: language code -> texts. For esbuild's define. */
export async function words() {
  const bundled = await build({
    absWorkingDir: dirname(fileURLToPath(import.meta.url)),
    entryPoints: ['src/text/all.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    charset: 'utf8',
  });
  const { words } = await import('data:text/javascript;base64,' + Buffer.from(bundled.outputFiles[0].contents).toString('base64'));
  return { USHER_LAUNCHER: JSON.stringify(words('launcher_')), USHER_GREET: JSON.stringify(words('greet_')) };
}
