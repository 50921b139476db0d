/**
 * The protocol as a second implementation sees it: client.py, written from proto/PROTOCOL.md and the RFCs alone,
 * against the command-line server of this project.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('../../', import.meta.url));
const client = join(root, 'test/interop/client.py');
const vectors = join(root, '../shared/vectors/rfc9807-ristretto255-3dh.json');
const version = ['-c', 'import sys; print(sys.version_info >= (3, 9))'];
const hasPython = spawnSync('python3', version, { encoding: 'utf8' }).stdout?.trim() === 'True';

/** Skips with the reason in the test's name where something is missing. */
function testIf(condition: boolean, reason: string, name: string, body: () => void | Promise<void>): void {
  if (condition) test(name, body, 15_000);
  else test.skip(`${name} (skipped: ${reason})`, body);
}
const testPython = (name: string, body: () => void | Promise<void>): void => {
  testIf(hasPython, 'no python3 of 3.9 or newer', name, body);
};

type Line = Record<string, string | number | null>;
type Run = { status: number | null; lines: Line[]; last: Line | undefined };

function python(args: string[], password = ''): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', [client, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (out += part));
    child.stderr.setEncoding('utf8').on('data', (part: string) => (err += part));
    child.on('error', reject);
    child.on('close', (status) => {
      if (err !== '') return reject(new Error(`client.py: ${err}`));
      const lines = out.split('\n').filter(Boolean);
      const parsed = lines.map((line) => JSON.parse(line) as Line);
      resolve({ status, lines: parsed, last: parsed.at(-1) });
    });
    child.stdin.end(`${password}\n`);
  });
}

/** Checks of the client by itself; the argument is RFC 9807's vectors. */
function selftest(...args: string[]): unknown {
  const { stdout, stderr } = spawnSync('python3', [join(root, 'test/interop/selftest.py'), ...args], {
    encoding: 'utf8',
  });
  if (stderr !== '') throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('the client in Python by itself', () => {
  testPython('agrees with RFC 9496, RFC 9497 and every vector of this project that it has code for', () => {
    expect(selftest()).toEqual({ opaqueVectors: 0, compared: 104 });
  });

  const reason = hasPython ? 'the RFC 9807 vectors are not there' : 'no python3 of 3.9 or newer';
  testIf(hasPython && existsSync(vectors), reason, 'agrees with RFC 9807', () => {
    expect(selftest(vectors)).toMatchObject({ opaqueVectors: 2 });
  });

  testPython('has at most 400 lines', () => {
    const lines = ['client.py', 'primitives.py'].map(
      (file) => readFileSync(join(root, 'test/interop', file), 'utf8').split('\n').length - 1,
    );
    expect(lines[0]! + lines[1]!).toBeLessThanOrEqual(400);
  });
});

describe('client.py against the server', () => {
  const password = 'correct horse battery';
  let data = '';
  let server: ChildProcess | undefined;
  let target: string[] = [];
  let signup: Run | undefined;

  const run = (command: string, username: string, secret: string, ...more: string[]): Promise<Run> =>
    python([command, ...target, '--username', username, ...more], secret);

  beforeAll(async () => {
    if (!hasPython) return;
    data = mkdtempSync(join(tmpdir(), 'blindsalt-interop-'));
    const args = [join(root, 'bin/blindsalt.js'), 'serve', '--dev', '--port', '0', '--data', data];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    server = child;
    const port = await new Promise<string>((resolve, reject) => {
      let out = '';
      let err = '';
      child.stderr.setEncoding('utf8').on('data', (part: string) => (err += part));
      child.on('exit', (code) => reject(new Error(`the server left with ${code}: ${err}`)));
      child.stdout.setEncoding('utf8').on('data', (part: string) => {
        out += part;
        const found = /listening on https:\/\/localhost:(\d+)/.exec(out)?.[1];
        if (found !== undefined) resolve(found);
      });
    });
    const ca = join(data, 'certs', 'ca.pem');
    target = ['--url', `wss://localhost:${port}/`, '--ca', ca, '--domain', 'localhost'];
    signup = await run('signup', 'alice', password);
  }, 15_000);

  afterAll(async () => {
    if (server !== undefined && server.exitCode === null) {
      const left = new Promise((resolve) => server?.once('exit', resolve));
      server.kill();
      await left;
    }
    if (data !== '') rmSync(data, { recursive: true, force: true });
  }, 15_000);

  testPython('signs up', () => {
    expect(signup).toMatchObject({ status: 0, last: { result: 'welcome', username: 'alice' } });
    expect(signup?.last?.['userId']).toMatch(/^[0-9a-f]{32}$/);
  });

  testPython('logs in, and a message is answered', async () => {
    const login = await run('login', 'alice', password, '--send', 'good morning');
    expect(login.status).toBe(0);
    expect(login.lines).toContainEqual(signup?.last);
    expect(login.last).toEqual({ result: 'message', text: expect.stringContaining('good morning') });
  });

  testPython('a wrong password does not open the envelope', async () => {
    const wrong = await run('login', 'alice', `${password}!`);
    expect(wrong).toMatchObject({ status: 3, last: { result: 'error', code: 'login-failed', closeCode: 4480 } });
  });

  testPython('a taken name is refused, and its password still works', async () => {
    const taken = await run('signup', 'alice', 'another password');
    expect(taken).toMatchObject({ status: 5, last: { result: 'error', code: 'username-taken', closeCode: null } });
    expect(await run('login', 'alice', password)).toMatchObject({ status: 0, last: signup?.last });
  });

  testPython('leaves a server of another domain', async () => {
    const other = await run('login', 'alice', password, '--domain', 'other.example');
    expect(other).toMatchObject({ status: 5, last: { code: 'hello-unsuitable', closeCode: 4480 } });
  });
});
