import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  BlindsaltError,
  CLOSE,
  closeCodeOf,
  encodeControl,
  type LoginChallenge,
  type SignupChallenge,
  type StartFields,
  type WireErrorCode,
} from '../../proto/index.js';
import { Connection } from '../../src/server/connection.js';
import { createBench, type Bench, type BenchConnection } from '../support/connection-bench.js';
import { replaceRecord } from '../support/store-fixtures.js';

let bench: Bench;
let names = 0;
const freshName = (): string => `user${++names}`;

beforeAll(async () => {
  bench = await createBench();
  expect(await bench.connect().signup('alice')).toMatchObject({ kind: 'welcome' });
});

const isClosedWith = (connection: BenchConnection, code: WireErrorCode): void => {
  expect(connection.close).toEqual({ code: closeCodeOf(code), reason: code });
  expect(connection.client.take(connection.frames.at(-1)!)).toEqual({ kind: 'error', code, retryAfterSeconds: 0 });
  expect(connection.connection.isClosed).toBe(true);
};

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

// Each message is one letter; the model says what must come of it.
type ModelState = 'start' | 'login' | 'signup' | 'open' | 'closed';
const LETTERS = ['L', 'S', 'l', 's', 'w', 'a', 'g'] as const;
type Letter = (typeof LETTERS)[number];
const MEANING: Record<Letter, string> = {
  L: 'login-start',
  S: 'signup-start',
  l: 'login-finish',
  s: 'signup-finish',
  w: 'login-finish with a wrong proof',
  a: 'application message',
  g: 'garbage',
};
function model(state: ModelState, letter: Letter): readonly [ModelState, string | undefined] {
  if (state === 'closed') return ['closed', undefined];
  if (letter === 'a') return state === 'open' ? ['open', undefined] : ['closed', 'early-frame'];
  if (state !== 'open') {
    if (letter === 'L') return ['login', 'loginChallenge'];
    if (letter === 'S') return ['signup', 'signupChallenge'];
    if (letter === 'l' && state === 'login') return ['open', 'welcome'];
    if (letter === 'w' && state === 'login') return ['start', 'login-failed'];
    if (letter === 's' && state === 'signup') return ['open', 'welcome'];
  }
  return ['closed', 'protocol-error'];
}

async function play(connection: BenchConnection, letter: Letter): Promise<string | undefined> {
  const { client } = connection;
  const zeros = new Uint8Array(64);
  const frames: Record<Letter, () => Uint8Array | undefined> = {
    L: () => client.loginStart('alice', 'correct horse'),
    S: () => client.signupStart(freshName(), 'correct horse'),
    l: () =>
      connection.challenge?.kind === 'loginChallenge'
        ? client.loginFinish(connection.challenge)
        : encodeControl({ kind: 'loginFinish', proof: zeros }),
    s: () =>
      connection.challenge?.kind === 'signupChallenge'
        ? client.signupFinish(connection.challenge)
        : encodeControl({ kind: 'signupFinish', record: new Uint8Array(192), proof: zeros }),
    w: () => client.sent(encodeControl({ kind: 'loginFinish', proof: zeros })),
    a: () => undefined,
    g: () => Uint8Array.of(0xc1, 0x92, 0x16, 0xc4),
  };
  const frame = frames[letter]();
  const before = connection.frames.length;
  if (frame === undefined) connection.step({ type: 'application-frame' });
  else connection.frame(frame);
  await connection.settle();
  const answer = connection.frames[before];
  if (answer === undefined) return undefined;
  if (answer[2] === 11 || answer[2] === 21) {
    connection.challenge = connection.client.takeChallenge(answer).message;
    return connection.challenge.kind;
  }
  const message = connection.client.take(answer);
  return message.kind === 'error' ? message.code : message.kind;
}

test('all orders of messages up to length 4', async () => {
  let played = 0;
  const walk = async (word: readonly Letter[], state: ModelState): Promise<void> => {
    for (const letter of LETTERS) {
      const longer = [...word, letter];
      const connection = bench.connect();
      let expected: ModelState = 'start';
      for (const step of longer) {
        const [next, answer] = model(expected, step);
        const got = await play(connection, step);
        if (got !== answer) {
          throw new Error(`${longer.map((l) => MEANING[l]).join(', ')}: ${got} where ${answer} was due`);
        }
        expected = next;
      }
      expect(connection.connection.isClosed).toBe(expected === 'closed');
      expect(connection.connection.isOpen).toBe(expected === 'open');
      played += 1;
      // What follows a close is silence; one more letter shows it.
      if (longer.length < 4 && state !== 'closed') await walk(longer, expected);
    }
  };
  await walk([], 'start');
  expect(played).toBeGreaterThan(400);
});

