// What an engine records: real logins over a link without a socket, and the store's trail afterwards.
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeControl, type Message, type Welcome } from '../../proto/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { decodeBody, type AuditBody } from '../../src/server/audit/entry.js';
import { Refusals } from '../../src/server/audit/refusals.js';
import { auditPublicKeys } from '../../src/server/audit/signer.js';
import {
  createEngine,
  type AuditEvent,
  type Engine,
  type EngineOptions,
  type ServerKeys,
  type Store,
} from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { ClientDriver, type DriverTicket } from '../support/client-driver.js';
import { LogRecorder } from '../support/log-recorder.js';
import { makeServerKeys } from '../support/server-keys.js';
import { exportOf, verify } from '../suites/audit.js';

let crypto: Crypto;
let keys: ServerKeys;
let store: Store;
let engine: Engine | undefined;
let log: LogRecorder;
const told: AuditEvent[] = [];
const stages = new Set<string>();
beforeAll(async () => {
  crypto = await loadCrypto();
  keys = makeServerKeys(crypto, 'localhost');
});
afterEach(() => engine?.close());

async function start(options: Partial<EngineOptions> = {}): Promise<Engine> {
  store = openMemoryStore();
  log = new LogRecorder();
  told.length = 0;
  const observer = {
    onEvent: (event: AuditEvent) => void told.push(event),
    onStage: (name: string) => void stages.add(name),
  };
  engine = await createEngine({ domain: 'localhost', store, keys, logger: log, observers: [observer], ...options });
  return engine;
}

class Link {
  readonly frames: Uint8Array[] = [];
  readonly closes: number[] = [];
  readonly client = new ClientDriver(crypto);
  readonly handle;

  constructor() {
    this.handle = engine!.accept(
      { send: (frame) => void this.frames.push(frame), close: (code) => void this.closes.push(code) },
      { address: '192.0.2.77', secure: true, origin: undefined, subprotocolOffered: true },
      { onAuthenticated: () => undefined },
    );
    this.client.take(this.frames[0]!);
  }

  async ask(frame: Uint8Array): Promise<Message> {
    const before = this.frames.length;
    this.handle.receive(frame);
    for (let i = 0; this.frames.length === before && i < 500; i++) await delay(5);
    return decodeControl(this.frames[before]!, 'server');
  }

  async start(frame: Uint8Array): Promise<Message> {
    await this.ask(frame);
    return this.client.takeChallenge(this.frames.at(-1)!).message;
  }

  async signUp(username: string, invite = ''): Promise<Welcome> {
    const challenge = await this.start(this.client.signupStart(username, 'correct horse', { invite }));
    const welcome = await this.ask(this.client.signupFinish(challenge as never));
    this.client.take(this.frames.at(-1)!);
    return welcome as Welcome;
  }

  async logIn(username: string, password = 'correct horse'): Promise<Message> {
    const challenge = await this.start(this.client.loginStart(username, password));
    return this.ask(this.client.loginFinish(challenge as never));
  }

  resumeWith(ticket: DriverTicket): Promise<Message> {
    return this.ask(this.client.resume(ticket));
  }

  end(): void {
    this.handle.closed();
  }
}

/** The trail once the engine has closed. */
async function recorded(): Promise<AuditBody[]> {
  await engine!.close();
  engine = undefined;
  const options = { crypto, domain: 'localhost', publicKeys: auditPublicKeys(crypto, keys) };
  expect(verify(await exportOf(store.audit!), options)).toMatchObject({ ok: true, findings: [] });
  return (await store.audit!.read(0, 1000)).map(({ body }) => decodeBody(body)!);
}

const summary = (bodies: readonly AuditBody[]): string[] =>
  bodies.map(({ event, code, reason, count, actor }) =>
    [event, code, reason, count, actor].filter((part) => part !== undefined).join(' '),
  );

