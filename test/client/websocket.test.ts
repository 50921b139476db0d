// The authenticated socket's interface: the WHATWG WebSockets standard, over real connections.
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket as WsClient, WebSocketServer, type WebSocket as ServerSocket } from 'ws';
import { encodeControl } from '../../proto/codec.js';
import type { Welcome } from '../../proto/messages.js';
import { listenTo, type RawEvent, type RawSocket } from '../../src/client/raw-socket.js';
import { BlindsaltSocket } from '../../src/client/websocket.js';
import { linkTo } from '../support/session-link.js';

const WELCOME: Welcome = {
  kind: 'welcome',
  sessionId: new Uint8Array(16).fill(0xab),
  userId: new Uint8Array(16).fill(1),
  username: 'alice',
  subprotocol: 'chat.v2',
  idleSeconds: 3600,
  absoluteSeconds: 86_400,
  roles: ['member'],
  ticketId: new Uint8Array(0),
  ticketSecret: new Uint8Array(0),
  deviceId: new Uint8Array(0),
  deviceSecret: new Uint8Array(0),
  flags: 0,
  proof: new Uint8Array(0),
};

const implementations: [name: string, create: (url: string) => RawSocket][] = [
  ['ws', (url) => new WsClient(url, ['blindsalt.v1'], { perMessageDeflate: false })],
];
if (typeof WebSocket === 'function') {
  implementations.push(['the platform', (url) => new WebSocket(url, ['blindsalt.v1'])]);
} else {
  test.skip('over the WebSocket of the platform: there is none', () => undefined);
}

