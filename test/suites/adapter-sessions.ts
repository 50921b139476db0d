// Sessions over real sockets, for every adapter and store: what a thief, a race or a clock may try, and how fast an end
// reaches the sockets.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CLOSE, encodeControl, type LifeFields, type Message, type Welcome } from '../../proto/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import {
  createAdmin,
  createEngine,
  silentLogger,
  type Engine,
  type EngineOptions,
  type ServerKeys,
  type Session,
  type SessionChange,
  type Store,
} from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import type { DriverTicket } from '../support/client-driver.js';
import { openRaw, signedUp, type RawClient } from '../support/raw-client.js';
import { makeServerKeys } from '../support/server-keys.js';
import type { AdapterServer, StartAdapter } from './adapter.js';

interface Process {
  readonly engine: Engine;
  readonly server: AdapterServer;
  readonly store: Store;
  readonly sessions: Session[];
  readonly changes: SessionChange[];
}

type Member = RawClient & { welcome: Welcome };

/** How long an end may take to reach the sockets of any process. */
const SOON_MS = 1000;

const storeKinds = { memory: 'memory', sqlite: 'SQLite' } as const;

export function adapterSessionsSuite(name: string, start: StartAdapter): void {
  describe.each(Object.entries(storeKinds))(`sessions, adapter ${name}, store %s`, (kind) => {
    let crypto: Crypto;
    let keys: ServerKeys;
    let folder: string;
    let files = 0;
    const cleanUps: (() => unknown)[] = [];
    const clients: RawClient[] = [];

    beforeAll(async () => {
      crypto = await loadCrypto();
      keys = makeServerKeys(crypto, 'localhost');
      folder = await mkdtemp(join(tmpdir(), 'blindsalt-sessions-'));
    });
    afterEach(async () => {
      for (const client of clients.splice(0)) client.socket.terminate();
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    });
    afterAll(() => rm(folder, { recursive: true }));

    /** Opens what other processes would open too; in memory there is only one process. */
    function openers(): () => Promise<Store> {
      const path = join(folder, `${++files}.db`);
      const single = kind === 'memory' ? openMemoryStore() : undefined;
      return async () => single ?? openSqliteStore(path);
    }

    async function run(open = openers(), change: Partial<EngineOptions> = {}): Promise<Process> {
      const store = await open();
      cleanUps.push(() => store.close());
      const sessions: Session[] = [];
      const changes: SessionChange[] = [];
      const targets = ['localhost'];
      const options = { domain: 'localhost', store, keys, targets, logger: silentLogger, ...change };
      const engine = await createEngine(options);
      const application = {
        onConnection: (session: Session) => sessions.push(session),
        onSessionChanged: (changed: SessionChange) => changes.push(changed),
      };
      const server = await start({ engine, application });
      cleanUps.push(() => server.stop());
      cleanUps.push(() => engine.close());
      return { engine, server, store, sessions, changes };
    }

    const optionsOf = ({ server }: Process) => ({ target: `localhost:${server.port}` });

    async function member(process: Process, username: string, deviceLabel = ''): Promise<Member> {
      const options = { ...optionsOf(process), deviceLabel };
      const client = await signedUp(process.server.url, crypto, username, options);
      clients.push(client);
      return client;
    }

    async function open(process: Process): Promise<RawClient> {
      const client = await openRaw(process.server.url, crypto, optionsOf(process));
      clients.push(client);
      await client.nextControl();
      return client;
    }

    async function loggedIn(process: Process, username: string, password = 'correct horse'): Promise<Member> {
      const client = await open(process);
      const welcome = await client.login(username, password);
      return Object.assign(client, { welcome: welcome as Welcome });
    }

    async function resumed(process: Process, ticket: DriverTicket): Promise<Member> {
      const client = await open(process);
      client.send(client.driver.resume(ticket));
      const { data } = await client.next();
      const isProven = data[2] === 2 && client.driver.isWelcomeProven(data, ticket);
      const welcome = client.driver.take(data) as Welcome;
      expect(isProven).toBe(welcome.kind === 'welcome');
      return Object.assign(client, { welcome });
    }

    async function ask(client: RawClient, message: Message): Promise<Message> {
      client.send(encodeControl(message));
      return client.nextControl();
    }

    async function expectAlive(client: RawClient): Promise<void> {
      client.socket.send('still there');
      expect(await client.nextApplication()).toBe('still there');
    }

    /** Within a second of now. */
    async function expectClosed(closing: readonly RawClient[], code: number, reason: string): Promise<void> {
      const late = delay(SOON_MS, 'too late' as const, { ref: false });
      for (const { closed } of closing) expect(await Promise.race([closed, late])).toEqual({ code, reason });
    }

    test('a stolen ticket: whoever comes second with it learns nothing, and the session ends for both', async () => {
      const process = await run();
      const owner = await member(process, 'alice');
      const stolen = owner.welcome;
      owner.socket.terminate();
      const back = await resumed(process, stolen);
      const again = await resumed(process, back.welcome);
      await expectClosed([back], CLOSE.sessionReplaced, 'session-replaced');
      const thief = await resumed(process, stolen);
      expect(thief.welcome).toMatchObject({ code: 'session-revoked' });
      await expectClosed([thief, again], CLOSE.sessionRevoked, 'session-revoked');
      // The owner's newest ticket does not work any more either.
      expect((await resumed(process, again.welcome)).welcome).toMatchObject({ code: 'session-revoked' });
    });

    test('a replayed resume, on the same connection and on others', async () => {
      const process = await run();
      const owner = await member(process, 'alice');
      const first = await open(process);
      const frame = first.driver.resume(owner.welcome);
      const other = await open(process);
      other.send(frame);
      await expectClosed([other], CLOSE.resumeFailed, 'resume-failed');
      await expectAlive(owner);
      first.send(frame);
      expect(await first.nextControl()).toMatchObject({ kind: 'welcome' });
      await expectClosed([owner], CLOSE.sessionReplaced, 'session-replaced');
      first.send(frame);
      await expectClosed([first], CLOSE.protocolError, 'protocol-error');
    });

    test('two devices race with one ticket: one connection is left, and one chain of tickets', async () => {
      const process = await run();
      const owner = await member(process, 'alice');
      const racers = await Promise.all(Array.from({ length: 6 }, () => open(process)));
      const outcomes = await Promise.all(
        racers.map(async (racer) => {
          racer.send(racer.driver.resume(owner.welcome));
          // Whoever was overtaken in time is told so instead of being welcomed.
          return racer.nextControl();
        }),
      );
      await delay(300);
      const alive = racers.filter(({ socket }) => socket.readyState === socket.OPEN);
      expect(alive).toHaveLength(1);
      expect(process.server.count()).toBe(1);
      await expectAlive(alive[0]!);
      await expectClosed([owner], CLOSE.sessionReplaced, 'session-replaced');
      const last = outcomes[racers.indexOf(alive[0]!)] as Welcome;
      // The last successor works; what the others got in between is dead.
      expect((await resumed(process, last)).welcome.kind).toBe('welcome');
      const loser = outcomes.find((one) => one !== last && one.kind === 'welcome') as Welcome | undefined;
      if (loser) expect((await resumed(process, loser)).welcome).toMatchObject({ code: 'session-revoked' });
    });

    test('ends reach sockets: revoked by id, everywhere, by disabling, by deletion', async () => {
      const process = await run();
      const [alice, bob, carol] = [
        await member(process, 'alice', 'laptop'),
        await member(process, 'bob'),
        await member(process, 'carol'),
      ];
      const phone = await loggedIn(process, 'alice');
      const { admin } = process.engine;
      const list = await admin.listSessions('alice');
      expect(list.map(({ deviceLabel }) => deviceLabel).sort()).toEqual(['', 'laptop']);
      const { sessionId } = list.find(({ deviceLabel }) => deviceLabel === 'laptop')!;
      expect(await admin.endSessions('bob', { sessionId })).toBe(0);
      expect(await admin.endSessions('alice', { sessionId })).toBe(1);
      await expectClosed([alice], CLOSE.sessionRevoked, 'session-revoked');
      await expectAlive(phone);
      expect(await ask(phone, { kind: 'revoke', scope: 2, sessionId: new Uint8Array(0) })).toMatchObject({ count: 1 });
      await expectClosed([phone], CLOSE.sessionRevoked, 'session-revoked');
      await admin.disableUser('bob');
      await expectClosed([bob], CLOSE.accountDisabled, 'account-disabled');
      await admin.deleteUser('carol');
      await expectClosed([carol], CLOSE.accountDisabled, 'account-disabled');
      expect(process.server.count()).toBe(0);
    });

    test('other processes on the same store: ends, takeovers and roles arrive there too', async () => {
      const opener = openers();
      const [one, two] = [await run(opener), await run(opener)];
      const admin = createAdmin(kind === 'memory' ? one.store : await openAnother(opener));
      const here = await member(one, 'alice');
      const there = await loggedIn(two, 'alice');
      await admin.setRoles('alice', ['editor']);
      for (const client of [here, there]) {
        expect(await client.nextControl()).toEqual({ kind: 'userChanged', roles: ['editor'] });
      }
      const taken = await resumed(two, here.welcome);
      await expectClosed([here], CLOSE.sessionReplaced, 'session-replaced');
      expect(await admin.endSessions('alice')).toBe(2);
      await expectClosed([taken, there], CLOSE.sessionRevoked, 'session-revoked');
    });

    async function openAnother(opener: () => Promise<Store>): Promise<Store> {
      const store = await opener();
      cleanUps.push(() => store.close());
      return store;
    }

    test('roles and attributes change while connected; level and its age are visible', async () => {
      const process = await run();
      const alice = await member(process, 'alice');
      const [session] = process.sessions as [Session];
      expect(session).toMatchObject({ level: 'password', roles: [], attributes: {} });
      await process.engine.admin.setRoles('alice', ['admin']);
      expect(await alice.nextControl()).toEqual({ kind: 'userChanged', roles: ['admin'] });
      await process.engine.admin.setAttributes('alice', { plan: 'free' });
      await expectAlive(alice);
      expect(session).toMatchObject({ roles: ['admin'], attributes: { plan: 'free' } });
      expect(process.changes).toEqual(['user', 'user']);

      const back = await resumed(process, alice.welcome);
      const again = process.sessions.at(-1)!;
      expect(again).toMatchObject({ level: 'resumed', roles: ['admin'], sessionId: session.sessionId });
      back.send(back.driver.stepUpStart(back.welcome, 'correct horse'));
      const { finish, isProven } = back.driver.stepUpFinish((await back.next()).data);
      expect(isProven).toBe(true);
      back.send(finish);
      expect(await back.nextControl()).toMatchObject({ kind: 'steppedUp' });
      expect(again.level).toBe('password');
      expect(again.levelAgeMs).toBeLessThan(30_000);
      expect(process.changes.at(-1)).toBe('level');
    });

    test('a password change ends the other sessions, also one that is being resumed at that moment', async () => {
      const process = await run();
      const alice = await member(process, 'alice');
      const other = await loggedIn(process, 'alice');
      const racer = await open(process);
      const { driver } = alice;
      alice.send(driver.reregisterStart(alice.welcome, 'another horse'));
      const { finish } = driver.reregisterFinish((await alice.next()).data, keys.serverKeys[0]!.publicKey, {
        endOthers: 1,
      });
      racer.send(racer.driver.resume(other.welcome));
      alice.send(finish);
      expect(await alice.nextControl()).toMatchObject({ kind: 'reregistered' });
      // Welcomed before or refused after: in the end it is out.
      await Promise.race([racer.closed, delay(SOON_MS, undefined, { ref: false })]);
      expect(racer.socket.readyState).not.toBe(racer.socket.OPEN);
      expect(process.server.count()).toBe(1);
      await expectAlive(alice);
      expect((await loggedIn(process, 'alice')).welcome).toMatchObject({ code: 'login-failed' });
      expect((await loggedIn(process, 'alice', 'another horse')).welcome.kind).toBe('welcome');
    });

    // These wait for limits, which the store has no part in.
    const timed = kind === 'memory' ? test : undefined;

    timed?.('clock jumps, forward and back, end no connection and prolong none', async () => {
      let offsetMs = 0;
      const now = (): number => Date.now() + offsetMs;
      const process = await run(openers(), { now, limits: { idleSeconds: 3, absoluteSeconds: 4 } });
      const begun = performance.now();
      const alice = await member(process, 'alice');
      for (const jump of [-86_400_000, 86_400_000, -30 * 86_400_000]) {
        offsetMs = jump;
        await expectAlive(alice);
        await delay(500);
      }
      await expectAlive(alice);
      const { code } = await alice.closed;
      expect(code).toBe(CLOSE.sessionExpired);
      expect(performance.now() - begun).toBeGreaterThanOrEqual(3900);
      expect(performance.now() - begun).toBeLessThan(9000);
    });

    timed?.('expiry in the middle of a long message: the notice comes first, the message never arrives', async () => {
      const process = await run(openers(), { limits: { idleSeconds: 2, absoluteSeconds: 0 } });
      const alice = await member(process, 'alice');
      alice.socket.send('the beginning of', { fin: false });
      expect(await alice.nextControl()).toEqual({ kind: 'expiring', secondsLeft: 1, limit: 0 });
      expect(await alice.nextControl()).toMatchObject({ code: 'session-expired' });
      alice.socket.send(' a message', { fin: true });
      await expectClosed([alice], CLOSE.sessionExpired, 'session-expired');
      await expect(alice.next()).rejects.toThrow('closed');
    });

    test('refresh and messages keep an idle session alive', async () => {
      const process = await run(openers(), { limits: { idleSeconds: 2 } });
      const alice = await member(process, 'alice');
      let ticket: DriverTicket = alice.welcome;
      for (let i = 0; i < 3; i++) {
        expect(await alice.nextControl()).toMatchObject({ kind: 'expiring', limit: 0 });
        const life = (await ask(alice, { kind: 'refresh' })) as LifeFields & Message;
        expect(life).toMatchObject({ kind: 'refreshed', idleSeconds: 2 });
        ticket = life;
      }
      alice.socket.terminate();
      expect((await resumed(process, ticket)).welcome.kind).toBe('welcome');
    });

    test('many sessions of one user, revoked at once', async () => {
      const count = 40;
      const process = await run();
      const first = await member(process, 'alice');
      const others: Member[] = [];
      for (let i = 1; i < count; i++) others.push(await loggedIn(process, 'alice'));
      expect(process.server.count()).toBe(count);
      const done = await ask(first, { kind: 'revoke', scope: 1, sessionId: new Uint8Array(0) });
      expect(done).toEqual({ kind: 'done', count: count - 1 });
      await expectClosed(others, CLOSE.sessionRevoked, 'session-revoked');
      expect(process.server.count()).toBe(1);
      await expectAlive(first);
    });
  });
}