describe('the engine records', () => {
  test('sign-up, login, refusals, abandoned challenges, administration, start and stop, signed at the end', async () => {
    const { admin } = await start({ registration: 'invite' });
    const { code } = await admin.createInvite({ expiresInSeconds: 60 });
    const anna = new Link();
    const { userId, sessionId } = await anna.signUp('anna', code);
    const again = new Link();
    expect((await again.logIn('anna')).kind).toBe('welcome');
    const wrong = new Link();
    expect(await wrong.logIn('anna', 'wrong horse')).toMatchObject({ kind: 'error', code: 'login-failed' });
    expect(await new Link().logIn('nobody')).toMatchObject({ kind: 'error', code: 'login-failed' });
    const silent = new Link();
    await silent.start(silent.client.loginStart('anna', 'wrong horse'));
    silent.end();
    await admin.setRoles('anna', ['boss']);
    expect(await admin.endSessions('anna')).toBe(2);
    await admin.disableUser('anna');
    await admin.enableUser('anna');
    await admin.createResetCode('anna');
    await admin.deleteUser('anna');
    const bodies = await recorded();
    const [written, behind] = [
      bodies.filter(({ event }) => !isBehind(event)),
      bodies.filter(({ event }) => isBehind(event)),
    ];
    expect(summary(written)).toEqual([
      'server-start',
      'code-created invite api',
      'signup invite',
      'login after-signup',
      'login',
      'roles-changed api',
      'session-ended revoked 2 api',
      'user-disabled api',
      'user-enabled api',
      'code-created reset api',
      'user-deleted api',
      'server-stop',
      'checkpoint',
    ]);
    expect(summary(behind)).toEqual([
      'refused login-failed proof-invalid',
      'refused login-failed user-unknown',
      'abandoned awaiting-login-finish',
    ]);
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
    expect(written[2]).toMatchObject({ user: hex(userId), from: '192.0.2.0/24' });
    expect(written[3]).toMatchObject({ user: hex(userId), session: hex(sessionId).slice(0, 16) });
    // Whose account was tried is known where it exists; an unknown name is nobody's, not the decoy's.
    expect(behind.map(({ user }) => user)).toEqual([hex(userId), undefined, hex(userId)]);
    expect(new Set(written.slice(2, 5).map(({ connection }) => connection)).size).toBe(2);
    expect([...stages].sort()).toEqual(['commit', 'evaluate', 'lookup', 'verify']);
    expect(told.map(({ event }) => event).sort()).toEqual(
      ['abandoned', 'login', 'login', 'refused', 'refused', 'signup'].sort(),
    );
  });

  test('resumption, reuse of a dead ticket, a limit of sessions, logout', async () => {
    await start({ limits: { maxSessionsPerUser: 1 } });
    const first = new Link();
    const { ticketId, ticketSecret } = await first.signUp('bert');
    const ticket = { ticketId, ticketSecret };
    const resumed = (await new Link().resumeWith(ticket)) as Welcome;
    const next = { ticketId: resumed.ticketId, ticketSecret: resumed.ticketSecret };
    expect((await new Link().resumeWith(next)).kind).toBe('welcome');
    expect(await new Link().resumeWith(ticket)).toMatchObject({ code: 'session-revoked' });
    expect((await new Link().logIn('bert')).kind).toBe('welcome');
    const last = new Link();
    expect((await last.logIn('bert')).kind).toBe('welcome');
    expect(summary((await recorded()).filter(({ event }) => !event.startsWith('server')))).toEqual([
      'signup',
      'login after-signup',
      'resume',
      'resume',
      'ticket-reused',
      'login',
      'login',
      'session-ended too-many-sessions',
      'checkpoint',
    ]);
  });

  test('a flood of refusals only up to its share; the rest is counted', async () => {
    await start({ audit: { burst: 3, perMinute: 0 } });
    await new Link().signUp('carl');
    for (let i = 0; i < 8; i++) await new Link().logIn('carl', 'wrong horse');
    expect(summary((await recorded()).slice(-6))).toEqual([
      ...Array.from({ length: 3 }, () => 'refused login-failed proof-invalid'),
      'suppressed login-failed proof-invalid 5',
      'server-stop',
      'checkpoint',
    ]);
  });

  test('a record that is made anew, because its key stretching is out of date or for another reason', async () => {
    await start();
    const link = new Link();
    const welcome = await link.signUp('fritz');
    const serverKey = keys.serverKeys[0]!.publicKey;
    const again = async (): Promise<void> => {
      await link.ask(link.client.reregisterStart(welcome, 'other horse'));
      const { finish } = link.client.reregisterFinish(link.frames.at(-1)!, serverKey, { endOthers: 1 });
      expect(await link.ask(finish)).toMatchObject({ kind: 'reregistered' });
    };
    await again();
    expect(summary((await recorded()).slice(3, 5))).toEqual([
      'credential-changed registered-again',
      'session-ended password-changed',
    ]);
  });

  test('nothing with audit: false, and tells observers all the same', async () => {
    await start({ audit: false });
    await new Link().signUp('dora');
    await engine!.admin.setRoles('dora', ['x']);
    await engine!.close();
    engine = undefined;
    expect(await store.audit!.read(0, 10)).toEqual([]);
    expect(told.map(({ event }) => event)).toEqual(['signup', 'login']);
  });

  test('where the head is, in the log too; and an observer that throws disturbs nobody', async () => {
    const observer = {
      onEvent: () => {
        throw new Error('observer');
      },
    };
    await start({ observers: [observer] });
    await new Link().signUp('emil');
    await recorded();
    const { seq, hash } = await store.audit!.head();
    const line = { level: 'info', message: 'audit checkpoint', seq, hash: Buffer.from(hash).toString('hex') };
    expect(log.lines).toContainEqual(line);
    expect(log.lines.filter(({ message }) => message === 'an observer failed')).toHaveLength(2);
  });
});

const isBehind = (event: string): boolean => event === 'refused' || event === 'abandoned';

test('refusals that could not be written show as a gap, with their number', () => {
  const refusals = new Refusals({ burst: 10, perMinute: 0, prefixBurst: 10, prefixPerMinute: 0 });
  const refused = (reason: string): AuditEvent => ({ event: 'refused', atMs: 1, code: 'login-failed', reason });
  for (const reason of ['a', 'b', 'b']) refusals.add(refused(reason), 0);
  refusals.lose(refusals.take(2, true));
  for (let i = 0; i < 12; i++) refusals.add(refused('c'), 0);
  const events = refusals.take(3, true);
  expect(events[0]).toEqual({ event: 'gap', atMs: 3, count: 3 });
  expect(events.filter(({ event }) => event === 'refused')).toHaveLength(7);
  expect(events.at(-1)).toEqual({ event: 'suppressed', atMs: 3, code: 'login-failed', reason: 'c', count: 5 });
  // In the long run so many each minute.
  const slow = new Refusals({ burst: 2, perMinute: 60, prefixBurst: 2, prefixPerMinute: 60 });
  for (let second = 0; second < 10; second++) for (let i = 0; i < 5; i++) slow.add(refused('d'), second * 1000);
  expect(slow.waiting).toBe(2 + 9);
});
