// Sessions in the state machine: tickets, resumption, and what may be asked for after welcome. No sockets.
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  CLOSE,
  closeCodeOf,
  DEFAULT_KSF,
  decodeControl,
  encodeControl,
  LIMITS,
  REVOKE_SCOPE,
  WELCOME_FLAG,
  type LifeFields,
  type Message,
  type Welcome,
  type WireErrorCode,
} from '../../proto/index.js';
import type { ServerKeys } from '../../src/server/index.js';
import { createBench, type Bench, type BenchConnection, type ConnectOptions } from '../support/connection-bench.js';
import { makeServerKeys } from '../support/server-keys.js';
import { replaceRecord } from '../support/store-fixtures.js';
import type { DriverTicket } from '../support/client-driver.js';

let nowMs = 1_700_000_000_000;
let stopwatchMs = 0;
let bench: Bench;
let names = 0;
const freshName = (): string => `user${++names}`;

const createTimedBench = (change: Parameters<typeof createBench>[0] = {}): Promise<Bench> =>
  createBench({ now: () => nowMs, monotonicMs: () => stopwatchMs, ...change });

beforeAll(async () => {
  bench = await createTimedBench();
});

async function member(name = freshName(), options: ConnectOptions = {}, at = bench) {
  const connection = at.connect(options);
  const welcome = (await connection.signup(name)) as Welcome;
  expect(welcome.kind).toBe('welcome');
  return { connection, welcome, name };
}

async function resume(ticket: DriverTicket, options: ConnectOptions = {}, at = bench) {
  const connection = at.connect(options);
  const answer = await request(connection, connection.client.resume(ticket));
  return { connection, answer: answer as Welcome };
}

/** A frame after which the server's next one is the answer; it stays out of the transcript after welcome. */
async function request(connection: BenchConnection, frame: Uint8Array): Promise<Message> {
  const before = connection.frames.length;
  connection.frame(frame);
  await connection.settle();
  return decodeControl(connection.frames[before]!, 'server');
}

const ask = (connection: BenchConnection, message: Message): Promise<Message> =>
  request(connection, encodeControl(message));

const isClosedWith = (connection: BenchConnection, code: WireErrorCode): void => {
  expect(connection.close).toEqual({ code: closeCodeOf(code), reason: code });
};

async function stepUp(connection: BenchConnection, welcome: Welcome, password = 'correct horse'): Promise<Message> {
  const before = connection.frames.length;
  const challenge = await request(connection, connection.client.stepUpStart(welcome, password));
  if (challenge.kind !== 'stepUpChallenge') return challenge;
  const { finish, isProven } = connection.client.stepUpFinish(connection.frames[before]!);
  expect(isProven).toBe(password === 'correct horse');
  return request(connection, finish);
}

async function reregister(
  connection: BenchConnection,
  welcome: Welcome,
  password: string,
  options: { endOthers?: number; wrong?: 'old' | 'new'; keys?: ServerKeys } = {},
): Promise<Message> {
  const before = connection.frames.length;
  const challenge = await request(connection, connection.client.reregisterStart(welcome, password));
  if (challenge.kind !== 'reregisterChallenge') return challenge;
  const { publicKey } = (options.keys ?? bench.keys).serverKeys[0]!;
  const { finish, isProven } = connection.client.reregisterFinish(connection.frames[before]!, publicKey, options);
  expect(isProven).toBe(true);
  return request(connection, finish);
}

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
    nowMs += bench.context.settings.limits.idleSeconds * 1000;
    isClosedWith((await resume(late.welcome)).connection, 'session-expired');

    const revoked = await member();
    await bench.store.endSessions({ sessionId: revoked.welcome.sessionId, reason: 'revoked', nowMs });
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
    nowMs += 1_000_000;
    expect((await resume(welcome)).answer.absoluteSeconds).toBe(85_400);
  });
});

