// The client's state machine against an honest server and lying ones.
import { describe, expect, test } from '@jest/globals';
import { encodeControl } from '../../proto/codec.js';
import { KSF_CEILING, KSF_FLOOR, LABEL, type KsfName } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import type { Welcome } from '../../proto/messages.js';
import type { Binding } from '../../proto/transcript.js';
import { ClientCore, type Action, type CoreOptions } from '../../src/client/core.js';
import { serverKeyId } from '../../src/opaque/index.js';
import { nobleCrypto } from '../support/noble-crypto.js';
import { crypto, fastStretch, ScriptedServer, type Lies, type ScriptedConnection } from './scripted-server.js';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function coreFor(changes: Partial<CoreOptions> = {}, withCrypto = crypto): { core: ClientCore; password: Uint8Array } {
  const options: CoreOptions = {
    mode: 'login',
    domain: 'chat.example',
    target: 'chat.example:443',
    origin: '',
    username: 'alice',
    password: utf8('correct horse'),
    invite: '',
    subprotocols: [],
    deviceLabel: 'test',
    bindings: [],
    requireBinding: false,
    ksfs: ['argon2id', 'pbkdf2-sha512'],
    ksfFloors: {},
    ksfCeilings: {},
    serverKeys: [],
    ...changes,
  };
  return { core: new ClientCore(withCrypto, options), password: options.password };
}

interface Result {
  readonly sent: Uint8Array[];
  readonly welcome?: Welcome;
  readonly error?: BlindsaltError;
  readonly stretches: number;
}

/** Runs core and server against each other until one of them has nothing more to say. */
function converse(core: ClientCore, connection: ScriptedConnection): Result {
  const sent: Uint8Array[] = [];
  let stretches = 0;
  const actions: Action[] = core.receive(connection.hello());
  for (let action = actions.shift(); action !== undefined; action = actions.shift()) {
    switch (action.kind) {
      case 'send':
        sent.push(action.frame);
        actions.push(...core.receive(connection.answer(action.frame)));
        break;
      case 'stretch':
        stretches++;
        actions.push(...core.stretched(fastStretch(action.oprfOutput)));
        break;
      case 'done':
        return { sent, welcome: action.welcome!, stretches };
      case 'failed':
        return { sent, error: action.error, stretches };
      case 'life':
        throw new Error('not of an attempt');
    }
    if (actions.length > 1) throw new Error('one action at a time');
  }
  return { sent, stretches };
}

const server = new ScriptedServer();
expect(converse(coreFor({ mode: 'signup' }).core, server.connect()).error).toBeUndefined();

const login = (lies: Lies = {}, changes: Partial<CoreOptions> = {}): Result =>
  converse(coreFor(changes).core, server.connect(lies));
const signup = (lies: Lies = {}, changes: Partial<CoreOptions> = {}): Result =>
  converse(coreFor({ mode: 'signup', username: 'bob', ...changes }).core, server.connect(lies));

