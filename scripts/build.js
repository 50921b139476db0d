// Builds everything that `bin/`, the exports and the page need, and only what changed. Silent when all is well.
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => path.join(root, ...parts);
const stampFile = at('build/stamp.json');
const buildInfo = at('build/tsconfig.build.tsbuildinfo');

/** Name → modification time of every file that the build reads. */
function inputs() {
  const files = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  for (const folder of ['proto', 'src', 'certs', 'scripts']) {
    for (const entry of readdirSync(at(folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) files.push(path.relative(root, path.join(entry.parentPath, entry.name)));
    }
  }
  return Object.fromEntries(files.sort().map((file) => [file, statSync(at(file)).mtimeMs]));
}

function previousStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {};
  }
}

/** Runs a Node script to its end; its output is shown only when it fails. */
function run(...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${path.basename(args[0])} failed\n${output.trim()}`)),
    );
  });
}

try {
  await run(at('scripts/build-core.js'));
  const before = previousStamp();
  const now = inputs();
  const complete = ['src/cli/main.js', 'page/index.html', 'core.wasm'].every((file) => existsSync(at('dist', file)));
  if (!complete || JSON.stringify(before) !== JSON.stringify(now)) {
    // What a removed source left behind must not be packed.
    const removed = Object.keys(before).some((file) => !(file in now));
    if (removed || !complete) {
      rmSync(at('dist'), { recursive: true, force: true });
      rmSync(buildInfo, { force: true });
    }
    mkdirSync(at('dist'), { recursive: true });
    await Promise.all([
      run(at('node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'),
      run(at('scripts/build-page.js')),
    ]);
    copyFileSync(at('build/core.wasm'), at('dist/core.wasm'));
    writeFileSync(stampFile, JSON.stringify(now));
  }
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
