import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { CLOSE } from '../../proto/index.js';
import { EXIT } from '../../src/cli/exit-codes.js';
import { connect } from '../../src/client/node.js';
import { blindsalt, serve, temporaryFolder, type Finished, type RunningServer } from '../support/cli.js';

// The command line administers in a process of its own; the sockets belong to the running server.
jest.setTimeout(90_000);

const folder = temporaryFolder();
const data = path.join(folder.path, 'data');
const credentials = { username: 'alice', password: 'correct horse battery' };
let server: RunningServer;

beforeAll(async () => {
  server = await serve(data);
  (await dial().signup(credentials)).close();
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});

const dial = (deviceLabel = 'test') =>
  connect(server.url.replace('https', 'wss'), { domain: 'localhost', ca: readFileSync(server.ca), deviceLabel });
const admin = (...args: string[]): Promise<Finished> => blindsalt([...args, '--data', data]);
const open = async (label: string) => {
  const socket = await dial(label).login(credentials);
  const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
  return { socket, closed };
};
interface Listed {
  readonly sessionId: string;
  readonly deviceLabel: string;
}
const listed = async (): Promise<readonly Listed[]> =>
  JSON.parse((await admin('sessions', 'list', 'alice', '--json')).stdout) as Listed[];

describe('sessions of a running server', () => {
  test('are listed, and one that is revoked closes with its code while others go on', async () => {
    const [phone, laptop] = [await open('phone'), await open('laptop')];
    const rows = await listed();
    expect(rows.map((row) => row.deviceLabel)).toEqual(expect.arrayContaining(['phone', 'laptop']));
    expect((await admin('sessions', 'list', 'alice')).stdout).toContain(phone.socket.session.sessionId);

    const { code, stderr } = await admin('sessions', 'revoke', 'alice', phone.socket.session.sessionId);
    expect(stderr).toContain('1 session of alice ended.');
    expect(code).toBe(EXIT.ok);
    expect(await phone.closed).toBe(CLOSE.sessionRevoked);
    expect(laptop.socket.readyState).toBe(laptop.socket.OPEN);

    expect(await admin('sessions', 'revoke', 'alice')).toMatchObject({ code: EXIT.ok });
    expect(await laptop.closed).toBe(CLOSE.sessionRevoked);
    expect(await listed()).toEqual([]);
  });

  test('close when the user is disabled', async () => {
    const { closed } = await open('phone');
    expect(await admin('users', 'disable', 'alice')).toMatchObject({ code: EXIT.ok });
    expect(await closed).toBe(CLOSE.accountDisabled);
    expect(await admin('users', 'enable', 'alice')).toMatchObject({ code: EXIT.ok });
  });

  test('wrong ids and names', async () => {
    expect(await admin('sessions', 'revoke', 'alice', 'zz')).toMatchObject({ code: EXIT.usage });
    const unknown = await admin('sessions', 'revoke', 'alice', '0'.repeat(32));
    expect(unknown).toMatchObject({ code: EXIT.refused, stderr: expect.not.stringContaining('ended.') });
    expect(await admin('sessions', 'list', 'nobody')).toMatchObject({ code: EXIT.refused });
  });
});
