import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.js';
import { connect } from '../../src/client/node.js';
import { blindsalt, serve, temporaryFolder, type Finished, type RunningServer } from '../support/cli.js';

// The command line forgets what a server in another process has counted.
jest.setTimeout(90_000);

const folder = temporaryFolder();
const data = path.join(folder.path, 'data');
let server: RunningServer;

beforeAll(async () => {
  server = await serve(data);
  (await dial().signup({ username: 'alice', password: 'correct horse battery' })).close();
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});

/** An unknown device. */
const dial = () =>
  connect(server.url.replace('https', 'wss'), { domain: 'localhost', ca: readFileSync(server.ca), tickets: false });
const logIn = (password: string): Promise<string> =>
  dial()
    .login({ username: 'alice', password })
    .then(
      (socket) => (socket.close(), 'welcome'),
      (error: { code: string }) => error.code,
    );
const unlock = (...args: string[]): Promise<Finished> => blindsalt(['users', 'unlock', ...args, '--data', data]);

test('users unlock shows what is counted, forgets it, and the running server lets the owner in', async () => {
  expect((await unlock('alice')).stderr).toBe('Nothing is counted against alice.\n');

  let answer = await logIn('wrong horse battery');
  for (let tried = 1; answer !== 'try-later' && tried < 60; tried++) answer = await logIn('wrong horse battery');
  expect(answer).toBe('try-later');
  expect(await logIn('correct horse battery')).toBe('try-later');
  // What a server counts is in the store within a second.
  await delay(1500);

  const { until, forgotten } = JSON.parse((await unlock('alice', '--dry-run', '--json')).stdout) as {
    readonly until: string;
    readonly forgotten: number;
  };
  expect(Date.parse(until)).toBeGreaterThan(Date.now());
  expect(forgotten).toBe(0);
  expect((await unlock('alice', '--dry-run')).stderr).toContain(`counted against alice until ${until}.`);
  expect(await logIn('correct horse battery')).toBe('try-later');

  const { code, stderr } = await unlock('alice');
  expect(stderr).toMatch(/^alice may be tried again: \d+ counters? forgotten\.\n$/);
  expect(code).toBe(EXIT.ok);
  // And what another process forgets, a server within a second.
  for (let tried = 0; tried < 20 && answer !== 'welcome'; tried++) {
    await delay(250);
    answer = await logIn('correct horse battery');
  }
  expect(answer).toBe('welcome');
  expect(JSON.parse((await unlock('alice', '--json')).stdout)).toMatchObject({ username: 'alice', until: null });
});

test('users unlock of what is no name, and without a server', async () => {
  expect(await unlock('')).toMatchObject({ code: EXIT.refused });
  const { code, stderr } = await blindsalt(['users', 'unlock', 'alice', '--data', path.join(folder.path, 'none')]);
  expect(stderr).toMatch(/^blindsalt: store-failed: /);
  expect(code).toBe(EXIT.local);
});
