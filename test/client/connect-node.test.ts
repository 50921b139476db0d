// `blindsalt/client/node` against the real server over TLS, and against servers that misbehave.
import { createHash } from 'node:crypto';
import dns from 'node:dns';
import { once } from 'node:events';
import { Agent, createServer as createHttpServer } from 'node:http';
import https, { createServer, type Server } from 'node:https';
import net, { type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocketServer as PlainServer, type WebSocket as PlainSocket } from 'ws';
import { KSF_FLOOR, MECHANISM_SCHNORR } from '../../proto/constants.js';
import {
  BlindsaltError,
  BlindsaltSocket,
  connect,
  type NodeConnectOptions,
  type Stage,
} from '../../src/client/node.js';
import { loadCrypto } from '../../src/crypto/index.js';
import { createEngine, silentLogger, type Engine, type EngineOptions } from '../../src/server/index.js';
import { SERVER_TIMEOUTS, WebSocketServer } from '../../src/server/adapter/ws.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { testCertificate } from '../support/certificate.js';
import { makeServerKeys } from '../support/server-keys.js';
import { ScriptedServer } from './scripted-server.js';

const PASSWORD = 'correct horse battery';
const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
});

interface Running {
  readonly url: string;
  readonly ca: string;
  readonly engine: Engine;
  readonly wss: WebSocketServer;
  readonly server: Server;
  /** The same, with the CA and this test's usual options. */
  readonly connect: (options?: NodeConnectOptions) => ReturnType<typeof connect>;
}

