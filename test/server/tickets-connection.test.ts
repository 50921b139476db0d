// Tickets, resumption and the limit of sessions in the state machine. No sockets.
import { describe, expect, test } from '@jest/globals';
import type { Welcome } from '../../proto/index.js';
import type { DriverTicket } from '../support/client-driver.js';
import { bench, clock, createTimedBench, isClosedWith, member, request, resume } from '../support/session-bench.js';

describe('tickets', () => {
  test('welcome carries one; its secret is derived from the ticket key as PROTOCOL.md 9.1 says', async () => {
    const { welcome } = await member();
    const { crypto, keys } = bench;
    expect(welcome.ticketId.slice(0, 16)).toEqual(welcome.sessionId);
    const label = Buffer.from('\0\x13blindsalt.v1 ticket\0\x09localhost', 'latin1');
    const message = Uint8Array.from([...label, ...welcome.ticketId]);
    expect(welcome.ticketSecret).toEqual(crypto.hmacSha512(keys.ticketKeys[0]!.key, message));
    expect(welcome.proof).toHaveLength(0);
  });

  test('a resumption: the server proves itself, the session is the same, the ticket another', async () => {
    const { welcome, name } = await member(undefined, { deviceLabel: 'phone' });
    const connection = bench.connect({ subprotocols: ['chat'] });
    connection.frame(connection.client.resume(welcome));
    await connection.settle();
    expect(connection.client.isWelcomeProven(connection.frames[1]!, welcome)).toBe(true);
    const again = connection.client.take(connection.frames[1]!) as Welcome;
    expect(again).toMatchObject({ kind: 'welcome', username: name, subprotocol: 'chat', sessionId: welcome.sessionId });
    expect(again.userId).toEqual(welcome.userId);
    expect(again.ticketId).not.toEqual(welcome.ticketId);
    expect(connection.actions.at(-1)).toMatchObject({ isResumed: true, session: { epoch: 1, deviceLabel: 'phone' } });
  });

  test('lost answers lock nobody out; once a successor was used, its predecessor is dead and ends the session', async () => {
    const { welcome } = await member();
    const lost = await resume(welcome);
    const second = (await resume(welcome)).answer;
    // The successor that was given out first is dead too, but nobody had it: its answer was lost.
    expect(lost.answer.ticketId).not.toEqual(second.ticketId);
    const third = (await resume(second)).answer;
    expect(third.kind).toBe('welcome');
    const stolen = await resume(welcome);
    expect(stolen.answer).toMatchObject({ code: 'session-revoked' });
    isClosedWith(stolen.connection, 'session-revoked');
    expect(stolen.connection.actions).toContainEqual(
      expect.objectContaining({ do: 'log', level: 'warn', reason: 'ticket-reused' }),
    );
    expect((await resume(third)).answer).toMatchObject({ code: 'session-revoked' });
  });

  test('without the secret nothing happens, and nothing changes', async () => {
    const { welcome } = await member();
    const { crypto } = bench;
    const guesses: DriverTicket[] = [
      { ...welcome, ticketSecret: crypto.randomBytes(64) },
      { ...welcome, ticketId: crypto.randomBytes(32) },
      { ticketId: crypto.randomBytes(32), ticketSecret: crypto.randomBytes(64) },
    ];
    for (const guess of guesses) {
      const { connection } = await resume(guess);
      isClosedWith(connection, 'resume-failed');
      expect(connection.actions.some((action) => action.do === 'ask')).toBe(false);
    }
    expect((await resume(welcome)).answer.kind).toBe('welcome');
  });

  test('a proof is for one connection: its nonce, its target, its binding', async () => {
    const { welcome } = await member();
    const source = bench.connect();
    const frame = source.client.resume(welcome);
    const target = bench.connect();
    await request(target, frame);
    isClosedWith(target, 'resume-failed');

    const tlsExporter = new Uint8Array(32).fill(7);
    const binding = { type: 'tls-exporter', value: new Uint8Array(32).fill(8) };
    const relayed = await resume(welcome, { tlsExporter, binding });
    isClosedWith(relayed.connection, 'resume-failed');
    // The source itself may still send it: nothing was used up.
    expect(await request(source, frame)).toMatchObject({ kind: 'welcome' });
    await request(source, frame);
    isClosedWith(source, 'protocol-error');
  });

  test('the checks of starts apply: target, origin, nonce, count', async () => {
    const { welcome } = await member();
    isClosedWith((await resume(welcome, { target: 'evil.example:443' })).connection, 'target-refused');
    isClosedWith((await resume(welcome, { header: 'https://evil.example' })).connection, 'origin-refused');
    isClosedWith(
      (await resume(welcome, { isPlainLoopback: true, target: 'localhost:1' })).connection,
      'target-refused',
    );
    const connection = bench.connect();
    connection.frame(connection.client.resume(welcome, { clientNonce: connection.client.hello!.serverNonce }));
    isClosedWith(connection, 'protocol-error');
    const tired = bench.connect();
    for (let i = 0; i < bench.context.settings.limits.maxAttempts; i++) await tired.login('nobody');
    await request(tired, tired.client.resume(welcome));
    isClosedWith(tired, 'too-many-attempts');
  });

  test('ticket keys: older ones are accepted, new tickets are made with the first', async () => {
    const { welcome } = await member();
    const next = { id: bench.crypto.randomBytes(16), key: bench.crypto.randomBytes(64) };
    const keys = { ...bench.keys, ticketKeys: [next, ...bench.keys.ticketKeys] };
    const rotated = await createTimedBench({ store: bench.store, keys });
    const { answer } = await resume(welcome, {}, rotated);
    expect(answer.kind).toBe('welcome');
    isClosedWith((await resume(answer)).connection, 'resume-failed');
    expect((await resume(answer, {}, rotated)).answer.kind).toBe('welcome');
    const withoutOld = await createTimedBench({ store: bench.store, keys: { ...keys, ticketKeys: [next] } });
    isClosedWith((await resume(welcome, {}, withoutOld)).connection, 'resume-failed');
  });

  test('ends: expired, idle, revoked, disabled, deleted', async () => {
    const late = await member();
    clock.nowMs += bench.context.settings.limits.idleSeconds * 1000;
    isClosedWith((await resume(late.welcome)).connection, 'session-expired');

    const revoked = await member();
    await bench.store.endSessions({ sessionId: revoked.welcome.sessionId, reason: 'revoked', nowMs: clock.nowMs });
    isClosedWith((await resume(revoked.welcome)).connection, 'session-revoked');

    const disabled = await member();
    await bench.store.setUserStatus(disabled.welcome.userId, 'disabled');
    isClosedWith((await resume(disabled.welcome)).connection, 'account-disabled');

    const deleted = await member();
    await bench.store.deleteUser(deleted.welcome.userId);
    isClosedWith((await resume(deleted.welcome)).connection, 'account-disabled');
  });

  test('what is left of the absolute limit is told, whatever happened in between', async () => {
    const { welcome } = await member();
    expect(welcome.absoluteSeconds).toBe(86_400);
    clock.nowMs += 1_000_000;
    expect((await resume(welcome)).answer.absoluteSeconds).toBe(85_400);
  });
});

describe('limit of sessions', () => {
  test('end-oldest, and refuse', async () => {
    const small = await createTimedBench({ store: bench.store, keys: bench.keys, limits: { maxSessionsPerUser: 2 } });
    const { name, welcome } = await member();
    clock.nowMs += 1;
    for (let i = 0; i < 2; i++) expect((await small.connect().login(name)).kind).toBe('welcome');
    isClosedWith((await resume(welcome)).connection, 'session-revoked');

    const strict = await createTimedBench({
      store: bench.store,
      keys: bench.keys,
      limits: { maxSessionsPerUser: 2 },
      whenSessionsFull: 'refuse',
    });
    const third = strict.connect();
    await third.login(name);
    isClosedWith(third, 'too-many-sessions');
  });
});
