import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CLOSE, decodeControl, type ErrorCode, type LoginChallenge } from '../../proto/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import {
  createEngine,
  MAX_UNAUTHENTICATED_BYTES,
  silentLogger,
  type Engine,
  type EngineOptions,
  type Peer,
  type ServerKeys,
  type Session,
} from '../../src/server/index.js';
import { SettingHints } from '../../src/server/setting-hints.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { ClientDriver } from '../support/client-driver.js';
import { FailingStore } from '../support/failing-store.js';
import { LogRecorder } from '../support/log-recorder.js';
import { makeServerKeys } from '../support/server-keys.js';
import { newUser } from '../support/store-fixtures.js';

let crypto: Crypto;
let keys: ServerKeys;
const engines: Engine[] = [];
beforeAll(async () => {
  crypto = await loadCrypto();
  keys = makeServerKeys(crypto, 'localhost');
});
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

async function make(change: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = await createEngine({
    domain: 'localhost',
    store: openMemoryStore(),
    keys,
    logger: silentLogger,
    ...change,
  });
  engines.push(engine);
  return engine;
}

/** A connection whose transport is this test. */
function connect(
  engine: Engine,
  change: Partial<Peer> = {},
  handlers: { onAuthenticated?(session: Session): void } = {},
) {
  const frames: Uint8Array[] = [];
  const closes: (readonly [number, string])[] = [];
  const sessions: Session[] = [];
  let closed = 0;
  const waiting: (() => void)[] = [];
  const wake = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  const handle = engine.accept(
    {
      send: (frame) => {
        frames.push(frame);
        wake();
      },
      close: (code, reason) => {
        closes.push([code, reason]);
        wake();
      },
    },
    { address: '192.0.2.77', secure: true, origin: undefined, subprotocolOffered: true, ...change },
    {
      onAuthenticated: (session) => {
        sessions.push(session);
        handlers.onAuthenticated?.(session);
      },
      onClosed: () => (closed += 1),
    },
  );
  const client = new ClientDriver(crypto, { target: 'localhost:443' });
  if (frames[0] !== undefined) client.take(frames[0]);
  const answer = async (count: number): Promise<Uint8Array> => {
    while (frames.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    return frames[count - 1]!;
  };
  return { handle, frames, closes, sessions, client, answer, closed: () => closed };
}

async function signUp(connection: ReturnType<typeof connect>, username: string): Promise<void> {
  const { client, handle, answer, frames } = connection;
  const before = frames.length;
  handle.receive(client.signupStart(username, 'correct horse'));
  const { message } = client.takeChallenge(await answer(before + 1));
  handle.receive(client.signupFinish(message as never));
  expect(client.take(await answer(before + 2)).kind).toBe('welcome');
}

describe('options', () => {
  const thisFile = fileURLToPath(import.meta.url);
  const store = openMemoryStore();
  test.each<[string, Record<string, unknown>, ErrorCode]>([
    ['no domain', { domain: undefined }, 'option-invalid'],
    ['a domain that is none', { domain: 'not a host' }, 'domain-invalid'],
    ['neither data nor store', { store: undefined, keys: undefined }, 'option-invalid'],
    ['a store without keys', { keys: undefined }, 'option-invalid'],
    ['data and store', { data: 'x' }, 'option-invalid'],
    ['an unknown option', { orgins: [] }, 'option-invalid'],
    ['origins that are no list', { origins: 'https://a.example' }, 'option-invalid'],
    ['an origin with a path', { origins: ['https://a.example/'] }, 'option-invalid'],
    ['an origin in capitals', { origins: ['https://A.example'] }, 'option-invalid'],
    ['an origin with the default port', { origins: ['https://a.example:443'] }, 'option-invalid'],
    ['a wildcard origin', { origins: ['*'] }, 'option-invalid'],
    ['the null origin', { origins: ['null'] }, 'option-invalid'],
    ['no targets', { targets: [] }, 'option-invalid'],
    ['a target that is a URL', { targets: ['https://localhost:8443'] }, 'option-invalid'],
    ['a target with port 0', { targets: ['localhost:0'] }, 'option-invalid'],
    ['a target with port 65536', { targets: ['localhost:65536'] }, 'option-invalid'],
    ['an unknown policy', { registration: 'maybe' }, 'option-invalid'],
    ['no KSF', { ksf: [] }, 'option-invalid'],
    ['an unknown KSF', { ksf: [{ name: 'scrypt' }] }, 'option-invalid'],
    [
      'a KSF below the floor of clients',
      { ksf: [{ name: 'argon2id', memoryKiB: 8, iterations: 1, parallelism: 1 }] },
      'option-invalid',
    ],
    [
      'a KSF above the ceiling',
      { ksf: [{ name: 'pbkdf2-sha512', memoryKiB: 0, iterations: 1e9, parallelism: 0 }] },
      'option-invalid',
    ],
    ['an unknown limit', { limits: { maxBytes: 1 } }, 'option-invalid'],
    ['a limit out of range', { limits: { maxAttempts: 0 } }, 'option-invalid'],
    ['a limit that is no integer', { limits: { handshakeTimeoutMs: 1000.5 } }, 'option-invalid'],
    ['more memory for strangers than allowed', { limits: { maxUnauthenticated: 1_000_000 } }, 'option-invalid'],
    ['too many roles', { roles: Array.from({ length: 16 }, (_, i) => `r${i}`) }, 'option-invalid'],
    ['an empty role', { roles: [''] }, 'option-invalid'],
    ['a role with U+FEFF in front', { roles: ['\ufeffadmin'] }, 'option-invalid'],
    ['a role with U+0000', { roles: ['ad\0min'] }, 'option-invalid'],
    ['a role that is no UTF-16', { roles: ['\ud800'] }, 'option-invalid'],
    ['a logger without methods', { logger: {} }, 'option-invalid'],
    ['requireBinding that is no boolean', { requireBinding: 'yes' }, 'option-invalid'],
    ['random that is no function', { random: 4 }, 'option-invalid'],
    ['keys of another domain', { domain: 'example.org' }, 'keys-invalid'],
  ])('%s', async (_name, change, code) => {
    const options = { domain: 'localhost', store, keys, logger: silentLogger, ...change } as never;
    await expect(createEngine(options)).rejects.toMatchObject({ name: 'BlindsaltError', code });
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['a domain with a scheme', { domain: 'https://localhost' }, /^domain: "https:\/\/localhost" is not a host name/],
    ['a domain with a port', { domain: 'localhost:8443' }, /^domain: "localhost:8443" is not a host name; .*no.* port/],
    // Of one of them, so that both are told.
    ['limits that do not fit', { limits: { maxMessageBytes: 1 << 20 } }, /maxUnauthenticated must be at most \d+ /],
    ['a file where the folder should be', { store: undefined, keys: undefined, data: thisFile }, /folder .* created/],
  ])('the message says what to do: %s', async (_name, change, words) => {
    const options = { domain: 'localhost', store, keys, logger: silentLogger, ...change } as never;
    await expect(createEngine(options)).rejects.toMatchObject({
      name: 'BlindsaltError',
      message: expect.stringMatching(words),
    });
  });

  test('the bound on memory for strangers is a product', async () => {
    // Content, 128 fragments and 64 + 256 chunks.
    const each = 65_536 + 128 * 100 + 320 * 410;
    const fits = { maxMessageBytes: 65_536, maxUnauthenticated: Math.floor(MAX_UNAUTHENTICATED_BYTES / each) };
    expect((await make({ limits: fits })).limits).toMatchObject(fits);
    const one = { ...fits, maxUnauthenticated: fits.maxUnauthenticated + 1 };
    await expect(make({ limits: one })).rejects.toThrow('maxMessageBytes');
  });

  test('targets: host:port, host with any port, IPv6 with and without brackets', async () => {
    const engine = await make({ targets: ['LOCALHOST:8443', 'b.example', '[::1]:1', '::1'] });
    const verdict = async (target: string): Promise<string> => {
      const { handle, client, answer } = connect(engine);
      handle.receive(client.loginStart('alice', 'x', { target }));
      const message = decodeControl(await answer(2), 'server');
      return message.kind === 'error' ? message.code : message.kind;
    };
    for (const target of ['localhost:8443', 'b.example:1', 'b.example:65535', '[::1]:1', '[::1]:2']) {
      expect(await verdict(target)).toBe('loginChallenge');
    }
    for (const target of [
      'localhost:443',
      'b.example:0',
      'b.example:65536',
      'b.example:01',
      'b.example',
      'xb.example:1',
    ]) {
      expect(await verdict(target)).toBe('target-refused');
    }
  });

  test('origins by default: https and each target, and nothing else', async () => {
    const engine = await make({ targets: ['localhost', 'a.example:443', 'b.example:8443'] });
    const verdict = (origin: string): number | undefined => connect(engine, { origin }).closes[0]?.[0];
    for (const origin of ['https://localhost', 'https://localhost:9', 'https://a.example', 'https://b.example:8443']) {
      expect(verdict(origin)).toBeUndefined();
    }
    for (const origin of [
      'http://localhost',
      'https://a.example:444',
      'https://b.example',
      'https://localhost.evil.example',
      'https://localhost:9/',
      'https://LOCALHOST',
      'null',
      '',
    ]) {
      expect(verdict(origin)).toBe(CLOSE.originRefused);
    }
  });
});

describe('the default logger', () => {
  /** The lines on standard error meanwhile. */
  async function shown(use: (engine: Engine) => Promise<void>): Promise<unknown[]> {
    const lines: string[] = [];
    const write = jest.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
    try {
      await use(await make({ logger: undefined }));
    } finally {
      write.mockRestore();
    }
    return lines.map((line) => JSON.parse(line) as unknown);
  }
  const refusalOf = async (engine: Engine, start: Parameters<ClientDriver['loginStart']>[2], peer?: Partial<Peer>) => {
    const { handle, client, answer } = connect(engine, peer);
    handle.receive(client.loginStart('alice', 'x', start));
    return decodeControl(await answer(2), 'server');
  };

  test('shows one refusal of each kind that a wrong option causes, with its name', async () => {
    const lines = await shown(async (engine) => {
      for (let i = 0; i < 3; i++) {
        expect(await refusalOf(engine, { target: 'chat.example:443' })).toMatchObject({ code: 'target-refused' });
        connect(engine, { origin: 'https://chat.example' });
        connect(engine, { secure: false });
      }
    });
    const common = { level: 'warn', message: expect.stringContaining('option'), addressPrefix: expect.any(String) };
    expect(lines).toEqual([
      expect.objectContaining({ ...common, code: 'target-refused', reason: 'target-unlisted', option: 'targets' }),
      expect.objectContaining({ ...common, code: 'origin-refused', reason: 'origin-header', option: 'origins' }),
      expect.objectContaining({ ...common, code: 'tls-required', reason: 'plaintext', option: 'trustedProxies' }),
    ]);
    expect(JSON.stringify(lines)).not.toContain('chat.example');
  });

  test('shows nothing of refusals that no option causes, nor of logins', async () => {
    const lines = await shown(async (engine) => {
      expect(await refusalOf(engine, { mechanism: 'scram' })).toMatchObject({ code: 'mechanism-unsupported' });
      expect(await refusalOf(engine, {})).toMatchObject({ kind: 'loginChallenge' });
      const { handle } = connect(engine);
      handle.receiveText();
      handle.closed();
    });
    expect(lines).toEqual([]);
  });

  test('the next one of a kind after an hour', () => {
    const hints = new SettingHints();
    const at = (ms: number, reason: string | undefined): string | undefined => hints.take(reason, ms);
    expect([at(5, 'target-unlisted'), at(6, 'target-unlisted')]).toEqual(['targets', undefined]);
    expect(at(3_600_004, 'target-unlisted')).toBeUndefined();
    expect([at(3_600_005, 'target-unlisted'), at(3_600_006, 'target-unlisted')]).toEqual(['targets', undefined]);
    expect([at(7, undefined), at(7, 'hasOwnProperty'), at(7, 'ksf-not-shared')]).toEqual([undefined, undefined, 'ksf']);
  });
});

describe('data', () => {
  test('a folder: SQLite store and key file, made when missing, the same accounts next time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'blindsalt-'));
    try {
      const data = join(folder, 'new');
      const first = await createEngine({ domain: 'localhost', data, logger: silentLogger });
      await signUp(connect(first), 'alice');
      await first.close();
      expect((await readdir(data)).sort()).toEqual(expect.arrayContaining(['blindsalt.db', 'keys.json']));
      expect((await stat(join(data, 'keys.json'))).mode & 0o777).toBe(0o600);

      const second = await createEngine({ domain: 'localhost', data, logger: silentLogger });
      const { handle, client, answer } = connect(second);
      handle.receive(client.loginStart('alice', 'correct horse'));
      const { message, isProven } = client.takeChallenge(await answer(2));
      expect(isProven).toBe(true);
      handle.receive(client.loginFinish(message as LoginChallenge));
      expect(client.take(await answer(3))).toMatchObject({ kind: 'welcome', username: 'alice' });
      await second.close();

      await expect(createEngine({ domain: 'example.org', data, logger: silentLogger })).rejects.toMatchObject({
        code: 'keys-invalid',
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('accepting', () => {
  test.each<[string, Partial<Peer>, number, string]>([
    ['plaintext', { secure: false }, CLOSE.tlsRequired, 'tls-required'],
    ['no subprotocol', { subprotocolOffered: false }, CLOSE.subprotocolRefused, 'subprotocol-refused'],
    ['a foreign origin', { origin: 'https://evil.example' }, CLOSE.originRefused, 'origin-refused'],
  ])('%s: closed without a frame', async (_name, peer, code, reason) => {
    const connection = connect(await make(), peer);
    expect(connection.frames).toEqual([]);
    expect(connection.closes).toEqual([[code, reason]]);
    expect(connection.closed()).toBe(1);
    // What still comes does nothing.
    expect(connection.handle.receive(Uint8Array.of(0xc1, 0x91))).toBeUndefined();
    expect(connection.handle.receiveText()).toBe(false);
    expect(connection.closes).toHaveLength(1);
  });

  test('native clients, where they are not allowed', async () => {
    expect(connect(await make({ allowNative: false })).closes).toEqual([[CLOSE.originRefused, 'origin-refused']]);
  });

  test('the cap: counted until the socket is gone, not until it is told to close', async () => {
    const engine = await make({ limits: { maxUnauthenticated: 1 } });
    const first = connect(engine);
    expect(engine.hasRoom).toBe(false);
    expect(connect(engine).closes).toEqual([[CLOSE.tryLater, 'try-later']]);
    first.handle.receiveText();
    expect(first.closes).toEqual([[CLOSE.earlyFrame, 'early-frame']]);
    expect(engine.hasRoom).toBe(false);
  });

  test('the cap: authenticated connections do not count, and closing twice counts once', async () => {
    const engine = await make({ limits: { maxUnauthenticated: 1 } });
    const first = connect(engine);
    await signUp(first, 'alice');
    expect(engine.hasRoom).toBe(true);
    first.handle.closed();
    first.handle.closed();
    const second = connect(engine);
    expect(engine.hasRoom).toBe(false);
    second.handle.closed();
    second.handle.closed();
    expect(engine.hasRoom).toBe(true);
    connect(engine);
    expect(engine.hasRoom).toBe(false);
  });

  test('after close: 1001 for all, and nothing is accepted any more', async () => {
    const engine = await make();
    const first = connect(engine);
    await engine.close();
    expect(first.closes).toEqual([[CLOSE.goingAway, '']]);
    expect(engine.hasRoom).toBe(false);
    expect(connect(engine).closes).toEqual([[CLOSE.goingAway, '']]);
  });

  test('what the application throws is thrown outside, and the connection goes on', async () => {
    const failure = new Error('of the application');
    const thrown: unknown[] = [];
    const nextTick = jest.spyOn(process, 'nextTick').mockImplementation((callback: unknown) => {
      try {
        (callback as () => void)();
      } catch (error) {
        thrown.push(error);
      }
    });
    try {
      const connection = connect(
        await make(),
        {},
        {
          onAuthenticated() {
            throw failure;
          },
        },
      );
      await signUp(connection, 'alice');
      expect(thrown).toContain(failure);
      expect(connection.handle.receiveText()).toBe(true);
    } finally {
      nextTick.mockRestore();
    }
  });
});

describe('sessions', () => {
  test('what the application gets', async () => {
    let nowMs = 1_700_000_000_000;
    const engine = await make({ now: () => nowMs, roles: ['member'], limits: { absoluteSeconds: 60 } });
    const connection = connect(engine);
    await signUp(connection, 'alice');
    const [session] = connection.sessions as [Session];
    nowMs += 5_000;
    expect(session).toMatchObject({
      username: 'alice',
      roles: ['member'],
      attributes: {},
      level: 'password',
      levelAgeMs: 5_000,
      passwordProvenAtMs: 1_700_000_000_000,
      createdAtMs: 1_700_000_000_000,
      expiresAtMs: 1_700_000_060_000,
      addressPrefix: '192.0.2.0/24',
      deviceLabel: '',
    });
    expect(session.sessionId).toMatch(/^[0-9a-f]{32}$/);
    expect(Buffer.from(session.userIdBytes).toString('hex')).toBe(session.userId);
    session.userIdBytes.fill(0);
    expect(session.userId).toBe(Buffer.from(session.userIdBytes).toString('hex'));
    expect(() => ((session as { username: string }).username = 'mallory')).toThrow(TypeError);
    expect(() => (session.roles as string[]).push('admin')).toThrow(TypeError);
  });
});

describe('registration', () => {
  const start = async (engine: Engine, username: string, invite: string): Promise<string> => {
    const { handle, client, answer } = connect(engine);
    handle.receive(client.signupStart(username, 'new password', { invite }));
    const first = await answer(2);
    if (first[2] !== 11) return (client.take(first) as { code: string }).code;
    handle.receive(client.signupFinish(client.takeChallenge(first).message as never));
    const last = client.take(await answer(3));
    return last.kind === 'error' ? last.code : last.kind;
  };

  test('invite: needs a code, any spelling of it, once', async () => {
    const engine = await make({ registration: 'invite' });
    const { code } = await engine.admin.createInvite({ expiresInSeconds: 60, roles: ['guest'] });
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){5}[0-9A-HJKMNP-TV-Z]$/);
    expect(await start(engine, 'alice', '')).toBe('invite-invalid');
    expect(await start(engine, 'alice', 'nonsense')).toBe('invite-invalid');
    expect(await start(engine, 'alice', '0'.repeat(26))).toBe('invite-invalid');
    expect(await start(engine, 'alice', code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o'))).toBe('welcome');
    expect((await engine.store.findUser('alice'))!.roles).toEqual(['guest']);
    expect(await start(engine, 'bob', code)).toBe('invite-invalid');
  });

  test('a code that somebody else used between start and finish', async () => {
    const engine = await make({ registration: 'invite' });
    const { code } = await engine.admin.createInvite({ expiresInSeconds: 60 });
    const slow = connect(engine);
    slow.handle.receive(slow.client.signupStart('slow', 'new password', { invite: code }));
    const challenge = slow.client.takeChallenge(await slow.answer(2)).message;
    expect(await start(engine, 'fast', code)).toBe('welcome');
    slow.handle.receive(slow.client.signupFinish(challenge as never));
    expect(slow.client.take(await slow.answer(3))).toMatchObject({ code: 'invite-invalid' });
    expect(await engine.store.findUser('slow')).toBeUndefined();
  });

  test('expired', async () => {
    let nowMs = 1_700_000_000_000;
    const engine = await make({ registration: 'invite', now: () => nowMs });
    const { code, expiresAtMs } = await engine.admin.createInvite({ expiresInSeconds: 60 });
    nowMs = expiresAtMs;
    expect(await start(engine, 'alice', code)).toBe('invite-invalid');
  });

  test('closed: nobody, except with a reset code, and only for that name', async () => {
    const store = openMemoryStore();
    await signUp(connect(await make({ store })), 'alice');
    const engine = await make({ store, registration: 'closed' });
    const before = (await store.findUser('alice'))!;
    const invite = await engine.admin.createInvite({ expiresInSeconds: 60 });
    const reset = await engine.admin.createResetCode('alice');
    expect(await start(engine, 'bob', '')).toBe('registration-closed');
    expect(await start(engine, 'bob', invite.code)).toBe('invite-invalid');
    // Another name, free or taken, and an invite: the same answer, and none before the finish that says more.
    await engine.store.createUserIfAbsent(newUser('carol'));
    for (const name of ['bob', 'carol']) expect(await start(engine, name, reset.code)).toBe('invite-invalid');
    expect(await start(engine, 'alice', invite.code)).toBe('invite-invalid');
    expect(await start(engine, 'alice', reset.code)).toBe('welcome');
    const after = (await store.findUser('alice'))!;
    expect(after.userId).toEqual(before.userId);
    expect(after.recordVersion).toBe(before.recordVersion + 1);

    const login = connect(engine);
    login.handle.receive(login.client.loginStart('alice', 'new password'));
    login.handle.receive(login.client.loginFinish(login.client.takeChallenge(await login.answer(2)).message as never));
    expect(login.client.take(await login.answer(3))).toMatchObject({ kind: 'welcome' });
  });

  test('a reset code of a disabled account replaces the credential and lets nobody in', async () => {
    const engine = await make();
    await signUp(connect(engine), 'alice');
    const { code } = await engine.admin.createResetCode('alice');
    await engine.admin.disableUser('alice');
    expect(await start(engine, 'alice', code)).toBe('login-failed');
  });
});

describe('failing closed', () => {
  test('a source of randomness that repeats itself: nobody gets in any more', async () => {
    let stuck = false;
    const last = crypto.randomBytes(64);
    const log = new LogRecorder();
    const engine = await make({
      logger: log,
      random: (length) => (stuck ? last.slice(0, length) : crypto.randomBytes(length)),
    });
    const before = connect(engine);
    stuck = true;
    before.handle.receive(before.client.loginStart('alice', 'x'));
    while (before.closes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(before.closes).toEqual([[CLOSE.serverError, 'server-error']]);
    stuck = false;
    expect(connect(engine).closes).toEqual([[CLOSE.serverError, 'server-error']]);
    expect(log.lines).toContainEqual(expect.objectContaining({ level: 'error', code: 'crypto-randomness' }));
  });

  test('profile shares that could not be read are asked for again', async () => {
    const failing = new FailingStore(openMemoryStore());
    const engine = await make({ store: failing.store });
    failing.failOnce('profileShares');
    const first = connect(engine);
    first.handle.receive(first.client.loginStart('alice', 'x'));
    expect(first.client.take(await first.answer(2))).toMatchObject({ code: 'server-error' });
    const second = connect(engine);
    second.handle.receive(second.client.loginStart('alice', 'x'));
    expect(second.client.takeChallenge(await second.answer(2)).message.kind).toBe('loginChallenge');
    const third = connect(engine);
    third.handle.receive(third.client.loginStart('alice', 'x'));
    await third.answer(2);
    expect(failing.calls.filter((call) => call === 'profileShares')).toHaveLength(2);
  });

  test('an error’s message does not reach the log, its code does', async () => {
    const log = new LogRecorder();
    const store = openMemoryStore();
    const broken = new FailingStore(store);
    const engine = await make({ store: broken.store, logger: log });
    broken.failOnce('getUserOrDecoy');
    const connection = connect(engine);
    connection.handle.receive(connection.client.loginStart('alice', 'x'));
    await connection.answer(2);
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'failed', code: 'store-failed', cause: 'Error' }),
    );
    expect(log.text()).not.toContain('disk full');
    expect(log.text()).not.toContain('192.0.2.77');
    expect(log.text()).toContain('192.0.2.0/24');
  });
});
