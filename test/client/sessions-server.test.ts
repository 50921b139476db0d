// Sessions of the client against the real server and store.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  connect,
  fileTickets,
  memoryTickets,
  type BlindsaltSocket,
  type Connector,
  type NodeConnectOptions,
} from '../../src/client/node.js';
import { startAuthenticatedServer, type AuthenticatedServer } from '../support/authenticated-server.js';

const PASSWORD = 'correct horse battery';
let server: AuthenticatedServer;
let users = 0;
beforeAll(async () => {
  server = await startAuthenticatedServer({ limits: { expiryWarningSeconds: 1 } });
  server.wss.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
  });
});
afterAll(() => server.stop());

interface Account {
  readonly credentials: { readonly username: string; readonly password: string };
  device(options?: NodeConnectOptions): Connector;
}

async function account(): Promise<Account> {
  const credentials = { username: `user${(users += 1)}`, password: PASSWORD };
  const device = (options: NodeConnectOptions = {}): Connector => connect(server.url, { ca: server.ca, ...options });
  await (await device({ tickets: false }).signup(credentials)).logout();
  return { credentials, device };
}

const closeOf = async (socket: BlindsaltSocket): Promise<number> =>
  ((await once(socket, 'close')) as [{ code: number }])[0].code;

async function echo(socket: { send(data: string): void } & EventTarget, text: string): Promise<unknown> {
  const heard = once(socket, 'message') as Promise<[MessageEvent]>;
  socket.send(text);
  return (await heard)[0].data as unknown;
}

describe('resume', () => {
  test('goes on with the session; the earlier connection is closed with 4435', async () => {
    const { credentials, device } = await account();
    const phone = device();
    const first = await phone.login(credentials);
    const replaced = closeOf(first);
    const second = await phone.resume();
    expect(await replaced).toBe(4435);
    expect(second.session).toMatchObject({ sessionId: first.session.sessionId, level: 'resumed' });
    expect(await echo(second, 'hello')).toBe('hello');
    second.close();
    const third = await phone.resume();
    expect(third.session.sessionId).toBe(first.session.sessionId);
    third.close();
  });

  test('by a file, as another process would', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'blindsalt-sessions-'));
    try {
      const { credentials, device } = await account();
      const file = path.join(folder, 'tickets.json');
      const before = fileTickets(file);
      const socket = await device({ tickets: before }).login(credentials);
      socket.close();
      await before.close();
      const after = fileTickets(file);
      const resumed = await device({ tickets: after }).resume();
      expect(resumed.session.sessionId).toBe(socket.session.sessionId);
      await resumed.logout();
      await after.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a copied ticket, used after its owner has gone on: the session ends for both', async () => {
    const { credentials, device } = await account();
    const own = memoryTickets();
    const stolen = memoryTickets();
    const tickets = {
      ...own,
      store: async (name: string, ticket: Parameters<typeof own.store>[1]) => {
        if ((await stolen.load(name)) === undefined) await stolen.store(name, ticket);
        await own.store(name, ticket);
      },
    };
    const owner = device({ tickets });
    (await owner.login(credentials)).close();
    (await owner.resume()).close();
    (await owner.resume()).close();
    await expect(device({ tickets: stolen }).resume()).rejects.toMatchObject({ code: 'session-revoked' });
    await expect(owner.resume()).rejects.toMatchObject({ code: 'session-revoked' });
    await expect(owner.resume()).rejects.toMatchObject({ reason: 'no-ticket' });
  });
});

