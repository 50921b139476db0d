// What is particular to the `ws` adapter: its place in an application, and that its sockets are those of `ws`.
import { once } from 'node:events';
import type http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
// @ts-expect-error express brings no types
import express from 'express';
import fastify from 'fastify';
import { WebSocket, WebSocketServer as PlainWebSocketServer } from 'ws';
import { CLOSE, TLS_EXPORTER_LABEL } from '../../proto/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import {
  AuthenticatedWebSocket,
  SERVER_TIMEOUTS,
  WebSocketServer,
  type WebSocketServerOptions,
} from '../../src/server/adapter/ws.js';
import { socketControl } from '../../src/server/adapter/ws-socket.js';
import { createEngine, silentLogger, type Engine, type EngineOptions } from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { until } from '../suites/adapter.js';
import { testCertificate } from '../support/certificate.js';
import { openRaw, signedUp, type OpenOptions, type RawClient } from '../support/raw-client.js';
import { makeServerKeys } from '../support/server-keys.js';

let crypto: Crypto;
const cleanUps: (() => unknown)[] = [];

beforeAll(async () => {
  crypto = await loadCrypto();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function makeEngine(change: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = await createEngine({
    domain: 'localhost',
    store: openMemoryStore(),
    keys: makeServerKeys(crypto, 'localhost'),
    targets: ['localhost'],
    logger: silentLogger,
    ...change,
  });
  cleanUps.push(() => engine.close());
  return engine;
}

async function listen<S extends http.Server | https.Server>(server: S): Promise<number> {
  server.listen(0, 'localhost');
  await once(server, 'listening');
  cleanUps.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

function keep(wss: { clients: Set<WebSocket>; close(): void }): void {
  cleanUps.push(() => {
    wss.close();
    for (const socket of wss.clients) socket.terminate();
  });
}

async function makeServer(options: Partial<WebSocketServerOptions> = {}) {
  const engine = options.engine ?? (await makeEngine());
  const server = https.createServer({ ...SERVER_TIMEOUTS, ...(await testCertificate()) });
  const wss = new WebSocketServer({ server, path: '/ws', ...options, engine });
  keep(wss);
  const port = await listen(server);
  return { engine, server, wss, port, url: `wss://localhost:${port}/ws` };
}

async function member(url: string, name: string, options: OpenOptions = {}) {
  const client = await signedUp(url, crypto, name, { target: new URL(url).host, ...options });
  cleanUps.push(() => client.socket.terminate());
  return client;
}

async function open(url: string, options: OpenOptions = {}): Promise<RawClient> {
  const client = await openRaw(url, crypto, { target: new URL(url).host, ...options });
  cleanUps.push(() => client.socket.terminate());
  return client;
}

/** A member, and the server's socket for it. */
async function pair(options: Partial<WebSocketServerOptions> = {}) {
  const place = await makeServer(options);
  const connected = once(place.wss, 'connection') as Promise<[AuthenticatedWebSocket, http.IncomingMessage]>;
  const client = await member(place.url, 'alice');
  const [socket, request] = await connected;
  return { ...place, client, socket, request };
}

describe('in an application', () => {
  test('`connection` comes with an authenticated socket of `ws`, its session, and the request', async () => {
    const { socket, request, wss } = await pair();
    expect(socket).toBeInstanceOf(AuthenticatedWebSocket);
    expect(socket).toBeInstanceOf(WebSocket);
    expect(wss).toBeInstanceOf(PlainWebSocketServer);
    expect(socket.session.username).toBe('alice');
    expect(socket.protocol).toBe('');
    expect(socket.readyState).toBe(WebSocket.OPEN);
    expect(request.url).toBe('/ws');
    expect(Object.isFrozen(socket.session)).toBe(true);
  });

  test('`clients` holds authenticated sockets only, and loses them when they close', async () => {
    const { wss, url } = await makeServer();
    const stranger = await open(url);
    await stranger.nextControl();
    expect(wss.clients.size).toBe(0);
    const alice = await member(url, 'alice');
    expect([...wss.clients].map((socket) => socket.session.username)).toEqual(['alice']);
    alice.socket.close();
    await until(() => wss.clients.size === 0);
  });

  test('noServer: the callback is called after login', async () => {
    const engine = await makeEngine();
    const wss = new WebSocketServer({ noServer: true, engine });
    keep(wss);
    const server = https.createServer(await testCertificate());
    const seen: string[] = [];
    server.on('upgrade', (request, socket, head) => {
      wss.handleUpgrade(request, socket, head, (ws) => {
        seen.push(ws.session.username);
        wss.emit('connection', ws, request);
      });
    });
    wss.on('connection', (ws) => ws.send('hello from the application'));
    const port = await listen(server);
    const stranger = await open(`wss://localhost:${port}/`);
    await stranger.nextControl();
    expect(seen).toEqual([]);
    const client = await member(`wss://localhost:${port}/`, 'alice');
    expect(await client.nextApplication()).toBe('hello from the application');
    expect(seen).toEqual(['alice']);
    expect(() => wss.address()).toThrow('noServer');
  });

  test('port: makes its own server; ws:// is accepted from loopback', async () => {
    const engine = await makeEngine();
    const wss = new WebSocketServer({ port: 0, host: 'localhost', engine });
    keep(wss);
    await once(wss, 'listening');
    const { port } = wss.address() as AddressInfo;
    expect((await member(`ws://localhost:${port}/`, 'alice')).welcome.username).toBe('alice');
    const plain = await fetch(`http://localhost:${port}/`);
    expect(plain.status).toBe(426);
  });

  test('beside Express', async () => {
    const app = (express as () => http.RequestListener & { get(path: string, handler: http.RequestListener): void })();
    app.get('/page', (_request, response) => response.end('a page'));
    const server = https.createServer(await testCertificate(), app);
    const wss = new WebSocketServer({ server, path: '/ws', engine: await makeEngine() });
    keep(wss);
    const port = await listen(server);
    expect((await member(`wss://localhost:${port}/ws`, 'alice')).welcome.username).toBe('alice');
    const body = await new Promise<string>((resolve, reject) => {
      https
        .get(`https://localhost:${port}/page`, { rejectUnauthorized: false, agent: false }, (response) => {
          response.setEncoding('utf8').once('data', resolve);
        })
        .on('error', reject);
    });
    expect(body).toBe('a page');
  });

  test('beside Fastify', async () => {
    const app = fastify({ https: await testCertificate() });
    app.get('/page', () => 'a page');
    const wss = new WebSocketServer({ server: app.server, path: '/ws', engine: await makeEngine() });
    keep(wss);
    await app.listen({ port: 0, host: 'localhost' });
    cleanUps.push(() => app.close());
    cleanUps.push(() => app.server.closeAllConnections());
    const { port } = app.server.address() as AddressInfo;
    expect((await member(`wss://localhost:${port}/ws`, 'alice')).welcome.username).toBe('alice');
    expect((await app.inject('/page')).body).toBe('a page');
  });

  test('other paths: 404 when nobody else listens, left alone when somebody does', async () => {
    const { server, port } = await makeServer();
    await expect(open(`wss://localhost:${port}/other`)).rejects.toThrow('404');

    const plain = new PlainWebSocketServer({ noServer: true });
    keep(plain);
    server.on('upgrade', (request, socket, head) => {
      if (request.url !== '/other') return;
      plain.handleUpgrade(request, socket, head, (ws) => ws.send('plain'));
    });
    const client = await open(`wss://localhost:${port}/other`, { offered: [] });
    expect(await client.nextApplication()).toBe('plain');
    expect((await member(`wss://localhost:${port}/ws?room=1`, 'alice')).welcome.username).toBe('alice');
  });

  test('other paths that nobody takes, though somebody else listens: 404 after a while', async () => {
    const { server, port } = await makeServer();
    server.on('upgrade', () => {});
    const waits: (() => void)[] = [];
    const timers = jest.spyOn(globalThis, 'setTimeout').mockImplementation((callback: () => void, ms?: number) => {
      if (ms === 10_000) waits.push(callback);
      return setImmediate(() => {}) as unknown as NodeJS.Timeout;
    });
    const socket = tls.connect({ port, host: 'localhost', rejectUnauthorized: false });
    cleanUps.push(() => socket.destroy());
    await once(socket, 'secureConnect');
    socket.write('GET /other HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    try {
      while (waits.length === 0) await new Promise((resolve) => setImmediate(resolve));
    } finally {
      timers.mockRestore();
    }
    expect(socket.bytesRead).toBe(0);
    for (const wait of waits) wait();
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 404 /);
    await once(socket, 'close');
  });

  test('two servers of ours on one HTTP server, each with its path', async () => {
    const { server, port } = await makeServer();
    const second = new WebSocketServer({ server, path: '/second', engine: await makeEngine() });
    keep(second);
    const first = await member(`wss://localhost:${port}/ws`, 'alice');
    const other = await member(`wss://localhost:${port}/second`, 'alice');
    expect(first.welcome.userId).not.toEqual(other.welcome.userId);
    expect(second.clients.size).toBe(1);
    await expect(open(`wss://localhost:${port}/third`)).rejects.toThrow('404');
    second.close();
    await expect(open(`wss://localhost:${port}/second`)).rejects.toThrow('404');
  });

  test('verifyClient still refuses before anything else', async () => {
    const { url } = await makeServer({ verifyClient: () => false });
    await expect(open(url)).rejects.toThrow('401');
  });

  test('close: who has not authenticated is ended, who has stays, `close` fires when all are gone', async () => {
    const { wss, url, client } = await pair();
    const stranger = await open(url);
    await stranger.nextControl();
    let closed = 0;
    wss.on('close', () => (closed += 1));
    wss.close();
    expect((await stranger.closed).code).toBe(1006);
    expect(closed).toBe(0);
    expect(client.socket.readyState).toBe(WebSocket.OPEN);
    client.socket.close();
    await until(() => closed === 1);
  });

  test('malformed WebSocket frames of a member close it and nothing else', async () => {
    const { wss, client, url } = await pair();
    // A reserved opcode.
    (client.socket as unknown as { _socket: tls.TLSSocket })._socket.write(Buffer.of(0x83, 0x80, 0, 0, 0, 0));
    await client.closed;
    await until(() => wss.clients.size === 0);
    expect((await member(url, 'bob')).welcome.username).toBe('bob');
  });

  test('an application that takes all `error` listeners off its sockets does not end the process by that', async () => {
    const { wss, client, socket, url } = await pair();
    socket.on('error', () => {}).removeAllListeners('error');
    (client.socket as unknown as { _socket: tls.TLSSocket })._socket.write(Buffer.of(0x83, 0x80, 0, 0, 0, 0));
    await client.closed;
    await until(() => wss.clients.size === 0);
    expect((await member(url, 'bob')).welcome.username).toBe('bob');
  });

  test.each<[string, (client: RawClient) => Promise<void>]>([
    [
      'fragments of one byte',
      async ({ socket }) => {
        for (let i = 0; i < 16_000; i++) socket.send('x', { fin: false });
      },
    ],
    [
      'a frame in chunks of one byte',
      async ({ socket }) => {
        const raw = (socket as unknown as { _socket: tls.TLSSocket })._socket;
        raw.on('error', () => {});
        // 16,000 bytes announced; each write is a TLS record.
        raw.write(Buffer.of(0x82, 0xfe, 16_000 >> 8, 16_000 & 0xff, 0, 0, 0, 0));
        for (let i = 0; i < 15_000 && raw.writable; i++) {
          raw.write('x');
          if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      },
    ],
    [
      'pings as padding',
      async ({ socket }) => {
        for (let i = 0; i < 40; i++) socket.ping(Buffer.alloc(125));
      },
    ],
    [
      'pongs as padding',
      async ({ socket }) => {
        for (let i = 0; i < 40; i++) socket.pong(Buffer.alloc(125));
      },
    ],
  ])('before login, messages that cost more memory than bytes end the connection: %s', async (_name, attack) => {
    const { url } = await makeServer({ pingIntervalMs: 0 });
    const stranger = await open(url, { ws: { autoPong: false } });
    await stranger.nextControl();
    await attack(stranger);
    // 1006 where the end overtakes the close frame.
    expect([1006, 1008]).toContain((await stranger.closed).code);
  });

  test('128 fragments are a message like any other, and members may send pongs at will', async () => {
    const { client, socket } = await pair();
    socket.on('message', (data) => socket.send(data as Buffer));
    for (let i = 0; i < 100; i++) client.socket.pong();
    for (let i = 0; i < 128; i++) client.socket.send(Buffer.of(i), { fin: i === 127 });
    expect(await client.nextApplication()).toEqual(Buffer.from(Array.from({ length: 128 }, (_, i) => i)));
  });

  test.each<[string, Record<string, unknown>]>([
    ['no engine', { engine: undefined }],
    ['perMessageDeflate', { perMessageDeflate: true }],
    ['perMessageDeflate with options', { perMessageDeflate: {} }],
    ['maxPayload', { maxPayload: 1 }],
    ['maxFragments', { maxFragments: 0 }],
    ['maxBufferedChunks', { maxBufferedChunks: 0 }],
    ['maxPendingAutoPongs', { maxPendingAutoPongs: 100 }],
    ['another WebSocket class', { WebSocket }],
    ['port and noServer', { port: 0 }],
    ['neither', { noServer: false }],
    ['a proxy that is no CIDR', { trustedProxies: ['10.0.0.0/33'] }],
    ['a negative interval', { pingIntervalMs: -1 }],
  ])('refused option: %s', async (_name, change) => {
    const options = { noServer: true, engine: await makeEngine(), ...change } as never;
    expect(() => new WebSocketServer(options)).toThrow(expect.objectContaining({ code: 'option-invalid' }));
  });

  test('no options at all are refused like a wrong one', () => {
    expect(() => new WebSocketServer(undefined as never)).toThrow(expect.objectContaining({ code: 'option-invalid' }));
  });

  test('permessage-deflate is not negotiated when a client offers it', async () => {
    const { url } = await makeServer();
    const client = await member(url, 'alice', { ws: { perMessageDeflate: true } });
    expect(client.socket.extensions).toBe('');
  });
});

test('attributes are typed from the engine to the socket', async () => {
  interface Profile {
    room: string;
  }
  const engine = await createEngine<Profile>({
    domain: 'localhost',
    store: openMemoryStore(),
    keys: makeServerKeys(crypto, 'localhost'),
    targets: ['localhost'],
    logger: silentLogger,
  });
  const server = https.createServer(await testCertificate());
  const wss = new WebSocketServer({ server, engine });
  keep(wss);
  const port = await listen(server);
  const rooms: (string | undefined)[] = [];
  wss.on('connection', (socket) => {
    const { room } = socket.session.attributes;
    // @ts-expect-error it is a text, and new users have none
    const wrong: number = socket.session.attributes.room;
    rooms.push(room satisfies string | undefined, String(wrong));
  });
  const { welcome } = await member(`wss://localhost:${port}`, 'alice');
  await engine.store.setUserAttributes(welcome.userId, { room: 'lobby' });
  const again = await open(`wss://localhost:${port}`);
  await again.nextControl();
  expect((await again.login('alice', 'correct horse')).kind).toBe('welcome');
  expect(rooms).toEqual([undefined, 'undefined', 'lobby', 'lobby']);
});

describe('sending', () => {
  const marked = [0xc1, 0x91, 0x05];
  const bytes = Uint8Array.from(marked);
  test.each<[string, () => Parameters<WebSocket['send']>[0], readonly number[]]>([
    ['Buffer', () => Buffer.from(marked), marked],
    ['Uint8Array', () => bytes, marked],
    ['a view into the middle of a buffer', () => Uint8Array.of(0, 0, ...marked, 0).subarray(2, 5), marked],
    ['ArrayBuffer', () => bytes.slice().buffer, marked],
    ['SharedArrayBuffer', () => new Uint8Array(new SharedArrayBuffer(3)).fill(0xc1).buffer, [0xc1, 0xc1, 0xc1]],
    ['DataView', () => new DataView(bytes.slice().buffer), marked],
    ['Uint16Array', () => Uint16Array.of(0x91c1), [0xc1, 0x91]],
    ['array of numbers', () => marked, marked],
    ['Blob', () => new Blob([bytes]), marked],
    ['empty Blob', () => new Blob([]), []],
    ['not marked', () => Buffer.of(1, 0xc1), [1, 0xc1]],
  ])('%s', async (_name, make, expected) => {
    const { socket, client } = await pair();
    socket.send(make());
    socket.send('after');
    const { data } = await client.next();
    expect([...data]).toEqual(expected[0] === 0xc1 ? [0xc1, ...expected] : expected);
    expect(await client.nextApplication()).toBe('after');
  });

  test('texts, numbers, nothing; callbacks; what the caller gave is not changed', async () => {
    const { socket, client } = await pair();
    const own = Buffer.from(marked);
    await new Promise<void>((resolve, reject) => socket.send(own, (error) => (error ? reject(error) : resolve())));
    await new Promise<void>((resolve, reject) => socket.send('á', {}, (error) => (error ? reject(error) : resolve())));
    socket.send(7);
    socket.send(undefined as never);
    expect([...own]).toEqual(marked);
    expect([...((await client.nextApplication()) as Buffer)]).toEqual(marked);
    expect(await client.nextApplication()).toBe('á');
    expect(await client.nextApplication()).toBe('7');
    expect(await client.nextApplication()).toEqual(Buffer.alloc(0));
  });

  test('fragments: only the first byte of the message is escaped, wherever it comes', async () => {
    const { socket, client } = await pair();
    const fragment = (data: number[], fin: boolean): void => socket.send(Buffer.from(data), { binary: true, fin });
    fragment([], false);
    fragment([0xc1], false);
    fragment([0xc1], true);
    fragment([1], false);
    fragment([0xc1], true);
    fragment([0xc1], true);
    const got: number[][] = [];
    while (got.length < 3) got.push([...((await client.nextApplication()) as Buffer)]);
    expect(got).toEqual([[0xc1, 0xc1], [1, 0xc1], [0xc1]]);
  });

  test('createWebSocketStream passes through the same door', async () => {
    const { createWebSocketStream } = await import('ws');
    const { socket, client } = await pair();
    const stream = createWebSocketStream(socket);
    stream.write(Buffer.from(marked));
    expect([...(await client.next()).data]).toEqual([0xc1, ...marked]);
    const received = once(stream, 'data');
    client.socket.send(Buffer.from([0xc1, ...marked]));
    expect([...((await received) as [Buffer])[0]]).toEqual(marked);
    stream.destroy();
  });
});

describe('receiving', () => {
  test.each(['nodebuffer', 'arraybuffer', 'fragments', 'blob'] as const)('binaryType %s', async (binaryType) => {
    const { socket, client } = await pair();
    socket.binaryType = binaryType as 'nodebuffer';
    expect(socket.binaryType).toBe(binaryType);
    const received = once(socket, 'message') as Promise<[unknown, boolean]>;
    client.socket.send(Buffer.of(0xc1, 0xc1, 2));
    const [data, isBinary] = await received;
    expect(isBinary).toBe(true);
    const body =
      data instanceof Blob
        ? Buffer.from(await data.arrayBuffer())
        : Array.isArray(data)
          ? Buffer.concat(data as Buffer[])
          : Buffer.from(data as ArrayBuffer);
    expect([...body]).toEqual([0xc1, 2]);
    expect(Object.prototype.toString.call(data)).toBe(
      {
        nodebuffer: '[object Uint8Array]',
        arraybuffer: '[object ArrayBuffer]',
        fragments: '[object Array]',
        blob: '[object Blob]',
      }[binaryType],
    );
  });

  test('addEventListener and onmessage', async () => {
    const { socket, client } = await pair();
    const seen: unknown[] = [];
    socket.addEventListener('message', ({ data }) => seen.push(['listener', data]));
    socket.onmessage = ({ data }) => seen.push(['attribute', data]);
    client.socket.send('text');
    await until(() => seen.length === 2);
    expect(seen).toEqual([
      ['listener', 'text'],
      ['attribute', 'text'],
    ]);
  });

  test('a message in fragments that begins with the escape', async () => {
    const { socket, client } = await pair();
    const received = once(socket, 'message') as Promise<[Buffer, boolean]>;
    client.socket.send(Buffer.of(0xc1), { fin: false });
    client.socket.send(Buffer.of(0xc1), { fin: false });
    client.socket.send(Buffer.of(9), { fin: true });
    expect([...(await received)[0]]).toEqual([0xc1, 9]);
  });
});

describe('channel binding', () => {
  test('TLS 1.3 ends here: offered, and a client that uses it is bound', async () => {
    const { url } = await makeServer({ engine: await makeEngine({ requireBinding: true }) });
    const { port } = new URL(url);
    // The TLS connection first: its exporter goes into the first message.
    const socket = tls.connect({ port: Number(port), host: 'localhost', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const value = new Uint8Array(socket.exportKeyingMaterial(32, TLS_EXPORTER_LABEL, Buffer.alloc(0)));
    const options = { binding: { type: 'tls-exporter', value }, ws: { createConnection: () => socket } } as const;
    const client = await member(url, 'alice', options);
    expect(client.driver.hello!.bindings).toEqual(['tls-exporter']);
    expect(client.welcome.username).toBe('alice');

    const wrong = await open(url, { binding: { type: 'tls-exporter', value: new Uint8Array(32) } });
    await wrong.nextControl();
    expect(await wrong.login('alice', 'correct horse')).toMatchObject({ code: 'login-failed' });
    const without = await open(url);
    await without.nextControl();
    expect(await without.login('alice', 'correct horse')).toMatchObject({ code: 'binding-refused' });
    expect((await without.closed).code).toBe(CLOSE.bindingRefused);
  });

  test('TLS 1.2, no TLS, or a proxy in between: not offered', async () => {
    const { url } = await makeServer({ trustedProxies: ['127.0.0.0/8', '::1'] });
    const old = await open(url, { ws: { maxVersion: 'TLSv1.2' } });
    expect(await old.nextControl()).toMatchObject({ kind: 'hello', bindings: [] });
    const proxied = await open(url, { headers: { 'X-Forwarded-For': '203.0.113.1', 'X-Forwarded-Proto': 'https' } });
    expect(await proxied.nextControl()).toMatchObject({ kind: 'hello', bindings: [] });
  });
});

describe('slow HTTP', () => {
  test('TLS without a request, and dripped headers, end at the timeouts of SERVER_TIMEOUTS', async () => {
    const engine = await makeEngine();
    const server = https.createServer({
      ...SERVER_TIMEOUTS,
      handshakeTimeout: 300,
      headersTimeout: 300,
      requestTimeout: 600,
      connectionsCheckingInterval: 100,
      ...(await testCertificate()),
    });
    keep(new WebSocketServer({ server, path: '/ws', engine }));
    const port = await listen(server);
    const dripping = tls.connect({ port, host: 'localhost', rejectUnauthorized: false });
    await once(dripping, 'secureConnect');
    dripping.on('error', () => {});
    dripping.write('GET /ws HTTP/1.1\r\nHost: localhost\r\n');
    const timer = setInterval(() => dripping.write('X-A: b\r\n'), 50);
    await new Promise((resolve) => dripping.on('close', resolve));
    clearInterval(timer);
  });
});

test('a peer that asks and never reads the answers is ended, one that reads is not', async () => {
  const { wss, url } = await makeServer();
  const reading = await member(url, 'alice');
  const [first] = wss.clients;
  const deaf = await member(url, 'bob');
  const second = [...wss.clients].find((socket) => socket !== first)!;
  deaf.socket.pause();
  const frame = new Uint8Array(4096).fill(0xc1);
  for (let i = 0; i < 20_000 && second.readyState === WebSocket.OPEN; i++) {
    socketControl.sendControl(second, frame);
    if (i % 8 === 0) await new Promise(setImmediate);
  }
  expect(second.readyState).not.toBe(WebSocket.OPEN);

  for (let i = 0; i < 500; i++) {
    socketControl.sendControl(first!, frame);
    if (i % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(first!.readyState).toBe(WebSocket.OPEN);
  reading.socket.terminate();
});
