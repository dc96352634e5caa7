// Builds what the gateway serves: dist/widget.js, the loader, and beside it the hashed ES modules that it fetches.
// The same sources give the same bytes, so a test can tell whether dist is stale.
//
//   node build.mjs [--out FOLDER] [--quiet]

import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { minify } from 'terser';
import lean, { mangleProps } from './strophe-lean.mjs';
import { words } from './words.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);
const out = args.includes('--out') ? args[args.indexOf('--out') + 1] : join(here, 'dist');

/** Style sheets are imported as text, minified: they become constructed sheets. */
const styles = {
  name: 'styles',
  setup(b) {
    b.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const css = await build({ entryPoints: [path], bundle: true, minify: true, write: false, target: 'es2020', logLevel: 'warning' });
      return { contents: css.outputFiles[0].text.trim(), loader: 'text', watchFiles: [path] };
    });
  },
};

const define = await words();
const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  target: 'es2020',
  charset: 'utf8',
  legalComments: 'none',
  metafile: true,
  write: false,
  plugins: [styles, lean],
  define,
  logLevel: 'warning',
};

// A second minifier takes off what the first leaves. The names of the files come from what the first has made, which
// therefore names the second.
const second = { module: true, ecma: 2020, compress: { passes: 3, pure_getters: true, unsafe_arrows: true, keep_fargs: false }, format: { comments: /^!/ } };
const { version } = JSON.parse(readFileSync(join(here, 'node_modules/terser/package.json'), 'utf8'));
const banner = { js: `/* terser ${version} ${JSON.stringify(second)} */` };

// The app, in pieces where that spares a visitor a language that he doesn't speak; and what few pages need.
const modules = { ...common, banner, mangleProps, format: 'esm', entryNames: '[name]-[hash]', chunkNames: '[name]-[hash]', outdir: 'dist' };
const app = await build({ ...modules, entryPoints: ['src/app.ts'], target: 'es2022', splitting: true });
const rare = await build({ ...modules, entryPoints: ['src/loader/greet.ts', 'src/loader/element.ts'] });

const files = new Map();
for (const { path, text } of [...app.outputFiles, ...rare.outputFiles]) files.set(basename(path), Buffer.from((await minify(text, second)).code));
/** Names of the files that the loader fetches. */
const fetched = Object.fromEntries(
  [app, rare].flatMap(({ metafile }) => Object.entries(metafile.outputs)).flatMap(([file, o]) => (o.entryPoint ? [[basename(o.entryPoint, '.ts'), basename(file)]] : [])),
);
const licences = licencesOf(app.metafile);
const licencesName = `licences-${hash(licences)}.txt`;
files.set(licencesName, Buffer.from(licences));

const loader = await build({
  ...common,
  entryPoints: ['src/loader.ts'],
  format: 'iife',
  banner: { js: `/*! Usher's chat widget, Apache-2.0. What it contains of others: /widget/${licencesName} */` },
  define: { ...define, USHER_FILES: JSON.stringify({ app: fetched.app, greet: fetched.greet, element: fetched.element }) },
  outfile: 'dist/widget.js',
});
files.set('widget.js', Buffer.from((await minify(loader.outputFiles[0].text, { ...second, module: false })).code));

mkdirSync(out, { recursive: true });
for (const old of readdirSync(out)) if (!files.has(old)) rmSync(join(out, old));
for (const [name, bytes] of files) writeFileSync(join(out, name), bytes);
if (!args.includes('--quiet')) sizes();

function hash(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 8).toUpperCase();
}

/** The licences of the npm packages that ended up in the bundle, each with its text. */
function licencesOf(metafile) {
  const packages = new Set();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const m = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
      if (m && bytesInOutput > 0) packages.add(m[1]);
    }
  }
  const parts = ["Usher's chat widget contains these packages.\n"];
  for (const name of [...packages].sort()) {
    const folder = join(here, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((f) => /^(licen[cs]e|copying)/i.test(f));
    if (!license || !file) throw new Error(`${name}: no licence found`);
    parts.push(`${name} ${version}, ${license}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`);
  }
  return parts.join('\n' + '-'.repeat(80) + '\n\n');
}

function sizes() {
  const row = (name, ...n) => console.log(name.padEnd(26) + n.map((x) => String(x).padStart(9)).join(''));
  row('file', 'bytes', 'gzip', 'brotli');
  for (const [name, b] of [...files].sort(([a], [c]) => (a < c ? -1 : 1))) {
    row(name, b.length, gzipSync(b, { level: 9 }).length, brotliCompressSync(b).length);
  }
}
