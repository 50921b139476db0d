// Bundles the page that `serve` shows: src/page/ → dist/page/.
import { build } from 'esbuild';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const from = path.join(root, 'src/page');
const to = path.join(root, 'dist/page');

/** The page loads the core by itself, pinned by its hash, so that the copies inside the package stay out of the bundle. */
const withoutEmbeddedCore = {
  name: 'without-embedded-core',
  setup({ onLoad }) {
    onLoad({ filter: /core-wasm\.generated\.ts$/ }, ({ path: file }) => {
      const [, digest] = /CORE_WASM_SHA256 = '([^']+)'/.exec(readFileSync(file, 'utf8'));
      return {
        contents: `export const CORE_WASM_SHA256 = '${digest}'; export const CORE_WASM_BASE64 = '';`,
        loader: 'ts',
      };
    });
  },
};

rmSync(to, { recursive: true, force: true });
mkdirSync(to, { recursive: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { app: 'src/page/app.ts', worker: 'src/client/worker.ts' },
  outdir: to,
  bundle: true,
  splitting: true,
  chunkNames: 'shared-[hash]',
  plugins: [withoutEmbeddedCore],
  format: 'esm',
  platform: 'browser',
  target: ['es2022', 'chrome109', 'firefox115', 'safari16.4'],
  minify: true,
  legalComments: 'eof',
  metafile: true,
  logLevel: 'error',
});

const foreign = Object.keys(metafile.inputs).filter((file) => /^src\/(server|cli|conformance)\//.test(file));
if (foreign.length > 0) throw new Error(`the page must not contain ${foreign.join(', ')}`);

for (const file of ['index.html', 'style.css', 'icon.svg']) copyFileSync(path.join(from, file), path.join(to, file));
for (const file of ['core.wasm', 'core-relaxed.wasm']) {
  copyFileSync(path.join(root, 'build', file), path.join(to, file));
}
