// The program of docs/operate.md that puts new keys in front: everybody still logs in, and moves to the new ones.
import { afterAll, expect, jest, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EXIT } from '../../src/cli/exit-codes.js';
import { blindsalt, serve, temporaryFolder, type RunningServer } from '../support/cli.js';
import { snippetsOf } from '../support/snippets.js';

jest.setTimeout(90_000);

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = temporaryFolder();
const data = path.join(folder.path, 'data');
const keyFile = path.join(data, 'keys.json');
let server: RunningServer;
afterAll(async () => {
  await server.stop();
  folder.remove();
});

interface Shown {
  readonly oprfSeeds: readonly { readonly id: string; readonly current: boolean }[];
  readonly serverKeys: Shown['oprfSeeds'];
  readonly ticketKeys: Shown['oprfSeeds'];
}
const shown = async (): Promise<Shown> =>
  JSON.parse((await blindsalt(['keys', 'show', '--data', data, '--json'])).stdout) as Shown;
const run = (command: string) =>
  blindsalt(
    [
      ...[command, `wss://localhost:${server.port}`, 'anna', '--ca', server.ca, '--password-stdin'],
      ...(command === 'login' ? ['--send', 'x'] : []),
    ],
    { input: 'correct horse battery\n' },
  );
const recordVersion = async (): Promise<number> => {
  const { stdout } = await blindsalt(['users', 'list', '--data', data, '--json']);
  return (JSON.parse(stdout) as { recordVersion: number }[])[0]!.recordVersion;
};

test('new keys come first, the old ones stay, and a login moves the account', async () => {
  server = await serve(data);
  expect(await run('signup')).toMatchObject({ code: EXIT.ok });
  await server.stop();
  const before = await shown();

  const [snippet] = snippetsOf('docs/operate.md').filter(({ text }) => text.includes('loadOrCreateKeys'));
  // In the package's own folder, where its name leads to what was built.
  const args = ['--input-type=module', '-e', snippet!.text, keyFile];
  await promisify(execFile)(process.execPath, args, { cwd: root });
  const after = await shown();
  for (const list of ['oprfSeeds', 'serverKeys', 'ticketKeys'] as const) {
    expect(after[list].map(({ current }) => current)).toEqual([true, false]);
    expect(after[list][1]!.id).toBe(before[list][0]!.id);
  }
  expect(statSync(keyFile).mode & 0o777).toBe(0o600);

  server = await serve(data);
  const version = await recordVersion();
  expect(await run('login')).toMatchObject({ code: EXIT.ok });
  expect(await recordVersion()).toBe(version + 1);
  expect(await run('login')).toMatchObject({ code: EXIT.ok });
  expect(await recordVersion()).toBe(version + 1);
});
