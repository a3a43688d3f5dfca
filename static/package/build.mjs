/**
 * Packs ../embed/npm/sumeru-widgets-<version>.tgz from package.json, README.md and src/, and ../server/customer-token.mjs.
 *
 *   node build.mjs           writes the file
 *   node build.mjs --check   writes nothing; fails when the file on disk does not hold what the sources give
 *
 * The modules are shipped as they are written: storefronts bundle them. Nothing depends on the clock or the machine.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';

const here = new URL('.', import.meta.url);
const read = (path) => readFileSync(new URL(path, here));
const { name, version } = JSON.parse(read('package.json'));
if (version !== JSON.parse(read('../loader/package.json')).version) {
  console.error('static/package/package.json and static/loader/package.json must have the same version.');
  process.exit(1);
}

const files = { 'package.json': read('package.json'), 'README.md': read('README.md') };
for (const file of readdirSync(new URL('src/', here)).sort()) files[`src/${file}`] = read(`src/${file}`);
files['src/customer-token.mjs'] = read('../server/customer-token.mjs');

/** A ustar header with the fixed time that npm itself writes (1985-10-26). */
function header(path, size) {
  const block = Buffer.alloc(512);
  const put = (text, offset) => block.write(text, offset, 'latin1');
  const octal = (value, digits) => value.toString(8).padStart(digits, '0') + '\0';
  put(path, 0);
  put(octal(0o644, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(size, 11), 124);
  put(octal(499162500, 11), 136);
  put('        0', 148);
  put('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(sum.toString(8).padStart(6, '0') + '\0 ', 148);
  return block;
}

const parts = Object.entries(files).flatMap(([path, bytes]) => [
  header(`package/${path}`, bytes.length),
  bytes,
  Buffer.alloc((512 - (bytes.length % 512)) % 512),
]);
const tar = Buffer.concat([...parts, Buffer.alloc(1024)]);
const file = new URL(`../embed/npm/${name}-${version}.tgz`, here);

if (process.argv.includes('--check')) {
  // The unpacked bytes: two versions of zlib pack the same ones differently.
  let committed;
  try {
    committed = gunzipSync(readFileSync(file));
  } catch {
    // Reported below like any other difference.
  }
  if (!committed?.equals(tar)) {
    console.error(`static/embed/npm/${name}-${version}.tgz is not what static/package gives: run node build.mjs`);
    process.exitCode = 1;
  }
} else {
  const packed = gzipSync(tar, { level: 9 });
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, packed);
  console.log(`${name} ${version}: ${Object.keys(files).length} files, ${packed.length} bytes`);
}
