// Sessions in the engine: what happens between a question to the store and its answer, what happens when the feed says
// nothing, and what happens to very many at once. Transports are this test; the store is real.
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { CLOSE, decodeControl, encodeControl, type Message, type Welcome } from '../../proto/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import {
  createAuthorizer,
  createEngine,
  requireFresh,
  silentLogger,
  type Engine,
  type EngineOptions,
  type ServerKeys,
  type Session,
  type Store,
  type StoreChange,
} from '../../src/server/index.js';
import { SessionClock } from '../../src/server/session-clock.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { findTicketSecret, issueTicket } from '../../src/server/tickets.js';
import { ClientDriver, type DriverTicket } from '../support/client-driver.js';
import { FailingStore } from '../support/failing-store.js';
import { makeServerKeys } from '../support/server-keys.js';
import { bytes, newUser } from '../support/store-fixtures.js';

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

async function make(store: Store, change: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = await createEngine({ domain: 'localhost', store, keys, logger: silentLogger, ...change });
  engines.push(engine);
  return engine;
}

class Link {
  readonly frames: Uint8Array[] = [];
  readonly closes: (readonly [number, string])[] = [];
  readonly sessions: Session[] = [];
  readonly client = new ClientDriver(crypto);
  readonly handle;

  constructor(engine: Engine) {
    this.handle = engine.accept(
      {
        send: (frame) => void this.frames.push(frame),
        close: (code, reason) => void this.closes.push([code, reason]),
      },
      { address: '192.0.2.77', secure: true, origin: undefined, subprotocolOffered: true },
      { onAuthenticated: (session) => void this.sessions.push(session) },
    );
    this.client.take(this.frames[0]!);
  }

  /** The next frame, which goes into no transcript. */
  async ask(frame: Uint8Array): Promise<Message> {
    const before = this.frames.length;
    this.handle.receive(frame);
    await until(() => this.frames.length > before);
    return decodeControl(this.frames[before]!, 'server');
  }

  async signUp(username: string): Promise<Welcome> {
    await this.ask(this.client.signupStart(username, 'correct horse'));
    const { message } = this.client.takeChallenge(this.frames.at(-1)!);
    const welcome = await this.ask(this.client.signupFinish(message as never));
    this.client.take(this.frames.at(-1)!);
    return welcome as Welcome;
  }

  resume(ticket: DriverTicket): Promise<Message> {
    return this.ask(this.client.resume(ticket));
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** A store that does something of the test's after a call, before the caller hears of it. */
function withAfter<M extends 'beginSession' | 'rotateTicket'>(
  store: Store,
  method: M,
  after: (result: Awaited<ReturnType<Store[M]>>) => unknown,
): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== method) return value.bind(target) as unknown;
      return async (...args: unknown[]) => {
        const result = (await Reflect.apply(value, target, args)) as Awaited<ReturnType<Store[M]>>;
        await after(result);
        return result;
      };
    },
  });
}

