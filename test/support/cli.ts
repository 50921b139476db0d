import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const bin = fileURLToPath(new URL('../../bin/blindsalt.js', import.meta.url));
const built = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** The real command, its standard streams open. */
export function spawnBlindsalt(args: readonly string[], { cwd, env }: RunOptions): ChildProcessWithoutNullStreams {
  if (!existsSync(built)) throw new Error('dist/ is missing: run `npm run build` first');
  return spawn(process.execPath, [bin, ...args], {
    ...(cwd !== undefined && { cwd }),
    env: { ...process.env, DEBUG: '', NODE_OPTIONS: '', ...env },
  });
}

/** Runs the real command to its end. */
export function blindsalt(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawnBlindsalt(args, options);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

export interface RunningServer {
  readonly port: number;
  /** `https://localhost:PORT`, as it was printed. */
  readonly url: string;
  readonly data: string;
  /** The development CA. */
  readonly ca: string;
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Finished>;
}

/** Starts `blindsalt serve --dev` on a free port and waits for its line. */
export function serve(
  data: string,
  args: readonly string[] = [],
  { dev = true, ...options }: { readonly dev?: boolean } & RunOptions = {},
): Promise<RunningServer> {
  return new Promise((resolve, reject) => {
    const mode = dev ? ['--dev'] : [];
    // As little key stretching as clients accept: tests log in hundreds of times.
    const ksf = args.includes('--ksf') ? [] : ['--ksf', 'argon2id:19456:2:1', '--ksf', 'pbkdf2-sha512:210000'];
    const child = spawnBlindsalt(['serve', ...mode, ...ksf, '--port', '0', '--data', data, ...args], options);
    let stdout = '';
    let stderr = '';
    const ended = new Promise<Finished>((done) => {
      child.on('close', (code, signal) => done({ code, signal, stdout, stderr }));
    });
    child.stdin.end();
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const match = /^blindsalt listening on (https:\/\/[^\s]+:(\d+))\n/.exec(stdout);
      if (match === null) return;
      resolve({
        port: Number(match[2]),
        url: match[1]!,
        data,
        ca: path.join(data, 'certs', 'ca.pem'),
        pid: child.pid!,
        stdout: () => stdout,
        stderr: () => stderr,
        stop: (signal = 'SIGTERM') => {
          child.kill(signal);
          return ended;
        },
      });
    });
    child.on('error', reject);
    void ended.then(({ code }) => reject(new Error(`serve ended with ${code} before it listened: ${stderr}`)));
  });
}

/** A folder for one test file; call `remove` when done. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'blindsalt-'));
  return { path: folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
