// `serve --workers`: several processes on one port and one data folder.
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.js';
import { connect, type BlindsaltSocket } from '../../src/client/node.js';
import { readFileSync } from 'node:fs';
import { selfSigned } from '../support/certificate.js';
import { blindsalt, serve, temporaryFolder, type RunningServer } from '../support/cli.js';
import { certificatePlace, look } from '../support/tls-place.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(90_000);

const PASSWORD = 'correct horse battery';
const folder = temporaryFolder();
let server: RunningServer;

beforeAll(async () => {
  server = await serve(path.join(folder.path, 'data'), ['--workers', '2']);
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});

interface Line {
  readonly worker?: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

const linesOf = (one: RunningServer): Line[] =>
  one
    .stderr()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Line);

async function until(what: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!what()) {
    if (performance.now() > end) throw new Error(`it did not come about: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

interface Member {
  readonly socket: BlindsaltSocket;
  readonly worker: number;
  readonly told: unknown[];
  readonly closed: Promise<number>;
}

/** Who has come, and to which worker: its log says so. */
async function enter(username: string, isNew = false): Promise<Member> {
  const isLogin = ({ msg }: Line): boolean => msg === 'session begins';
  const since = linesOf(server).filter(isLogin).length;
  const client = connect(server.url.replace('https', 'wss'), {
    ca: readFileSync(server.ca, 'utf8'),
    domain: 'localhost',
  });
  const socket = await client[isNew ? 'signup' : 'login']({ username, password: PASSWORD });
  const told: unknown[] = [];
  socket.addEventListener('message', ({ data }) => told.push(data));
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener('close', ({ code }) => resolve(code));
  });
  await until(() => linesOf(server).filter(isLogin).length > since);
  return { socket, worker: linesOf(server).filter(isLogin)[since]!.worker!, told, closed };
}

/** Logs in until both workers have a connection. */
async function onBoth(username: string): Promise<readonly [Member, Member]> {
  const first = await enter(username);
  for (;;) {
    const next = await enter(username);
    if (next.worker !== first.worker) return [first, next];
    next.socket.close();
  }
}

/** Process ids of the workers, as the system has them. */
const workersOf = (one: RunningServer): number[] =>
  readFileSync(`/proc/${one.pid}/task/${one.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

const testLinux = process.platform === 'linux' ? test : test.skip;
/** Where the limits of a running process can be set from outside: util-linux. */
const testLimited = spawnSync('prlimit', ['--version']).status === 0 ? test : test.skip;

describe('two workers', () => {
  test('say once that they listen', async () => {
    const lines = (): Line[] => linesOf(server).filter(({ msg }) => msg === 'listening');
    await until(() => lines().length > 0);
    expect(lines()).toMatchObject([{ workers: 2 }]);
    expect(server.stdout()).toBe(`blindsalt listening on https://localhost:${server.port}\n`);
  });

  test('logins land on both, and what one writes reaches those of the other', async () => {
    (await enter('alice', true)).socket.close();
    const [one, other] = await onBoth('alice');
    one.socket.send('hello');
    await until(() => other.told.length > 0 && one.told.length > 0);
    expect([one.told, other.told]).toEqual([['alice: hello'], ['alice: hello']]);
    one.socket.close();
    other.socket.close();
  });

  test('a revocation closes the sockets of every worker', async () => {
    (await enter('bob', true)).socket.close();
    const both = await onBoth('bob');
    expect(await blindsalt(['sessions', 'revoke', 'bob', '--data', server.data])).toMatchObject({ code: EXIT.ok });
    expect(await Promise.all(both.map(({ closed }) => closed))).toEqual([4432, 4432]);
  });

  testLinux('kill -9: connections of the other go on, and another worker takes the place', async () => {
    (await enter('carol', true)).socket.close();
    const both = await onBoth('carol');
    const pids = workersOf(server);
    expect(pids).toHaveLength(2);
    process.kill(pids[0]!, 'SIGKILL');
    await Promise.race(both.map(({ closed }) => closed));
    const codes = await Promise.all(
      both.map(({ closed }) => Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 300, 'open'))])),
    );
    expect(codes.sort()).toEqual([1006, 'open']);
    await until(() => linesOf(server).filter(({ msg }) => msg === 'TLS').length === 3);
    await until(() => workersOf(server).length === 2);
    for (const { socket } of both) socket.close();
    const again = await onBoth('carol');
    expect(new Set(again.map(({ worker }) => worker)).size).toBe(2);
    for (const { socket } of again) socket.close();
    expect(linesOf(server).filter(({ msg }) => msg.startsWith('a worker ended'))).toMatchObject([{ how: 'SIGKILL' }]);
  });

  testLimited(
    'no file descriptor to start another with: the first process goes on, and starts it when there is',
    async () => {
      const own = await serve(path.join(folder.path, 'limited'), ['--workers', '2']);
      const limit = (count: number): unknown =>
        execFileSync('prlimit', ['--pid', String(own.pid), `--nofile=${count}:`]);
      try {
        limit(3);
        process.kill(workersOf(own)[0]!, 'SIGKILL');
        const failures = (): Line[] => linesOf(own).filter(({ how }) => how === 'EMFILE' || how === 'not started');
        await until(() => failures().length > 1);
        expect(workersOf(own)).toHaveLength(1);
        limit(1024);
        await until(() => linesOf(own).filter(({ msg }) => msg === 'TLS').length === 3);
        expect(workersOf(own)).toHaveLength(2);
      } finally {
        await own.stop();
      }
    },
  );

  testLinux('all killed at once: the port stays', async () => {
    const before = linesOf(server).filter(({ msg }) => msg === 'TLS').length;
    for (const pid of workersOf(server)) process.kill(pid, 'SIGKILL');
    await until(() => linesOf(server).filter(({ msg }) => msg === 'TLS').length === before + 2);
    const [one, other] = await onBoth('alice');
    for (const { socket } of [one, other]) socket.close();
  });
});

