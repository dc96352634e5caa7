// Bundles the tests in this folder and runs them with node --test. Names or parts of names given as arguments choose some of them.

import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { words } from '../words.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);
const tests = readdirSync(here).filter((f) => /\.test\.(ts|mjs)$/.test(f) && (!wanted.length || wanted.some((w) => f.includes(w))));
if (!tests.length) throw new Error('no test has such a name');
const out = mkdtempSync(join(tmpdir(), 'usher-widget-'));
let status = 1;
try {
  await build({
    absWorkingDir: dirname(here),
    entryPoints: tests.map((f) => 'test/' + f),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node18',
    charset: 'utf8',
    sourcemap: 'inline',
    loader: { '.css': 'text' },
    // Packages that are CommonJS inside want require().
    banner: { js: "import { createRequire as usherRequire } from 'node:module'; const require = usherRequire(import.meta.url);" },
    define: { ...(await words()), USHER_FILES: '{ "app": "app.js", "greet": "greet.js", "element": "element.js" }' },
    outdir: out,
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  });
  const built = readdirSync(out).filter((f) => f.endsWith('.mjs')).map((f) => join(out, f));
  status = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...built], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
process.exit(status);
