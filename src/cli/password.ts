import { read } from 'read';
import { BlindsaltError } from '../../proto/index.js';
import { usageError } from './failure.js';

/** No password is longer than 4096 bytes; what is far beyond is not read to its end. */
const MAX_STDIN_BYTES = 65_536;

export interface PasswordOptions {
  /** Read standard input to its end instead of asking. */
  readonly stdin: boolean;
  /** Ask twice; for new passwords. */
  readonly confirm: boolean;
  readonly username: string;
}

export interface SecretsOptions extends PasswordOptions {
  /** The code as it was given; `-` to read it as the password is read. */
  readonly invite: string | undefined;
}

/** Password and code. Both on standard input: the code is the first line, the password what follows. */
export async function readSecrets(
  options: SecretsOptions,
): Promise<{ readonly password: string; readonly invite: string | undefined }> {
  if (options.invite !== '-') return { password: await readPassword(options), invite: options.invite };
  if (options.stdin) {
    const [, invite, password] = /^([^\r\n]*)\r?\n([^]*)$/.exec(await readFromStdin()) ?? [];
    if (invite === undefined || password === undefined) {
      throw usageError('with --invite - and --password-stdin, the first line of standard input is the code');
    }
    return { password, invite };
  }
  checkTerminal();
  const invite = await ask('Code:');
  return { password: await readPassword(options), invite };
}

/** The password from a prompt that does not echo, or from standard input without one final newline. */
export async function readPassword(options: PasswordOptions): Promise<string> {
  if (options.stdin) return readFromStdin();
  checkTerminal();
  const password = await ask(`Password for ${options.username}:`);
  if (options.confirm && (await ask('Repeat the password:')) !== password) {
    throw new BlindsaltError('password-invalid', 'The two passwords are not the same.', { reason: 'mismatch' });
  }
  return password;
}

function checkTerminal(): void {
  if (!process.stdin.isTTY) {
    throw usageError('there is no terminal to ask for the password; use --password-stdin');
  }
}

async function readFromStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_STDIN_BYTES) throw usageError('standard input is too long for a password');
  }
  const bytes = Buffer.concat(chunks, length);
  try {
    return withoutFinalNewline(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw usageError('the password on standard input is not UTF-8');
  } finally {
    bytes.fill(0);
    for (const chunk of chunks) chunk.fill(0);
  }
}

/** Drops exactly one `\n` or `\r\n` at the end. */
export function withoutFinalNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

/** Asks on the terminal. `terminal: true` keeps raw mode, and so the silence, even where standard error is a file. */
async function ask(prompt: string): Promise<string> {
  const out = process.stderr.isTTY || !process.stdout.isTTY ? process.stderr : process.stdout;
  // Ctrl-D ends the prompt without an answer: then nothing keeps the process alive.
  let cancel: (() => void) | undefined;
  const cancelled = new Promise<never>((_resolve, reject) => {
    cancel = () => reject(interrupted());
    process.once('beforeExit', cancel);
  });
  try {
    const answer = read({ prompt, silent: true, terminal: true, input: process.stdin, output: out });
    return await Promise.race([answer.catch(() => Promise.reject(interrupted())), cancelled]);
  } finally {
    if (cancel !== undefined) process.off('beforeExit', cancel);
    out.write('\n');
  }
}

const interrupted = (): BlindsaltError => new BlindsaltError('aborted', 'Nothing was given.');
