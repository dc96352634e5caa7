// An esbuild plugin: leaves out of strophe.js what a visitor has no use for. He logs in with ANONYMOUS or his token, from his own
// page, so no passwords, no SCRAM, no shared worker; sessions are taken up by XEP-0198 or token; nobody reads the log. The build
// fails if a version of strophe.js hasn't got what is to be left out.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** It parses through the Trusted Types policy. */
const parser = `import { DOMParser } from ${JSON.stringify(join(here, 'src/dom-parser.ts'))};\n`;

/** In the place of its BOSH stands what fetches that when it is needed. */
const late = join(here, 'src/engine/bosh.ts');

const unused = /\/(sasl-(external|oauthbearer|plain|sha\d+|xoauth2)|transports\/worker-websocket|mirror)$/;
const strophe = /[\\/]strophe\.js[\\/]src[\\/](.*\.ts)$/;

/** Functions whose bodies are left out, by file. */
const empty = {
  'connection.ts': [
    'attach', 'restore', 'sendPresence', 'sendIQ', 'getUniqueId', '_attemptLegacyAuth', '_onLegacyAuthIQResult', '_auth2_cb',
    '_sasl_challenge_cb', 'addConnectionPlugin', 'addProtocol', 'addProtocolErrorHandler', 'pause', 'resume',
  ],
  'transports/bosh.ts': ['_attach', '_restore', '_cacheSession'],
  'utils.ts': ['createHtml', 'addCookies'],
  'builder.ts': ['h', 'fromString'],
};

/** Names of strophe’s private members, which the build may shorten. */
export const mangleProps = /^_[a-z]/;

export default {
  name: 'strophe-lean',
  setup(build) {
    build.onResolve({ filter: unused }, ({ path, importer }) => (strophe.test(importer) ? { path, namespace: 'unused' } : undefined));
    build.onResolve({ filter: /^\.\/transports\/bosh$/ }, ({ importer }) => (/[\\/]src[\\/]connection\.ts$/.test(importer) ? { path: late } : undefined));
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
      contents: 'class Unused {}\nexport { Unused as default, Unused as StreamManagementMirror };',
      loader: 'js',
    }));
    build.onLoad({ filter: strophe }, async ({ path }) => {
      let contents = await readFile(path, 'utf8');
      for (const name of empty[strophe.exec(path)[1].replaceAll('\\', '/')] ?? []) {
        // From the line of its name to the brace of the same depth.
        const body = new RegExp(`^( *)((?:(?:export|static|async|function) )*${name}\\()[^]*?\\)(?:: [^\\n]*)? \\{\\n[^]*?\\n\\1\\}`, 'm');
        if (!body.test(contents)) throw new Error(`${path}: no ${name}`);
        contents = contents.replace(body, '$1$2..._: any[]): any {}');
      }
      if (path.endsWith('constants.ts')) contents = contents.replace(/^    (AUTH|COMPONENT|DISCO_\w+|MUC|PROFILE|ROSTER|SERVER|VERSION|XHTML_IM): '.*',\n/gm, '');
      if (/\bnew DOMParser\(/.test(contents)) contents = parser + contents;
      // A call without effects whose result nobody uses is left out by the minifier.
      return { contents: contents.replace(/\blog\.(debug|info|warn|error|fatal)\(/g, '/* @__PURE__ */ $&'), loader: 'ts' };
    });
  },
};
