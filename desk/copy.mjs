// Copies what the page needs of the npm package converse.js into converse/, which is embedded in the binary.
import { cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const here = path.dirname(fileURLToPath(import.meta.url));
const from = path.join(here, 'node_modules', 'converse.js');
const to = path.join(here, 'converse');

// No source maps, and nothing of the parts that the page turns off.
const wanted = ['converse.min.js', 'converse.min.css', 'emoji.json', 'sounds', 'images', 'webfonts', 'chunkjs'];

for (const name of await readdir(to)) {
    if (name !== 'README.md') await rm(path.join(to, name), { recursive: true });
}
for (const name of wanted) {
    await cp(path.join(from, 'dist', name), path.join(to, name), {
        recursive: true,
        filter: (file) => !file.endsWith('.map'),
    });
}
for (const name of ['LICENSE', 'COPYRIGHT']) await cp(path.join(from, name), path.join(to, name + '.txt'));

async function size(dir) {
    let sum = 0;
    for (const entry of await readdir(dir, { withFileTypes: true })) {
        const at = path.join(dir, entry.name);
        sum += entry.isDirectory() ? await size(at) : (await stat(at)).size;
    }
    return sum;
}
await mkdir(to, { recursive: true });
console.log(`desk/converse: ${Math.round((await size(to)) / 1024)} KiB`);
