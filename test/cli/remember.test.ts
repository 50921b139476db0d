// `login --remember` and `logout`, as real processes with a state folder of their own.
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.js';
import {
  blindsalt,
  serve,
  spawnBlindsalt,
  temporaryFolder,
  type Finished,
  type RunningServer,
} from '../support/cli.js';

jest.setTimeout(90_000);

const folder = temporaryFolder();
const data = path.join(folder.path, 'data');
const PASSWORD = 'correct horse battery';
let server: RunningServer;
let state = '';
let states = 0;

beforeAll(async () => {
  server = await serve(data);
  await run(['signup'], 'alice', PASSWORD);
});
beforeEach(() => {
  state = path.join(folder.path, `state${++states}`);
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});

/** Without a password there is no terminal to ask for one either. */
const run = ([command, ...more]: readonly string[], username: string, password?: string): Promise<Finished> => {
  const stdin = password === undefined ? [] : ['--password-stdin'];
  const args = [command!, server.url, username, '--ca', server.ca, ...stdin, ...more];
  return blindsalt(args, { input: password ?? '', env: { XDG_STATE_HOME: state } });
};
const SEND = ['login', '--remember', '--send', 'hello'];
interface Listed {
  readonly sessionId: string;
  readonly deviceLabel: string;
}
const sessions = async (): Promise<readonly Listed[]> => {
  const { stdout } = await blindsalt(['sessions', 'list', 'alice', '--json', '--data', data]);
  return JSON.parse(stdout) as Listed[];
};
const files = (): string[] => readdirSync(path.join(state, 'blindsalt', 'sessions'));

describe('login --remember', () => {
  test('asks for the password once; however the name is typed, it is one session', async () => {
    const before = (await sessions()).length;
    expect(await run(SEND, 'alice', PASSWORD)).toMatchObject({ code: EXIT.ok, stdout: 'alice: hello\n' });
    for (const name of ['alice', 'Alice']) {
      expect(await run(SEND, name)).toMatchObject({ code: EXIT.ok, stdout: 'alice: hello\n' });
    }
    expect((await run(['login', '--remember'], 'alice')).stderr).toContain('Logged in again as alice.');
    const listed = await sessions();
    expect(listed).toHaveLength(before + 1);
    expect(listed.map(({ deviceLabel }) => deviceLabel)).toContain('command line');
    expect(files()).toHaveLength(1);
    if (process.platform === 'win32') return;
    expect(statSync(path.join(state, 'blindsalt', 'sessions', files()[0]!)).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(state, 'blindsalt', 'sessions')).mode & 0o077).toBe(0);
  });

  test('without the option nothing is kept and nothing is used', async () => {
    await run(SEND, 'alice', PASSWORD);
    const remembered = await sessions();
    expect(await run(['login', '--send', 'x'], 'alice', 'wrong password')).toMatchObject({ code: EXIT.loginFailed });
    expect(await run(['login', '--send', 'x'], 'alice')).toMatchObject({ code: EXIT.usage });
    state += '-other';
    expect((await run(['login', '--send', 'x'], 'alice', PASSWORD)).stdout).toBe('alice: x\n');
    expect(files).toThrow('ENOENT');
    // Its session has ended with it; the other has not.
    expect(await sessions()).toEqual(remembered);
  });

  test('another account is asked for its password', async () => {
    await run(SEND, 'alice', PASSWORD);
    await run(['signup'], 'bob', PASSWORD);
    expect(await run(SEND, 'bob')).toMatchObject({ code: EXIT.usage, stdout: '' });
    expect((await run(SEND, 'bob', PASSWORD)).stdout).toBe('bob: hello\n');
    expect((await run(SEND, 'alice')).stdout).toBe('alice: hello\n');
  });

  test('after the session was revoked the password is asked for', async () => {
    await run(SEND, 'alice', PASSWORD);
    await blindsalt(['sessions', 'revoke', 'alice', '--data', data]);
    const late = await run(SEND, 'alice');
    expect(late.code).toBe(EXIT.usage);
    expect(late.stderr).toContain('The remembered session is over.');
    expect((await run(SEND, 'alice', PASSWORD)).stdout).toBe('alice: hello\n');
  });
});

// On Windows signals end a process at once.
const onPosix = process.platform === 'win32' ? test.skip : test;

onPosix.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('after %s the file is free, too', async (signal) => {
  await run(SEND, 'alice', PASSWORD);
  const child = spawnBlindsalt(['login', server.url, 'alice', '--ca', server.ca, '--remember'], {
    env: { XDG_STATE_HOME: state },
  });
  const ended = once(child, 'close');
  for await (const text of child.stderr.setEncoding('utf8')) if (String(text).includes('Ctrl-D closes.')) break;
  expect(files()).toHaveLength(2);
  child.kill(signal);
  expect(await ended).toEqual([null, signal]);
  expect(files()).toHaveLength(1);
});

describe('logout', () => {
  test('ends the session at the server, and forgets it', async () => {
    const before = await sessions();
    await run(SEND, 'alice', PASSWORD);
    expect(await sessions()).toHaveLength(before.length + 1);
    expect(await run(['logout'], 'alice')).toMatchObject({ code: EXIT.ok, stderr: 'The session has ended.\n' });
    expect(await sessions()).toEqual(before);
    expect((await run(SEND, 'alice')).code).toBe(EXIT.usage);
    expect(await run(['logout'], 'alice')).toMatchObject({ code: EXIT.ok });
  });

  test('--everywhere takes the password, with a remembered session and without', async () => {
    for (const isRemembered of [true, false]) {
      await run(SEND, 'alice', PASSWORD);
      if (!isRemembered) state += '-other';
      expect((await run(['logout', '--everywhere'], 'alice', 'wrong password')).code).toBe(EXIT.loginFailed);
      expect(await sessions()).not.toEqual([]);
      expect(await run(['logout', '--everywhere'], 'alice', PASSWORD)).toMatchObject({ code: EXIT.ok });
      expect(await sessions()).toEqual([]);
    }
  });
});
