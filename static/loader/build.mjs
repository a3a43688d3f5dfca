/**
 * Builds the scripts in ../embed/ (loader, pixel, share, debug), the styles and ../embed/manifest.json from src/.
 *
 *   node build.mjs           writes the files
 *   node build.mjs --check   writes nothing; fails when the files on disk are not what src/ gives
 *
 * Fails when a script is larger than its limit after brotli (quality 11).
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, transform } from 'esbuild';
import { minify } from 'terser';

/** Limits in bytes after brotli. The overlay is loaded only when the page's address asks for it. */
const SCRIPTS = {
  loader: { entry: 'src/loader.js', block: true, limitBytes: 2400 },
  pixel: { entry: 'src/pixel/pixel.js', limitBytes: 2400 },
  share: { entry: 'src/share/share.js', limitBytes: 500 },
  // Knows by `define` which loader it belongs to.
  debug: { entry: 'src/debug/debug.js', limitBytes: 6000 },
};
/** A page carries the common sheet and those of its widgets. */
const STYLE_LIMIT_BYTES = { 'common.css': 900 };
const WIDGET_STYLE_LIMIT_BYTES = 700;

const here = new URL('.', import.meta.url);
const out = new URL('../embed/', here);
const { version } = JSON.parse(readFileSync(new URL('package.json', here), 'utf8'));

const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });

/**
 * esbuild resolves and joins the modules; terser shortens better, since it uses a name again where the outer one is not needed.
 * The loader stands in a block, which is shorter than a function and keeps what `let` declares to itself as well.
 */
async function bundle(script) {
  const joined = await build({
    absWorkingDir: decodeURIComponent(here.pathname),
    entryPoints: [script.entry],
    bundle: true,
    write: false,
    format: script.block ? 'esm' : 'iife',
    target: 'es2022',
    minifySyntax: true,
    define: script.define,
  });
  const { code } = await minify(joined.outputFiles[0].text, {
    ecma: 2020,
    compress: { passes: 3, ecma: 2020, toplevel: true, booleans_as_integers: true, collapse_vars: false },
    mangle: { toplevel: true },
  });
  if (!script.block) return code;
  if (!code.startsWith('var ') || /\bvar |\bfunction |^class /.test(code.slice(4))) throw Error('A name would leave the block.');
  return `{${code.replace('var ', 'let ')}}`;
}

const files = {};

/** @returns what the manifest says of a script, which is then among the files; a script too large makes the build fail */
async function built(name) {
  const script = SCRIPTS[name];
  const file = `${name}.js`;
  const bytes = Buffer.from(await bundle(script));
  const facts = {
    file,
    hash: createHash('sha256').update(bytes).digest('hex').slice(0, 16),
    integrity: 'sha384-' + createHash('sha384').update(bytes).digest('base64'),
    bytes: bytes.length,
    gzip_bytes: gzipSync(bytes, { level: 9 }).length,
    brotli_bytes: brotli(bytes).length,
  };
  console.log(
    `${name} ${version}: ${facts.bytes} bytes, gzip ${facts.gzip_bytes}, brotli ${facts.brotli_bytes} of ${script.limitBytes}`,
  );
  if (facts.brotli_bytes > script.limitBytes) {
    console.error(`The ${name} is ${facts.brotli_bytes - script.limitBytes} bytes over its limit.`);
    process.exitCode = 1;
  }
  files[file] = bytes;
  return facts;
}

const manifest = { version, ...(await built('loader')), pixel: await built('pixel'), share: await built('share') };
SCRIPTS.debug.define = { LOADER_HASH: JSON.stringify(manifest.hash), LOADER_BYTES: String(manifest.bytes) };
manifest.debug = await built('debug');
// The widgets' styles, shortened.
const styles = new URL('../widgets/', here);
const sheets = readdirSync(styles).filter((name) => name.endsWith('.css')).sort();
for (const name of sheets) {
  const { code } = await transform(readFileSync(new URL(name, styles), 'utf8'), { loader: 'css', minify: true, target: 'es2022' });
  const bytes = Buffer.from(code.trimEnd());
  files[`css/${name}`] = bytes;
  const limit = STYLE_LIMIT_BYTES[name] ?? WIDGET_STYLE_LIMIT_BYTES;
  console.log(`${name}: brotli ${brotli(bytes).length} of ${limit}`);
  if (brotli(bytes).length > limit) {
    console.error(`${name} is ${brotli(bytes).length - limit} bytes over its limit.`);
    process.exitCode = 1;
  }
}
files['manifest.json'] = Buffer.from(JSON.stringify(manifest, null, 2) + '\n');
if (process.argv.includes('--check')) {
  for (const [name, bytes] of Object.entries(files)) {
    let committed;
    try {
      committed = readFileSync(new URL(name, out));
    } catch {
      // Reported below like any other difference.
    }
    if (!committed?.equals(bytes)) {
      console.error(`static/embed/${name} is not what static/loader/src gives: run node build.mjs`);
      process.exitCode = 1;
    }
  }
} else if (!process.exitCode) {
  mkdirSync(new URL('css/', out), { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(new URL(name, out), bytes);
}
