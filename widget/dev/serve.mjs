// Serves the page that shows the views in every state, under the strictest policy that a site may have. For those who
// work on the views; nothing of it is shipped.
//
//   node dev/serve.mjs [port]

import { context } from 'esbuild';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const policy = "default-src 'self'; require-trusted-types-for 'script'; trusted-types usher";
const types = { html: 'text/html', css: 'text/css', js: 'text/javascript' };

const styles = {
  name: 'styles',
  setup(b) {
    b.onLoad({ filter: /\.css$/ }, ({ path }) => ({ contents: readFileSync(path, 'utf8'), loader: 'text' }));
  },
};
const build = await context({
  absWorkingDir: dirname(here),
  entryPoints: ['dev/states.ts'],
  inject: ['src/dom-parser.ts'],
  bundle: true,
  format: 'esm',
  target: 'es2020',
  sourcemap: 'inline',
  write: false,
  plugins: [styles],
});

createServer(async (request, response) => {
  const name = new URL(request.url, 'http://x').pathname.slice(1) || 'states.html';
  try {
    const body = name === 'states.js' ? Buffer.from((await build.rebuild()).outputFiles[0].contents) : readFileSync(join(here, name.replace(/[^a-z.]/g, '')));
    response.writeHead(200, { 'content-type': `${types[name.split('.').pop()]}; charset=utf-8`, 'content-security-policy': policy, 'cache-control': 'no-store' });
    response.end(body);
  } catch (e) {
    response.writeHead(404).end(String(e));
  }
}).listen(Number(process.argv[2] ?? 0), '127.0.0.1', function () {
  console.log(`http://127.0.0.1:${this.address().port}/`);
});