describe('between the question and the answer', () => {
  test('a session revoked while its login is finishing never opens', async () => {
    const store = openMemoryStore();
    const engine = await make(
      withAfter(store, 'beginSession', async (outcome) => {
        if (outcome.result !== 'created') throw new Error(outcome.result);
        await store.endSessions({ userId: outcome.user.userId, reason: 'revoked', nowMs: Date.now() });
      }),
    );
    const link = new Link(engine);
    expect(await link.signUp('alice')).toMatchObject({ code: 'session-revoked' });
    expect(link.closes).toEqual([[CLOSE.sessionRevoked, 'session-revoked']]);
    expect(link.sessions).toEqual([]);
  });

  test('a user disabled while a resumption is finishing', async () => {
    const store = openMemoryStore();
    const welcome = await new Link(await make(store)).signUp('alice');
    const engine = await make(withAfter(store, 'rotateTicket', () => store.setUserStatus(welcome.userId, 'disabled')));
    const link = new Link(engine);
    expect(await link.resume(welcome)).toMatchObject({ code: 'account-disabled' });
    expect(link.sessions).toEqual([]);
  });

  test('a resumption overtaken by another is not welcomed', async () => {
    const store = openMemoryStore();
    const engine = await make(store);
    const welcome = await new Link(engine).signUp('alice');
    let overtaker: Link | undefined;
    const slow = await make(
      withAfter(store, 'rotateTicket', async () => {
        overtaker = new Link(engine);
        expect(await overtaker.resume(welcome)).toMatchObject({ kind: 'welcome' });
      }),
    );
    const link = new Link(slow);
    expect(await link.resume(welcome)).toMatchObject({ code: 'session-replaced' });
    expect(link.sessions).toEqual([]);
    expect(overtaker!.closes).toEqual([]);
  });

  test('roles changed while a login is finishing arrive nevertheless', async () => {
    const store = openMemoryStore();
    const engine = await make(
      withAfter(store, 'beginSession', async (outcome) => {
        if (outcome.result === 'created') await store.setUserRoles(outcome.user.userId, ['late']);
      }),
    );
    const link = new Link(engine);
    expect(await link.signUp('alice')).toMatchObject({ kind: 'welcome', roles: [] });
    await until(() => link.sessions[0]!.roles.length > 0);
    expect(link.sessions[0]!.roles).toEqual(['late']);
    expect(decodeControl(link.frames.at(-1)!, 'server')).toEqual({ kind: 'userChanged', roles: ['late'] });
  });

  test('a user who was read before a change never comes after it', async () => {
    const store = openMemoryStore();
    const answers: (() => void)[] = [];
    const slow = new Proxy(store, {
      get(target, name: keyof Store) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        if (name !== 'getUser') return method.bind(target) as unknown;
        return async (userId: Uint8Array) => {
          const user = await target.getUser(userId);
          await new Promise<void>((resolve) => answers.push(resolve));
          return user;
        };
      },
    });
    const link = new Link(await make(slow));
    const { userId } = await link.signUp('alice');
    for (const roles of [['first'], ['second'], ['third']]) {
      await store.setUserRoles(userId, roles);
      await until(() => answers.length > 0);
    }
    // What was asked last answers first; nothing more comes when the last row was read after the last change.
    while (answers.length > 0) {
      answers.pop()!();
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(link.sessions[0]!.roles).toEqual(['third']);
    const told = link.frames
      .map((frame) => decodeControl(frame, 'server'))
      .filter(({ kind }) => kind === 'userChanged');
    expect(told.at(-1)).toMatchObject({ roles: ['third'] });
  });

  test('a client that leaves before its welcome leaves no session behind', async () => {
    const store = openMemoryStore();
    const begun: string[] = [];
    const engine = await make(
      withAfter(store, 'beginSession', ({ result }) => {
        begun.push(result);
        link.handle.closed();
      }),
    );
    const link = new Link(engine);
    await link.ask(link.client.signupStart('alice', 'correct horse'));
    const { message } = link.client.takeChallenge(link.frames.at(-1)!);
    link.handle.receive(link.client.signupFinish(message as never));
    await until(() => begun.length > 0);
    await delay(20);
    expect(begun).toEqual(['created']);
    const { userId } = (await store.findUser('alice'))!;
    expect(await store.listSessions(userId, Date.now())).toEqual([]);
    expect(link.sessions).toEqual([]);
  });

  test('a store that fails: 4452, and the ticket still works', async () => {
    const failing = new FailingStore(openMemoryStore());
    const engine = await make(failing.store);
    const first = new Link(engine);
    const welcome = await first.signUp('alice');
    failing.failOnce('rotateTicket');
    expect(await first.ask(encodeControl({ kind: 'refresh' }))).toMatchObject({ code: 'server-error' });
    expect(first.closes).toEqual([[CLOSE.serverError, 'server-error']]);
    expect(await new Link(engine).resume(welcome)).toMatchObject({ kind: 'welcome' });
  });
});

