// Clients keep what makes their device known, and show it, by themselves: over TLS, with the real server.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { MAX_DEVICES } from '../../src/client/devices.js';
import { connect, fileTickets, memoryTickets, type FileTickets, type TicketStore } from '../../src/client/node.js';
import { PASSWORD, startAuthenticatedServer, type AuthenticatedServer } from '../support/authenticated-server.js';

const OTHER = 'another horse battery';

let server: AuthenticatedServer;
let folder: string;
const files: FileTickets[] = [];

beforeAll(async () => {
  server = await startAuthenticatedServer({
    throttle: { account: { burst: 2, seconds: 600 }, newcomers: { burst: 1, seconds: 600 } },
  });
  folder = await mkdtemp(join(tmpdir(), 'blindsalt-devices-'));
}, 30_000);
afterEach(async () => {
  for (const file of files.splice(0)) await file.close();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const connector = (tickets: TicketStore | false = memoryTickets()) => connect(server.url, { ca: server.ca, tickets });

async function logIn(tickets: TicketStore | false, username: string, password = PASSWORD): Promise<void> {
  const socket = await connector(tickets).login({ username, password });
  socket.close();
}

async function besiege(username: string): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await expect(logIn(memoryTickets(), username, 'wrong horse battery')).rejects.toMatchObject({
      code: 'login-failed',
    });
  }
  const error = await logIn(memoryTickets(), username).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'try-later' });
  expect((error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(500_000);
}

describe('a client that has logged in before gets in while strangers besiege the account', () => {
  test('with tickets in memory', async () => {
    const tickets = memoryTickets();
    (await connector(tickets).signup({ username: 'mem', password: PASSWORD })).close();
    await besiege('mem');
    for (let i = 0; i < 3; i++) await logIn(tickets, 'mem');
    // As it was typed.
    await logIn(tickets, 'MEM');
  }, 30_000);

  test('with tickets in a file, by another process later', async () => {
    const path = join(folder, 'tickets.json');
    const first = fileTickets(path);
    (await connector(first).signup({ username: 'fil', password: PASSWORD })).close();
    await first.close();
    await besiege('fil');
    const second = fileTickets(path);
    files.push(second);
    await logIn(second, 'fil');
    expect(Object.keys(JSON.parse(await readFile(path, 'utf8')) as object)).toEqual([
      'blindsalt',
      'tickets',
      'devices',
    ]);
  }, 30_000);

  test('without tickets, for as long as the connector lives', async () => {
    const connection = connector(false);
    (await connection.signup({ username: 'non', password: PASSWORD })).close();
    await besiege('non');
    (await connection.login({ username: 'non', password: PASSWORD })).close();
  }, 30_000);

  test('after a logout, and after it changed the password; another device of the account is unknown then', async () => {
    const [here, there] = [memoryTickets(), memoryTickets()];
    (await connector(here).signup({ username: 'chg', password: PASSWORD })).close();
    await logIn(there, 'chg');
    const socket = await connector(here).login({ username: 'chg', password: PASSWORD });
    await socket.changePassword({ password: PASSWORD, newPassword: OTHER });
    await socket.logout();
    await besiege('chg');
    await logIn(here, 'chg', OTHER);
    await expect(logIn(there, 'chg', OTHER)).rejects.toMatchObject({ code: 'try-later' });
  }, 30_000);

  test('a store that keeps no devices, or fails, makes it a stranger and ends nothing', async () => {
    const { load, store, remove } = memoryTickets();
    (await connector({ load, store, remove }).signup({ username: 'own', password: PASSWORD })).close();
    const broken: TicketStore = { ...memoryTickets(), loadDevices: () => Promise.reject(new Error('broken')) };
    await logIn(broken, 'own');
  }, 30_000);

  test('an account that was deleted leaves no device', async () => {
    const tickets = memoryTickets();
    const socket = await connector(tickets).signup({ username: 'del', password: PASSWORD });
    const name = `localhost localhost:${server.port}`;
    expect((await tickets.loadDevices!(name)).length).toBe(1);
    await socket.deleteAccount({ password: PASSWORD });
    expect(await tickets.loadDevices!(name)).toEqual([]);
  }, 30_000);
});

describe.each(['memory', 'file'])('a store of devices: %s', (kind) => {
  const open = (): TicketStore => {
    if (kind === 'memory') return memoryTickets();
    const file = fileTickets(join(folder, `${Math.random()}.json`));
    files.push(file);
    return file;
  };
  const device = (n: number, username = `user${n}`) => ({
    username,
    deviceId: new Uint8Array(16).fill(n),
    deviceSecret: new Uint8Array(32).fill(n),
  });

  test('keeps one for each account, those used last, by server', async () => {
    const store = open();
    for (let n = 0; n < MAX_DEVICES + 3; n++) await store.storeDevice!('one', device(n));
    await store.storeDevice!('one', device(99, 'user5'));
    await store.storeDevice!('two', device(1));
    const kept = await store.loadDevices!('one');
    expect(kept.length).toBe(MAX_DEVICES);
    expect(kept.find(({ username }) => username === 'user5')).toEqual(device(99, 'user5'));
    expect(kept.some(({ username }) => username === 'user0')).toBe(false);
    expect(await store.loadDevices!('two')).toEqual([device(1)]);
    await store.removeDevice!('one', 'user5');
    expect((await store.loadDevices!('one')).length).toBe(MAX_DEVICES - 1);
    expect(await store.loadDevices!('three')).toEqual([]);
  });

  test('copies, and leaves tickets alone', async () => {
    const store = open();
    const given = device(1);
    await store.storeDevice!('one', given);
    given.deviceSecret.fill(0);
    expect((await store.loadDevices!('one'))[0]).toEqual(device(1));
    const ticket = { id: new Uint8Array(32), secret: new Uint8Array(64), userId: new Uint8Array(16), username: 'a' };
    await store.store('one', ticket);
    expect((await store.loadDevices!('one')).length).toBe(1);
    await store.remove('one');
    expect((await store.loadDevices!('one')).length).toBe(1);
    expect(await store.load('one')).toBeUndefined();
  });
});
