// Sessions from the client's side, over real WebSockets with a scripted server: honest, lying and failing.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { CLOSE } from '../../proto/close-codes.js';
import { WELCOME_FLAG } from '../../proto/constants.js';
import { memoryTickets, type BlindsaltError, type BlindsaltSocket, type TicketStore } from '../../src/client/node.js';
import { crypto } from './scripted-server.js';
import { ScriptedService } from '../support/scripted-service.js';

const PASSWORD = 'correct horse battery';
const ALICE = { username: 'alice', password: PASSWORD };
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

let service: ScriptedService;
beforeEach(async () => {
  service = new ScriptedService();
  await service.start();
  (await service.connect({ tickets: false }).signup(ALICE)).close();
  service.starts.length = 0;
});
afterEach(() => service.stop());

const closed = async (socket: BlindsaltSocket): Promise<number> => {
  const [event] = (await once(socket, 'close')) as [{ code: number }];
  return event.code;
};

describe('resume', () => {
  test('goes on with the session, again and again, by ticket alone', async () => {
    const server = service.connect();
    const first = await server.login(ALICE);
    expect(first.session.level).toBe('password');
    first.close();
    for (let i = 0; i < 3; i++) {
      const socket = await server.resume();
      expect(socket.session).toMatchObject({ sessionId: first.session.sessionId, username: 'alice', level: 'resumed' });
      socket.send(`hello ${i}`);
      socket.close();
      await closed(socket);
      expect(service.last.messages).toEqual([`hello ${i}`]);
    }
    expect(service.starts).toEqual(['loginStart', 'resume', 'resume', 'resume']);
  });

  test('without a ticket: no connection is opened', async () => {
    const { length } = service.starts;
    await expect(service.connect().resume()).rejects.toMatchObject({ code: 'resume-failed', reason: 'no-ticket' });
    const none = service.connect({ tickets: false });
    (await none.login(ALICE)).close();
    await expect(none.resume()).rejects.toMatchObject({ code: 'resume-failed' });
    expect(service.starts.length).toBe(length + 1);
  });

  test('a lost answer locks nobody out', async () => {
    const server = service.connect();
    (await server.login(ALICE)).close();
    service.mishaps.push('cut-welcome', 'cut-welcome');
    for (let i = 0; i < 2; i++) {
      await expect(server.resume()).rejects.toMatchObject({ code: 'connection-closed' });
    }
    const socket = await server.resume();
    expect(socket.session.level).toBe('resumed');
    socket.close();
    (await server.resume()).close();
  });

  test('at the same time: one after the other, with the ticket of the one before', async () => {
    const tickets = memoryTickets();
    (await service.connect({ tickets }).login(ALICE)).close();
    const sockets = await Promise.all([1, 2, 3].map(() => service.connect({ tickets }).resume()));
    for (const socket of sockets) socket.close();
    (await service.connect({ tickets }).resume()).close();
    expect(service.server.sessions.size).toBe(2);
  });

  test.each(['resume-failed', 'session-expired', 'session-revoked', 'account-disabled'])(
    '%s: the ticket is forgotten',
    async (error) => {
      const server = service.connect();
      (await server.login(ALICE)).close();
      service.mishaps.push({ error });
      await expect(server.resume()).rejects.toMatchObject({ code: error });
      await expect(server.resume()).rejects.toMatchObject({ reason: 'no-ticket' });
      (await server.login(ALICE)).close();
      (await server.resume()).close();
    },
  );

  test.each(['try-later', 'server-error', 'too-many-attempts'])('%s: the ticket stays', async (error) => {
    const server = service.connect();
    (await server.login(ALICE)).close();
    service.mishaps.push({ error, retryAfter: 3 });
    await expect(server.resume()).rejects.toMatchObject({ code: error, retryAfterMs: 3000 });
    (await server.resume()).close();
  });

  test('an old ticket, from a copy of the store, ends the session', async () => {
    const kept: Parameters<TicketStore['store']>[1][] = [];
    const memory = memoryTickets();
    const tickets: TicketStore = {
      ...memory,
      store: (name, ticket) => {
        kept.push({ ...ticket, secret: ticket.secret.slice() });
        return memory.store(name, ticket);
      },
    };
    const victim = service.connect({ tickets });
    (await victim.login(ALICE)).close();
    (await victim.resume()).close();
    (await victim.resume()).close();
    const thief = memoryTickets();
    await thief.store(`chat.example ${new URL(service.url).host}`, kept[0]!);
    await expect(service.connect({ tickets: thief }).resume()).rejects.toMatchObject({ code: 'session-revoked' });
    await expect(victim.resume()).rejects.toMatchObject({ code: 'session-revoked' });
  });

  describe('a server that lies is left before anything reaches the application, and the ticket stays', () => {
    test.each([
      ['proves with another secret', { ticketSecret: new Uint8Array(64).fill(1) }, 'server-proof'],
      ['sends no proof', { welcome: { proof: new Uint8Array(64) } }, 'server-proof'],
      ['proves for another purpose', { label: 'blindsalt.v1 resume client' }, 'server-proof'],
      ['resumes another session', { welcome: { sessionId: new Uint8Array(16).fill(1) } }, 'session'],
      ['names another user', { welcome: { userId: new Uint8Array(16).fill(1) } }, 'user'],
      ['chooses a subprotocol', { welcome: { subprotocol: 'evil' } }, 'subprotocol'],
    ] as const)('%s', async (_name, lies, reason) => {
      const server = service.connect();
      (await server.login(ALICE)).close();
      service.lies = lies;
      await expect(server.resume()).rejects.toMatchObject({ code: 'protocol-error', reason });
      service.lies = {};
      (await server.resume()).close();
    });
  });

  test('the ticket is kept before the socket is given out; a store that fails is reported and ends nothing', async () => {
    const events: string[] = [];
    const memory = memoryTickets();
    const tickets: TicketStore = {
      ...memory,
      store: async (name, ticket) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        await memory.store(name, ticket);
        events.push('stored');
      },
    };
    const server = service.connect({ tickets });
    const socket = await server.login(ALICE);
    events.push('given out');
    socket.close();
    expect(events).toEqual(['stored', 'given out']);

    const causes: unknown[] = [];
    const broken: TicketStore = { ...memory, store: () => Promise.reject(new Error('disk full')) };
    const other = service.connect({ tickets: broken, onTicketsUnavailable: (cause) => causes.push(cause) });
    (await other.resume()).close();
    expect(causes).toEqual([new Error('disk full')]);
    // What is in the store is still good.
    (await server.resume()).close();
  });

  test('messages that come right behind welcome wait for the ticket and the listener', async () => {
    const server = service.connect();
    (await server.login(ALICE)).close();
    const resuming = server.resume();
    const seen: unknown[] = [];
    const socket = await resuming;
    service.last.socket.send('first');
    await new Promise<void>((resolve) => {
      socket.onmessage = ({ data }) => {
        seen.push(data);
        resolve();
      };
    });
    expect(seen).toEqual(['first']);
    socket.close();
  });
});