describe('looking up what the feed did not tell', () => {
  /** A store whose feed is the test's. */
  function deaf(store: Store): { store: Store; tell: (change: StoreChange) => void } {
    const listeners: ((change: StoreChange) => void)[] = [];
    const proxy = new Proxy(store, {
      get(target, name) {
        if (name === 'watch') return (listener: (change: StoreChange) => void) => (listeners.push(listener), () => {});
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    return { store: proxy, tell: (change) => listeners.forEach((listener) => listener(change)) };
  }

  test('on a schedule', async () => {
    const store = openMemoryStore();
    const link = new Link(await make(deaf(store).store, { limits: { idleSeconds: 3 } }));
    const { sessionId } = await link.signUp('alice');
    await store.endSessions({ sessionId, reason: 'revoked', nowMs: Date.now() });
    expect(link.closes).toEqual([]);
    await delay(1300);
    expect(link.closes).toEqual([[CLOSE.sessionRevoked, 'session-revoked']]);
  });

  test('after a gap: ends, takeovers, roles', async () => {
    const store = openMemoryStore();
    const { store: quiet, tell } = deaf(store);
    const engine = await make(quiet);
    const other = await make(store);
    const [ended, taken, changed] = [new Link(engine), new Link(engine), new Link(engine)];
    const first = await ended.signUp('alice');
    const second = await taken.signUp('bob');
    const third = await changed.signUp('carol');
    await store.endSessions({ sessionId: first.sessionId, reason: 'revoked', nowMs: Date.now() });
    expect(await new Link(other).resume(second)).toMatchObject({ kind: 'welcome' });
    await store.setUserRoles(third.userId, ['editor']);
    for (const link of [ended, taken, changed]) expect(link.closes).toEqual([]);
    tell({ kind: 'gap' });
    await until(() => ended.closes.length + taken.closes.length + changed.sessions[0]!.roles.length === 3);
    expect(ended.closes).toEqual([[CLOSE.sessionRevoked, 'session-revoked']]);
    expect(taken.closes).toEqual([[CLOSE.sessionReplaced, 'session-replaced']]);
    expect(changed.closes).toEqual([]);
  });

  test('when a client was heard last is noted when it leaves', async () => {
    let nowMs = 1_700_000_000_000;
    const store = openMemoryStore();
    const link = new Link(await make(store, { now: () => nowMs }));
    const { sessionId } = await link.signUp('alice');
    nowMs += 5000;
    expect(link.handle.receiveText()).toBe(true);
    link.handle.closed();
    const seen = async (): Promise<number> => (await store.getSession(sessionId))!.lastSeenAtMs;
    // Those who leave within a second are noted together.
    for (let i = 0; i < 200 && (await seen()) === 1_700_000_000_000; i++) await delay(25);
    const lastSeenAtMs = await seen();
    expect(lastSeenAtMs).toBeGreaterThan(1_700_000_004_000);
    expect(lastSeenAtMs).toBeLessThanOrEqual(nowMs);
  });
});

/** The core, and each tag of HMAC that it makes. */
function withTags(see: (tag: Uint8Array) => void): Crypto {
  const seen = (tag: Uint8Array): Uint8Array => {
    see(tag);
    return tag;
  };
  return {
    ...crypto,
    hmacSha512: (key, message) => seen(crypto.hmacSha512(key, message)),
    createHmacKey(key) {
      const hashed = crypto.createHmacKey(key);
      return { hmac: (message) => seen(hashed.hmac(message)), wipe: () => hashed.wipe() };
    },
  };
}

describe('what proves a ticket is wiped when it was used', () => {
  const outcomes: Record<string, (setting: { store: FailingStore; ticket: Welcome; engine: Engine }) => Promise<Link>> =
    {
      welcome: ({ engine }) => Promise.resolve(new Link(engine)),
      'session-revoked': async ({ store, ticket, engine }) => {
        await store.store.endSessions({ userId: ticket.userId, reason: 'revoked', nowMs: Date.now() });
        return new Link(engine);
      },
      'account-disabled': async ({ store, ticket, engine }) => {
        await store.store.setUserStatus(ticket.userId, 'disabled');
        return new Link(engine);
      },
      'server-error': ({ store, engine }) => {
        store.failOnce('rotateTicket');
        return Promise.resolve(new Link(engine));
      },
      // Of a ticket that is not the one of the proof.
      'resume-failed': ({ ticket, engine }) => {
        ticket.ticketId.set([ticket.ticketId.at(-1)! ^ 1], ticket.ticketId.length - 1);
        return Promise.resolve(new Link(engine));
      },
    };

  test.each(Object.entries(outcomes))('%s', async (expected, prepare) => {
    const made: Uint8Array[] = [];
    const observed = withTags((tag) => made.push(tag));
    const store = new FailingStore(openMemoryStore());
    const engine = await make(store.store, { crypto: observed });
    const ticket = await new Link(engine).signUp('alice');
    const link = await prepare({ store, ticket, engine });
    made.length = 0;
    const [key] = keys.ticketKeys;
    const secret = issueTicket(crypto, { ...keys, ticketKeys: [key!] }, ticket.sessionId, ticket.ticketId.slice(16));
    const answer = await link.resume(ticket);
    expect(answer.kind === 'error' ? answer.code : answer.kind).toBe(expected);
    // The first that was derived is the secret of the ticket that was shown.
    expect(made.length).toBeGreaterThan(1);
    expect(made[0]).toEqual(new Uint8Array(64));
    const texts = made.map((output) => Buffer.from(output).toString('hex'));
    expect(texts).not.toContain(Buffer.from(secret.ticketSecret).toString('hex'));
    expect(texts).not.toContain(Buffer.from(ticket.ticketSecret).toString('hex'));
  });
});

test('an engine that closes has noted before when those were heard last who had just left', async () => {
  let nowMs = 1_700_000_000_000;
  const store = openMemoryStore();
  const engine = await make(store, { now: () => nowMs });
  const [left, stayed] = [new Link(engine), new Link(engine)];
  const ids = [(await left.signUp('alice')).sessionId, (await stayed.signUp('bob')).sessionId];
  nowMs += 5000;
  for (const link of [left, stayed]) expect(link.handle.receiveText()).toBe(true);
  left.handle.closed();
  await engine.close();
  for (const id of ids) {
    expect((await store.getSession(id))!.lastSeenAtMs).toBeGreaterThan(1_700_000_004_000);
  }
});

test('an engine that closes, and an administrator who asks for counters, wipe what was made of keys', async () => {
  const kept = new Set<Uint8Array>();
  const observed: Crypto = {
    ...crypto,
    createHmacKey(key) {
      const hashed = crypto.createHmacKey(key);
      kept.add(key);
      return {
        hmac: (message) => hashed.hmac(message),
        wipe() {
          kept.delete(key);
          hashed.wipe();
        },
      };
    },
  };
  const engine = await make(openMemoryStore(), { crypto: observed, keys: makeServerKeys(crypto, 'localhost') });
  await new Link(engine).signUp('alice');
  await engine.admin.clearThrottle('alice');
  // Of decoys, of tickets and devices, of what is throttled.
  expect(kept.size).toBeGreaterThanOrEqual(2);
  expect(kept.size).toBeLessThanOrEqual(3);
  await engine.close();
  expect(kept.size).toBe(0);
});

test('a thousand sessions of one user, all connected, end at once', async () => {
  const store = openMemoryStore();
  const engine = await make(store, { limits: { maxUnauthenticated: 2000 } });
  const user = newUser('alice');
  await store.createUserIfAbsent(user);
  const links: Link[] = [];
  for (let i = 0; i < 1000; i++) {
    const [sessionId, serial] = [bytes(16), bytes(16)];
    const common = { userId: user.userId, recordVersion: 1, createdAtMs: Date.now(), absoluteExpiresAtMs: undefined };
    await store.beginSession(
      { ...common, sessionId, serial, idleSeconds: 0, deviceLabel: '', addressPrefix: '' },
      { max: 10_000, whenFull: 'refuse' },
    );
    const link = new Link(engine);
    expect((await link.resume(issueTicket(crypto, keys, sessionId, serial))).kind).toBe('welcome');
    links.push(link);
  }
  expect(await engine.admin.endSessions('alice')).toBe(1000);
  for (const link of links) expect(link.closes).toEqual([[CLOSE.sessionRevoked, 'session-revoked']]);
}, 60_000);

test('a proof is checked against every ticket key, whichever fits, and none', () => {
  let calls = 0;
  const counting = withTags(() => (calls += 1));
  const ticketKeys = Array.from({ length: 4 }, () => ({ id: bytes(16), key: bytes(64) }));
  const [sessionId, serial, message] = [bytes(16), bytes(16), bytes(64)];
  for (const [i, key] of [...ticketKeys, { id: bytes(16), key: bytes(64) }].entries()) {
    const { ticketId, ticketSecret } = issueTicket(crypto, { ...keys, ticketKeys: [key] }, sessionId, serial);
    const proof = crypto.hmacSha512(ticketSecret, message);
    calls = 0;
    const found = findTicketSecret(counting, { ...keys, ticketKeys }, ticketId, message, proof);
    expect(calls).toBe(8);
    expect(found).toEqual(i < 4 ? ticketSecret : undefined);
  }
});

test('ticket keys: one to eight', async () => {
  const ticketKeys = Array.from({ length: 9 }, () => ({ id: bytes(16), key: bytes(64) }));
  for (const wrong of [[], ticketKeys]) {
    const options = { domain: 'localhost', store: openMemoryStore(), keys: { ...keys, ticketKeys: wrong } };
    await expect(createEngine(options)).rejects.toMatchObject({ code: 'keys-invalid' });
  }
});

test('refresh after the calendar was set back moves no absolute limit', async () => {
  let offsetMs = 0;
  const engine = await make(openMemoryStore(), { now: () => Date.now() + offsetMs, limits: { absoluteSeconds: 2 } });
  const link = new Link(engine);
  await link.signUp('alice');
  offsetMs = -3_600_000;
  expect(await link.ask(encodeControl({ kind: 'refresh' }))).toMatchObject({ kind: 'refreshed' });
  // Otherwise an hour.
  const latest = performance.now() + 20_000;
  while (link.closes.length === 0 && performance.now() < latest) await delay(20);
  expect(link.closes).toEqual([[CLOSE.sessionExpired, 'session-expired']]);
}, 30_000);

describe('the clock of a session', () => {
  const row = (idleSeconds: number, absoluteExpiresAtMs?: number) =>
    ({ idleSeconds, absoluteExpiresAtMs }) as ConstructorParameters<typeof SessionClock>[0];

  test('idle: one notice, then the end; a message starts over', () => {
    const clock = new SessionClock(row(600), 5_000, 0, 60);
    expect(clock.dueMs).toBe(540_000);
    expect(clock.take(539_999)).toBeUndefined();
    expect(clock.take(540_000)).toEqual({ what: 'expiring', limit: 'idle', secondsLeft: 60 });
    expect(clock.dueMs).toBe(600_000);
    expect(clock.take(550_000)).toBeUndefined();
    expect(clock.touch(560_000)).toBe(true);
    expect(clock.touch(560_000)).toBe(false);
    expect(clock.dueMs).toBe(1_100_000);
    expect(clock.take(1_160_000)).toEqual({ what: 'expired', limit: 'idle', secondsLeft: 0 });
  });

  test('absolute: messages do not move it, a new life does', () => {
    const clock = new SessionClock(row(0, 105_000), 5_000, 1_000, 60);
    // Half of what is left, at most.
    expect(clock.dueMs).toBe(51_000);
    clock.touch(50_000);
    expect(clock.take(51_000)).toEqual({ what: 'expiring', limit: 'absolute', secondsLeft: 50 });
    expect(clock.dueMs).toBe(101_000);
    clock.renew(row(0, 1_000_000), 0, 60_000);
    expect(clock.dueMs).toBe(1_000_000);
    expect(clock.take(1_060_000)).toMatchObject({ what: 'expired', limit: 'absolute' });
  });

  test('both near: a notice for each; and none where they are switched off', () => {
    const clock = new SessionClock(row(100, 100_000), 0, 0, 10);
    expect(clock.take(90_000)).toMatchObject({ what: 'expiring', limit: 'absolute' });
    expect(clock.take(90_000)).toMatchObject({ what: 'expiring', limit: 'idle' });
    expect(clock.take(90_000)).toBeUndefined();
    const silent = new SessionClock(row(100), 0, 0, 0);
    expect(silent.dueMs).toBe(100_000);
    expect(silent.take(99_999)).toBeUndefined();
    expect(new SessionClock(row(0), 0, 0, 60).dueMs).toBe(Infinity);
  });
});

describe('helpers of applications', () => {
  const session = (change: Partial<Session>): Session => ({ level: 'password', levelAgeMs: 0, ...change }) as Session;

  test('requireFresh', () => {
    requireFresh(session({ levelAgeMs: 60_000 }), 60);
    for (const [stale, seconds] of [
      [session({ levelAgeMs: 60_001 }), 60],
      [session({ level: 'resumed', levelAgeMs: 1 }), 60],
      [session({ levelAgeMs: NaN }), 60],
      [session({}), NaN],
    ] as const) {
      expect(() => requireFresh(stale, seconds)).toThrow(expect.objectContaining({ code: 'step-up-required' }));
    }
  });

  test('the authorizer denies what no rule allows', () => {
    const may = createAuthorizer({ read: true, write: ['editor', 'admin'], drop: [] });
    const [reader, editor] = [{ roles: [] }, { roles: ['editor'] }];
    expect([may(reader, 'read'), may(editor, 'read')]).toEqual([true, true]);
    expect([may(reader, 'write'), may(editor, 'write')]).toEqual([false, true]);
    expect([may(editor, 'drop'), may(editor, 'unknown')]).toEqual([false, false]);
    for (const name of ['__proto__', 'constructor', 'toString', '']) expect(may(editor, name)).toBe(false);
    expect(() => createAuthorizer({ read: 'everybody' as never })).toThrow('read');
  });
});