describe('an honest server', () => {
  test('sign-up, then login with the same password', () => {
    const honest = new ScriptedServer();
    const connection = honest.connect();
    const made = converse(coreFor({ mode: 'signup', invite: 'code', subprotocols: ['x', 'y'] }).core, connection);
    expect(made.welcome).toMatchObject({ username: 'alice', roles: ['member'], subprotocol: 'x' });
    expect(connection.received[0]).toMatchObject({
      kind: 'signupStart',
      username: 'alice',
      target: 'chat.example:443',
      origin: '',
      binding: '',
      deviceLabel: 'test',
      invite: 'code',
      ksfs: ['argon2id', 'pbkdf2-sha512'],
      subprotocols: ['x', 'y'],
    });
    expect(converse(coreFor().core, honest.connect()).welcome).toMatchObject({ username: 'alice' });
  });

  test('the first binding that both have is used; both proofs cover it', () => {
    const binding: Binding = { type: 'tls-exporter', value: crypto.randomBytes(32) };
    const other: Binding = { type: 'other', value: crypto.randomBytes(32) };
    const connection = server.connect({ hello: { bindings: ['unknown', 'tls-exporter', 'other'] } }, binding);
    const { core } = coreFor({ bindings: [other, binding], requireBinding: true });
    expect(converse(core, connection).welcome).toBeDefined();
    expect(connection.received[0]).toMatchObject({ binding: 'tls-exporter' });
  });

  test('two attempts share no nonce and no blinded element', () => {
    const frames = [login(), login()].map(({ sent }) => Buffer.from(sent[0]!).toString('hex'));
    expect(frames[0]).not.toBe(frames[1]);
    expect(frames[0]!.slice(-64)).not.toBe(frames[1]!.slice(-64));
  });

  test('a wrong password fails after stretching, with nothing but the start message sent', () => {
    const result = login({}, { password: utf8('correct hors') });
    expect(result.error).toMatchObject({ code: 'login-failed', cause: { code: 'envelope-invalid' } });
    expect(result).toMatchObject({ stretches: 1 });
    expect(result.sent.length).toBe(1);
  });

  test('a wrong password costs the same operations as a server without its key', () => {
    const count = (lies: Lies, password: string): string[] => {
      const calls: string[] = [];
      const real = nobleCrypto();
      const counted = {
        ...real,
        schnorr: {
          ...real.schnorr,
          verify: (...args: Parameters<typeof real.schnorr.verify>) => {
            calls.push('verify');
            return real.schnorr.verify(...args);
          },
        },
        oprf: {
          ...real.oprf,
          deriveKeyPair: (...args: Parameters<typeof real.oprf.deriveKeyPair>) => {
            calls.push('derive');
            return real.oprf.deriveKeyPair(...args);
          },
        },
        hmacSha512: (...args: Parameters<typeof real.hmacSha512>) => {
          calls.push('hmac');
          return real.hmacSha512(...args);
        },
        sha512: Object.assign(
          (bytes: Uint8Array) => {
            calls.push('sha512');
            return real.sha512(bytes);
          },
          { create: () => real.sha512.create() },
        ),
      };
      const { core } = coreFor({ password: utf8(password) }, counted);
      expect(converse(core, server.connect(lies)).error?.code).toBe('login-failed');
      return calls;
    };
    const foreign = crypto.oprf.deriveKeyPair(crypto.randomBytes(32), utf8('foreign'));
    expect(count({}, 'wrong')).toEqual(count({ signWith: foreign }, 'correct horse'));
  });

  test('unknown user: indistinguishable for the client', () => {
    expect(login({}, { username: 'nobody' }).error).toMatchObject({ code: 'login-failed' });
  });
});

describe('lies in hello', () => {
  test.each<[string, Lies, Partial<CoreOptions>, string]>([
    ['another domain', { hello: { domain: 'evil.example' } }, {}, 'domain-mismatch'],
    ['a domain in capitals', { hello: { domain: 'Chat.example' } }, {}, 'domain-mismatch'],
    ['version 2 only', { hello: { versions: [2] } }, {}, 'protocol-error'],
    ['no version', { hello: { versions: [] } }, {}, 'protocol-error'],
    ['another mechanism only', { hello: { mechanisms: ['PLAIN'] } }, {}, 'mechanism-unsupported'],
    ['no binding where one is required', {}, { requireBinding: true }, 'binding-refused'],
    [
      'a binding that the client lacks where one is required',
      { hello: { bindings: ['tls-exporter'] } },
      { requireBinding: true },
      'binding-refused',
    ],
  ])('%s', (_name, lies, changes, code) => {
    const result = login(lies, changes);
    expect(result.error?.code).toBe(code);
    expect(result.sent).toEqual([]);
  });

  test('what the server says instead of a domain is told only if it could be one', () => {
    const told = (domain: string): string | undefined => login({ hello: { domain } }).error?.message;
    expect(told('evil.example')).toContain('its domain is "evil.example", not');
    expect(told('evil\u009b31m.example')).toContain('its domain is another, not');
  });

  test('unknown versions, mechanisms and bindings beside the known ones are ignored', () => {
    const hello = {
      versions: [9, 1],
      mechanisms: ['X', 'SCHNORR-RISTRETTO255'],
      bindings: ['x'],
      limits: [1, 2, 3, 4],
    };
    expect(login({ hello }).welcome).toBeDefined();
  });
});

