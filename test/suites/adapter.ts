// The contract of a socket adapter: a real server behind TLS, real sockets, and an application that echoes.
import net from 'node:net';
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  BINDING_TLS_EXPORTER,
  CLOSE,
  TLS_EXPORTER_BYTES,
  TLS_EXPORTER_LABEL,
  type ErrorMessage,
  type Welcome,
} from '../../proto/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import {
  createEngine,
  type Engine,
  type EngineOptions,
  type Session,
  type SessionChange,
  type Store,
} from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { FailingStore } from '../support/failing-store.js';
import { LogRecorder } from '../support/log-recorder.js';
import { openRaw, signedUp, type OpenOptions, type RawClient } from '../support/raw-client.js';
import { makeServerKeys } from '../support/server-keys.js';

/** What the application behind the adapter saw. */
export interface AdapterApplication {
  /** An authenticated socket has come. */
  onConnection(session: Session, subprotocol: string): void;
  /** The session of one of them has changed. */
  onSessionChanged?(change: SessionChange): void;
}

export interface AdapterServer {
  /** wss:// URL of the path that the adapter serves. */
  readonly url: string;
  readonly port: number;
  /** Sends to all authenticated sockets. */
  broadcast(data: string | Uint8Array): void;
  /** Authenticated sockets now. */
  count(): number;
  stop(): Promise<void>;
}

export interface AdapterStart {
  readonly engine: Engine;
  readonly application: AdapterApplication;
  /** Subprotocols that the application speaks; undefined: it takes the first one offered. */
  readonly protocols?: readonly string[];
  readonly trustedProxies?: readonly string[];
  readonly closeTimeoutMs?: number;
  readonly pingIntervalMs?: number;
}

/** Starts a TLS server on loopback, port 0, whose application echoes every message to its sender. */
export type StartAdapter = (start: AdapterStart) => Promise<AdapterServer>;

/** What an adapter can beyond the contract: true, or the reason why not, under which the tests are skipped. */
export interface AdapterCapabilities {
  /** RFC 9266 on TLS connections that end in this process. */
  readonly tlsExporter: true | string;
}

interface Setting {
  readonly engine: Engine;
  readonly store: Store;
  readonly failing: FailingStore;
  readonly server: AdapterServer;
  readonly log: LogRecorder;
  readonly sessions: { session: Session; subprotocol: string }[];
  readonly open: (options?: OpenOptions) => Promise<RawClient>;
}

type Change = Partial<EngineOptions> & Omit<AdapterStart, 'engine' | 'application'>;

