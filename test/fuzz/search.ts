// Starts a search from a test: bundles the target, runs it in a child, and reads what it found.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { recordFinding } from './corpus.js';

export interface SearchRequest {
  readonly target: string;
  /** What is broken in it on purpose. */
  readonly fault?: string;
  readonly seconds: number;
  readonly maxInputs?: number;
  readonly seed?: number;
  /** Writes the corpus anew. */
  readonly keep?: boolean;
}

export interface SearchReport {
  readonly inputs: number;
  readonly outcomes: readonly string[];
  /** Hexadecimal. */
  readonly kept: readonly string[];
  /** Share of the product's code in the bundle that ran. */
  readonly coverage: number;
  readonly finding?: { readonly rule: string; readonly input: string; readonly stack: string };
}

let bundled: Promise<string> | undefined;

/** The searching program as one script. Once for each process. */
async function bundle(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'blindsalt-fuzz-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const outfile = path.join(folder, 'child.mjs');
  await build({
    entryPoints: [path.resolve('test/fuzz/child.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['node', 'import'],
    logLevel: 'error',
    banner: {
      js: `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(${JSON.stringify(path.resolve('package.json'))});`,
    },
    external: ['@photostructure/sqlite', 'msgpackr-extract', 'node:sqlite', 'pino'],
  });
  return outfile;
}

/** @throws Error when the program itself fails */
export async function runSearch({
  target,
  fault = '-',
  seconds,
  maxInputs = Infinity,
  seed = 1,
  keep = false,
}: SearchRequest): Promise<SearchReport> {
  const script = await (bundled ??= bundle());
  const args = [script, target, fault, String(seconds), String(maxInputs), String(seed), keep ? 'keep' : '-'];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (out += part));
    child.stderr.setEncoding('utf8').on('data', (part: string) => (err += part));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0 || out === '') return reject(new Error(`the search ended with ${code}: ${err}`));
      resolve(JSON.parse(out) as SearchReport);
    });
  });
}

/** What a test says about a finding; the input goes into the corpus, where `npm test` runs it again. */
export function describeFinding(target: string, finding: NonNullable<SearchReport['finding']>): string {
  const file = recordFinding(target, finding.rule, Buffer.from(finding.input, 'hex'));
  return (
    `${target} broke the rule "${finding.rule}" with ${finding.input}\n` +
    `It was added to ${file}; again: npm run jest -- test/fuzz -t "corpus of ${target}"\n${finding.stack}`
  );
}