describe.each([
  ['login', login, 'loginChallenge'],
  ['signup', signup, 'signupChallenge'],
] as const)('lies in the challenge of %s', (mode, attempt, kind) => {
  const failed = (result: Result, code: string): void => {
    expect(result.error?.code).toBe(code);
    expect(result.sent.length).toBe(1);
    expect(result.welcome).toBeUndefined();
  };
  const unproven = mode === 'login' ? 'login-failed' : 'protocol-error';
  const foreign = crypto.oprf.deriveKeyPair(crypto.randomBytes(32), utf8('foreign'));

  test('a proof by a foreign key', () => failed(attempt({ signWith: foreign }), unproven));
  test('a proof of zeros', () => failed(attempt({ [kind]: { proof: new Uint8Array(64) } }), unproven));
  test('a proof for another label', () => {
    failed(attempt({ label: mode === 'login' ? LABEL.signupServer : LABEL.loginServer }), unproven);
    failed(attempt({ label: mode === 'login' ? LABEL.loginClient : LABEL.signupClient }), unproven);
  });
  test('a proof for another binding', () => {
    failed(attempt({ binding: { type: 'tls-exporter', value: crypto.randomBytes(32) } }), unproven);
  });
  test('a server key id that does not fit', () => {
    const id = serverKeyId(crypto, foreign.publicKey);
    failed(attempt({ [kind]: { serverKeyId: id } }), unproven);
  });
  test('mechanism data of other lengths', () => {
    for (const length of [0, 1, 31, 63, 65, 191, 193]) {
      failed(attempt({ [kind]: { mechanismData: new Uint8Array(length).fill(1) } }), 'protocol-error');
    }
  });
  test('an evaluated element that is no element, or the identity', () => {
    const length = mode === 'login' ? 192 : 64;
    for (const fill of [0xff, 0]) {
      const mechanismData = new Uint8Array(length);
      mechanismData.set(server.key.publicKey, 32);
      mechanismData.fill(fill, 0, 32);
      failed(attempt({ [kind]: { mechanismData } }), 'protocol-error');
    }
  });
  test.each([
    ['memory below the floor', { ksfMemoryKiB: KSF_FLOOR.argon2id.memoryKiB - 1 }],
    ['iterations below the floor', { ksfIterations: KSF_FLOOR.argon2id.iterations - 1 }],
    ['no parallelism', { ksfParallelism: 0 }],
    ['memory above the ceiling', { ksfMemoryKiB: KSF_CEILING.argon2id.memoryKiB + 1 }],
    ['iterations above the ceiling', { ksfIterations: KSF_CEILING.argon2id.iterations + 1 }],
    ['parallelism above the ceiling', { ksfParallelism: KSF_CEILING.argon2id.parallelism + 1 }],
    ['pbkdf2 with the numbers of argon2id', { ksf: 'pbkdf2-sha512' }],
  ])('key stretching: %s', (_name, change) => {
    const result = attempt({ [kind]: change });
    failed(result, 'ksf-out-of-bounds');
    expect(result.stretches).toBe(0);
  });
  test('key stretching that is unknown, or was not allowed', () => {
    for (const ksf of ['scrypt', 'toString']) failed(attempt({ [kind]: { ksf } }), 'ksf-unsupported');
    failed(attempt({}, { ksfs: ['pbkdf2-sha512'] as KsfName[] }), 'ksf-unsupported');
  });
  test('floors and ceilings of the caller', () => {
    const argon2id = { name: 'argon2id' as const, memoryKiB: 65_537, iterations: 3, parallelism: 1 };
    failed(attempt({}, { ksfFloors: { argon2id } }), 'ksf-out-of-bounds');
    failed(attempt({}, { ksfCeilings: { argon2id: { ...argon2id, memoryKiB: 65_535 } } }), 'ksf-out-of-bounds');
  });
  test('a server key that is not the pinned one; one that is among the pinned', () => {
    failed(attempt({}, { serverKeys: [foreign.publicKey] }), 'server-key-mismatch');
    expect(attempt({}, { serverKeys: [foreign.publicKey, server.key.publicKey] }).welcome).toBeDefined();
  });
  test('the nonce of hello, or of the client, again', () => {
    const connection = server.connect();
    const { core } = coreFor({ mode });
    core.receive(connection.hello());
    const again = server.connect({ [kind]: { serverNonce: connection.nonce } });
    again.hello();
    const { core: second } = coreFor({ mode });
    const start = second.receive(connection.hello())[0] as Extract<Action, { kind: 'send' }>;
    expect(second.receive(again.answer(start.frame))).toMatchObject([
      { kind: 'failed', error: { code: 'protocol-error', reason: 'nonce' } },
    ]);
  });
  test('the challenge of another connection, replayed', () => {
    const [first, second] = [server.connect(), server.connect()];
    const { core: one } = coreFor({ mode });
    const { core: two } = coreFor({ mode });
    const startOne = one.receive(first.hello())[0] as Extract<Action, { kind: 'send' }>;
    two.receive(second.hello());
    const actions = two.receive(first.answer(startOne.frame));
    const last = actions[0]?.kind === 'stretch' ? two.stretched(fastStretch(actions[0].oprfOutput)) : actions;
    expect(last).toMatchObject([{ kind: 'failed', error: { code: unproven } }]);
  });
  test('the challenge of the other exchange', () => {
    const connection = server.connect();
    const { core } = coreFor({ mode });
    core.receive(connection.hello());
    const { core: other } = coreFor({ mode: mode === 'login' ? 'signup' : 'login' });
    const start = other.receive(connection.hello())[0] as Extract<Action, { kind: 'send' }>;
    expect(core.receive(connection.answer(start.frame))).toMatchObject([
      { kind: 'failed', error: { code: 'protocol-error', reason: 'unexpected-message' } },
    ]);
  });
});