let server: WebSocketServer;
let url: string;
beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'blindsalt.v1' });
  await new Promise((resolve) => server.once('listening', resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(async () => {
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
});

interface Received {
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/** The other end, which notes what it gets. */
class Remote {
  readonly messages: Received[] = [];
  closed: { code: number; reason: string } | undefined;
  #wake: () => void = () => undefined;

  constructor(readonly socket: ServerSocket) {
    socket.on('message', (data, isBinary) => {
      this.messages.push({ data: data as Buffer, isBinary });
      this.#wake();
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#wake();
    });
  }

  async until(condition: (remote: Remote) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async texts(count: number): Promise<string[]> {
    await this.until(({ messages }) => messages.length >= count);
    return this.messages.map(({ data, isBinary }) => (isBinary ? `0x${data.toString('hex')}` : data.toString()));
  }
}

async function open(create: (url: string) => RawSocket): Promise<{ raw: RawSocket; remote: Remote }> {
  const remote = new Promise<Remote>((resolve) => server.once('connection', (socket) => resolve(new Remote(socket))));
  const raw = create(url);
  raw.binaryType = 'arraybuffer';
  await new Promise<void>((resolve) => (raw.onopen = () => resolve()));
  return { raw, remote: await remote };
}

const next = <T extends Event>(socket: BlindsaltSocket, type: string): Promise<T> =>
  new Promise((resolve) => socket.addEventListener(type, (event: Event) => resolve(event as T), { once: true }));

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

describe.each(implementations)('over %s', (_name, create) => {
  const connect = async (): Promise<{ socket: BlindsaltSocket; remote: Remote; raw: RawSocket }> => {
    const { raw, remote } = await open(create);
    return { socket: new BlindsaltSocket(raw, WELCOME, [], linkTo()), remote, raw };
  };

  test('what it says of itself', async () => {
    const { socket } = await connect();
    expect(socket).toBeInstanceOf(EventTarget);
    // Checked by tsc: what takes the platform's WebSocket takes this.
    const asPlatform: WebSocket = socket;
    expect(asPlatform.url).toBe(url);
    expect(socket.protocol).toBe('chat.v2');
    expect(socket.extensions).toBe('');
    expect(socket.binaryType).toBe('blob');
    expect(socket.bufferedAmount).toBe(0);
    expect(socket.readyState).toBe(1);
    expect([socket.CONNECTING, socket.OPEN, socket.CLOSING, socket.CLOSED]).toEqual([0, 1, 2, 3]);
    expect([0, 1, 2, 3]).toEqual([
      BlindsaltSocket.CONNECTING,
      BlindsaltSocket.OPEN,
      BlindsaltSocket.CLOSING,
      BlindsaltSocket.CLOSED,
    ]);
    expect(socket.session).toEqual({
      sessionId: 'ab'.repeat(16),
      userId: '01'.repeat(16),
      username: 'alice',
      roles: ['member'],
      level: 'password',
      idleSeconds: 3600,
      absoluteSeconds: 86_400,
    });
    expect(Object.isFrozen(socket.session)).toBe(true);
    socket.close();
  });

  test('open is fired once, in a task after the socket was given out', async () => {
    const { socket } = await connect();
    let opened = 0;
    socket.onopen = function (event) {
      expect(this).toBe(socket);
      expect(event.type).toBe('open');
      opened++;
    };
    expect(opened).toBe(0);
    await pause();
    expect(opened).toBe(1);
    socket.close();
  });

  describe('receiving', () => {
    test('text, and binary as Blob or ArrayBuffer', async () => {
      const { socket, remote } = await connect();
      const first = next<MessageEvent>(socket, 'message');
      remote.socket.send('héllo');
      const event = await first;
      expect(event.data).toBe('héllo');
      expect(event.origin).toBe(new URL(url).origin);
      const second = next<MessageEvent>(socket, 'message');
      remote.socket.send(Buffer.from([1, 2, 3]));
      const blob = (await second).data as Blob;
      expect(blob).toBeInstanceOf(Blob);
      expect(Buffer.from(await blob.arrayBuffer())).toEqual(Buffer.from([1, 2, 3]));
      socket.binaryType = 'arraybuffer';
      (socket as { binaryType: string }).binaryType = 'nodebuffer';
      expect(socket.binaryType).toBe('arraybuffer');
      const third = next<MessageEvent>(socket, 'message');
      remote.socket.send(Buffer.from([4]));
      const buffer = (await third).data as ArrayBuffer;
      expect(Object.prototype.toString.call(buffer)).toBe('[object ArrayBuffer]');
      expect(Buffer.from(buffer)).toEqual(Buffer.from([4]));
      socket.close();
    });

    test('the escape is taken off; a lone 0xC1 or an unknown control frame ends the connection', async () => {
      const { socket, remote } = await connect();
      socket.binaryType = 'arraybuffer';
      const message = next<MessageEvent>(socket, 'message');
      remote.socket.send(Buffer.from([0xc1, 0xc1, 0x05]));
      expect(Buffer.from((await message).data as ArrayBuffer)).toEqual(Buffer.from([0xc1, 0x05]));
      const bare = next<MessageEvent>(socket, 'message');
      remote.socket.send(Buffer.from([0xc1, 0xc1]));
      expect(Buffer.from((await bare).data as ArrayBuffer)).toEqual(Buffer.from([0xc1]));
      for (const frame of [Buffer.from([0xc1]), Buffer.from([0xc1, 0x90]), encodeControl(WELCOME)]) {
        const other = await connect();
        const seen: unknown[] = [];
        other.socket.onmessage = ({ data }) => seen.push(data);
        const failed = next(other.socket, 'error');
        other.remote.socket.send(frame);
        await failed;
        expect(other.socket.readyState).toBe(2);
        await other.remote.until(({ closed }) => closed !== undefined);
        expect(other.remote.closed).toEqual({ code: 4480, reason: '' });
        expect(seen).toEqual([]);
      }
      socket.close();
    });

    test('an error frame and its close: no message, one close event with code and reason', async () => {
      const { socket, remote } = await connect();
      const seen: unknown[] = [];
      socket.onmessage = ({ data }) => seen.push(data);
      const closed = next<CloseEvent>(socket, 'close');
      remote.socket.send(encodeControl({ kind: 'error', code: 'session-expired', retryAfterSeconds: 0 }));
      remote.socket.close(4431, 'session-expired');
      expect(await closed).toMatchObject({ type: 'close', code: 4431, reason: 'session-expired', wasClean: true });
      expect(seen).toEqual([]);
      expect(socket.readyState).toBe(3);
    });

    test('messages that come before the first listener wait for it, in order, each in a task of its own', async () => {
      const { raw, remote } = await open(create);
      const early: RawEvent[] = [];
      listenTo(raw, (event) => early.push(event));
      remote.socket.send('one');
      remote.socket.send(Buffer.from([0xc1, 0xc1, 2]));
      while (early.length < 2) await pause();
      const socket = new BlindsaltSocket(raw, WELCOME, early, linkTo());
      socket.binaryType = 'arraybuffer';
      remote.socket.send('three');
      await pause();
      // A listener for one message at a time, attached anew in a microtask after each, misses none.
      const seen: unknown[] = [];
      for (let i = 0; i < 3; i++) seen.push((await next<MessageEvent>(socket, 'message')).data);
      expect(seen[0]).toBe('one');
      expect(Buffer.from(seen[1] as ArrayBuffer)).toEqual(Buffer.from([0xc1, 2]));
      expect(seen[2]).toBe('three');
      const later = next<MessageEvent>(socket, 'message');
      remote.socket.send('four');
      expect((await later).data).toBe('four');
      socket.close();
    });

    test('an onmessage handler counts as listener; null does not', async () => {
      const { socket, remote } = await connect();
      remote.socket.send('one');
      socket.onmessage = null;
      await pause();
      const seen: unknown[] = [];
      socket.onmessage = ({ data }) => seen.push(data);
      while (seen.length < 1) await pause();
      expect(seen).toEqual(['one']);
      socket.close();
    });

    test('messages in front of a close are delivered before it', async () => {
      const { raw, remote } = await open(create);
      const early: RawEvent[] = [];
      listenTo(raw, (event) => early.push(event));
      remote.socket.send('last words');
      remote.socket.close(4432, 'session-revoked');
      while (early.length < 2) await pause();
      const socket = new BlindsaltSocket(raw, WELCOME, early, linkTo());
      expect(socket.readyState).toBe(2);
      const log: unknown[] = [];
      socket.onopen = () => log.push('open');
      socket.onmessage = ({ data }) => log.push(data);
      socket.onclose = ({ code }) => log.push(code, socket.readyState);
      await next(socket, 'close');
      expect(log).toEqual(['open', 'last words', 4432, 3]);
    });

    test('a close is told to who only listens for that', async () => {
      const { socket, remote } = await connect();
      const closed = next<CloseEvent>(socket, 'close');
      remote.socket.send('unheard');
      remote.socket.close(1001);
      expect((await closed).code).toBe(1001);
    });

    test('beyond 1 MiB messages are not held', async () => {
      const { socket, remote } = await connect();
      for (let i = 0; i < 5; i++) remote.socket.send(Buffer.alloc(300_000));
      remote.socket.send('end');
      await new Promise((resolve) => remote.socket.once('pong', resolve).ping());
      await pause();
      const seen: unknown[] = [];
      socket.onmessage = ({ data }) => seen.push(data);
      remote.socket.send('later');
      while (seen.length === 0) await pause();
      expect(seen).toEqual(['later']);
      socket.close();
    });
  });

  describe('sending', () => {
    test('strings, buffers, views, Blobs and what else can be a string, in order', async () => {
      const { socket, remote } = await connect();
      const bytes = Uint8Array.of(9, 1, 2, 9);
      socket.send('text');
      socket.send(bytes.buffer);
      socket.send(bytes.subarray(1, 3));
      socket.send(new DataView(bytes.buffer, 3));
      socket.send(new Uint16Array([0x0201]));
      socket.send(new Blob([Uint8Array.of(7)]));
      socket.send(new Blob([]));
      socket.send(new ArrayBuffer(0));
      socket.send('');
      socket.send(12 as unknown as string);
      expect(await remote.texts(10)).toEqual([
        'text',
        '0x09010209',
        '0x0102',
        '0x09',
        '0x0102',
        '0x07',
        '0x',
        '0x',
        '',
        '12',
      ]);
      expect(() => (socket.send as () => void)()).toThrow(TypeError);
      socket.close();
    });

    test('binary messages that begin with 0xC1 are escaped, whatever they come in', async () => {
      const { socket, remote } = await connect();
      socket.send(Uint8Array.of(0xc1));
      socket.send(Uint8Array.of(0xc1, 0x92).buffer);
      socket.send(new Blob([Uint8Array.of(0xc1, 0xc1)]));
      socket.send(new DataView(Uint8Array.of(0, 0xc1).buffer, 1));
      socket.send(Uint8Array.of(0, 0xc1));
      socket.send('\u00c1');
      expect(await remote.texts(6)).toEqual(['0xc1c1', '0xc1c192', '0xc1c1c1', '0xc1c1', '0x00c1', 'Á']);
      socket.close();
    });

    test('what is sent after a Blob does not overtake it, and is taken as it was when sent', async () => {
      const { socket, remote } = await connect();
      const slow = new Blob(['blob']);
      let release: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      slow.arrayBuffer = async () => {
        await gate;
        return Uint8Array.of(0xc1, 1, 2, 3).buffer;
      };
      const bytes = Uint8Array.of(5, 6);
      socket.send('before');
      socket.send(slow);
      socket.send('äfter');
      socket.send(bytes);
      bytes.fill(0);
      socket.send(new Blob([Uint8Array.of(8)]));
      expect(await remote.texts(1)).toEqual(['before']);
      expect(socket.bufferedAmount).toBeGreaterThanOrEqual(4 + 6 + 2 + 1);
      socket.close(3001, 'done');
      expect(socket.readyState).toBe(2);
      await pause();
      expect(remote.messages.length).toBe(1);
      expect(remote.closed).toBeUndefined();
      const waiting = socket.bufferedAmount;
      socket.send('too late');
      expect(socket.bufferedAmount).toBe(waiting + 8);
      release();
      await remote.until(({ closed }) => closed !== undefined);
      expect(await remote.texts(5)).toEqual(['before', '0xc1c1010203', 'äfter', '0x0506', '0x08']);
      expect(remote.closed).toEqual({ code: 3001, reason: 'done' });
    });

    test('a Blob that cannot be read ends the connection with an error', async () => {
      const { socket, remote } = await connect();
      const unreadable = new Blob(['gone']);
      unreadable.arrayBuffer = () => Promise.reject(new DOMException('gone', 'NotReadableError'));
      const failed = next(socket, 'error');
      socket.onmessage = () => undefined;
      socket.send(unreadable);
      socket.send('never');
      await failed;
      await remote.until(({ closed }) => closed !== undefined);
      expect(remote.messages).toEqual([]);
      expect(socket.bufferedAmount).toBeGreaterThanOrEqual(9);
    });

    test('after the end messages are dropped and counted', async () => {
      const { socket, remote } = await connect();
      remote.socket.close();
      await next(socket, 'close');
      const before = socket.bufferedAmount;
      expect(() => socket.send('twelve bytes')).not.toThrow();
      socket.send(new Blob(['1234']));
      socket.send(new ArrayBuffer(5));
      expect(socket.bufferedAmount - before).toBe(12 + 4 + 5);
    });
  });

  describe('closing', () => {
    test.each([0, 999, 1001, 1006, 2999, 5000, -1, NaN, 65_536])('code %d is refused', async (code) => {
      const { socket } = await connect();
      expect(() => socket.close(code)).toThrow(expect.objectContaining({ name: 'InvalidAccessError' }));
      expect(socket.readyState).toBe(1);
      socket.close();
    });

    test('a reason over 123 bytes of UTF-8 is refused', async () => {
      const { socket, remote } = await connect();
      expect(() => socket.close(1000, 'é'.repeat(62))).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
      expect(socket.readyState).toBe(1);
      socket.close(1000, 'é'.repeat(61));
      expect(socket.readyState).toBe(2);
      socket.close(4999, 'again');
      const event = await next<CloseEvent>(socket, 'close');
      expect(event).toMatchObject({ code: 1000, reason: 'é'.repeat(61), wasClean: true });
      await remote.until(({ closed }) => closed !== undefined);
      expect(remote.closed).toEqual({ code: 1000, reason: 'é'.repeat(61) });
      expect(socket.readyState).toBe(3);
      socket.close();
    });

    test('without a code 1005 is seen; with a reason alone 1000', async () => {
      const one = await connect();
      one.socket.close();
      await one.remote.until(({ closed }) => closed !== undefined);
      expect(one.remote.closed).toEqual({ code: 1005, reason: '' });
      const two = await connect();
      two.socket.close(undefined, 'why');
      await two.remote.until(({ closed }) => closed !== undefined);
      expect(two.remote.closed).toEqual({ code: 1000, reason: 'why' });
    });

    test('a connection that breaks: 1006, not clean', async () => {
      const { socket, remote } = await connect();
      remote.socket.terminate();
      expect(await next<CloseEvent>(socket, 'close')).toMatchObject({ code: 1006, wasClean: false });
      expect(socket.readyState).toBe(3);
    });
  });

  test('event handler attributes: this, replacement in place, removal, only functions', async () => {
    const { socket, remote } = await connect();
    const log: string[] = [];
    socket.onmessage = () => log.push('never');
    socket.addEventListener('message', () => log.push('listener'));
    socket.onmessage = function () {
      expect(this).toBe(socket);
      log.push('attribute');
    };
    expect(typeof socket.onmessage).toBe('function');
    remote.socket.send('x');
    await next(socket, 'message');
    expect(log).toEqual(['attribute', 'listener']);
    socket.onmessage = null;
    expect(socket.onmessage).toBeNull();
    (socket as { onmessage: unknown }).onmessage = 'text';
    expect(socket.onmessage).toBeNull();
    remote.socket.send('y');
    await next(socket, 'message');
    expect(log).toEqual(['attribute', 'listener', 'listener']);
    socket.close();
  });
});