describe('limit of sessions', () => {
  test('end-oldest, and refuse', async () => {
    const small = await createTimedBench({ store: bench.store, keys: bench.keys, limits: { maxSessionsPerUser: 2 } });
    const { name, welcome } = await member();
    nowMs += 1;
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

describe('requests', () => {
  test('refresh: the next ticket, and the life that is left', async () => {
    const { connection, welcome } = await member();
    nowMs += 10_000;
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

  test('step-up: fresh proof, fresh limits, a ticket that kills those before', async () => {
    const { welcome } = await member();
    const { connection, answer } = await resume(welcome);
    connection.client.take(connection.frames[1]!);
    nowMs += 100_000;
    const steppedUp = (await stepUp(connection, answer)) as LifeFields & Message;
    expect(steppedUp).toMatchObject({ kind: 'steppedUp', absoluteSeconds: 86_400 });
    expect(connection.actions.at(-1)).toMatchObject({ do: 'renewed', isPasswordProven: true });
    // Dead, but its owner may have missed the answer; who comes with the new one has not.
    expect((await resume(answer)).answer).toMatchObject({ code: 'resume-failed' });
    expect((await resume(steppedUp)).answer.kind).toBe('welcome');
    expect((await resume(answer)).answer).toMatchObject({ code: 'session-revoked' });
  });

  test('step-up whose answer is lost: the old ticket is refused, ends nothing, and is told to the log', async () => {
    const { connection, welcome, name } = await member();
    const before = connection.frames.length;
    await request(connection, connection.client.stepUpStart(welcome, 'correct horse'));
    connection.frame(connection.client.stepUpFinish(connection.frames[before]!).finish);
    const question = connection.pending!;
    connection.pending = undefined;
    const answer = await connection.answer(question);
    connection.step({ type: 'gone' });
    connection.step({ type: 'answer', answer });
    for (let i = 0; i < 2; i++) {
      const late = await resume(welcome);
      isClosedWith(late.connection, 'resume-failed');
      expect(late.connection.actions).toContainEqual(
        expect.objectContaining({ do: 'log', level: 'warn', reason: 'ticket-retired' }),
      );
    }
    const other = (await bench.connect().login(name)) as Welcome;
    const list = await bench.store.listSessions(other.userId, nowMs);
    expect(list.map(({ sessionId }) => sessionId)).toContainEqual(welcome.sessionId);
  });

  test('a minute’s worth of requests at once, then as they are refilled: try-later, and a close if that is ignored', async () => {
    const timed = await createTimedBench({ limits: { requestsPerMinute: 3 } });
    const { connection } = await member(undefined, {}, timed);
    const list = () => ask(connection, { kind: 'sessionsList' });
    for (let i = 0; i < 3; i++) expect((await list()).kind).toBe('sessionEntry');
    expect(await list()).toEqual({ kind: 'error', code: 'try-later', retryAfterSeconds: 20 });
    expect(connection.close).toBeUndefined();
    stopwatchMs += 20_000;
    expect((await list()).kind).toBe('sessionEntry');
    expect(await list()).toMatchObject({ code: 'try-later', retryAfterSeconds: 20 });
    // A calendar that is set does not matter.
    nowMs += 60_000;
    stopwatchMs += 19_000;
    expect(await list()).toMatchObject({ code: 'try-later', retryAfterSeconds: 1 });
    isClosedWith(connection, 'try-later');
  });

  test('the finish of an exchange is part of its start', async () => {
    const timed = await createTimedBench({ limits: { requestsPerMinute: 1 } });
    const { connection, welcome } = await member(undefined, {}, timed);
    expect(await stepUp(connection, welcome)).toMatchObject({ kind: 'steppedUp' });
    expect(await stepUp(connection, welcome)).toMatchObject({ code: 'try-later', retryAfterSeconds: 60 });
    expect(connection.close).toBeUndefined();
  });

  test('step-up with a wrong password: the connection goes on, but not for ever', async () => {
    const { connection, welcome } = await member();
    const { maxAttempts } = bench.context.settings.limits;
    for (let i = 0; i < maxAttempts; i++) {
      expect(await stepUp(connection, welcome, 'wrong horse')).toMatchObject({ code: 'login-failed' });
    }
    await stepUp(connection, welcome);
    isClosedWith(connection, 'too-many-attempts');
  });

  test('step-up: a success sets the count back; challenges without a finish count', async () => {
    const { connection, welcome } = await member();
    const { maxAttempts } = bench.context.settings.limits;
    for (let i = 1; i < maxAttempts; i++) await request(connection, connection.client.stepUpStart(welcome, 'x'));
    expect(await stepUp(connection, welcome)).toMatchObject({ kind: 'steppedUp' });
    for (let i = 1; i < maxAttempts; i++) await request(connection, connection.client.stepUpStart(welcome, 'x'));
    expect(await stepUp(connection, welcome)).toMatchObject({ kind: 'steppedUp' });
  });

  test('step-up after the credential was replaced between challenge and finish', async () => {
    const { connection, welcome } = await member();
    const { connection: other, welcome: theirs } = await member();
    expect(theirs.userId).not.toEqual(welcome.userId);
    void other;
    const before = connection.frames.length;
    await request(connection, connection.client.stepUpStart(welcome, 'correct horse'));
    const { finish } = connection.client.stepUpFinish(connection.frames[before]!);
    const { credential } = await bench.store.getUserOrDecoy(welcome.username);
    expect(await replaceRecord(bench.store, welcome.userId, 1, credential)).toBe('rotated');
    expect(await request(connection, finish)).toMatchObject({ code: 'login-failed' });
    expect(connection.close).toBeUndefined();
  });

  test('a step-up-finish of one exchange does not fit another', async () => {
    const { connection, welcome } = await member();
    let before = connection.frames.length;
    await request(connection, connection.client.stepUpStart(welcome, 'correct horse'));
    const { finish } = connection.client.stepUpFinish(connection.frames[before]!);
    before = connection.frames.length;
    await request(connection, connection.client.stepUpStart(welcome, 'correct horse'));
    expect(await request(connection, finish)).toMatchObject({ code: 'login-failed' });
  });

  test('re-registration: the new password works, the old one does not, the others stay or go', async () => {
    for (const endOthers of [0, 1]) {
      const { connection, welcome, name } = await member();
      const other = bench.connect();
      const theirs = (await other.login(name)) as Welcome;
      const answer = (await reregister(connection, welcome, 'another horse', { endOthers })) as LifeFields & Message;
      expect(answer.kind).toBe('reregistered');
      expect(await bench.connect().login(name)).toMatchObject({ code: 'login-failed' });
      expect(await bench.connect().login(name, 'another horse')).toMatchObject({ kind: 'welcome' });
      expect((await resume(answer)).answer.kind).toBe('welcome');
      expect((await resume(theirs)).answer).toMatchObject(
        endOthers === 1 ? { code: 'session-revoked' } : { kind: 'welcome' },
      );
    }
  });

  test('re-registration needs a fresh proof of the password on this connection', async () => {
    const { connection, welcome } = await member();
    stopwatchMs += 60_001;
    nowMs -= 1_000_000;
    expect(await reregister(connection, welcome, 'another horse')).toMatchObject({ code: 'step-up-required' });
    nowMs += 1_000_000;
    expect(await stepUp(connection, welcome)).toMatchObject({ kind: 'steppedUp' });
    stopwatchMs += 60_000;
    expect(await reregister(connection, welcome, 'another horse')).toMatchObject({ kind: 'reregistered' });

    const { welcome: second } = await member();
    const { connection: resumed, answer } = await resume(second);
    resumed.client.take(resumed.frames[1]!);
    expect(await reregister(resumed, answer, 'another horse')).toMatchObject({ code: 'step-up-required' });
    expect(await ask(resumed, { kind: 'deleteAccount' })).toMatchObject({ code: 'step-up-required' });
    for (const scope of Object.values(REVOKE_SCOPE)) {
      const sessionId = scope === REVOKE_SCOPE.one ? second.sessionId : new Uint8Array(0);
      expect(await ask(resumed, { kind: 'revoke', scope, sessionId })).toMatchObject({ code: 'step-up-required' });
    }
    expect(await ask(resumed, { kind: 'logout', everywhere: 1 })).toMatchObject({ code: 'step-up-required' });
    expect(resumed.close).toBeUndefined();
  });

  test('re-registrations that are begun and never finished are counted', async () => {
    const { connection, welcome } = await member();
    const begin = () => request(connection, connection.client.reregisterStart(welcome, 'another horse'));
    for (let i = 0; i < LIMITS.maxAttempts; i++) await begin();
    expect(connection.close).toBeUndefined();
    await begin();
    isClosedWith(connection, 'too-many-attempts');
  });

  test('re-registration: neither a resume in between nor a lost connection leaves an old ticket alive', async () => {
    for (const isDropped of [false, true]) {
      const { connection, welcome, name } = await member();
      const before = connection.frames.length;
      await request(connection, connection.client.reregisterStart(welcome, 'another horse'));
      const { publicKey } = bench.keys.serverKeys[0]!;
      const { finish } = connection.client.reregisterFinish(connection.frames[before]!, publicKey);
      connection.frame(finish);
      const question = connection.pending!;
      connection.pending = undefined;
      expect(question.ask).toBe('replace');
      const answer = await connection.answer(question);
      // The socket goes before the answer comes; or the thief is there before it.
      if (isDropped) connection.step({ type: 'gone' });
      expect((await resume(welcome)).answer).toMatchObject({ code: 'resume-failed' });
      connection.step({ type: 'answer', answer });
      expect(connection.pending).toBeUndefined();
      expect(await bench.connect().login(name, 'another horse')).toMatchObject({ kind: 'welcome' });
    }
  });

  test('re-registration by a connection that lost its session to a resume: replaced, and the password stays', async () => {
    const { connection, welcome, name } = await member();
    const before = connection.frames.length;
    await request(connection, connection.client.reregisterStart(welcome, 'another horse'));
    const { publicKey } = bench.keys.serverKeys[0]!;
    const { finish } = connection.client.reregisterFinish(connection.frames[before]!, publicKey, { endOthers: 1 });
    expect((await resume(welcome)).answer.kind).toBe('welcome');
    await request(connection, finish);
    isClosedWith(connection, 'session-replaced');
    expect(await bench.connect().login(name)).toMatchObject({ kind: 'welcome' });
  });

  test.each(['stopwatch', 'calendar'] as const)('a proof that is too old by the %s at the finish', async (clock) => {
    const { connection, welcome, name } = await member();
    const before = connection.frames.length;
    await request(connection, connection.client.reregisterStart(welcome, 'another horse'));
    const { publicKey } = bench.keys.serverKeys[0]!;
    const { finish } = connection.client.reregisterFinish(connection.frames[before]!, publicKey);
    if (clock === 'calendar') nowMs += 60_001;
    else stopwatchMs += 60_001;
    expect(await request(connection, finish)).toMatchObject({ code: 'step-up-required' });
    expect(connection.close).toBeUndefined();
    expect(await bench.connect().login(name)).toMatchObject({ kind: 'welcome' });
    expect(await stepUp(connection, welcome)).toMatchObject({ kind: 'steppedUp' });
    expect(await reregister(connection, welcome, 'another horse')).toMatchObject({ kind: 'reregistered' });
  });

  test('re-registration makes the proof no younger', async () => {
    const { connection, welcome } = await member();
    const provenAtMs = nowMs;
    stopwatchMs += 60_000;
    nowMs += 60_000;
    expect(await reregister(connection, welcome, 'another horse')).toMatchObject({ kind: 'reregistered' });
    expect(connection.actions.at(-1)).toMatchObject({
      do: 'renewed',
      isPasswordProven: false,
      session: { passwordProvenAtMs: provenAtMs },
    });
    stopwatchMs += 1;
    expect(await ask(connection, { kind: 'deleteAccount' })).toMatchObject({ code: 'step-up-required' });
  });

  test.each(['old', 'new'] as const)('re-registration with a wrong %s proof changes nothing', async (wrong) => {
    const { connection, welcome, name } = await member();
    await reregister(connection, welcome, 'another horse', { wrong });
    isClosedWith(connection, 'protocol-error');
    expect(await bench.connect().login(name)).toMatchObject({ kind: 'welcome' });
  });

  test('re-registration that lost a race: record-changed, and the connection goes on', async () => {
    const { connection, welcome, name } = await member();
    const before = connection.frames.length;
    await request(connection, connection.client.reregisterStart(welcome, 'another horse'));
    const { publicKey } = bench.keys.serverKeys[0]!;
    const { finish } = connection.client.reregisterFinish(connection.frames[before]!, publicKey);
    const { credential } = await bench.store.getUserOrDecoy(name);
    expect(await replaceRecord(bench.store, welcome.userId, 1, credential)).toBe('rotated');
    expect(await request(connection, finish)).toMatchObject({ code: 'record-changed' });
    expect(await ask(connection, { kind: 'sessionsList' })).toMatchObject({ kind: 'sessionEntry', current: 1 });
    expect(await bench.connect().login(name)).toMatchObject({ kind: 'welcome' });
  });

  test('new keys or key stretching: welcome asks for re-registration, and afterwards does not', async () => {
    const { name } = await member();
    const fresh = makeServerKeys(bench.crypto, 'localhost');
    const keys = {
      ...bench.keys,
      oprfSeeds: [...fresh.oprfSeeds, ...bench.keys.oprfSeeds],
      serverKeys: [...fresh.serverKeys, ...bench.keys.serverKeys],
    };
    const ksf = [{ ...DEFAULT_KSF.argon2id, iterations: 4 }];
    for (const change of [{ keys }, { ksf }, { keys, ksf }]) {
      const migrated = await createTimedBench({ store: bench.store, keys: bench.keys, ...change });
      const connection = migrated.connect();
      const welcome = (await connection.login(name)) as Welcome;
      expect(welcome.flags & WELCOME_FLAG.reregister).toBe(WELCOME_FLAG.reregister);
      if (!('keys' in change && 'ksf' in change)) continue;
      expect(await reregister(connection, welcome, 'correct horse')).toMatchObject({ kind: 'reregistered' });
      expect(await migrated.connect().login(name)).toMatchObject({ kind: 'welcome', flags: 0 });
      const { credential } = await bench.store.getUserOrDecoy(name);
      expect(credential).toMatchObject({ ksf: ksf[0], oprfSeedId: fresh.oprfSeeds[0]!.id });
    }
    expect((await member()).welcome.flags).toBe(0);
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
    const seconds = Math.floor(nowMs / 1000);
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
    expect(await bench.store.listSessions(welcome.userId, nowMs)).toEqual([]);
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

test('notices change no proof', async () => {
  const { connection, welcome } = await member();
  connection.step({ type: 'expiring', limit: 'absolute', secondsLeft: 60 });
  connection.step({ type: 'user-changed', roles: ['admin'] });
  const notices = connection.frames.slice(-2).map((frame) => decodeControl(frame, 'server'));
  expect(notices).toEqual([
    { kind: 'expiring', secondsLeft: 60, limit: 1 },
    { kind: 'userChanged', roles: ['admin'] },
  ]);
  expect(await stepUp(connection, welcome)).toMatchObject({ kind: 'steppedUp' });
});
