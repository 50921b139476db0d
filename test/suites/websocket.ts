// What the Web Platform (WHATWG WebSockets) and its users expect of a WebSocket object, as one list for any implementation.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { WebSocket as ServerSocket } from 'ws';

export interface AnyWebSocketClass {
  readonly prototype: object;
  new (url: string | URL, protocols?: string | string[]): WebSocket;
}

export interface WebSocketSetting {
  readonly WebSocket: AnyWebSocketClass;
  /** Accepts; takes the subprotocol `two` where it is offered, else none. Ends in a slash. */
  readonly url: string;
  /** Nobody listens there. */
  readonly deadUrl: string;
  /** Calls back once with the other end of the next connection, when it is open. */
  onNextRemote(listener: (socket: ServerSocket) => void): void;
  stop(): Promise<void>;
}

interface Remote {
  readonly socket: ServerSocket;
  readonly messages: (string | Buffer)[];
  closed: { code: number; reason: string } | undefined;
}

interface Opened {
  readonly socket: WebSocket;
  readonly remote: Remote;
}

/** Not by `toThrow`: errors of the platform come from another realm than Jest's. */
function throwsDom(name: string, call: () => unknown): void {
  const error = thrownBy(call);
  expect([Object.prototype.toString.call(error), (error as Error).name]).toEqual(['[object DOMException]', name]);
}

