// The restore drill of docs/operate.md: a copy made while the server runs, keys from elsewhere, and everything works.
import { afterAll, expect, jest, test } from '@jest/globals';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { EXIT } from '../../src/cli/exit-codes.js';
import { loadDriver } from '../../src/server/store/sqlite-driver.js';
import { blindsalt, serve, temporaryFolder, type RunningServer } from '../support/cli.js';

jest.setTimeout(90_000);

const folder = temporaryFolder();
const input = 'correct horse battery\n';
const data = path.join(folder.path, 'data');
const drill = path.join(folder.path, 'drill');
let server: RunningServer;
afterAll(async () => {
  await server.stop();
  folder.remove();
});

const run = (command: string, name: string) =>
  blindsalt(
    [
      ...[command, `wss://localhost:${server.port}`, name, '--ca', server.ca, '--password-stdin'],
      ...(command === 'login' ? ['--send', 'x'] : []),
    ],
    { input },
  );

test('a backup made while the server runs, with the keys, verifies and lets people log in', async () => {
  server = await serve(data);
  expect(await run('signup', 'anna')).toMatchObject({ code: EXIT.ok });
  mkdirSync(drill, { mode: 0o700 });
  // As `.backup` does it: what was committed, without stopping anybody.
  const db = (await loadDriver())(path.join(data, 'blindsalt.db'));
  db.exec(`VACUUM INTO '${path.join(drill, 'blindsalt.db')}'`);
  db.close();
  copyFileSync(path.join(data, 'keys.json'), path.join(drill, 'keys.json'));
  expect(await run('signup', 'late')).toMatchObject({ code: EXIT.ok });
  await server.stop();
  const head = /head (\d+:[0-9a-f]{64})/.exec((await blindsalt(['audit', 'verify', '--data', data])).stdout)![1]!;

  expect(await blindsalt(['audit', 'verify', '--data', drill])).toMatchObject({ code: EXIT.ok });
  // It ends earlier than is known from elsewhere.
  const expected = await blindsalt(['audit', 'verify', '--data', drill, '--expect', head]);
  expect(expected).toMatchObject({ code: EXIT.auditInvalid });
  expect((await blindsalt(['users', 'list', '--json', '--data', drill])).stdout).toMatch(/"anna"/);
  server = await serve(drill);
  expect(await run('login', 'anna')).toMatchObject({ code: EXIT.ok });
  expect(await run('login', 'late')).toMatchObject({ code: EXIT.loginFailed });
});
