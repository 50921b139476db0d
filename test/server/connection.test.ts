// The state machine of a connection: the ways through, replays, strange bytes, limits. No sockets.
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BlindsaltError, CLOSE, type LoginChallenge, type SignupChallenge } from '../../proto/index.js';
import { Connection } from '../../src/server/connection.js';
import { createBench, type Bench } from '../support/connection-bench.js';
import { expectClosedWith, freshName } from '../support/connection-play.js';

let bench: Bench;

beforeAll(async () => {
  bench = await createBench();
  expect(await bench.connect().signup('alice')).toMatchObject({ kind: 'welcome' });
});

describe('the ways through', () => {
  test('sign-up: the server proves itself, welcome, authenticated', async () => {
    const connection = bench.connect({ deviceLabel: 'phone', subprotocols: ['chat'] });
    const name = freshName();
    const welcome = await connection.signup(name);
    expect(connection.isProven).toBe(true);
    expect(welcome).toMatchObject({ kind: 'welcome', username: name, subprotocol: 'chat', idleSeconds: 3600 });
    expect(connection.actions.at(-1)).toMatchObject({
      do: 'authenticated',
      subprotocol: 'chat',
      session: { deviceLabel: 'phone' },
    });
    expect(connection.connection.isOpen).toBe(true);
  });

  test('login: the server proves itself with the key in the envelope', async () => {
    const connection = bench.connect();
    expect(await connection.login('alice')).toMatchObject({ kind: 'welcome', username: 'alice' });
    expect(connection.isProven).toBe(true);
  });

  test('attempts that failed are part of the transcript, and a later one succeeds', async () => {
    const connection = bench.connect();
    expect(await connection.login('alice', 'wrong horse')).toMatchObject({ code: 'login-failed' });
    expect(await connection.signup('alice', 'another one')).toMatchObject({ code: 'username-taken' });
    expect(await connection.login('nobody')).toMatchObject({ code: 'login-failed' });
    expect(await connection.login('alice')).toMatchObject({ kind: 'welcome' });
    expect(connection.isProven).toBe(true);
  });

  test('channel binding: the same exporter on both ends, or the login fails', async () => {
    const tlsExporter = new Uint8Array(32).fill(7);
    const binding = { type: 'tls-exporter', value: tlsExporter };
    const bound = bench.connect({ tlsExporter, binding });
    expect(bound.client.hello!.bindings).toEqual(['tls-exporter']);
    expect(await bound.login('alice')).toMatchObject({ kind: 'welcome' });

    const relayed = bench.connect({ tlsExporter, binding: { ...binding, value: new Uint8Array(32).fill(8) } });
    expect(await relayed.login('alice')).toMatchObject({ code: 'login-failed' });
    expect(relayed.isProven).toBe(false);
  });
});

describe('replay and repetition', () => {
  test('the login-finish of a failed attempt does not work on a new challenge', async () => {
    const connection = bench.connect();
    const first = (await connection.exchange(connection.client.loginStart('alice', 'correct horse'))) as LoginChallenge;
    const old = connection.client.loginFinish(first);
    const other = bench.connect();
    await other.exchange(other.client.loginStart('alice', 'correct horse'));
    expect(await other.exchange(old)).toMatchObject({ code: 'login-failed' });
  });

  test('a login-finish from before a new start on the same connection fails', async () => {
    const connection = bench.connect();
    const first = (await connection.exchange(connection.client.loginStart('alice', 'correct horse'))) as LoginChallenge;
    // Made for the first challenge, kept back; the driver's transcript is of no use afterwards.
    const old = connection.client.loginFinish(first);
    await connection.exchange(connection.client.loginStart('alice', 'correct horse'));
    expect(connection.reasons).toContain('new-start');
    expect(await connection.exchange(old)).toMatchObject({ code: 'login-failed' });
  });

  test('a signup-finish cannot be repeated after the name was taken', async () => {
    const connection = bench.connect();
    const challenge = await connection.exchange(connection.client.signupStart('alice', 'correct horse'));
    const finish = connection.client.signupFinish(challenge as SignupChallenge);
    expect(await connection.exchange(finish)).toMatchObject({ code: 'username-taken' });
    connection.frame(finish);
    expectClosedWith(connection, 'protocol-error');
    expect(connection.reasons).toContain('signup-finish-while-awaiting-start');
  });

  test('client nonces: used before, or a nonce of the server', async () => {
    const nonce = new Uint8Array(32).fill(5);
    const twice = bench.connect();
    await twice.exchange(twice.client.loginStart('alice', 'x', { clientNonce: nonce }));
    twice.frame(twice.client.signupStart('bob', 'x', { clientNonce: nonce }));
    expectClosedWith(twice, 'protocol-error');

    const hello = bench.connect();
    hello.frame(hello.client.loginStart('alice', 'x', { clientNonce: hello.client.hello!.serverNonce }));
    expectClosedWith(hello, 'protocol-error');

    const server = bench.connect();
    const challenge = await server.exchange(server.client.loginStart('alice', 'x'));
    const { serverNonce } = challenge as LoginChallenge;
    server.frame(server.client.loginStart('alice', 'x', { clientNonce: serverNonce }));
    expectClosedWith(server, 'protocol-error');
    for (const connection of [twice, hello, server]) expect(connection.reasons).toContain('nonce-reused');
  });

  test('server nonces are fresh for hello and for each challenge', async () => {
    const connection = bench.connect();
    const nonces = [connection.client.hello!.serverNonce];
    for (const name of ['alice', 'alice', 'nobody']) {
      nonces.push(((await connection.exchange(connection.client.loginStart(name, 'x'))) as LoginChallenge).serverNonce);
    }
    expect(new Set(nonces.map((nonce) => Buffer.from(nonce).toString('hex'))).size).toBe(4);
  });

  test('attempts: starts count, whatever became of them', async () => {
    const { settings } = bench.context;
    const connection = bench.connect();
    for (let i = 0; i < settings.limits.maxAttempts; i++) {
      const start = i % 2 === 0 ? 'loginStart' : 'signupStart';
      await connection.exchange(connection.client[start]('alice', 'x'));
    }
    connection.frame(connection.client.loginStart('alice', 'correct horse'));
    expectClosedWith(connection, 'too-many-attempts');
  });

  test('refused starts count as well', () => {
    const connection = bench.connect();
    for (let i = 0; i < bench.context.settings.limits.maxAttempts; i++) {
      connection.frame(connection.client.loginStart('UPPER', 'x'));
      expect(connection.close).toBeUndefined();
    }
    connection.frame(connection.client.loginStart('UPPER', 'x'));
    expectClosedWith(connection, 'too-many-attempts');
  });
});