describe('while the store is being asked', () => {
  const ways: readonly (readonly [string, (connection: BenchConnection) => Promise<unknown>])[] = [
    ['looking up', async (c) => c.frame(c.client.loginStart('alice', 'correct horse'))],
    [
      'beginning a session',
      async (c) => {
        const challenge = await c.exchange(c.client.loginStart('alice', 'correct horse'));
        c.frame(c.client.loginFinish(challenge as LoginChallenge));
      },
    ],
    [
      'creating',
      async (c) => {
        const challenge = await c.exchange(c.client.signupStart(freshName(), 'correct horse'));
        c.frame(c.client.signupFinish(challenge as SignupChallenge));
      },
    ],
    [
      'checking a code',
      async (c) => c.frame(c.client.signupStart(freshName(), 'correct horse', { invite: 'A'.repeat(26) })),
    ],
  ];

  test.each(['carol', undefined])(
    'a deadline while an account is created waits for the store (taken: %s)',
    async (taken) => {
      const username = taken ?? freshName();
      if (taken !== undefined) expect((await bench.connect().signup(taken, 'correct horse')).kind).toBe('welcome');
      let offers = 0;
      const connection = bench.connect({ selectSubprotocol: () => ((offers += 1), '') });
      const challenge = await connection.exchange(connection.client.signupStart(username, 'correct horse'));
      connection.frame(connection.client.signupFinish(challenge as SignupChallenge));
      // What the application decides comes before anything is stored.
      expect(offers).toBe(1);
      expect(connection.step({ type: 'deadline' })).toEqual([]);
      await connection.settle();
      expect(connection.connection.isOpen).toBe(taken === undefined);
      if (taken !== undefined) isClosedWith(connection, 'handshake-timeout');
      expect(offers).toBe(1);
    },
  );

  test('an application that fails to choose a subprotocol: no account', async () => {
    const username = freshName();
    const selectSubprotocol = (): string => {
      throw new Error('a defect of the application');
    };
    const connection = bench.connect({ selectSubprotocol });
    const challenge = await connection.exchange(connection.client.signupStart(username, 'correct horse'));
    connection.frame(connection.client.signupFinish(challenge as SignupChallenge));
    await connection.settle();
    isClosedWith(connection, 'server-error');
    expect(await bench.store.findUser(username)).toBeUndefined();
  });

  describe.each(ways)('%s', (name, begin) => {
    test.each(['L', 'S', 'l', 's', 'w', 'g', 'a'] as const)('a further message (%s) closes', async (letter) => {
      const connection = bench.connect();
      await begin(connection);
      expect(connection.pending).toBeDefined();
      const question = connection.pending!;
      connection.pending = undefined;
      expect(await play(connection, letter)).toBe(letter === 'a' ? 'early-frame' : 'protocol-error');
      expect(connection.connection.isClosed).toBe(true);
      // The answer comes too late and does nothing.
      connection.pending = question;
      expect(await connection.settle()).toEqual([]);
    });

    // While an account is created it waits; see above.
    if (name !== 'creating') {
      test('the deadline closes', async () => {
        const connection = bench.connect();
        await begin(connection);
        connection.step({ type: 'deadline' });
        isClosedWith(connection, 'handshake-timeout');
        expect(await connection.settle()).toEqual([]);
      });
    }

    test('a failing store closes with server-error, and the error goes to the log', async () => {
      const connection = bench.connect();
      await begin(connection);
      const error = new BlindsaltError('store-failed');
      connection.step({ type: 'failed', error });
      isClosedWith(connection, 'server-error');
      expect(connection.actions).toContainEqual({ do: 'log-error', error });
    });

    test('the peer leaves: silence', async () => {
      const connection = bench.connect();
      await begin(connection);
      expect(connection.step({ type: 'gone' })).toEqual([]);
      expect(await connection.settle()).toEqual([]);
    });
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
    isClosedWith(connection, 'protocol-error');
    expect(connection.reasons).toContain('signup-finish-while-awaiting-start');
  });

  test('client nonces: used before, or a nonce of the server', async () => {
    const nonce = new Uint8Array(32).fill(5);
    const twice = bench.connect();
    await twice.exchange(twice.client.loginStart('alice', 'x', { clientNonce: nonce }));
    twice.frame(twice.client.signupStart('bob', 'x', { clientNonce: nonce }));
    isClosedWith(twice, 'protocol-error');

    const hello = bench.connect();
    hello.frame(hello.client.loginStart('alice', 'x', { clientNonce: hello.client.hello!.serverNonce }));
    isClosedWith(hello, 'protocol-error');

    const server = bench.connect();
    const challenge = await server.exchange(server.client.loginStart('alice', 'x'));
    const { serverNonce } = challenge as LoginChallenge;
    server.frame(server.client.loginStart('alice', 'x', { clientNonce: serverNonce }));
    isClosedWith(server, 'protocol-error');
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
    isClosedWith(connection, 'too-many-attempts');
  });

  test('refused starts count as well', () => {
    const connection = bench.connect();
    for (let i = 0; i < bench.context.settings.limits.maxAttempts; i++) {
      connection.frame(connection.client.loginStart('UPPER', 'x'));
      expect(connection.close).toBeUndefined();
    }
    connection.frame(connection.client.loginStart('UPPER', 'x'));
    isClosedWith(connection, 'too-many-attempts');
  });
});

