// What may be asked for after welcome, in the state machine. No sockets.
import { describe, expect, test } from '@jest/globals';
import {
  CLOSE,
  decodeControl,
  encodeControl,
  REVOKE_SCOPE,
  type LifeFields,
  type Message,
  type Welcome,
} from '../../proto/index.js';
import {
  ask,
  bench,
  clock,
  createTimedBench,
  isClosedWith,
  member,
  request,
  resume,
  stepUp,
} from '../support/session-bench.js';

describe('requests', () => {
  test('refresh: the next ticket, and the life that is left', async () => {
    const { connection, welcome } = await member();
    clock.nowMs += 10_000;
    const first = (await ask(connection, { kind: 'refresh' })) as LifeFields & Message;
    expect(first).toMatchObject({ kind: 'refreshed', idleSeconds: 3600, absoluteSeconds: 86_390 });
    expect(first.ticketId).not.toEqual(welcome.ticketId);
    const second = (await ask(connection, { kind: 'refresh' })) as LifeFields & Message;
    expect(second.kind).toBe('refreshed');
    // The one before the last is still current; the one before that is dead.
    expect((await resume(first)).answer.kind).toBe('welcome');
    expect((await resume(welcome)).answer).toMatchObject({ code: 'session-revoked' });
  });

  test('one at a time', async () => {
    const { connection } = await member();
    connection.frame(encodeControl({ kind: 'refresh' }));
    connection.frame(encodeControl({ kind: 'sessionsList' }));
    isClosedWith(connection, 'protocol-error');
  });

  test('finishes without a challenge, and starts of a login, are refused', async () => {
    const proof = new Uint8Array(64);
    for (const message of [
      { kind: 'stepUpFinish', proof },
      { kind: 'reregisterFinish', record: new Uint8Array(192), endOthers: 0, oldProof: proof, newProof: proof },
      { kind: 'loginFinish', proof },
    ] as const) {
      const { connection } = await member();
      await ask(connection, message);
      isClosedWith(connection, 'protocol-error');
    }
    const { connection, welcome } = await member();
    await request(connection, connection.client.resume(welcome));
    isClosedWith(connection, 'protocol-error');
  });

  test('before welcome there are none', async () => {
    const connection = bench.connect();
    await ask(connection, { kind: 'sessionsList' });
    isClosedWith(connection, 'protocol-error');
  });

  test('a minute’s worth of requests at once, then as they are refilled: try-later, and a close if that is ignored', async () => {
    const timed = await createTimedBench({ limits: { requestsPerMinute: 3 } });
    const { connection } = await member(undefined, {}, timed);
    const list = () => ask(connection, { kind: 'sessionsList' });
    for (let i = 0; i < 3; i++) expect((await list()).kind).toBe('sessionEntry');
    expect(await list()).toEqual({ kind: 'error', code: 'try-later', retryAfterSeconds: 20 });
    expect(connection.close).toBeUndefined();
    clock.stopwatchMs += 20_000;
    expect((await list()).kind).toBe('sessionEntry');
    expect(await list()).toMatchObject({ code: 'try-later', retryAfterSeconds: 20 });
    // A calendar that is set does not matter.
    clock.nowMs += 60_000;
    clock.stopwatchMs += 19_000;
    expect(await list()).toMatchObject({ code: 'try-later', retryAfterSeconds: 1 });
    isClosedWith(connection, 'try-later');
  });

  test('list and revoke: one, the others, all; another user’s is unknown', async () => {
    const { connection, welcome, name } = await member(undefined, { deviceLabel: 'first' });
    const others = [bench.connect({ deviceLabel: 'second' }), bench.connect({ deviceLabel: 'third' })];
    const welcomes: Welcome[] = [];
    for (const other of others) welcomes.push((await other.login(name)) as Welcome);
    const before = connection.frames.length;
    await ask(connection, { kind: 'sessionsList' });
    const entries = connection.frames.slice(before).map((frame) => decodeControl(frame, 'server'));
    expect(entries).toHaveLength(4);
    expect(entries.at(-1)).toMatchObject({ kind: 'sessionEntry', sessionId: new Uint8Array(0) });
    const seconds = Math.floor(clock.nowMs / 1000);
    const common = { createdAtSeconds: seconds, lastSeenAtSeconds: seconds, addressPrefix: '192.0.2.0/24' };
    for (const [deviceLabel, current] of [
      ['first', 1],
      ['second', 0],
      ['third', 0],
    ] as const) {
      expect(entries).toContainEqual(expect.objectContaining({ ...common, deviceLabel, current }));
    }
    const revoke = (scope: number, sessionId: Uint8Array = new Uint8Array(0)) =>
      ask(connection, { kind: 'revoke', scope, sessionId });
    const stranger = await member();
    expect(await revoke(REVOKE_SCOPE.one, stranger.welcome.sessionId)).toMatchObject({ code: 'session-unknown' });
    expect((await resume(stranger.welcome)).answer.kind).toBe('welcome');
    expect(await revoke(REVOKE_SCOPE.one, welcomes[0]!.sessionId)).toEqual({ kind: 'done', count: 1 });
    expect(await revoke(REVOKE_SCOPE.one, welcomes[0]!.sessionId)).toMatchObject({ code: 'session-unknown' });
    expect(await revoke(REVOKE_SCOPE.others)).toEqual({ kind: 'done', count: 1 });
    expect((await resume(welcomes[1]!)).answer).toMatchObject({ code: 'session-revoked' });
    expect(connection.close).toBeUndefined();
    expect(await revoke(REVOKE_SCOPE.all)).toEqual({ kind: 'done', count: 1 });
    isClosedWith(connection, 'session-revoked');
    expect((await resume(welcome)).answer).toMatchObject({ code: 'session-revoked' });
  });

  test('revoke: an id goes with scope 0 only', async () => {
    for (const [scope, length] of [
      [0, 0],
      [1, 16],
      [2, 16],
    ] as const) {
      const { connection } = await member();
      await ask(connection, { kind: 'revoke', scope, sessionId: new Uint8Array(length) });
      isClosedWith(connection, 'protocol-error');
    }
  });

  test('logout, here and everywhere', async () => {
    const { connection, welcome, name } = await member();
    const other = bench.connect();
    const theirs = (await other.login(name)) as Welcome;
    connection.frame(encodeControl({ kind: 'logout', everywhere: 0 }));
    await connection.settle();
    expect(connection.close).toEqual({ code: CLOSE.normal, reason: '' });
    expect((await resume(welcome)).answer).toMatchObject({ code: 'session-revoked' });
    const third = await resume(theirs);
    expect(third.answer.kind).toBe('welcome');
    third.connection.client.take(third.connection.frames[1]!);
    expect(await stepUp(third.connection, third.answer)).toMatchObject({ kind: 'steppedUp' });
    third.connection.frame(encodeControl({ kind: 'logout', everywhere: 1 }));
    await third.connection.settle();
    expect(third.connection.close).toEqual({ code: CLOSE.normal, reason: '' });
    expect(await bench.store.listSessions(welcome.userId, clock.nowMs)).toEqual([]);
  });

  test('delete: the user is gone, and how many sessions', async () => {
    const { connection, name } = await member();
    await bench.connect().login(name);
    expect(await ask(connection, { kind: 'deleteAccount' })).toEqual({ kind: 'done', count: 2 });
    expect(connection.close).toEqual({ code: CLOSE.normal, reason: '' });
    expect(await bench.store.findUser(name)).toBeUndefined();
  });

  test('a session that ends while a request is under way', async () => {
    const { connection } = await member();
    connection.frame(encodeControl({ kind: 'refresh' }));
    connection.step({ type: 'ended', reason: 'user-disabled' });
    isClosedWith(connection, 'account-disabled');
    expect(await connection.settle()).toEqual([]);

    const revoking = await member();
    revoking.connection.frame(encodeControl({ kind: 'revoke', scope: 1, sessionId: new Uint8Array(0) }));
    revoking.connection.step({ type: 'ended', reason: 'revoked' });
    expect(revoking.connection.close).toBeUndefined();
    await revoking.connection.settle();
    isClosedWith(revoking.connection, 'session-revoked');
  });
});
