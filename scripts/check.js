// Everything that must hold before the tests run: types, lint, format, import directions, generated files.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const tool = (file) => path.join(root, 'node_modules', file);
const generators = [
  'generate-error-docs.js',
  'generate-precis-tables.js',
  'generate-core-tables.js',
  'generate-vectors.js',
]
  .map((name) => path.join(root, 'scripts', name))
  .filter((file) => existsSync(file));

/** Each proves what the sources of the core state about their numbers. */
const bounds = ['check-limb-bounds.js', 'check-scalar-bounds.js', 'check-half-size-bounds.js'];

const checks = [
  ['types', [tool('typescript/bin/tsc'), '-p', 'tsconfig.json']],
  ['lint', [tool('eslint/bin/eslint.js'), '.']],
  ['format', [tool('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']],
  [
    'import directions',
    [
      tool('dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.cjs',
      'proto',
      'src',
      'certs',
      'test',
    ],
  ],
  ...bounds.map((name) => [`bounds: ${name}`, [path.join(root, 'scripts', name)]]),
  ...generators.map((file) => [`generated: ${path.basename(file)}`, [file, '--check']]),
];

function run([name, args]) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => resolve({ name, ok: code === 0, output }));
  });
}

const queue = [...checks];
const results = [];
const worker = async () => {
  for (let next = queue.shift(); next; next = queue.shift()) results.push(await run(next));
};
await Promise.all([worker(), worker()]);

for (const { name, ok, output } of results) {
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name}\n`);
  if (!ok) process.stdout.write(`${output}\n`);
}
process.exitCode = results.every((result) => result.ok) ? 0 : 1;