describe('bytes of a stranger', () => {
  test('never throw, and close with protocol-error, frame-too-large or an error of the start', async () => {
    const valid = bench.connect();
    const start = valid.client.loginStart('alice', 'correct horse');
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 64 }).map((tail) => Uint8Array.of(0xc1, ...tail)),
          fc.tuple(fc.nat(start.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => {
            const frame = start.slice();
            frame[at]! ^= flip;
            return frame;
          }),
          fc.nat(start.length).map((length) => start.slice(0, length)),
          fc.uint8Array({ minLength: 1, maxLength: 8 }).map((tail) => Uint8Array.of(...start, ...tail)),
          fc.integer({ min: 4097, max: 70_000 }).map((length) => new Uint8Array(length).fill(0xc1, 0, 1)),
        ),
        async (frame) => {
          const connection = bench.connect();
          connection.frame(frame);
          await connection.settle();
          expect(connection.connection.isOpen).toBe(false);
          expect(connection.actions.some((action) => action.do === 'log-error')).toBe(false);
          const { close } = connection;
          if (close !== undefined) expect(close.code).toBeGreaterThanOrEqual(4400);
          if (close !== undefined) expect(close.code).toBeLessThan(4430);
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('limits of time', () => {
  test('the handshake deadline does not concern an open session', async () => {
    const connection = bench.connect();
    await connection.login('alice');
    expect(connection.step({ type: 'deadline' })).toEqual([]);
    connection.step({ type: 'expired', limit: 'idle' });
    expectClosedWith(connection, 'session-expired');
  });

  test('shutdown: 1001 without an error frame', async () => {
    const connection = bench.connect();
    await connection.login('alice');
    expect(connection.step({ type: 'shutdown' })).toEqual([{ do: 'close', code: CLOSE.goingAway, reason: '' }]);
  });

  test('refused before hello: a close code and nothing else', () => {
    const peer = {
      origin: undefined,
      isPlainLoopback: false,
      tlsExporter: undefined,
      addressPrefix: 'unknown',
      selectSubprotocol: () => '',
    };
    const refused = new Connection(bench.context, peer);
    const actions = refused.step({ type: 'refused', code: 'tls-required', reason: 'plaintext' });
    expect(actions.filter((action) => action.do !== 'log')).toEqual([
      { do: 'close', code: CLOSE.tlsRequired, reason: 'tls-required' },
    ]);
  });
});

describe('randomness', () => {
  test('a source that fails closes with server-error, before anything secret is used', async () => {
    let works = true;
    const failing = await createBench({
      store: bench.store,
      keys: bench.keys,
      random: (length) => {
        if (!works) throw new BlindsaltError('crypto-randomness');
        return bench.crypto.randomBytes(length);
      },
    });
    const connection = failing.connect();
    works = false;
    connection.frame(connection.client.loginStart('alice', 'correct horse'));
    await connection.settle();
    expectClosedWith(connection, 'server-error');
    const silent = failing.connect();
    expect(silent.frames).toEqual([]);
    expect(silent.close).toEqual({ code: CLOSE.serverError, reason: 'server-error' });
  });
});