describe('the end', () => {
  test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])('%s: exit code 0, and nothing is left', async (signal) => {
    const own = await serve(path.join(folder.path, `end-${signal}`), ['--workers', '2']);
    const pids = process.platform === 'linux' ? workersOf(own) : [];
    expect(await own.stop(signal)).toMatchObject({ code: 0, signal: null });
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    expect(linesOf(own).filter(({ level }) => level === 50)).toEqual([]);
  });

  testLinux('kill -9 of the first process: the workers end too', async () => {
    const own = await serve(path.join(folder.path, 'orphans'), ['--workers', '2']);
    const pids = workersOf(own);
    await own.stop('SIGKILL');
    await until(() =>
      pids.every((pid) => {
        try {
          process.kill(pid, 0);
          return false;
        } catch {
          return true;
        }
      }),
    );
  });

  test('what the first worker cannot do is said once, with its exit code', async () => {
    const args = ['serve', '--dev', '--workers', '2', '--port', String(server.port)];
    const { code, stdout, stderr } = await blindsalt([...args, '--data', path.join(folder.path, 'taken')]);
    expect(stderr).toMatch(/^blindsalt: listen-failed: [^\n]+\n$/);
    expect({ code, stdout }).toEqual({ code: EXIT.listen, stdout: '' });
  });
});

test('SIGHUP reaches all workers', async () => {
  const [before, after] = await Promise.all([selfSigned('before'), selfSigned('after')]);
  const place = certificatePlace(before);
  const args = ['--domain', 'localhost', '--cert', place.cert, '--key', place.key, '--workers', '2'];
  const own = await serve(path.join(folder.path, 'reload'), args, { dev: false });
  try {
    place.put(after);
    process.kill(own.pid, 'SIGHUP');
    const isLoaded = ({ msg }: Line): boolean => msg === 'certificate files were read again';
    await until(() => linesOf(own).filter(isLoaded).length === 2);
    expect(
      new Set(
        linesOf(own)
          .filter(isLoaded)
          .map(({ worker }) => worker),
      ).size,
    ).toBe(2);
    for (let i = 0; i < 4; i += 1) {
      const { organization, socket } = await look(own.port);
      expect(organization).toBe('after');
      socket.destroy();
    }
  } finally {
    await own.stop();
    place.remove();
  }
});