describe('requests', () => {
  test('refresh: a new ticket, and what is left', async () => {
    const server = service.connect();
    const socket = await server.login(ALICE);
    await Promise.all([socket.refresh(), socket.refresh(), socket.refresh()]);
    expect(socket.session).toMatchObject({ idleSeconds: 1800, absoluteSeconds: 7200, level: 'password' });
    socket.close();
    (await server.resume()).close();
    expect(service.peers.at(-2)!.exchanges.received).toEqual(['refresh', 'refresh', 'refresh']);
  });

  test('stepUp after resume: the level; then the ticket that came with it', async () => {
    const server = service.connect();
    (await server.login(ALICE)).close();
    const socket = await server.resume();
    expect(socket.session.level).toBe('resumed');
    await socket.stepUp({ password: utf8(PASSWORD) });
    expect(socket.session.level).toBe('password');
    await socket.stepUp({ password: PASSWORD });
    socket.close();
    (await server.resume()).close();
    expect(service.server.sessions.size).toBe(2);
  });

  test('stepUp with a wrong password: the connection goes on, nothing was sent', async () => {
    const socket = await service.connect().login(ALICE);
    await expect(socket.stepUp({ password: 'wrong' })).rejects.toMatchObject({ code: 'login-failed' });
    await expect(socket.stepUp({ password: '' })).rejects.toMatchObject({ code: 'password-invalid' });
    expect(service.last.exchanges.received).toEqual(['stepUpStart']);
    await socket.stepUp({ password: PASSWORD });
    expect(service.last.exchanges.received).toEqual(['stepUpStart', 'stepUpStart', 'stepUpFinish']);
    socket.close();
  });

  test.each([
    ['another key', { signWith: crypto.oprf.deriveKeyPair(crypto.randomBytes(32), utf8('other')) }],
    ['another key id', { stepUpChallenge: { serverKeyId: new Uint8Array(16) } }],
  ])('stepUp with a server that has %s: looks like a wrong password from outside', async (_name, lies) => {
    const socket = await service.connect().login(ALICE);
    const { exchanges } = service.last;
    exchanges.lies = lies;
    await expect(socket.stepUp({ password: PASSWORD })).rejects.toMatchObject({ code: 'login-failed' });
    expect(exchanges.received).toEqual(['stepUpStart']);
    exchanges.lies = {};
    await socket.refresh();
    socket.close();
  });

  test('too many requests: told when to come again, and none goes out before', async () => {
    const socket = await service.connect().login(ALICE);
    const { exchanges } = service.last;
    exchanges.lies = { errors: { stepUpStart: 'try-later' } };
    await expect(socket.stepUp({ password: PASSWORD })).rejects.toMatchObject({ code: 'try-later' });
    exchanges.lies = { errors: { refresh: 'try-later' }, retryAfterSeconds: 1 };
    await expect(socket.refresh()).rejects.toMatchObject({
      code: 'try-later',
      retryAfterMs: 1000,
      closeCode: undefined,
    });
    const early: unknown = await socket.sessions().catch((error: unknown) => error);
    expect(early).toMatchObject({ code: 'try-later' });
    expect((early as BlindsaltError).retryAfterMs).toBeLessThanOrEqual(1000);
    expect(exchanges.received).toEqual(['stepUpStart', 'refresh']);
    await new Promise((resolve) => setTimeout(resolve, 1010));
    exchanges.lies = {};
    await socket.refresh();
    socket.close();
  });

  test.each([
    ['weak stretching', { stepUpChallenge: { ksfIterations: 1 } }, 'ksf-out-of-bounds'],
    ['short data', { stepUpChallenge: { mechanismData: new Uint8Array(64) } }, 'protocol-error'],
  ])('stepUp with a server that has %s: left with 4480', async (_name, lies, code) => {
    const socket = await service.connect().login(ALICE);
    service.last.exchanges.lies = lies;
    const left = once(service.last.socket, 'close');
    await expect(socket.stepUp({ password: PASSWORD })).rejects.toMatchObject({ code });
    expect((await left)[0]).toBe(CLOSE.clientLeft);
    await expect(socket.refresh()).rejects.toMatchObject({ code: 'connection-closed' });
  });

  test('changePassword: the old one is worthless, the new one and the new ticket work', async () => {
    const server = service.connect();
    const socket = await server.login(ALICE);
    service.last.exchanges.nextKey = crypto.oprf.deriveKeyPair(crypto.randomBytes(32), utf8('next'));
    await expect(socket.changePassword({ password: 'wrong', newPassword: 'another horse' })).rejects.toMatchObject({
      code: 'login-failed',
    });
    await expect(socket.changePassword({ password: PASSWORD, newPassword: 'short' })).rejects.toMatchObject({
      code: 'password-invalid',
    });
    await socket.changePassword({ password: PASSWORD, newPassword: 'another horse' });
    expect(service.last.exchanges.received.slice(1)).toEqual([
      'stepUpStart',
      'stepUpFinish',
      'reregisterStart',
      'reregisterFinish',
    ]);
    socket.close();
    (await server.resume()).close();
    await expect(server.login(ALICE)).rejects.toMatchObject({ code: 'login-failed' });
    (await server.login({ username: 'alice', password: 'another horse' })).close();
  });

  test.each([
    ['another key', { reregisterChallenge: { mechanismData: new Uint8Array(64) } }, 'protocol-error'],
    ['weak stretching', { reregisterChallenge: { ksfIterations: 1 } }, 'ksf-out-of-bounds'],
  ])('changePassword with a server that lies (%s): left', async (_name, lies, code) => {
    const socket = await service.connect().login(ALICE);
    service.last.exchanges.lies = lies;
    await expect(socket.changePassword({ password: PASSWORD, newPassword: 'another horse' })).rejects.toMatchObject({
      code,
    });
    expect(await closed(socket)).toBe(CLOSE.clientLeft);
  });

  test('a lost race for the record: an error, the session goes on with its latest ticket', async () => {
    const server = service.connect();
    const socket = await server.login(ALICE);
    service.last.exchanges.lies = { errors: { reregisterFinish: 'record-changed' } };
    await expect(socket.changePassword({ password: PASSWORD, newPassword: 'another horse' })).rejects.toMatchObject({
      code: 'record-changed',
    });
    await socket.refresh();
    socket.close();
    (await server.resume()).close();
  });

  test('sessions, revokeSession, revokeOtherSessions', async () => {
    const socket = await service.connect().login(ALICE);
    const list = await socket.sessions();
    expect(list).toEqual([
      {
        sessionId: '01'.repeat(16),
        deviceLabel: 'phone',
        createdAt: new Date(1_700_000_000_000),
        lastSeenAt: new Date(1_700_000_060_000),
        addressPrefix: '192.0.2.0/24',
        isCurrent: false,
      },
      expect.objectContaining({ isCurrent: true, sessionId: socket.session.sessionId }),
    ]);
    await socket.revokeSession(list[0]!.sessionId, { password: PASSWORD });
    expect(await socket.revokeOtherSessions()).toBe(7);
    await expect(socket.revokeSession('nonsense')).rejects.toMatchObject({ code: 'session-unknown' });
    service.last.exchanges.lies = { errors: { revoke: 'step-up-required' } };
    await expect(socket.revokeOtherSessions()).rejects.toMatchObject({ code: 'step-up-required' });
    await socket.refresh();
    socket.close();
  });

  test('logout: the ticket is forgotten, the server closes', async () => {
    const server = service.connect();
    const socket = await server.login(ALICE);
    await socket.logout();
    await expect(server.resume()).rejects.toMatchObject({ reason: 'no-ticket' });
    const other = await server.login(ALICE);
    service.onLogout = ({ socket: end }) => end.close(4450);
    await expect(other.logout({ everywhere: true, password: PASSWORD })).rejects.toMatchObject({ code: 'try-later' });
    (await server.resume()).close();
  });

  test('deleteAccount', async () => {
    const server = service.connect();
    const socket = await server.login(ALICE);
    await socket.deleteAccount({ password: PASSWORD });
    expect(service.last.exchanges.received).toEqual(['stepUpStart', 'stepUpFinish', 'deleteAccount']);
    await expect(server.resume()).rejects.toMatchObject({ reason: 'no-ticket' });
    socket.close();
  });

  test('what is asked while the connection ends rejects with why it ended', async () => {
    const socket = await service.connect().login(ALICE);
    service.last.exchanges.answers = () => [];
    const asked = [socket.refresh(), socket.sessions()];
    const results = Promise.allSettled(asked);
    service.last.notice({ kind: 'error', code: 'session-revoked', retryAfterSeconds: 0 });
    service.last.socket.close(4432, 'session-revoked');
    for (const result of await results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'session-revoked' } });
    }
    await expect(socket.refresh()).rejects.toMatchObject({ code: 'session-revoked' });
  });

  test('no answer in time: the connection is left, since the answer could come later', async () => {
    const socket = await service.connect({ timeoutMs: 1500 }).login(ALICE);
    service.last.exchanges.answers = () => [];
    await expect(socket.refresh()).rejects.toMatchObject({ code: 'timeout' });
    expect(await closed(socket)).toBe(CLOSE.clientLeft);
  });

  test('answers that nobody asked for, and wrong ones: left', async () => {
    for (const isAsked of [false, true]) {
      const socket = await service.connect().login(ALICE);
      service.last.exchanges.answers = () => [];
      const refreshing = isAsked
        ? expect(socket.refresh()).rejects.toMatchObject({ code: 'protocol-error' })
        : undefined;
      service.last.notice({ kind: 'done', count: 1 });
      expect(await closed(socket)).toBe(CLOSE.clientLeft);
      await refreshing;
    }
  });
});