async function start(options: Partial<EngineOptions> = {}, tls: { maxVersion?: 'TLSv1.2' } = {}): Promise<Running> {
  const crypto = await loadCrypto();
  const engine = await createEngine({
    domain: 'localhost',
    targets: ['localhost'],
    store: openMemoryStore(),
    keys: makeServerKeys(crypto, 'localhost'),
    ksf: [KSF_FLOOR.argon2id, KSF_FLOOR['pbkdf2-sha512']],
    logger: silentLogger,
    ...options,
  });
  const { cert, key } = await testCertificate();
  const server = createServer({ ...SERVER_TIMEOUTS, cert, key, ...tls });
  const wss = new WebSocketServer({ server, engine, path: '/ws', handleProtocols: (offered) => [...offered].at(-1)! });
  wss.on('connection', (socket) => {
    socket.send(`hello ${socket.session.username}`);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  closers.push(async () => {
    await engine.close();
    wss.close();
    for (const socket of wss.clients) socket.terminate();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `wss://localhost:${(server.address() as AddressInfo).port}/ws`;
  return { url, ca: cert, engine, wss, server, connect: (more = {}) => connect(url, { ca: cert, ...more }) };
}

const next = <T extends Event>(socket: BlindsaltSocket, type: string): Promise<T> =>
  new Promise((resolve) => socket.addEventListener(type, (event: Event) => resolve(event as T), { once: true }));

const refusal = async (promise: Promise<unknown>): Promise<BlindsaltError> => {
  const error: unknown = await promise.then(
    () => 'resolved',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BlindsaltError);
  return error as BlindsaltError;
};

describe('with the real server', () => {
  let running: Running;
  beforeAll(async () => {
    running = await start();
    const socket = await running.connect().signup({ username: 'Alice', password: PASSWORD });
    socket.close();
  });

  test('sign-up, first message, echo, close; then login', async () => {
    const socket = await running.connect().signup({ username: 'Bob', password: PASSWORD });
    expect(socket).toBeInstanceOf(BlindsaltSocket);
    expect(socket.session).toMatchObject({ username: 'bob', roles: [] });
    expect(socket.session.userId).toMatch(/^[0-9a-f]{32}$/);
    expect((await next<MessageEvent>(socket, 'message')).data).toBe('hello bob');
    socket.binaryType = 'arraybuffer';
    socket.send(new Blob([Uint8Array.of(0xc1, 2)]));
    expect(Buffer.from((await next<MessageEvent>(socket, 'message')).data as ArrayBuffer)).toEqual(
      Buffer.from([0xc1, 2]),
    );
    socket.close(1000, 'bye');
    expect(await next<CloseEvent>(socket, 'close')).toMatchObject({ code: 1000, reason: 'bye', wasClean: true });

    const again = await running.connect().login({ username: 'BOB', password: new TextEncoder().encode(PASSWORD) });
    expect(again.session.userId).toBe(socket.session.userId);
    expect(again.session.sessionId).not.toBe(socket.session.sessionId);
    again.close();
  });

  test('stages are told in order; the caller’s password bytes stay as they are', async () => {
    const stages: Stage[] = [];
    const password = new TextEncoder().encode(PASSWORD);
    const socket = await running.connect({ onProgress: (stage) => stages.push(stage) }).login({
      username: 'alice',
      password,
    });
    expect(stages).toEqual(['connecting', 'exchanging', 'stretching', 'finishing']);
    expect(Buffer.from(password).toString()).toBe(PASSWORD);
    socket.close();
  });

  test('tls-exporter binds login and sign-up on TLS 1.3, and can be required by both ends', async () => {
    const strict = await start({ requireBinding: true });
    const socket = await strict.connect({ requireBinding: true }).signup({ username: 'carol', password: PASSWORD });
    socket.close();
    const again = await strict.connect().login({ username: 'carol', password: PASSWORD });
    again.close();
  });

  test('TLS 1.2 is refused unless allowed, and then has no binding', async () => {
    const old = await start({}, { maxVersion: 'TLSv1.2' });
    expect(await refusal(old.connect().signup({ username: 'dave', password: PASSWORD }))).toMatchObject({
      code: 'connection-failed',
    });
    const socket = await old.connect({ minVersion: 'TLSv1.2' }).signup({ username: 'dave', password: PASSWORD });
    socket.close();
    const bound = old.connect({ minVersion: 'TLSv1.2', requireBinding: true });
    expect((await refusal(bound.login({ username: 'dave', password: PASSWORD }))).code).toBe('binding-refused');
  });

  test('the application’s subprotocol', async () => {
    const socket = await running.connect({ protocols: ['chat.v1', 'chat.v2'] }).login({
      username: 'alice',
      password: PASSWORD,
    });
    expect(socket.protocol).toBe('chat.v2');
    socket.close();
  });

  test('pbkdf2 where argon2id is not wanted', async () => {
    const socket = await running.connect({ ksfs: ['pbkdf2-sha512'] }).signup({ username: 'erin', password: PASSWORD });
    socket.close();
    const error = await refusal(
      running.connect({ ksfs: ['argon2id'] }).login({ username: 'erin', password: PASSWORD }),
    );
    expect(error.code).toBe('ksf-unsupported');
  });

  test('floors of the caller are kept', async () => {
    const argon2id = { ...KSF_FLOOR.argon2id, memoryKiB: KSF_FLOOR.argon2id.memoryKiB + 1 };
    const attempt = running.connect({ ksfFloors: { argon2id } }).login({ username: 'alice', password: PASSWORD });
    expect(await refusal(attempt)).toMatchObject({ code: 'ksf-out-of-bounds', reason: 'memoryKiB' });
  });

  test('the server key: the right one, the right one in base64url, another one', async () => {
    const crypto = await loadCrypto();
    const keys = makeServerKeys(crypto, 'localhost');
    const pinned = await start({ keys });
    const { publicKey } = keys.serverKeys[0]!;
    for (const serverKey of [publicKey, Buffer.from(publicKey).toString('base64url')]) {
      const mode = typeof serverKey === 'string' ? 'login' : 'signup';
      const socket = await pinned.connect({ serverKey })[mode]({ username: 'frank', password: PASSWORD });
      socket.close();
    }
    const serverKey = makeServerKeys(crypto, 'localhost').serverKeys[0]!.publicKey;
    for (const mode of ['login', 'signup'] as const) {
      const attempt = pinned.connect({ serverKey })[mode]({ username: 'frank', password: PASSWORD });
      expect((await refusal(attempt)).code).toBe('server-key-mismatch');
    }
  });

  test.each([
    ['wrong password', 'alice', 'not the password', 'login-failed'],
    ['unknown user', 'nobody', PASSWORD, 'login-failed'],
    ['username with a space', 'al ice', PASSWORD, 'username-invalid'],
    ['empty password', 'alice', '', 'password-invalid'],
    ['lone surrogate in the password', 'alice', 'correct \ud800horse', 'password-invalid'],
    ['password of 4097 bytes', 'alice', 'a'.repeat(4097), 'password-invalid'],
    ['password beyond all measure', 'alice', 'a'.repeat(1e6), 'password-invalid'],
  ])('login: %s', async (_name, username, password, code) => {
    const error = await refusal(running.connect().login({ username, password }));
    expect(error.code).toBe(code);
    expect(JSON.stringify([error.message, error.reason, error.stack])).not.toContain('correct');
  });

  test('login: password bytes that are not UTF-8', async () => {
    const attempt = running.connect().login({ username: 'alice', password: Uint8Array.of(0xff, 0xfe) });
    expect((await refusal(attempt)).code).toBe('password-invalid');
  });

  test('sign-up: taken name, short password, unknown invite', async () => {
    const signup = running.connect();
    expect((await refusal(signup.signup({ username: 'alice', password: PASSWORD }))).code).toBe('username-taken');
    expect(await refusal(signup.signup({ username: 'gina', password: '1234567' }))).toMatchObject({
      code: 'password-invalid',
      reason: 'too-short',
    });
    const closed = await start({ registration: 'invite' });
    for (const invite of [undefined, 'wrong', 'x'.repeat(65)]) {
      const attempt = closed.connect().signup({ username: 'gina', password: PASSWORD, invite });
      expect((await refusal(attempt)).code).toBe('invite-invalid');
    }
  });

  test('what is wrong at once opens no connection', async () => {
    let connections = 0;
    const count = (): void => void connections++;
    running.server.on('connection', count);
    await refusal(running.connect().login({ username: '', password: PASSWORD }));
    await refusal(running.connect().login({ username: 'alice', password: '' }));
    await refusal(running.connect({ signal: AbortSignal.abort() }).login({ username: 'alice', password: PASSWORD }));
    running.connect();
    expect(connections).toBe(0);
    running.server.off('connection', count);
  });

  test('another domain than the server’s; a target that is not on its list', async () => {
    const attempt = running.connect({ domain: 'chat.example' }).login({ username: 'alice', password: PASSWORD });
    const mismatch = await refusal(attempt);
    expect(mismatch.code).toBe('domain-mismatch');
    expect(mismatch.message).toContain('is "localhost", not "chat.example"');
    const elsewhere = await start({ targets: ['chat.example:443'] });
    const refused = elsewhere.connect().login({ username: 'alice', password: PASSWORD });
    expect(await refusal(refused)).toMatchObject({ code: 'target-refused', closeCode: 4404 });
  });

  test('a server without room says when to come back', async () => {
    const full = await start({ limits: { maxUnauthenticated: 1 } });
    const { port } = full.server.address() as AddressInfo;
    const first = connect(full.url, { ca: full.ca, timeoutMs: 5000 });
    // Holds the one place: an open connection that never logs in.
    const holder = new (await import('ws')).WebSocket(`wss://localhost:${port}/ws`, ['blindsalt.v1'], { ca: full.ca });
    await once(holder, 'message');
    // A random number of whole seconds.
    const { code, retryAfterMs } = await refusal(first.login({ username: 'alice', password: PASSWORD }));
    expect(code).toBe('try-later');
    expect([2, 3, 4, 5, 6, 7, 8, 9, 10]).toContain(retryAfterMs! / 1000);
    holder.terminate();
  });

  test('the session’s end reaches the application', async () => {
    const short = await start({ limits: { absoluteSeconds: 1 } });
    const socket = await short.connect().signup({ username: 'hal', password: PASSWORD });
    expect(socket.session.absoluteSeconds).toBe(1);
    expect(await next<CloseEvent>(socket, 'close')).toMatchObject({ code: 4431, reason: 'session-expired' });
  });

  test('five logins at once', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 5 }, () => running.connect().login({ username: 'alice', password: PASSWORD })),
    );
    expect(new Set(sockets.map(({ session }) => session.sessionId)).size).toBe(5);
    for (const socket of sockets) socket.close();
  });
});

