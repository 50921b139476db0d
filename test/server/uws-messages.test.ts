// What the adapter for uWebSockets.js does to messages on their way out: escape, topics, backpressure.
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { CLOSE } from '../../proto/index.js';
import { authenticate } from '../../src/server/adapter/uws.js';
import { until } from '../suites/adapter.js';
import { openRaw } from '../support/raw-client.js';
import { describeUws } from '../support/uws.js';
import { UwsServers, type TestSocket } from '../support/uws-servers.js';

/** Data that begins with 0xC1, and what it is on the wire. */
const MARKED = Uint8Array.of(0xc1, 7, 8);
const ESCAPED = Buffer.of(0xc1, 0xc1, 7, 8);

describeUws('uWebSockets.js: messages', () => {
  const servers = new UwsServers();

  describe('binary messages that begin with 0xC1', () => {
    test.each<[string, Uint8Array | ArrayBuffer]>([
      ['Uint8Array', MARKED],
      ['a view into a larger buffer', Uint8Array.of(9, 0xc1, 7, 8, 9).subarray(1, 4)],
      ['Buffer', Buffer.from(MARKED)],
      ['ArrayBuffer', MARKED.slice().buffer],
      ['Int8Array', new Int8Array(MARKED) as unknown as Uint8Array],
    ])('send, publish of a socket and of the app escape them: %s', async (_name, data) => {
      const sockets: TestSocket[] = [];
      const { app, member } = await servers.one({
        open(ws) {
          ws.subscribe('all');
          sockets.push(ws);
        },
      });
      const [alice, bob] = [await member('alice'), await member('bob')];
      sockets[0]!.send(data, true);
      expect(await alice.next()).toEqual({ data: ESCAPED, isBinary: true });
      sockets[0]!.publish('all', data, true);
      expect(await bob.next()).toEqual({ data: ESCAPED, isBinary: true });
      app.publish('all', data, true);
      for (const client of [alice, bob]) expect(await client.next()).toEqual({ data: ESCAPED, isBinary: true });
    });

    test('texts, and binary messages that begin otherwise, go as they are', async () => {
      const { member } = await servers.one({
        open(ws) {
          ws.send('text');
          ws.send('Áé', true);
          ws.send(Uint8Array.of(0, 0xc1), true);
          ws.send(new Uint8Array(0), true);
        },
      });
      const client = await member('alice');
      expect(await client.next()).toEqual({ data: Buffer.from('text'), isBinary: false });
      expect(await client.next()).toEqual({ data: Buffer.from('Áé'), isBinary: true });
      expect(await client.next()).toEqual({ data: Buffer.of(0, 0xc1), isBinary: true });
      expect(await client.next()).toEqual({ data: Buffer.alloc(0), isBinary: true });
    });

    test('in fragments: the first byte of the message decides', async () => {
      interface Fragmenting {
        sendFirstFragment(data: Uint8Array | string, isBinary?: boolean): number;
        sendFragment(data: Uint8Array | string): number;
        sendLastFragment(data: Uint8Array | string): number;
      }
      const { member } = await servers.one({
        open(socket) {
          const ws = socket as unknown as Fragmenting;
          ws.sendFirstFragment(MARKED, true);
          ws.sendLastFragment(MARKED);
          ws.sendFirstFragment(new Uint8Array(0), true);
          ws.sendFragment(MARKED);
          ws.sendLastFragment(MARKED);
          ws.sendFirstFragment(Uint8Array.of(1), true);
          ws.sendLastFragment(MARKED);
          ws.sendFirstFragment('a');
          ws.sendLastFragment('b');
        },
      });
      const client = await member('alice');
      const twice = Buffer.concat([ESCAPED, MARKED]);
      expect((await client.next()).data).toEqual(twice);
      expect((await client.next()).data).toEqual(twice);
      expect((await client.next()).data).toEqual(Buffer.of(1, ...MARKED));
      expect(await client.next()).toEqual({ data: Buffer.from('ab'), isBinary: false });
    });

    test('a session that ends between two fragments is closed with its code', async () => {
      const { member } = await servers.one(
        { open: (ws) => void (ws as never as { sendFirstFragment(text: string): void }).sendFirstFragment('begun') },
        { limits: { absoluteSeconds: 1 } },
      );
      expect((await (await member('alice')).closed).code).toBe(CLOSE.sessionExpired);
    });
  });

  describe('topics', () => {
    test('reach authenticated sockets only, whatever an unprotected route of the same app subscribes to', async () => {
      const { app, member, port } = await servers.serve((app, engine) => {
        authenticate(app, '/ws', { open: (ws) => void ws.subscribe('news') }, { engine });
        app.ws('/plain', {
          open: (ws) => void ws.subscribe('news'),
          message: (ws) => void ws.publish('news', 'plain'),
        });
      });
      const alice = await member('alice');
      const strangers = [];
      for (let i = 0; i < 2; i += 1) {
        const stranger = await openRaw(`wss://localhost:${port}/plain`, servers.crypto);
        servers.after(() => stranger.socket.terminate());
        strangers.push(stranger);
      }
      expect(app.numSubscribers('news')).toBe(1);
      app.publish('news', 'for members');
      strangers[0]!.socket.send('go');
      // The first that each of them gets.
      expect(await strangers[1]!.nextApplication()).toBe('plain');
      expect(await alice.nextApplication()).toBe('for members');
      app.publish('news', 'again');
      expect(await alice.nextApplication()).toBe('again');
    });

    test('have the names that the application gave them, as texts and as bytes', async () => {
      const changes: [string, number, number][] = [];
      let socket: TestSocket | undefined;
      const { app, member } = await servers.one({
        open(ws) {
          socket = ws;
          ws.subscribe('grün');
          ws.subscribe(Buffer.from('b'));
        },
        subscription: (_ws, topic, now, before) => changes.push([Buffer.from(topic).toString(), now, before]),
      });
      const client = await member('alice');
      expect(socket!.getTopics().sort()).toEqual(['b', 'grün']);
      expect([socket!.isSubscribed('b'), socket!.isSubscribed('c')]).toEqual([true, false]);
      expect([app.numSubscribers('grün'), app.numSubscribers('c')]).toEqual([1, 0]);
      expect([socket!.unsubscribe('b'), socket!.isSubscribed('b')]).toEqual([true, false]);
      client.socket.close();
      await until(() => changes.length === 4);
      expect(changes).toEqual([
        ['grün', 1, 0],
        ['b', 1, 0],
        ['b', 0, 1],
        ['grün', 0, 1],
      ]);
    });

    test('connect the patterns of one app, which keep their own behaviours', async () => {
      const { app, member } = await servers.serve((app, engine) => {
        authenticate(app, '/a', { open: (ws) => void (ws.subscribe('t'), ws.send('a')) }, { engine });
        authenticate(app, '/b', { open: (ws) => void (ws.subscribe('t'), ws.send('b')) }, { engine });
      });
      const [alice, bob] = [await member('alice', '/a'), await member('bob', '/b')];
      expect([await alice.nextApplication(), await bob.nextApplication()]).toEqual(['a', 'b']);
      // Escaped once, although two patterns prepared the app.
      app.publish('t', MARKED, true);
      for (const client of [alice, bob]) expect((await client.next()).data).toEqual(ESCAPED);
    });
  });

  describe('a peer that does not read', () => {
    const CHUNK = Buffer.alloc(64 * 1024, 1);
    const MAX = 256 * 1024;

    test.each(['send', 'publish'] as const)('is closed at the bound: %s', async (way) => {
      let socket: TestSocket | undefined;
      let isClosed = false;
      const dropped: number[] = [];
      const { app, member, engine } = await servers.one({
        maxBackpressure: MAX,
        open(ws) {
          socket = ws;
          ws.subscribe('all');
        },
        dropped: (_ws, message) => void dropped.push(message.byteLength),
        close: () => (isClosed = true),
      });
      const client = await member('alice');
      client.socket.pause();
      let mostBuffered = 0;
      while (!isClosed) {
        mostBuffered = Math.max(mostBuffered, socket!.getBufferedAmount());
        if (way === 'send') socket!.send(CHUNK, true);
        else app.publish('all', CHUNK, true);
        await delay(1);
      }
      expect(mostBuffered).toBeGreaterThan(0);
      expect(mostBuffered).toBeLessThanOrEqual(MAX + CHUNK.length + 1024);
      if (way === 'send') expect(dropped).toContain(CHUNK.length);
      await until(() => engine.hasRoom);
      expect(() => socket!.send('late')).toThrow('closed');
    });

    test.each([
      ['is closed at the bound when it only pings', true],
      ['gets no more pongs beyond the bound where the application keeps it', false],
    ])('%s', async (_name, closeOnBackpressureLimit) => {
      let socket: TestSocket | undefined;
      let isClosed = false;
      const { member } = await servers.one({
        maxBackpressure: MAX,
        closeOnBackpressureLimit: Number(closeOnBackpressureLimit),
        open: (ws) => void (socket = ws),
        close: () => (isClosed = true),
      });
      const client = await member('alice');
      client.socket.pause();
      while (socket!.getBufferedAmount() === 0) {
        socket!.send(CHUNK.subarray(0, 16 * 1024), true);
        await delay(1);
      }
      let mostBuffered = 0;
      // 2.5 MB of pongs, ten times the bound.
      for (let i = 0; i < 20_000 && !isClosed; i++) {
        client.socket.ping(CHUNK.subarray(0, 125));
        if (i % 100 === 99) await delay(1);
        if (!isClosed) mostBuffered = Math.max(mostBuffered, socket!.getBufferedAmount());
      }
      if (closeOnBackpressureLimit) await until(() => isClosed);
      expect(isClosed).toBe(closeOnBackpressureLimit);
      expect(mostBuffered).toBeGreaterThan(MAX / 2);
      expect(mostBuffered).toBeLessThanOrEqual(MAX + CHUNK.length + 1024);
    });

    test('keeps its connection, but not its messages, where the application says so; drain tells when it caught up', async () => {
      let socket: TestSocket | undefined;
      const events: string[] = [];
      const { member } = await servers.one({
        maxBackpressure: MAX,
        closeOnBackpressureLimit: 0,
        open: (ws) => void (socket = ws),
        dropped: () => void events.push('dropped'),
        drain: (ws) => events.push(ws.getBufferedAmount() === 0 ? 'drained' : 'draining'),
        close: () => events.push('close'),
      });
      const client = await member('alice');
      client.socket.pause();
      while (!events.includes('dropped')) {
        socket!.send(CHUNK, true);
        await delay(1);
      }
      expect(socket!.getBufferedAmount()).toBeLessThanOrEqual(MAX + CHUNK.length + 1024);
      client.socket.resume();
      await until(() => events.includes('drained'));
      socket!.send('caught up');
      while ((await client.next()).data.toString() !== 'caught up');
      expect(events).not.toContain('close');
    });
  });
});