describe('lies in welcome', () => {
  test('another username', () => {
    expect(login({ welcome: { username: 'mallory' } }).error).toMatchObject({ code: 'protocol-error' });
  });
  test('a subprotocol that was not offered', () => {
    expect(login({ welcome: { subprotocol: 'z' } }, { subprotocols: ['x'] }).error?.code).toBe('protocol-error');
    expect(login({ welcome: { subprotocol: '' } }, { subprotocols: ['x'] }).welcome).toBeDefined();
  });
});

describe('a man in between who changes one byte', () => {
  test.each(['hello', 'loginStart'] as const)('of %s: no login-finish is sent', (which) => {
    const connection = server.connect();
    const { core } = coreFor();
    const hello = connection.hello();
    if (which === 'hello') hello[hello.length - 3]! ^= 1; // in limits
    const [start] = core.receive(hello) as [Extract<Action, { kind: 'send' }>];
    const seen = start.frame.slice();
    // In the target: 'chat.example:443' becomes 'chat.example:543'.
    if (which === 'loginStart') seen[Buffer.from(seen).indexOf(':443') + 1]! ^= 1;
    const [stretch] = core.receive(connection.answer(seen)) as [Extract<Action, { kind: 'stretch' }>];
    expect(core.stretched(fastStretch(stretch.oprfOutput))).toMatchObject([
      { kind: 'failed', error: { code: 'login-failed', cause: { reason: 'server-proof' } } },
    ]);
  });
});