describe('connections that fail', () => {
  const credentials = { username: 'alice', password: PASSWORD };

  test('nobody listens', async () => {
    const holder = net.createServer();
    holder.listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    await new Promise((resolve) => holder.close(resolve));
    const error = await refusal(connect(`wss://127.0.0.1:${port}`).login(credentials));
    expect(error).toMatchObject({ code: 'connection-failed', cause: { code: 'ECONNREFUSED' } });
  });

  test('a certificate of an unknown CA, also if the environment says not to care', async () => {
    const { url } = await start();
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    for (const value of ['1', '0']) {
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = value;
      const error = await refusal(connect(url).login(credentials));
      expect(error).toMatchObject({ code: 'connection-failed', cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } });
    }
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  });

  const toLoopback: net.LookupFunction = (_host, options, callback) => dns.lookup('localhost', options, callback);
  test.each<[string, https.AgentOptions, { maxVersion?: 'TLSv1.2' }, boolean, string]>([
    ['verification off', { rejectUnauthorized: false }, {}, false, 'not verified'],
    [
      'no look at the host name',
      { checkServerIdentity: () => undefined, lookup: toLoopback },
      {},
      true,
      'elsewhere.test',
    ],
    ['an older TLS', { minVersion: 'TLSv1.2' }, { maxVersion: 'TLSv1.2' }, true, 'TLSv1.2'],
  ])('an agent with %s: nothing is sent', async (_name, agentOptions, tls, trusted, words) => {
    const { url, ca, wss } = await start({}, tls);
    const address = words === 'elsewhere.test' ? url.replace('localhost', words) : url;
    const agent = new https.Agent({ ...agentOptions, ...(trusted && { ca }) });
    let messages = 0;
    const accept = wss.handleUpgrade.bind(wss);
    wss.handleUpgrade = (request, socket, head, callback) => {
      socket.on('data', (data: Buffer) => (messages += data[0] === 0x82 ? 1 : 0));
      accept(request, socket, head, callback);
    };
    const error = await refusal(connect(address, { agent }).login(credentials));
    expect(error.code).toBe('connection-failed');
    expect((error.cause as Error).message).toContain(words);
    expect(messages).toBe(0);
  });

  test('an agent that keeps to the rules, also when it resumes a TLS session', async () => {
    const { url, ca } = await start();
    const agent = new https.Agent({ ca, keepAlive: true });
    for (let i = 0; i < 2; i++) {
      expect((await refusal(connect(url, { agent }).login(credentials))).code).toBe('login-failed');
    }
  });

  test('ws:// that leaves this machine by an agent: nothing is sent', async () => {
    const sockets: Duplex[] = [];
    const server = createHttpServer();
    server.on('upgrade', (request, socket) => {
      const accept = createHash('sha1').update(
        `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`,
      );
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Protocol: blindsalt.v1\r\nSec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
      );
      sockets.push(socket.on('error', () => undefined));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address() as AddressInfo;
    class Elsewhere extends Agent {
      override createConnection(options: object): net.Socket {
        const socket = net.connect(options as net.NetConnectOpts);
        // What a socket to another machine says.
        Object.defineProperty(socket, 'remoteAddress', { get: () => '192.0.2.7' });
        return socket;
      }
    }
    const attempt = connect(`ws://127.0.0.1:${port}`, { agent: new Elsewhere() }).login(credentials);
    expect((await refusal(attempt)).code).toBe('insecure-url');
  });

  test('ws:// to names under .localhost, which DNS answers for', () => {
    expect(() => connect('ws://chat.localhost:1')).toThrow(expect.objectContaining({ code: 'insecure-url' }));
    expect(connect('wss://chat.localhost:1')).toBeDefined();
    for (const host of ['localhost', '127.9.9.9', '[::1]']) expect(connect(`ws://${host}:1`)).toBeDefined();
  });

  test('an HTTP server that does not upgrade', async () => {
    const server = createHttpServer((_request, response) => response.writeHead(404).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => void (await new Promise((resolve) => server.close(resolve))));
    const { port } = server.address() as AddressInfo;
    const error = await refusal(connect(`ws://127.0.0.1:${port}`).login(credentials));
    expect(error.code).toBe('connection-failed');
    expect((error.cause as Error).message).toContain('404');
  });

  test.each([
    ['7', 7000],
    ['120', 120_000],
    [undefined, undefined],
    ['0', undefined],
    ['-1', undefined],
    ['2.5', undefined],
    ['Wed, 21 Oct 2015 07:28:00 GMT', undefined],
  ])('a server without room, Retry-After %s', async (header, retryAfterMs) => {
    const headers = header === undefined ? {} : { 'retry-after': header };
    const server = createHttpServer((_request, response) => response.writeHead(503, headers).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => void (await new Promise((resolve) => server.close(resolve))));
    const { port } = server.address() as AddressInfo;
    const error = await refusal(connect(`ws://127.0.0.1:${port}`).login(credentials));
    expect(error.code).toBe('try-later');
    expect(error.retryAfterMs).toBe(retryAfterMs);
  });

  /** A plain server whose behaviour each test gives. */
  async function plain(behave: (socket: PlainSocket) => void, protocol: string | false = 'blindsalt.v1') {
    const server = new PlainServer({ host: '127.0.0.1', port: 0, handleProtocols: () => protocol });
    await once(server, 'listening');
    const closed: number[] = [];
    server.on('connection', (socket) => {
      socket.on('close', (code) => closed.push(code));
      behave(socket);
    });
    closers.push(async () => {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    });
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return {
      closed,
      connect: (options: NodeConnectOptions = {}) => connect(url, { domain: 'chat.example', ...options }),
    };
  }
  const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

  test.each([[false as const], ['chat']])('subprotocol %s selected', async (protocol) => {
    const { connect: to } = await plain(() => undefined, protocol);
    expect((await refusal(to().login(credentials))).code).toBe('connection-failed');
  });

  test('silence: timeout, and the client leaves with 4480', async () => {
    const { connect: to, closed } = await plain(() => undefined);
    expect((await refusal(to({ timeoutMs: 200 }).login(credentials))).code).toBe('timeout');
    await settled();
    expect(closed).toEqual([4480]);
  });

  test('abort: before hello, with the reason as cause', async () => {
    const controller = new AbortController();
    const { connect: to, closed } = await plain(() => setTimeout(() => controller.abort('enough'), 20));
    const error = await refusal(to({ signal: controller.signal }).login(credentials));
    expect(error).toMatchObject({ code: 'aborted', cause: 'enough' });
    await settled();
    expect(closed).toEqual([4480]);
  });

  test('abort while the connection is opened', async () => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const controller = new AbortController();
    const accepted = once(server, 'connection');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const attempt = connect(url, { signal: controller.signal }).login(credentials);
    const [socket] = (await accepted) as [net.Socket];
    controller.abort();
    expect((await refusal(attempt)).code).toBe('aborted');
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  test('the connection breaks during the exchange', async () => {
    const { connect: to } = await plain((socket) => {
      socket.send(new ScriptedServer().connect().hello());
      socket.on('message', () => socket.terminate());
    });
    expect(await refusal(to().login(credentials))).toMatchObject({ code: 'connection-closed', closeCode: 1006 });
  });

  test('an error frame and its close: the frame counts', async () => {
    const { connect: to } = await plain((socket) => {
      const connection = new ScriptedServer().connect();
      socket.send(connection.hello());
      socket.on('message', () => {
        socket.send(connection.error('try-later', 7));
        socket.close(4450, 'try-later');
      });
    });
    expect(await refusal(to().login(credentials))).toMatchObject({
      code: 'try-later',
      retryAfterMs: 7000,
      closeCode: 4450,
    });
  });

  test('more fragments than a message of that size needs end the attempt', async () => {
    const { connect: to } = await plain((socket) => {
      for (let i = 0; i < 5000; i++) socket.send('x', { fin: false });
    });
    expect((await refusal(to({ timeoutMs: 10_000 }).login(credentials))).code).toBe('connection-closed');
  });

  test('a close code without an error frame', async () => {
    const { connect: to } = await plain((socket) => socket.close(4403, 'origin-refused'));
    expect(await refusal(to().login(credentials))).toMatchObject({ code: 'origin-refused', closeCode: 4403 });
  });

  test.each<[string, (socket: PlainSocket) => void]>([
    ['text', (socket) => socket.send('hi')],
    ['binary', (socket) => socket.send(Buffer.from('hi'))],
    ['escaped', (socket) => socket.send(Buffer.from([0xc1, 0xc1, 1]))],
  ])('an early application message: %s', async (_name, behave) => {
    const { connect: to, closed } = await plain(behave);
    expect((await refusal(to().login(credentials))).code).toBe('early-frame');
    await settled();
    expect(closed).toEqual([4480]);
  });

  test.each(['welcome', 'garbage', 'two hellos'])('instead of a challenge: %s', async (what) => {
    const { connect: to, closed } = await plain((socket) => {
      const connection = new ScriptedServer().connect();
      const hello = connection.hello();
      socket.send(hello);
      const answer = { welcome: connection.welcome(), garbage: Buffer.from([0xc1, 0x92]), 'two hellos': hello }[what];
      socket.on('message', () => socket.send(answer!));
    });
    expect((await refusal(to().login(credentials))).code).toBe('protocol-error');
    await settled();
    expect(closed).toEqual([4480]);
  });

  test('a wrong password and a server without the key close alike', async () => {
    const real = new ScriptedServer();
    const codes: number[][] = [];
    const crypto = await loadCrypto();
    const foreign = crypto.oprf.deriveKeyPair(crypto.randomBytes(32), new Uint8Array(0));
    const behave = (lies: Parameters<ScriptedServer['connect']>[0]) => (socket: PlainSocket) => {
      const ksf = { ksfMemoryKiB: KSF_FLOOR.argon2id.memoryKiB, ksfIterations: KSF_FLOOR.argon2id.iterations };
      const connection = real.connect({ loginChallenge: ksf, signupChallenge: ksf, ...lies });
      socket.send(connection.hello());
      socket.on('message', (data) => socket.send(connection.answer(data as Buffer)));
    };
    const honest = await plain(behave({}));
    (await honest.connect().signup(credentials)).close();
    expect(real.accounts.has('alice')).toBe(true);
    (await honest.connect().login(credentials)).close();
    const lying = await plain(behave({ signWith: foreign }));
    for (const [to, password, cause] of [
      [honest.connect(), 'wrong', { code: 'envelope-invalid' }],
      [lying.connect(), PASSWORD, { reason: 'server-proof' }],
    ] as const) {
      expect(await refusal(to.login({ username: 'alice', password }))).toMatchObject({ code: 'login-failed', cause });
    }
    await settled();
    codes.push(honest.closed.slice(-1), lying.closed);
    expect(codes).toEqual([[4480], [4480]]);
  });

  test('a mechanism that is missing', async () => {
    const { connect: to } = await plain((socket) => {
      socket.send(new ScriptedServer().connect({ hello: { mechanisms: [`${MECHANISM_SCHNORR}-2`] } }).hello());
    });
    expect((await refusal(to().login(credentials))).code).toBe('mechanism-unsupported');
  });
});