describe('notices', () => {
  test('expiring, userchanged: also when they come right behind welcome', async () => {
    const socket = await service.connect().login(ALICE);
    const seen: unknown[] = [];
    socket.addEventListener('expiring', ({ secondsLeft, limit }) => seen.push([secondsLeft, limit]));
    socket.addEventListener('userchanged', ({ roles }) => seen.push(roles, socket.session.roles));
    service.last.notice({ kind: 'expiring', secondsLeft: 60, limit: 0 });
    service.last.notice({ kind: 'expiring', secondsLeft: 30, limit: 1 });
    service.last.notice({ kind: 'userChanged', roles: ['admin'] });
    await once(socket, 'userchanged');
    expect(seen).toEqual([[60, 'idle'], [30, 'absolute'], ['admin'], ['admin']]);
    socket.close();
  });
});

describe('re-registration that the server asks for', () => {
  beforeEach(() => {
    service.server.flags = WELCOME_FLAG.reregister;
  });

  test('is a part of login, and nobody is asked', async () => {
    const server = service.connect();
    const before = service.server.accounts.get('alice')!.record;
    const socket = await server.login(ALICE);
    expect(service.last.exchanges.received).toEqual(['reregisterStart', 'reregisterFinish']);
    expect(service.server.accounts.get('alice')!.record).not.toEqual(before);
    expect(socket.session.idleSeconds).toBe(1800);
    socket.close();
    (await server.resume()).close();
    service.server.flags = 0;
    (await server.login(ALICE)).close();
  });

  test('that fails for others’ reasons: the login succeeds', async () => {
    for (const kind of ['reregisterStart', 'reregisterFinish']) {
      service.exchangeLies = { errors: { [kind]: 'record-changed' } };
      const socket = await service.connect().login(ALICE);
      await socket.refresh();
      socket.close();
    }
  });

  test('with a server that lies: the login fails', async () => {
    service.exchangeLies = { signWith: crypto.oprf.deriveKeyPair(crypto.randomBytes(32), utf8('other')) };
    await expect(service.connect().login(ALICE)).rejects.toMatchObject({ reason: 'server-proof' });
  });
});
