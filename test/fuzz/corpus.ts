// Inputs that are worth keeping, one in a line as hexadecimal; lines that begin with # are for people.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Of the project; relative to its root, where tests run. */
export const CORPUS_FOLDER = path.resolve('test/fuzz/corpus');

const fromHex = (line: string): Uint8Array => Uint8Array.from(Buffer.from(line, 'hex'));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function linesOf(name: string): string[] {
  const file = path.join(CORPUS_FOLDER, `${name}.txt`);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

export function readCorpus(name: string): Uint8Array[] {
  return linesOf(name)
    .filter((line) => !line.startsWith('#'))
    .map(fromHex);
}

/** In place of what was there; notes about findings stay with their inputs only if those are written again by hand. */
export function writeCorpus(name: string, inputs: readonly Uint8Array[]): void {
  writeFileSync(path.join(CORPUS_FOLDER, `${name}.txt`), `${inputs.map(toHex).join('\n')}\n`);
}

/** Adds an input that broke a rule: it is run again by every `npm test` from then on. @returns the file */
export function recordFinding(name: string, rule: string, input: Uint8Array): string {
  const file = path.join(CORPUS_FOLDER, `${name}.txt`);
  writeFileSync(file, [...linesOf(name), `# broke the rule: ${rule}`, toHex(input), ''].join('\n'));
  return file;
}