export function adapterSuite(
  name: string,
  start: StartAdapter,
  capabilities: AdapterCapabilities = { tlsExporter: true },
): void {
  /** `test`, or a skipped test that says why. */
  const testIf = (capability: true | string, title: string, body: () => Promise<void>): void =>
    capability === true ? test(title, body) : test.skip(`${title} (${capability})`, body);

  describe(`adapter ${name}`, () => {
    let crypto: Crypto;
    const running: Setting[] = [];
    const clients: RawClient[] = [];

    beforeAll(async () => {
      crypto = await loadCrypto();
    });
    afterEach(async () => {
      for (const client of clients.splice(0)) client.socket.terminate();
      for (const { server, engine } of running.splice(0)) {
        await engine.close();
        await server.stop();
      }
    });
    afterAll(() => {
      expect(running).toEqual([]);
    });

    async function setUp(change: Change = {}): Promise<Setting> {
      const { protocols, trustedProxies, closeTimeoutMs, pingIntervalMs, ...options } = change;
      const store = openMemoryStore();
      const failing = new FailingStore(store);
      const log = new LogRecorder();
      const sessions: Setting['sessions'] = [];
      const engine = await createEngine({
        domain: 'localhost',
        store: failing.store,
        keys: makeServerKeys(crypto, 'localhost'),
        targets: ['localhost'],
        logger: log,
        ...options,
      });
      const server = await start({
        engine,
        application: { onConnection: (session, subprotocol) => sessions.push({ session, subprotocol }) },
        ...(protocols && { protocols }),
        ...(trustedProxies && { trustedProxies }),
        ...(closeTimeoutMs !== undefined && { closeTimeoutMs }),
        ...(pingIntervalMs !== undefined && { pingIntervalMs }),
      });
      const setting: Setting = {
        engine,
        store,
        failing,
        server,
        log,
        sessions,
        async open(given = {}) {
          const client = await openRaw(server.url, crypto, { target: `localhost:${server.port}`, ...given });
          clients.push(client);
          return client;
        },
      };
      running.push(setting);
      return setting;
    }

    /** Opens, waits for hello, signs up. */
    async function member(setting: Setting, username: string, options: OpenOptions = {}) {
      const client = await signedUp(setting.server.url, crypto, username, {
        target: `localhost:${setting.server.port}`,
        ...options,
      });
      clients.push(client);
      return client;
    }

    describe('sign-up, login, messages', () => {
      test('sign-up is a login; later logins find the same user', async () => {
        const setting = await setUp();
        const first = await member(setting, 'alice', { deviceLabel: 'laptop' });
        expect(first.welcome).toMatchObject({ kind: 'welcome', username: 'alice', roles: [], subprotocol: '' });

        const second = await setting.open();
        await second.nextControl();
        const welcome = (await second.login('alice', 'correct horse')) as Welcome;
        expect(welcome.kind).toBe('welcome');
        expect(welcome.userId).toEqual(first.welcome.userId);
        expect(welcome.sessionId).not.toEqual(first.welcome.sessionId);
        expect(setting.sessions.map(({ session }) => [session.username, session.deviceLabel])).toEqual([
          ['alice', 'laptop'],
          ['alice', ''],
        ]);
        expect(setting.sessions[0]!.session.userId).toBe(Buffer.from(welcome.userId).toString('hex'));
        expect(setting.server.count()).toBe(2);
      });

      test('text, binary, empty, and binary that begins with 0xC1 pass unchanged, both ways and in order', async () => {
        const setting = await setUp();
        const client = await member(setting, 'alice');
        const bodies = [
          'héllo',
          '',
          Buffer.from([1, 2, 3]),
          Buffer.alloc(0),
          Buffer.from([0xc1]),
          Buffer.from([0xc1, 0xc1]),
          Buffer.from([0xc1, 0x92, 0x16]),
          Buffer.alloc(60_000, 0xc1),
          'last',
        ];
        for (const body of bodies) {
          client.socket.send(
            typeof body === 'string' || body[0] !== 0xc1 ? body : Buffer.concat([Buffer.of(0xc1), body]),
          );
        }
        const echoed: (string | Buffer)[] = [];
        while (echoed.length < bodies.length) echoed.push(await client.nextApplication());
        const plain = (body: string | Buffer): string =>
          typeof body === 'string' ? `text ${body}` : body.toString('hex');
        expect(echoed.map(plain)).toEqual(bodies.map(plain));
      });

      test('what is broadcast is escaped too, and reaches authenticated sockets only', async () => {
        const setting = await setUp();
        const alice = await member(setting, 'alice');
        const bob = await member(setting, 'bob');
        const stranger = await setting.open();
        await stranger.nextControl();
        setting.server.broadcast(Buffer.of(0xc1, 0x91, 0x00));
        setting.server.broadcast('to all');
        for (const client of [alice, bob]) {
          expect((await client.next()).data).toEqual(Buffer.of(0xc1, 0xc1, 0x91, 0x00));
          expect(await client.nextApplication()).toBe('to all');
        }
        // Had the stranger got anything, it would come before the answer to this.
        expect(await stranger.login('alice', 'wrong password')).toMatchObject({ code: 'login-failed' });
      });

      test('messages that follow login-finish at once are not lost, nor are those sent on connection', async () => {
        const setting = await setUp();
        const client = await setting.open();
        await client.nextControl();
        client.send(client.driver.signupStart('alice', 'correct horse'));
        const { message } = client.driver.takeChallenge((await client.next()).data);
        client.send(client.driver.signupFinish(message as never));
        expect((await client.nextControl()).kind).toBe('welcome');
        client.socket.send('one');
        client.socket.send('two');
        expect([await client.nextApplication(), await client.nextApplication()]).toEqual(['one', 'two']);
      });

      test('a control frame after welcome closes with 4400', async () => {
        const setting = await setUp();
        const client = await member(setting, 'alice');
        client.send(client.driver.loginStart('alice', 'correct horse'));
        expect(await client.closed).toEqual({ code: CLOSE.protocolError, reason: 'protocol-error' });
        await until(() => setting.server.count() === 0);
      });

      test('the application’s subprotocol is chosen inside, and the outer one stays blindsalt.v1', async () => {
        const setting = await setUp({ protocols: ['chat.v2', 'chat.v1'] });
        const client = await member(setting, 'alice', { subprotocols: ['other', 'chat.v1', 'chat.v2'] });
        expect(client.socket.protocol).toBe('blindsalt.v1');
        expect(client.welcome.subprotocol).toBe('chat.v1');
        expect(setting.sessions[0]!.subprotocol).toBe('chat.v1');
        const other = await member(setting, 'bob', { subprotocols: ['unknown'] });
        expect(other.welcome.subprotocol).toBe('');
      });
    });

    describe('refusals before hello', () => {
      test('a foreign Origin: 4403', async () => {
        const { open } = await setUp({ origins: ['https://app.example'] });
        const client = await open({ headers: { Origin: 'https://evil.example' } });
        expect(await client.closed).toEqual({ code: CLOSE.originRefused, reason: 'origin-refused' });
      });

      test('a listed Origin passes, and the start message must repeat it', async () => {
        const setting = await setUp({ origins: ['https://app.example'], allowNative: false });
        const good = { headers: { Origin: 'https://app.example' }, origin: 'https://app.example' };
        expect((await member(setting, 'alice', good)).welcome.username).toBe('alice');
        const lying = await setting.open({ headers: good.headers, origin: '' });
        await lying.nextControl();
        expect(await lying.login('alice', 'correct horse')).toMatchObject({ code: 'origin-refused' });
        expect((await lying.closed).code).toBe(CLOSE.originRefused);
        const native = await setting.open();
        expect((await native.closed).code).toBe(CLOSE.originRefused);
      });

      test('blindsalt.v1 not offered: 4402', async () => {
        const { open } = await setUp();
        for (const offered of [[], ['chat']]) {
          const result = await open({ offered }).then(
            async (client) => (await client.closed).code,
            (error: Error) => error.message,
          );
          // `ws` clients that offered something hang up themselves when nothing was selected.
          expect([CLOSE.subprotocolRefused, 'Server sent no subprotocol']).toContain(result);
        }
        const silent = await open({ offered: [] });
        expect(await silent.closed).toEqual({ code: CLOSE.subprotocolRefused, reason: 'subprotocol-refused' });
      });

      test('over the cap of unauthenticated connections: HTTP 503, and room again when they are gone', async () => {
        const setting = await setUp({ limits: { maxUnauthenticated: 2 } });
        const one = await setting.open();
        const two = await setting.open();
        await expect(setting.open()).rejects.toThrow('503');
        await one.nextControl();
        expect((await one.signup('alice', 'correct horse')).kind).toBe('welcome');
        const three = await setting.open();
        expect((await three.nextControl()).kind).toBe('hello');
        await expect(setting.open()).rejects.toThrow('503');
        two.socket.terminate();
        await until(() => setting.engine.hasRoom);
        expect((await (await setting.open()).nextControl()).kind).toBe('hello');
      });
    });

    describe('channel binding', () => {
      /** Bound to the TLS connection of the client itself, unless told otherwise. */
      async function openBound(setting: Setting, forged?: Uint8Array): Promise<RawClient> {
        const binding = {
          type: BINDING_TLS_EXPORTER,
          get value() {
            const { _socket } = client.socket as unknown as { readonly _socket: TLSSocket };
            return forged ?? _socket.exportKeyingMaterial(TLS_EXPORTER_BYTES, TLS_EXPORTER_LABEL, Buffer.alloc(0));
          },
        };
        const client: RawClient = await setting.open({ binding });
        return client;
      }

      testIf(
        capabilities.tlsExporter,
        'offered, and a login bound to its connection passes where it is required',
        async () => {
          const setting = await setUp({ requireBinding: true });
          const client = await openBound(setting);
          expect(await client.nextControl()).toMatchObject({ kind: 'hello', bindings: [BINDING_TLS_EXPORTER] });
          expect((await client.signup('alice', 'correct horse')).kind).toBe('welcome');
          const unbound = await setting.open();
          await unbound.nextControl();
          expect(await unbound.login('alice', 'correct horse')).toMatchObject({ code: 'binding-refused' });
          expect((await unbound.closed).code).toBe(CLOSE.bindingRefused);
        },
      );

      testIf(capabilities.tlsExporter, 'a login bound to another connection fails, as through a relay', async () => {
        const setting = await setUp();
        await member(setting, 'alice');
        const relayed = await openBound(setting, Buffer.alloc(TLS_EXPORTER_BYTES, 7));
        await relayed.nextControl();
        expect(await relayed.login('alice', 'correct horse')).toMatchObject({ code: 'login-failed' });
      });

      testIf(
        capabilities.tlsExporter,
        'not offered behind a trusted proxy, whose TLS is not the client’s',
        async () => {
          const setting = await setUp({ trustedProxies: ['127.0.0.0/8', '::1'] });
          const headers = { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': 'https' };
          const client = await setting.open({ headers });
          expect(await client.nextControl()).toMatchObject({ kind: 'hello', bindings: [] });
        },
      );
    });

    describe('bad input', () => {
      test('wrong password, unknown user, disabled account: login-failed, and another attempt may follow', async () => {
        const setting = await setUp();
        await member(setting, 'alice');
        await member(setting, 'dora');
        await setting.engine.admin.disableUser('dora');
        const client = await setting.open();
        await client.nextControl();
        const failures = [
          await client.login('alice', 'wrong password'),
          await client.login('nobody', 'correct horse'),
          await client.login('dora', 'correct horse'),
        ];
        for (const failure of failures) {
          expect(failure).toEqual({ kind: 'error', code: 'login-failed', retryAfterSeconds: 0 });
        }
        expect((await client.login('alice', 'correct horse')).kind).toBe('welcome');
      });

      test('a taken name: username-taken, its owner still logs in', async () => {
        const setting = await setUp();
        await member(setting, 'alice');
        const client = await setting.open();
        await client.nextControl();
        expect(await client.signup('alice', 'another password')).toMatchObject({ code: 'username-taken' });
        expect(await client.login('alice', 'another password')).toMatchObject({ code: 'login-failed' });
        expect((await client.login('alice', 'correct horse')).kind).toBe('welcome');
      });

      test('attempts beyond the limit: 4430', async () => {
        const setting = await setUp({ limits: { maxAttempts: 2 } });
        const client = await setting.open();
        await client.nextControl();
        await client.login('alice', 'wrong password');
        await client.login('alice', 'wrong password');
        expect(await client.login('alice', 'wrong password')).toMatchObject({ code: 'too-many-attempts' });
        expect(await client.closed).toEqual({ code: CLOSE.tooManyAttempts, reason: 'too-many-attempts' });
      });

      test.each<[string, string | Buffer, number]>([
        ['text before welcome', 'hello?', CLOSE.earlyFrame],
        ['unmarked binary before welcome', Buffer.from([1, 2]), CLOSE.earlyFrame],
        ['escaped binary before welcome', Buffer.from([0xc1, 0xc1, 1]), CLOSE.earlyFrame],
        ['an empty message before welcome', Buffer.alloc(0), CLOSE.earlyFrame],
        ['0xC1 alone', Buffer.from([0xc1]), CLOSE.protocolError],
        ['0xC1 and no array', Buffer.from([0xc1, 0x01]), CLOSE.protocolError],
        ['an unknown type', Buffer.from([0xc1, 0x91, 0x7f]), CLOSE.protocolError],
        ['a control frame over 4096 bytes', Buffer.alloc(4097, 0).fill(0xc1, 0, 1), CLOSE.frameTooLarge],
        ['a message over the limit', Buffer.alloc(70_000), 1009],
      ])('%s', async (_name, body, code) => {
        const setting = await setUp();
        const client = await setting.open();
        await client.nextControl();
        client.socket.send(body);
        const { code: got } = await client.closed;
        // uWebSockets.js drops the connection on oversized messages.
        expect(code === 1009 ? [1009, 1006] : [code]).toContain(got);
        expect((await member(setting, 'alice')).welcome.username).toBe('alice');
      });

      test('a replayed login-finish: 4400', async () => {
        const setting = await setUp();
        await member(setting, 'alice');
        const client = await setting.open();
        await client.nextControl();
        client.send(client.driver.loginStart('alice', 'wrong password'));
        const { message } = client.driver.takeChallenge((await client.next()).data);
        const finish = client.driver.loginFinish(message as never);
        client.send(finish);
        expect(await client.nextControl()).toMatchObject({ code: 'login-failed' });
        client.send(finish);
        expect(await client.nextControl()).toMatchObject({ code: 'protocol-error' });
        expect((await client.closed).code).toBe(CLOSE.protocolError);
      });

      test('a foreign target: 4404', async () => {
        const setting = await setUp({ targets: ['localhost:1'] });
        const client = await setting.open({ target: 'localhost:2' });
        await client.nextControl();
        expect(await client.login('alice', 'correct horse')).toMatchObject({ code: 'target-refused' });
        expect((await client.closed).code).toBe(CLOSE.targetRefused);
      });

      test('a store that fails in the middle of a login: 4452, and the server goes on', async () => {
        const setting = await setUp();
        await member(setting, 'alice');
        for (const method of ['getUserOrDecoy', 'beginSession'] as const) {
          const client = await setting.open();
          await client.nextControl();
          setting.failing.failOnce(method);
          expect(await client.login('alice', 'correct horse')).toMatchObject({ code: 'server-error' });
          expect(await client.closed).toEqual({ code: CLOSE.serverError, reason: 'server-error' });
        }
        const client = await setting.open();
        await client.nextControl();
        expect((await client.login('alice', 'correct horse')).kind).toBe('welcome');
      });

      test('a store that fails in the middle of a sign-up: 4452, and nothing was created', async () => {
        const setting = await setUp();
        const client = await setting.open();
        await client.nextControl();
        setting.failing.failOnce('createUserIfAbsent');
        expect(await client.signup('alice', 'correct horse')).toMatchObject({ code: 'server-error' });
        expect((await client.closed).code).toBe(CLOSE.serverError);
        expect(await setting.store.findUser('alice')).toBeUndefined();
        expect((await member(setting, 'alice')).welcome.username).toBe('alice');
      });
    });

    describe('slow, silent and half-open', () => {
      test('a silent client: error, 4451', async () => {
        const setting = await setUp({ limits: { handshakeTimeoutMs: 200 } });
        const client = await setting.open();
        await client.nextControl();
        expect(((await client.nextControl()) as ErrorMessage).code).toBe('handshake-timeout');
        expect(await client.closed).toEqual({ code: CLOSE.handshakeTimeout, reason: 'handshake-timeout' });
      });

      test('a client that stays busy without logging in: 4451 all the same', async () => {
        const setting = await setUp({ limits: { handshakeTimeoutMs: 300, maxAttempts: 100 } });
        const client = await setting.open();
        await client.nextControl();
        const busy = (async () => {
          for (;;) {
            await client.login('alice', 'wrong password');
            await delay(20);
          }
        })().catch(() => {});
        expect((await client.closed).code).toBe(CLOSE.handshakeTimeout);
        await busy;
      });

      test('a half-open TCP connection is let go after the close timeout', async () => {
        const setting = await setUp({
          limits: { handshakeTimeoutMs: 1000, maxUnauthenticated: 1 },
          closeTimeoutMs: 200,
        });
        const client = await setting.open();
        await client.nextControl();
        // The other end stops reading and answering, as after a cut line: no close frame, no FIN.
        client.socket.pause();
        expect(setting.engine.hasRoom).toBe(false);
        await until(() => setting.engine.hasRoom);
      });

      test('an authenticated connection whose other end is gone is found by pings', async () => {
        const setting = await setUp({ pingIntervalMs: 500 });
        const client = await member(setting, 'alice');
        await delay(1200);
        expect(setting.server.count()).toBe(1);
        client.socket.pause();
        await until(() => setting.server.count() === 0);
      });

      test('a session without messages: session-expired, 4431', async () => {
        const setting = await setUp({ limits: { idleSeconds: 2 } });
        const client = await member(setting, 'alice');
        const begun = Date.now();
        await delay(800);
        client.socket.send('still here');
        expect(await client.nextApplication()).toBe('still here');
        expect(await client.nextControl()).toEqual({ kind: 'expiring', secondsLeft: 1, limit: 0 });
        expect(await client.nextControl()).toMatchObject({ code: 'session-expired' });
        expect(await client.closed).toEqual({ code: CLOSE.sessionExpired, reason: 'session-expired' });
        // The message restarted the limit. (Timers may be late, never early.)
        expect(Date.now() - begun).toBeGreaterThanOrEqual(2700);
      });

      test('a session at its absolute limit, busy or not: 4431', async () => {
        const setting = await setUp({ limits: { absoluteSeconds: 1 } });
        const client = await member(setting, 'alice');
        const timer = setInterval(() => client.socket.send('busy'), 100);
        expect((await client.closed).code).toBe(CLOSE.sessionExpired);
        clearInterval(timer);
      });

      test('TCP connections that say nothing do not stop others', async () => {
        const setting = await setUp();
        const silent = Array.from({ length: 20 }, () => net.connect(setting.server.port, 'localhost'));
        await Promise.all(silent.map((socket) => once(socket, 'connect')));
        expect((await member(setting, 'alice')).welcome.username).toBe('alice');
        for (const socket of silent) socket.destroy();
      });
    });

    describe('behind proxies', () => {
      const forwarded = (proto: string, address = '203.0.113.9'): OpenOptions => ({
        headers: { 'X-Forwarded-For': address, 'X-Forwarded-Proto': proto },
      });

      test('a trusted proxy says who the client is, and whether it used TLS', async () => {
        const setting = await setUp({ trustedProxies: ['127.0.0.0/8', '::1'] });
        await member(setting, 'alice', forwarded('https', '198.51.100.7, 203.0.113.9'));
        expect(setting.sessions[0]!.session.addressPrefix).toBe('203.0.113.0/24');
        const plain = await setting.open(forwarded('http'));
        expect(await plain.closed).toEqual({ code: CLOSE.tlsRequired, reason: 'tls-required' });
      });

      test('headers of a client that is no proxy are ignored', async () => {
        const setting = await setUp({ trustedProxies: ['192.0.2.1'] });
        await member(setting, 'alice', forwarded('http'));
        expect(setting.sessions[0]!.session.addressPrefix).toMatch(/^(127\.0\.0\.0\/24|::\/48)$/);
      });
    });

    describe('closing', () => {
      test('engine.close ends all with 1001', async () => {
        const setting = await setUp();
        const alice = await member(setting, 'alice');
        const stranger = await setting.open();
        await stranger.nextControl();
        await setting.engine.close();
        expect((await alice.closed).code).toBe(CLOSE.goingAway);
        expect((await stranger.closed).code).toBe(CLOSE.goingAway);
      });
    });

    test('the log holds codes and prefixes, and neither names, passwords, addresses nor nonces', async () => {
      const setting = await setUp();
      const client = await member(setting, 'alice-unmistakable');
      const other = await setting.open();
      await other.nextControl();
      await other.login('alice-unmistakable', 'wrong-unmistakable');
      other.socket.send('early');
      await other.closed;
      const text = setting.log.text();
      expect(text).toContain('login-failed');
      expect(text).toContain('proof-invalid');
      expect(text).toContain('early-frame');
      expect(text).not.toMatch(/unmistakable|correct horse|127\.0\.0\.1|::1\b/);
      for (const bytes of [client.driver.hello!.serverNonce, client.welcome.userId]) {
        for (const encoding of ['hex', 'base64', 'base64url'] as const) {
          expect(text).not.toContain(Buffer.from(bytes).toString(encoding));
        }
      }
    });
  });
}

/** Waits for something that happens soon; the test's own timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10);
}