describe('requests', () => {
  test('refresh, stepUp; a wrong password at that', async () => {
    const { credentials, device } = await account();
    const phone = device();
    (await phone.login(credentials)).close();
    const socket = await phone.resume();
    await socket.refresh();
    await expect(socket.stepUp({ password: 'wrong' })).rejects.toMatchObject({ code: 'login-failed' });
    await socket.stepUp({ password: PASSWORD });
    expect(socket.session.level).toBe('password');
    expect(await echo(socket, 'still here')).toBe('still here');
    socket.close();
    (await phone.resume()).close();
  });

  test('changePassword ends the others, if wanted', async () => {
    const { credentials, device } = await account();
    const [phone, laptop] = [device(), device()];
    const other = await laptop.login(credentials);
    const socket = await phone.login(credentials);
    await socket.changePassword({ password: PASSWORD, newPassword: 'another horse', endOtherSessions: false });
    expect(await echo(other, 'not kicked')).toBe('not kicked');
    const ended = closeOf(other);
    await socket.changePassword({ password: 'another horse', newPassword: 'a third horse' });
    expect(await ended).toBe(4432);
    await expect(laptop.resume()).rejects.toMatchObject({ code: 'session-revoked' });
    await expect(laptop.login(credentials)).rejects.toMatchObject({ code: 'login-failed' });
    (await laptop.login({ ...credentials, password: 'a third horse' })).close();
    socket.close();
    (await phone.resume()).close();
  });

  test('sessions, revokeSession, revokeOtherSessions', async () => {
    const { credentials, device } = await account();
    const socket = await device({ deviceLabel: 'phone' }).login(credentials);
    const others = await Promise.all(['a', 'b'].map((deviceLabel) => device({ deviceLabel }).login(credentials)));
    const list = await socket.sessions();
    expect(list.map(({ deviceLabel }) => deviceLabel).sort()).toEqual(['a', 'b', 'phone']);
    expect(list.find(({ isCurrent }) => isCurrent)?.sessionId).toBe(socket.session.sessionId);
    const ended = others.map(closeOf);
    await socket.revokeSession(others[0]!.session.sessionId, { password: PASSWORD });
    expect(await ended[0]).toBe(4432);
    expect(await socket.revokeOtherSessions({ password: PASSWORD })).toBe(1);
    expect(await ended[1]).toBe(4432);
    await expect(socket.revokeSession(others[0]!.session.sessionId)).rejects.toMatchObject({ code: 'session-unknown' });
    expect((await socket.sessions()).length).toBe(1);
    socket.close();
  });

  test('revokeOtherSessions after a resume needs a fresh proof', async () => {
    const { credentials, device } = await account();
    const [phone, laptop] = [device(), device()];
    const other = await laptop.login(credentials);
    (await phone.login(credentials)).close();
    const socket = await phone.resume();
    await expect(socket.revokeOtherSessions()).rejects.toMatchObject({ code: 'step-up-required' });
    await expect(socket.logout({ everywhere: true })).rejects.toMatchObject({ code: 'step-up-required' });
    expect(await echo(other, 'still here')).toBe('still here');
    const ended = closeOf(other);
    expect(await socket.revokeOtherSessions({ password: PASSWORD })).toBe(1);
    expect(await ended).toBe(4432);
    socket.close();
  });

  test('logout everywhere, after a resume', async () => {
    const { credentials, device } = await account();
    const phone = device();
    (await phone.login(credentials)).close();
    const socket = await phone.resume();
    await socket.logout({ everywhere: true, password: PASSWORD });
    await expect(phone.resume()).rejects.toMatchObject({ reason: 'no-ticket' });
  });

  test('deleteAccount', async () => {
    const { credentials, device } = await account();
    const socket = await device().login(credentials);
    const closing = closeOf(socket);
    await socket.deleteAccount({ password: PASSWORD });
    expect(await closing).toBe(1000);
    await expect(device().login(credentials)).rejects.toMatchObject({ code: 'login-failed' });
    (await device().signup(credentials)).close();
  });
});

describe('reconnecting', () => {
  test('over restarts of the connection, revocation and the end of the account', async () => {
    const { credentials, device } = await account();
    const reasons: unknown[] = [];
    const socket = device().reconnecting({
      initialDelayMs: 10,
      credentials: (reason) => {
        reasons.push(reason?.code);
        return reason?.code === 'account-disabled' ? undefined : credentials;
      },
    });
    await once(socket, 'authenticated');
    const resumed = once(socket, 'resumed');
    for (const client of server.wss.clients) client.terminate();
    await resumed;
    expect(await echo(socket, 'again')).toBe('again');

    const { admin } = server.engine;
    const revoked = once(socket, 'revoked');
    const authenticated = once(socket, 'authenticated');
    await admin.endSessions(credentials.username);
    await revoked;
    await authenticated;
    const closed = once(socket, 'close') as Promise<[{ code: number }]>;
    await admin.disableUser(credentials.username);
    await closed;
    expect(reasons).toEqual([undefined, 'session-revoked', 'account-disabled']);
  });
});