describe('checks of start messages', () => {
  type Start = Partial<StartFields & { mechanism: string; mechanismData: Uint8Array }>;

  test.each<[name: string, change: Start, code: WireErrorCode]>([
    ['a target with another host', { target: 'evil.example:443' }, 'target-refused'],
    ['a target with another port', { target: 'localhost:444' }, 'target-refused'],
    ['a target without port', { target: 'localhost' }, 'target-refused'],
    ['a target in capitals', { target: 'LOCALHOST:443' }, 'target-refused'],
    ['an origin without header', { origin: 'https://localhost' }, 'origin-refused'],
    ['a binding that was not offered', { binding: 'tls-exporter' }, 'binding-refused'],
    ['an unknown binding', { binding: 'tls-unique' }, 'binding-refused'],
    ['a puzzle answer without a puzzle', { puzzleAnswer: Uint8Array.of(1) }, 'protocol-error'],
    ['a username in capitals', { username: 'Alice' }, 'username-invalid'],
    ['a username with a space', { username: 'al ice' }, 'username-invalid'],
    ['a username of mixed scripts', { username: 'pаypal' }, 'username-invalid'],
    ['a username of 65 code points', { username: 'a'.repeat(65) }, 'username-invalid'],
    ['an unknown mechanism', { mechanism: '3DH' }, 'mechanism-unsupported'],
    ['an element of 31 bytes', { mechanismData: new Uint8Array(31).fill(1) }, 'protocol-error'],
    ['an element of 33 bytes', { mechanismData: new Uint8Array(33).fill(1) }, 'protocol-error'],
    ['the identity', { mechanismData: new Uint8Array(32) }, 'protocol-error'],
    [
      'a negative field element',
      { mechanismData: Uint8Array.of(1, ...new Array<number>(31).fill(0)) },
      'protocol-error',
    ],
    ['a non-canonical field element', { mechanismData: new Uint8Array(32).fill(0xff) }, 'protocol-error'],
  ])('%s', (_name, change, code) => {
    for (const kind of ['loginStart', 'signupStart'] as const) {
      if (kind === 'signupStart' && change.mechanism !== undefined) continue;
      const connection = bench.connect();
      connection.frame(connection.client[kind]('alice', 'correct horse', change));
      expect(connection.pending).toBeUndefined();
      if (closeCodeOf(code) !== undefined) {
        isClosedWith(connection, code);
      } else {
        expect(connection.client.take(connection.frames[1]!)).toMatchObject({ kind: 'error', code });
        expect(connection.close).toBeUndefined();
      }
    }
  });

  test('a username-invalid attempt may be followed by a good one', async () => {
    const connection = bench.connect();
    connection.frame(connection.client.loginStart('Alice', 'correct horse'));
    connection.client.take(connection.frames[1]!);
    expect(await connection.login('alice')).toMatchObject({ kind: 'welcome' });
  });

  test('origins: the header is listed and repeated', async () => {
    const header = 'https://localhost';
    expect(await bench.connect({ header, origin: header }).login('alice')).toMatchObject({ kind: 'welcome' });
    for (const origin of ['', 'https://localhost:8443', 'https://LOCALHOST', 'null']) {
      expect(await bench.connect({ header, origin }).login('alice')).toMatchObject({ code: 'origin-refused' });
    }
  });

  test('plaintext from loopback: only for a target on loopback', async () => {
    const targets = ['localhost', '127.0.0.1:443', '[::1]:443', 'a.localhost:443', 'example.org:443'];
    const server = await createBench({ keys: bench.keys, store: bench.store, targets });
    for (const target of ['localhost:443', 'localhost:8080', '127.0.0.1:443', '[::1]:443', 'a.localhost:443']) {
      const connection = server.connect({ isPlainLoopback: true, target });
      expect(await connection.login('alice')).toMatchObject({ kind: 'welcome' });
    }
    const proxied = server.connect({ isPlainLoopback: true, target: 'example.org:443' });
    expect(await proxied.login('alice')).toMatchObject({ code: 'tls-required' });
    isClosedWith(proxied, 'tls-required');
    expect(await server.connect({ target: 'example.org:443' }).login('alice')).toMatchObject({ kind: 'welcome' });
  });

  test('a required binding', async () => {
    const strict = await createBench({ requireBinding: true, keys: bench.keys, store: bench.store });
    const tlsExporter = new Uint8Array(32).fill(1);
    expect(await strict.connect({ tlsExporter }).login('alice')).toMatchObject({ code: 'binding-refused' });
    const binding = { type: 'tls-exporter', value: tlsExporter };
    expect(await strict.connect({ tlsExporter, binding }).login('alice')).toMatchObject({ kind: 'welcome' });
  });

  test('key stretching: the server’s preference among what the client has', async () => {
    const connection = bench.connect();
    const ask = async (ksfs: string[]) => connection.exchange(connection.client.signupStart('carol', 'x', { ksfs }));
    expect(await ask(['pbkdf2-sha512', 'argon2id'])).toMatchObject({ ksf: 'argon2id', ksfMemoryKiB: 65_536 });
    expect(await ask(['new', 'pbkdf2-sha512'])).toMatchObject({ ksf: 'pbkdf2-sha512', ksfIterations: 210_000 });
    expect(await ask(['new'])).toMatchObject({ code: 'ksf-unsupported' });
    expect(await ask([])).toMatchObject({ code: 'ksf-unsupported' });
  });
});