function throwsTypeError(call: () => unknown): void {
  expect((thrownBy(call) as Error).name).toBe('TypeError');
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** @param differs titles of expectations that this implementation does not meet; it is a failure if it does */
export function webSocketSuite(name: string, start: () => Promise<WebSocketSetting>, differs: readonly string[]): void {
  describe(`a WebSocket object: ${name}`, () => {
    const titles: string[] = [];
    const open: WebSocket[] = [];
    let setting: WebSocketSetting;
    beforeAll(async () => {
      setting = await start();
    });
    afterAll(async () => {
      for (const socket of open) if (socket.readyState < 2) socket.close();
      await setting.stop();
      expect(differs.filter((title) => !titles.includes(title))).toEqual([]);
    });

    const expectation = (title: string, check: () => Promise<void> | void): void => {
      titles.push(title);
      if (differs.includes(title)) test.failing(`${title} (known to differ)`, async () => check(), 1_000);
      else test(title, async () => check());
    };

    const make = (url: unknown = setting.url, ...rest: unknown[]): WebSocket => {
      const socket = new setting.WebSocket(url as string, ...(rest as string[]));
      // `ws` throws what nobody listens to.
      socket.addEventListener('error', () => undefined);
      open.push(socket);
      return socket;
    };
    const next = <E extends Event = Event>(socket: WebSocket, type: string): Promise<E> =>
      new Promise((resolve) => socket.addEventListener(type, (event) => resolve(event as E), { once: true }));
    const nextRemote = (): Promise<Remote> =>
      new Promise((resolve) =>
        setting.onNextRemote((socket) => {
          const remote: Remote = { socket, messages: [], closed: undefined };
          socket.on('message', (data, isBinary) =>
            remote.messages.push(isBinary ? (data as Buffer) : (data as Buffer).toString()),
          );
          socket.on('close', (code, reason) => (remote.closed = { code, reason: reason.toString() }));
          resolve(remote);
        }),
      );
    const connect = async (...rest: unknown[]): Promise<Opened> => {
      const remote = nextRemote();
      const socket = make(setting.url, ...rest);
      await next(socket, 'open');
      return { socket, remote: await remote };
    };
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    /** Types and ready states of all events. */
    const journal = (socket: WebSocket): [string, number][] => {
      const seen: [string, number][] = [];
      for (const type of ['open', 'message', 'error', 'close']) {
        socket.addEventListener(type, () => seen.push([type, socket.readyState]));
      }
      return seen;
    };
    describe('constructor', () => {
      expectation('needs new, and a URL', () => {
        throwsTypeError(() => (setting.WebSocket as unknown as (url: string) => void)(setting.url));
        throwsTypeError(() => new (setting.WebSocket as unknown as new () => WebSocket)());
      });
      expectation('SyntaxError for what is no URL', () => {
        throwsDom('SyntaxError', () => make('nonsense'));
        throwsDom('SyntaxError', () => make('wss://'));
      });
      expectation('SyntaxError for other schemes', () => {
        for (const scheme of ['ftp', 'mailto', 'file']) {
          throwsDom('SyntaxError', () => make(`${scheme}://localhost/`));
        }
      });
      expectation('SyntaxError for fragments', () => {
        for (const fragment of ['#', '#part']) throwsDom('SyntaxError', () => make(setting.url + fragment));
      });
      expectation('SyntaxError for subprotocols that are no tokens, or given twice', () => {
        for (const bad of ['', 'a b', 'a,b', 'é', ['one', 'one'], ['one', '']]) {
          throwsDom('SyntaxError', () => make(setting.url, bad));
        }
      });
      expectation('https and http become wss and ws; URL objects are taken', async () => {
        const remote = nextRemote();
        const socket = make(new URL(setting.url.replace(/^ws/, 'http')));
        expect(socket.url).toBe(setting.url);
        await next(socket, 'open');
        expect((await remote).closed).toBeUndefined();
        socket.close();
      });
      expectation('url is serialised', () => {
        const socket = make(`${setting.url}a/../b c?d=é`);
        expect(socket.url).toBe(`${setting.url}b%20c?d=%C3%A9`);
        socket.close();
      });
      expectation('constants on the class, its prototype and objects, which cannot be written', async () => {
        const { socket } = await connect();
        for (const owner of [
          setting.WebSocket,
          setting.WebSocket.prototype,
          socket,
        ] as unknown as (typeof WebSocket)[]) {
          expect([owner.CONNECTING, owner.OPEN, owner.CLOSING, owner.CLOSED]).toEqual([0, 1, 2, 3]);
          throwsTypeError(() => {
            (owner as { OPEN: number }).OPEN = 7;
          });
        }
        expect('OPEN' in setting.WebSocket && 'OPEN' in socket).toBe(true);
        socket.close();
      });
      expectation('objects are EventTargets and instances of their class', async () => {
        const { socket } = await connect();
        expect(socket).toBeInstanceOf(setting.WebSocket);
        expect(socket instanceof EventTarget).toBe(true);
        socket.close();
      });
    });

    describe('while CONNECTING', () => {
      expectation('state at first', () => {
        const socket = make();
        expect(socket.readyState).toBe(0);
        expect([socket.protocol, socket.extensions, socket.bufferedAmount]).toEqual(['', '', 0]);
        expect([socket.onopen, socket.onmessage, socket.onerror, socket.onclose]).toEqual([null, null, null, null]);
        socket.close();
      });
      expectation('binaryType is blob at first', () => {
        const socket = make();
        expect(socket.binaryType).toBe('blob');
        socket.close();
      });
      expectation('send throws InvalidStateError', () => {
        const socket = make();
        throwsDom('InvalidStateError', () => socket.send('early'));
        expect(socket.bufferedAmount).toBe(0);
        socket.close();
      });
      expectation('send without an argument throws TypeError', () => {
        const socket = make();
        throwsTypeError(() => (socket.send as () => void)());
        socket.close();
      });
      expectation('close: CLOSING at once; then error and close, 1006, not clean, no open', async () => {
        const socket = make();
        const seen = journal(socket);
        socket.close(1000, 'never mind');
        expect(socket.readyState).toBe(2);
        expect(seen).toEqual([]);
        expect(await next(socket, 'close')).toMatchObject({ code: 1006, reason: '', wasClean: false });
        expect(seen.map(([type]) => type)).toEqual(['error', 'close']);
        expect(seen[1]).toEqual(['close', 3]);
        socket.close();
        socket.send('late');
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(seen.length).toBe(2);
      });
      expectation('close a little later, while the opening is under way, is no different', async () => {
        for (const delayMs of [1, 5, 20]) {
          const socket = make();
          const seen = journal(socket);
          await new Promise((resolve) => setTimeout(resolve, delayMs));
          if (socket.readyState !== 0) continue;
          socket.close();
          expect(await next(socket, 'close')).toMatchObject({ code: 1006, wasClean: false });
          expect(seen.map(([type]) => type)).toEqual(['error', 'close']);
        }
      });
      expectation('close with a bad code throws InvalidAccessError and changes nothing', async () => {
        const socket = make();
        throwsDom('InvalidAccessError', () => socket.close(1001));
        expect(socket.readyState).toBe(0);
        await next(socket, 'open');
        socket.close();
      });
      expectation('binaryType can be set', async () => {
        const socket = make();
        socket.binaryType = 'arraybuffer';
        expect(socket.binaryType).toBe('arraybuffer');
        await next(socket, 'open');
        expect(socket.binaryType).toBe('arraybuffer');
        socket.close();
      });
      expectation('nobody there: error, then close, 1006, not clean', async () => {
        const socket = make(setting.deadUrl);
        const seen = journal(socket);
        expect(await next(socket, 'close')).toMatchObject({ code: 1006, reason: '', wasClean: false });
        expect(seen.map(([type]) => type)).toEqual(['error', 'close']);
        expect(socket.readyState).toBe(3);
      });
      expectation('the error event of a failed connection comes when it is CLOSED', async () => {
        const socket = make(setting.deadUrl);
        const seen = journal(socket);
        await next(socket, 'close');
        expect(seen[0]).toEqual(['error', 3]);
      });
      expectation('the events of a failed connection reach who listens some microtasks later', async () => {
        const socket = make(setting.deadUrl);
        for (let i = 0; i < 20; i++) await Promise.resolve();
        expect((await next<CloseEvent>(socket, 'close')).code).toBe(1006);
      });
    });

    describe('open', () => {
      expectation('open, messages in order, close, with the ready states 1, 1, 3', async () => {
        setting.onNextRemote((remote) => {
          remote.send('one');
          remote.send(Buffer.from([2]));
          remote.close(4321, 'bye');
        });
        const socket = make();
        const seen = journal(socket);
        const data: unknown[] = [];
        socket.addEventListener('message', (event) => data.push(event.data));
        socket.binaryType = 'arraybuffer';
        const event = await next<CloseEvent>(socket, 'close');
        expect(event).toMatchObject({ code: 4321, reason: 'bye', wasClean: true });
        expect(seen.map(([type]) => type)).toEqual(['open', 'message', 'message', 'close']);
        expect(data[0]).toBe('one');
        expect(Buffer.from(data[1] as ArrayBuffer)).toEqual(Buffer.from([2]));
        expect([seen[0], seen[3]]).toEqual([
          ['open', 1],
          ['close', 3],
        ]);
      });
      expectation('a message sent on connection reaches who listens in a microtask after open', async () => {
        setting.onNextRemote((remote) => remote.send('at once'));
        const socket = make();
        await next(socket, 'open');
        expect((await next<MessageEvent>(socket, 'message')).data).toBe('at once');
        socket.close();
      });
      expectation('events: class, target, this, origin', async () => {
        const remote = nextRemote();
        const socket = make();
        const events: Event[] = [];
        const receivers: unknown[] = [];
        for (const type of ['open', 'message', 'close'] as const) {
          socket[`on${type}`] = function (this: unknown, event: Event): void {
            receivers.push(this === socket && event.target === socket && event.currentTarget === socket);
            events.push(event);
          };
        }
        (await remote).socket.send('x');
        await next(socket, 'message');
        socket.close();
        await next(socket, 'close');
        expect(receivers).toEqual([true, true, true]);
        expect(events.map(({ constructor }) => constructor.name.replace(/^Plain/, ''))).toEqual([
          'Event',
          'MessageEvent',
          'CloseEvent',
        ]);
        expect((events[1] as MessageEvent).origin).toBe(new URL(setting.url).origin);
      });
      expectation('the subprotocol that the server chose; none', async () => {
        const chosen = await connect(['one', 'two']);
        expect(chosen.socket.protocol).toBe('two');
        const single = await connect('two');
        expect(single.socket.protocol).toBe('two');
        const none = await connect();
        expect(none.socket.protocol).toBe('');
        for (const { socket } of [chosen, single, none]) socket.close();
      });
    });

    describe('messages', () => {
      expectation('binary arrives as Blob, or as ArrayBuffer from when binaryType says so', async () => {
        const { socket, remote } = await connect();
        const first = next<MessageEvent>(socket, 'message');
        remote.socket.send(Buffer.from([1, 2]));
        const blob = (await first).data as Blob;
        expect(blob).toBeInstanceOf(Blob);
        expect(Buffer.from(await blob.arrayBuffer())).toEqual(Buffer.from([1, 2]));
        socket.binaryType = 'arraybuffer';
        const second = next<MessageEvent>(socket, 'message');
        remote.socket.send(Buffer.from([3]));
        const buffer = (await second).data as ArrayBuffer;
        expect(buffer).toBeInstanceOf(ArrayBuffer);
        expect(Buffer.from(buffer)).toEqual(Buffer.from([3]));
        socket.close();
      });
      expectation('other values of binaryType are ignored', async () => {
        const { socket } = await connect();
        socket.binaryType = 'arraybuffer';
        for (const other of ['nodebuffer', 'fragments', 'Blob', '']) {
          (socket as { binaryType: string }).binaryType = other;
          expect(socket.binaryType).toBe('arraybuffer');
        }
        socket.close();
      });
      expectation('strings, buffers, views and Blobs are sent, in order', async () => {
        const { socket, remote } = await connect();
        const bytes = Uint8Array.of(9, 1, 2, 9);
        socket.send('text');
        socket.send('');
        socket.send(bytes.buffer);
        socket.send(bytes.subarray(1, 3));
        socket.send(new Blob([Uint8Array.of(7)]));
        socket.send(new DataView(bytes.buffer, 3));
        socket.send(new ArrayBuffer(0));
        await until(() => remote.messages.length === 7);
        expect(remote.messages.map((message) => (typeof message === 'string' ? message : [...message]))).toEqual([
          'text',
          '',
          [9, 1, 2, 9],
          [1, 2],
          [7],
          [9],
          [],
        ]);
        socket.close();
      });
      expectation('what is nothing of these is sent as its string', async () => {
        const { socket, remote } = await connect();
        for (const value of [12, null, undefined, { toString: () => 'an object' }]) socket.send(value as never);
        await until(() => remote.messages.length === 4);
        expect(remote.messages).toEqual(['12', 'null', 'undefined', 'an object']);
        socket.close();
      });
      expectation('every first byte passes, both ways', async () => {
        const { socket, remote } = await connect();
        socket.binaryType = 'arraybuffer';
        const received: number[][] = [];
        socket.onmessage = ({ data }) => received.push([...new Uint8Array(data as ArrayBuffer)]);
        const sent = Array.from({ length: 256 }, (_, first) => [first, 0xc1, 0x92]);
        for (const message of sent) {
          socket.send(Uint8Array.from(message));
          remote.socket.send(Buffer.from(message));
        }
        await until(() => remote.messages.length === 256 && received.length === 256);
        expect(remote.messages.map((message) => [...(message as Buffer)])).toEqual(sent);
        expect(received).toEqual(sent);
        socket.close();
      });
      expectation('what is sent may be changed afterwards', async () => {
        const { socket, remote } = await connect();
        const bytes = Uint8Array.of(1, 2, 3);
        socket.send(bytes);
        bytes.fill(0);
        await until(() => remote.messages.length === 1);
        expect(remote.messages).toEqual([Buffer.from([1, 2, 3])]);
        socket.close();
      });
    });

    describe('listeners', () => {
      expectation('attributes: order, replacement in place, removal, only functions', async () => {
        const { socket, remote } = await connect();
        const log: string[] = [];
        socket.onmessage = () => log.push('never');
        socket.addEventListener('message', () => log.push('listener'));
        socket.onmessage = () => log.push('attribute');
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
      expectation('objects, once, the same twice, removal', async () => {
        const { socket, remote } = await connect();
        const log: string[] = [];
        const same = (): unknown => log.push('same');
        const gone = (): unknown => log.push('gone');
        socket.addEventListener('message', { handleEvent: () => log.push('object') });
        socket.addEventListener('message', () => log.push('once'), { once: true });
        socket.addEventListener('message', same);
        socket.addEventListener('message', same);
        socket.addEventListener('message', gone);
        socket.removeEventListener('message', gone);
        for (const text of ['x', 'y']) {
          remote.socket.send(text);
          await next(socket, 'message');
        }
        expect(log).toEqual(['object', 'once', 'same', 'object', 'same']);
        socket.close();
      });
      expectation('an AbortSignal removes a listener', async () => {
        const { socket, remote } = await connect();
        const log: string[] = [];
        const ending = new AbortController();
        socket.addEventListener('message', () => log.push('heard'), { signal: ending.signal });
        for (const text of ['x', 'y']) {
          remote.socket.send(text);
          await next(socket, 'message');
          ending.abort();
        }
        expect(log).toEqual(['heard']);
        socket.close();
      });
    });

    describe('closing', () => {
      expectation('without a code: CLOSING, then CLOSED with 1005; the server sees 1005', async () => {
        const { socket, remote } = await connect();
        const closed = next<CloseEvent>(socket, 'close');
        socket.close();
        expect(socket.readyState).toBe(2);
        expect(await closed).toMatchObject({ code: 1005, reason: '', wasClean: true });
        expect(socket.readyState).toBe(3);
        await until(() => remote.closed !== undefined);
        expect(remote.closed).toEqual({ code: 1005, reason: '' });
      });
      expectation('with code and reason; a second close changes nothing', async () => {
        const { socket, remote } = await connect();
        const seen = journal(socket);
        const closed = next<CloseEvent>(socket, 'close');
        socket.close(3001, 'schön');
        socket.close(3002, 'again');
        expect(await closed).toMatchObject({ code: 3001, reason: 'schön', wasClean: true });
        await until(() => remote.closed !== undefined);
        expect(remote.closed).toEqual({ code: 3001, reason: 'schön' });
        socket.close();
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(seen).toEqual([['close', 3]]);
      });
      expectation('codes but 1000 and 3000 to 4999 throw InvalidAccessError', async () => {
        const { socket } = await connect();
        for (const code of [0, 999, 1001, 1005, 1006, 1015, 2999, 5000]) {
          throwsDom('InvalidAccessError', () => socket.close(code));
        }
        expect(socket.readyState).toBe(1);
        socket.close();
      });
      expectation('a reason over 123 bytes throws SyntaxError', async () => {
        const { socket } = await connect();
        throwsDom('SyntaxError', () => socket.close(1000, 'é'.repeat(62)));
        expect(socket.readyState).toBe(1);
        socket.close(1000, 'é'.repeat(61));
        expect((await next<CloseEvent>(socket, 'close')).reason).toBe('é'.repeat(61));
      });
      expectation('what was sent before close arrives before it', async () => {
        const { socket, remote } = await connect();
        for (let i = 0; i < 50; i++) socket.send(new Uint8Array(1000));
        socket.close();
        await until(() => remote.closed !== undefined);
        expect(remote.messages.length).toBe(50);
      });
      expectation('send after close is dropped silently and counted in bufferedAmount', async () => {
        const { socket, remote } = await connect();
        socket.close();
        socket.send('dropped');
        await next(socket, 'close');
        const before = socket.bufferedAmount;
        socket.send('five5');
        socket.send(new Uint8Array(3));
        socket.send(new Blob(['ab']));
        expect(socket.bufferedAmount - before).toBe(10);
        expect(remote.messages).toEqual([]);
      });
      expectation('a connection that breaks: 1006, not clean, CLOSED', async () => {
        const { socket, remote } = await connect();
        remote.socket.terminate();
        expect(await next<CloseEvent>(socket, 'close')).toMatchObject({ code: 1006, wasClean: false });
        expect(socket.readyState).toBe(3);
      });
    });
  });
}
