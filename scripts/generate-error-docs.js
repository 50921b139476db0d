// Writes docs/errors.md from the table in proto/errors.ts; with --check compares instead.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { buildSync } from 'esbuild';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const bundle = buildSync({
  stdin: {
    contents: "export { ERRORS } from './errors.ts'; export { CLOSE } from './close-codes.ts';",
    resolveDir: path.join(root, 'proto'),
    loader: 'ts',
  },
  bundle: true,
  format: 'esm',
  write: false,
}).outputFiles[0].text;
const { ERRORS, CLOSE } = await import(`data:text/javascript,${encodeURIComponent(bundle)}`);

const lines = [
  '# Errors',
  '',
  'Generated from `proto/errors.ts` by `node scripts/generate-error-docs.js`.',
  '',
  'Every error that this project throws is a `BlindsaltError` with a stable `code`. “Wire” codes are also sent in `error`',
  'frames; where a close code is named, the connection ends with it.',
  '',
  '| code | wire | close code | what it means | what to do |',
  '|---|---|---|---|---|',
  ...Object.entries(ERRORS).map(
    ([code, entry]) =>
      `| \`${code}\` | ${entry.wire ? 'yes' : ''} | ${entry.close ?? ''} | ${entry.meaning} | ${entry.remedy} |`,
  ),
  '',
  '## Close codes',
  '',
  '4400–4429: do not try again unchanged. 4430–4449: the person has to log in again. 4450–4479: try again later, without',
  'asking anybody. 4480–4499: sent by clients.',
  '',
  '| close code | name |',
  '|---|---|',
  ...Object.entries(CLOSE).map(([name, code]) => `| ${code} | ${name} |`),
  '',
];
const file = path.join(root, 'docs/errors.md');
const text = lines.join('\n');
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== text) {
    process.stderr.write('docs/errors.md is stale: run node scripts/generate-error-docs.js\n');
    process.exitCode = 1;
  }
} else writeFileSync(file, text);