describe('messages out of place', () => {
  const states = ['hello', 'challenge', 'stretching', 'welcome'] as const;
  function inState(state: (typeof states)[number]): { core: ClientCore; connection: ScriptedConnection } {
    const connection = server.connect();
    const { core } = coreFor();
    if (state === 'hello') return { core, connection };
    const [start] = core.receive(connection.hello()) as [Extract<Action, { kind: 'send' }>];
    if (state === 'challenge') return { core, connection };
    const [stretch] = core.receive(connection.answer(start.frame)) as [Extract<Action, { kind: 'stretch' }>];
    if (state === 'stretching') return { core, connection };
    core.stretched(fastStretch(stretch.oprfOutput));
    return { core, connection };
  }
  const other = server.connect();
  const hello = other.hello();
  const challengeOf = (mode: 'login' | 'signup'): Uint8Array => {
    const connection = server.connect();
    const [start] = coreFor({ mode }).core.receive(connection.hello()) as [Extract<Action, { kind: 'send' }>];
    return connection.answer(start.frame);
  };
  const frames: Record<string, Uint8Array> = {
    hello,
    loginChallenge: challengeOf('login'),
    signupChallenge: challengeOf('signup'),
    welcome: other.welcome(),
  };
  const expected = { hello: 'hello', challenge: 'loginChallenge', stretching: '', welcome: 'welcome' } as const;

  test.each(states)('in state %s', (state) => {
    for (const [kind, frame] of Object.entries(frames)) {
      if (kind === expected[state]) continue;
      expect(inState(state).core.receive(frame)).toMatchObject([{ kind: 'failed', error: { code: 'protocol-error' } }]);
    }
    const garbage: [Uint8Array, string][] = [
      [new Uint8Array(0), 'early-frame'],
      [utf8('hello'), 'early-frame'],
      [Uint8Array.of(0xc1, 0xc1, 1), 'early-frame'],
      [Uint8Array.of(0xc1), 'protocol-error'],
      [Uint8Array.of(0xc1, 0x90), 'protocol-error'],
      [Uint8Array.of(0xc1, 0x91, 0x7f), 'protocol-error'],
      [hello.subarray(0, 40), 'protocol-error'],
      [Uint8Array.of(...hello, 0), 'protocol-error'],
      [new Uint8Array(5000).fill(0xc1, 0, 1), 'frame-too-large'],
      [encodeControl({ kind: 'loginFinish', proof: new Uint8Array(64) }), 'protocol-error'],
    ];
    for (const [frame, code] of garbage) {
      expect(inState(state).core.receive(frame)).toMatchObject([{ kind: 'failed', error: { code } }]);
    }
    const retry = inState(state);
    expect(retry.core.receive(retry.connection.error('try-later', 30))).toMatchObject([
      { kind: 'failed', error: { code: 'try-later', retryAfterMs: 30_000, closeCode: 4450 } },
    ]);
    if (state !== 'stretching') {
      expect(inState(state).core.stretched(new Uint8Array(64))).toMatchObject([
        { kind: 'failed', error: { code: 'protocol-error' } },
      ]);
    }
  });

  test.each([
    ['login-failed', 'login-failed', undefined],
    ['username-taken', 'username-taken', undefined],
    ['too-many-attempts', 'too-many-attempts', 4430],
    ['a-code-of-tomorrow', 'server-error', 4452],
    ['crypto-length', 'server-error', 4452],
    ['constructor', 'server-error', 4452],
  ])('error frame %s', (sent, code, closeCode) => {
    const { core, connection } = inState('challenge');
    expect(core.receive(connection.error(sent))).toMatchObject([{ kind: 'failed', error: { code, closeCode } }]);
  });

  test('after the end nothing more comes, whatever arrives', () => {
    const { core, connection } = inState('welcome');
    expect(core.receive(connection.welcome())).toMatchObject([{ kind: 'done' }]);
    expect(core.receive(connection.welcome())).toEqual([]);
    const failed = inState('challenge').core;
    failed.receive(hello);
    expect(failed.receive(hello)).toEqual([]);
    expect(failed.stretched(new Uint8Array(64))).toEqual([]);
    expect(failed.fail(new BlindsaltError('timeout'))).toEqual([]);
  });
});

describe('secrets', () => {
  test('the password is wiped once it is blinded', () => {
    const { core, password } = coreFor();
    core.receive(server.connect().hello());
    expect(password).toEqual(new Uint8Array(password.length));
  });

  test('the password is wiped when the attempt ends before', () => {
    for (const end of [
      (core: ClientCore) => core.dispose(),
      (core: ClientCore) => core.receive(utf8('x')),
      (core: ClientCore) => core.fail(new BlindsaltError('environment-unsupported')),
    ]) {
      const { core, password } = coreFor();
      end(core);
      expect(password).toEqual(new Uint8Array(password.length));
    }
  });

  test('the stretched key is wiped', () => {
    const connection = server.connect();
    const { core } = coreFor();
    const [start] = core.receive(connection.hello()) as [Extract<Action, { kind: 'send' }>];
    const [stretch] = core.receive(connection.answer(start.frame)) as [Extract<Action, { kind: 'stretch' }>];
    const stretched = fastStretch(stretch.oprfOutput);
    core.stretched(stretched);
    expect(stretched).toEqual(new Uint8Array(64));
  });

  test('without randomness nothing is sent', () => {
    const broken = nobleCrypto(() => new Uint8Array(0));
    const { core } = coreFor({}, broken);
    expect(core.receive(server.connect().hello())).toMatchObject([
      { kind: 'failed', error: { code: 'crypto-randomness' } },
    ]);
  });
});