describe('sign-up records', () => {
  const attempt = async (change: (record: Uint8Array) => void) => {
    const connection = bench.connect();
    const challenge = await connection.exchange(connection.client.signupStart(freshName(), 'correct horse'));
    const finish = connection.client.signupFinish(challenge as SignupChallenge);
    // Mark, array, type, bin 8 header of two bytes, then the record.
    change(finish.subarray(5, 5 + 192));
    connection.frame(finish);
    return connection;
  };

  test.each<[string, (record: Uint8Array) => void]>([
    ['the identity as client key', (record) => record.fill(0, 0, 32)],
    ['a client key that does not decode', (record) => record.fill(0xff, 0, 32)],
    ['a client key whose private key is not known', (record) => record.set(bench.keys.serverKeys[0]!.publicKey)],
    ['an envelope changed after signing', (record) => (record[191]! ^= 1)],
    ['a masking key changed after signing', (record) => (record[32]! ^= 1)],
  ])('%s: protocol-error, and no user', async (_name, change) => {
    const connection = await attempt(change);
    expect(connection.pending).toBeUndefined();
    isClosedWith(connection, 'protocol-error');
  });

  test('unchanged it is accepted', async () => {
    expect((await attempt(() => {})).pending).toMatchObject({ ask: 'create' });
  });

  test('each sign-up has its own credential identifier and user id', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const connection = await attempt(() => {});
      const question = connection.pending as {
        user: { userId: Uint8Array; credential: { credentialIdentifier: Uint8Array } };
      };
      seen.add(Buffer.from(question.user.userId).toString('hex'));
      seen.add(Buffer.from(question.user.credential.credentialIdentifier).toString('hex'));
    }
    expect(seen.size).toBe(10);
  });
});

describe('what changes between challenge and finish', () => {
  const upToFinish = async (name: string) => {
    const connection = bench.connect();
    await bench.connect().signup(name);
    const challenge = await connection.exchange(connection.client.loginStart(name, 'correct horse'));
    return { connection, finish: connection.client.loginFinish(challenge as LoginChallenge) };
  };

  test.each<[string, (userId: Uint8Array) => Promise<unknown>, string]>([
    ['deleted', (id) => bench.store.deleteUser(id), 'user-deleted'],
    ['disabled', (id) => bench.store.setUserStatus(id, 'disabled'), 'account-disabled'],
    [
      'credential replaced',
      async (id) => replaceRecord(bench.store, id, 1, (await bench.store.getUserOrDecoy('alice')).credential),
      'record-changed',
    ],
  ])('%s: login-failed', async (_name, change, reason) => {
    const name = freshName();
    const { connection, finish } = await upToFinish(name);
    await change((await bench.store.findUser(name))!.userId);
    expect(await connection.exchange(finish)).toMatchObject({ code: 'login-failed' });
    expect(connection.reasons).toContain(reason);
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
    isClosedWith(connection, 'session-expired');
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
    isClosedWith(connection, 'server-error');
    const silent = failing.connect();
    expect(silent.frames).toEqual([]);
    expect(silent.close).toEqual({ code: CLOSE.serverError, reason: 'server-error' });
  });
});
