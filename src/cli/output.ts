import { describeFailure, type Failure } from './failure.js';

/** Where a command writes. Standard output is for what was asked for, standard error for everything else. */
export interface Output {
  /** One line on standard output. */
  line(text: string): void;
  /** One JSON value on a line of standard output. */
  json(value: unknown): void;
  /** One line for people on standard error. */
  note(text: string): void;
}

export const output: Output = {
  line: (text) => void process.stdout.write(`${text}\n`),
  json: (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
  note: (text) => void process.stderr.write(`${text}\n`),
};

/** Control characters, line and paragraph separators, marks that change the direction of writing. */
const UNSEEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * What strangers write must neither drive the terminal nor begin a line of its own: all that could becomes visible there.
 * Pipes get it unchanged.
 */
export function shown(text: string, stream: { readonly isTTY?: boolean } = process.stdout): string {
  if (stream.isTTY !== true) return text;
  return text.replace(UNSEEN, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** Tells a failure in one line; with `verbose`, the stack and the causes after it. */
export function reportFailure(error: unknown, options: { readonly json: boolean; readonly verbose: boolean }): Failure {
  const failure = describeFailure(error);
  const { code, message, exitCode } = failure;
  if (options.json) process.stderr.write(`${JSON.stringify({ error: code, message, exitCode })}\n`);
  else process.stderr.write(`blindsalt: ${code}: ${shown(message, process.stderr)}\n`);
  if (options.verbose) {
    for (let at: unknown = error; at instanceof Error; at = at.cause) process.stderr.write(`${shownStack(at)}\n`);
  }
  return failure;
}

/** Lines after the first are indented, as those of the stack are: messages hold what others sent. */
function shownStack(error: Error): string {
  const lines = (error.stack ?? error.message).split('\n');
  return lines.map((line, i) => (i > 0 && !/^\s/.test(line) ? '    ' : '') + shown(line, process.stderr)).join('\n');
}
