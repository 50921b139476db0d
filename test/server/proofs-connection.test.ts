// Proofs of the password after welcome in the state machine: step-up and re-registration. No sockets.
import { describe, expect, test } from '@jest/globals';
import {
  DEFAULT_KSF,
  decodeControl,
  LIMITS,
  REVOKE_SCOPE,
  WELCOME_FLAG,
  type LifeFields,
  type Message,
  type Welcome,
} from '../../proto/index.js';
import { makeServerKeys } from '../support/server-keys.js';
import { replaceRecord } from '../support/store-fixtures.js';
import {
  ask,
  bench,
  clock,
  createTimedBench,
  isClosedWith,
  member,
  request,
  reregister,
  resume,
  stepUp,
} from '../support/session-bench.js';

describe('proofs after welcome', () => {
  test('step-up: fresh proof, fresh limits, a ticket that kills those before', async () => {
    const { welcome } = await member();
    const { connection, answer } = await resume(welcome);
    connection.client.take(connection.frames[1]!);
    clock.nowMs += 100_000;
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
    const list = await bench.store.listSessions(other.userId, clock.nowMs);
    expect(list.map(({ sessionId }) => sessionId)).toContainEqual(welcome.sessionId);
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
    clock.stopwatchMs += 60_001;
    clock.nowMs -= 1_000_000;
    expect(await reregister(connection, welcome, 'another horse')).toMatchObject({ code: 'step-up-required' });
    clock.nowMs += 1_000_000;
    expect(await stepUp(connection, welcome)).toMatchObject({ kind: 'steppedUp' });
    clock.stopwatchMs += 60_000;
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

  test.each(['stopwatch', 'calendar'] as const)('a proof that is too old by the %s at the finish', async (which) => {
    const { connection, welcome, name } = await member();
    const before = connection.frames.length;
    await request(connection, connection.client.reregisterStart(welcome, 'another horse'));
    const { publicKey } = bench.keys.serverKeys[0]!;
    const { finish } = connection.client.reregisterFinish(connection.frames[before]!, publicKey);
    if (which === 'calendar') clock.nowMs += 60_001;
    else clock.stopwatchMs += 60_001;
    expect(await request(connection, finish)).toMatchObject({ code: 'step-up-required' });
    expect(connection.close).toBeUndefined();
    expect(await bench.connect().login(name)).toMatchObject({ kind: 'welcome' });
    expect(await stepUp(connection, welcome)).toMatchObject({ kind: 'steppedUp' });
    expect(await reregister(connection, welcome, 'another horse')).toMatchObject({ kind: 'reregistered' });
  });

  test('re-registration makes the proof no younger', async () => {
    const { connection, welcome } = await member();
    const provenAtMs = clock.nowMs;
    clock.stopwatchMs += 60_000;
    clock.nowMs += 60_000;
    expect(await reregister(connection, welcome, 'another horse')).toMatchObject({ kind: 'reregistered' });
    expect(connection.actions.at(-1)).toMatchObject({
      do: 'renewed',
      isPasswordProven: false,
      session: { passwordProvenAtMs: provenAtMs },
    });
    clock.stopwatchMs += 1;
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
