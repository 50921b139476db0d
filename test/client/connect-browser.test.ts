// `blindsalt/client` with a WebSocket, Worker and location put in place of a browser's: how page and Worker share the
// work, and what happens where there is no Worker. Real browsers are driven in test/browser/.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket as WsClient } from 'ws';
import { KSF_FLOOR } from '../../proto/index.js';
import { BlindsaltError, connect, type BlindsaltSocket, type BrowserConnectOptions } from '../../src/client/browser.js';
import type { AttemptRequest } from '../../src/client/runner.js';
import type { ToWorker, WorkerGreeting } from '../../src/client/worker-messages.js';
import { serve } from '../../src/client/worker-port.js';
import { WorkerRunner } from '../../src/client/worker-runner.js';
import { loadCrypto } from '../../src/crypto/index.js';
import { createEngine, silentLogger, type Engine } from '../../src/server/index.js';
import { WebSocketServer } from '../../src/server/adapter/ws.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { makeServerKeys } from '../support/server-keys.js';

const PASSWORD = 'correct horse battery';
const ORIGIN = 'http://localhost:8000';

/** Opens what a page would: with the page's origin, without any option. */
class PageWebSocket extends WsClient {
  constructor(url: string, protocol: string) {
    super(url, protocol, { origin: ORIGIN, perMessageDeflate: false });
  }
}

/** A Worker in this thread that runs the Worker's own code behind its MessagePort. */
class FakeWorker extends EventTarget {
  static readonly made: FakeWorker[] = [];
  /** What the next ones do when they are started. */
  static behaviour: 'run' | 'throw' | 'fail' | 'crash' = 'run';
  readonly operations: string[] = [];
  terminated = false;
  readonly #behaviour = FakeWorker.behaviour;

  constructor(readonly url?: unknown) {
    super();
    if (this.#behaviour === 'throw') throw new DOMException('blocked', 'SecurityError');
    FakeWorker.made.push(this);
  }

  postMessage({ port }: WorkerGreeting): void {
    if (this.#behaviour === 'fail') {
      setTimeout(() => this.dispatchEvent(new Event('error', { cancelable: true })));
      return;
    }
    const { port1, port2 } = new MessageChannel();
    // Between the two: notes what passes.
    port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
      this.operations.push(data.op);
      if (this.#behaviour === 'crash' && data.op === 'receive') this.dispatchEvent(new Event('error'));
      else port1.postMessage(data);
      if (data.op === 'dispose') setTimeout(() => (port1.close(), port.close()), 20);
    };
    port1.onmessage = ({ data }) => port.postMessage(data);
    serve(port2);
  }

  terminate(): void {
    this.terminated = true;
  }
}

let engine: Engine;
let server: Server;
let wss: WebSocketServer;
let url: string;
const globals = globalThis as Record<string, unknown>;
const before = { WebSocket: globals['WebSocket'], Worker: globals['Worker'], location: globals['location'] };

beforeAll(async () => {
  engine = await createEngine({
    domain: 'localhost',
    targets: ['localhost'],
    origins: [ORIGIN],
    allowNative: false,
    store: openMemoryStore(),
    keys: makeServerKeys(await loadCrypto(), 'localhost'),
    ksf: [KSF_FLOOR.argon2id],
    logger: silentLogger,
  });
  server = createServer();
  wss = new WebSocketServer({ server, engine });
  wss.on('connection', (socket) => {
    socket.send('first');
    socket.send(Uint8Array.of(0xc1, 2));
    socket.send('third');
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  url = `ws://localhost:${(server.address() as AddressInfo).port}/`;
  globals['WebSocket'] = PageWebSocket;
  globals['Worker'] = FakeWorker;
  globals['location'] = { origin: ORIGIN, href: `${ORIGIN}/page` };
  const socket = await connect(url, { worker: false }).signup({ username: 'alice', password: PASSWORD });
  socket.close();
});
afterEach(() => {
  FakeWorker.behaviour = 'run';
  FakeWorker.made.length = 0;
});
afterAll(async () => {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete globals[name];
    else globals[name] = value;
  }
  await engine.close();
  wss.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const login = (options: BrowserConnectOptions = {}, password = PASSWORD): Promise<BlindsaltSocket> =>
  connect(url, options).login({ username: 'alice', password });

const refusal = async (promise: Promise<unknown>): Promise<BlindsaltError> => {
  const error: unknown = await promise.then(
    () => 'resolved',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BlindsaltError);
  return error as BlindsaltError;
};

function fail(): never {
  throw new Error('not to be called');
}

async function threeMessages(socket: BlindsaltSocket): Promise<unknown[]> {
  socket.binaryType = 'arraybuffer';
  const seen: unknown[] = [];
  await new Promise<void>((resolve) => {
    socket.onmessage = ({ data }) => {
      seen.push(typeof data === 'string' ? data : [...new Uint8Array(data as ArrayBuffer)]);
      if (seen.length === 3) resolve();
    };
  });
  return seen;
}

describe('in a Worker', () => {
  test('of its own, which ends with the attempt; nothing behind welcome is lost or goes there', async () => {
    const stages: string[] = [];
    const socket = await login({ onProgress: (stage) => stages.push(stage) });
    expect(await threeMessages(socket)).toEqual(['first', [0xc1, 2], 'third']);
    expect(stages).toEqual(['connecting', 'exchanging', 'stretching', 'finishing']);
    expect(FakeWorker.made.length).toBe(1);
    expect(String(FakeWorker.made[0]!.url)).toMatch(/\/worker\.js$/);
    expect(FakeWorker.made[0]!.terminated).toBe(true);
    // hello, challenge, welcome.
    expect(FakeWorker.made[0]!.operations).toEqual(['prepare', 'open', 'receive', 'receive', 'receive', 'dispose']);
    socket.close();
  });

  test('from a URL of the caller’s', async () => {
    const worker = new URL('https://cdn.example/worker.js');
    (await login({ worker })).close();
    expect(FakeWorker.made[0]!.url).toBe(worker);
  });

  test('of the caller’s, shared by attempts and left running', async () => {
    const worker = new FakeWorker() as unknown as Worker;
    const sockets = await Promise.all([login({ worker }), login({ worker })]);
    for (const socket of sockets) {
      expect(await threeMessages(socket)).toEqual(['first', [0xc1, 2], 'third']);
      socket.close();
    }
    expect(FakeWorker.made.length).toBe(1);
    expect(FakeWorker.made[0]!.terminated).toBe(false);
  });

  test('errors cross with code, reason and cause', async () => {
    expect(await refusal(login({}, 'wrong'))).toMatchObject({
      code: 'login-failed',
      cause: { name: 'BlindsaltError', code: 'envelope-invalid' },
    });
    expect(await refusal(login({}, ''))).toMatchObject({ code: 'password-invalid', reason: 'empty' });
    const taken = connect(url).signup({ username: 'alice', password: PASSWORD });
    expect((await refusal(taken)).code).toBe('username-taken');
    expect(FakeWorker.made.every(({ terminated }) => terminated)).toBe(true);
  });

  test('that crashes under way: an error, not a second attempt', async () => {
    FakeWorker.behaviour = 'crash';
    expect((await refusal(login())).code).toBe('environment-unsupported');
    expect(FakeWorker.made.length).toBe(1);
  });

  test('abort while stretching ends it', async () => {
    const controller = new AbortController();
    const attempt = login({
      signal: controller.signal,
      onProgress: (stage) => void (stage === 'stretching' && controller.abort()),
    });
    expect((await refusal(attempt)).code).toBe('aborted');
    expect(FakeWorker.made[0]!.terminated).toBe(true);
  });
});

describe('without a Worker', () => {
  test.each(['throw', 'fail'] as const)('(%s) in the page’s thread, which is told', async (behaviour) => {
    FakeWorker.behaviour = behaviour;
    const causes: unknown[] = [];
    const socket = await login({ onWorkerUnavailable: (cause) => causes.push(cause) });
    expect(await threeMessages(socket)).toEqual(['first', [0xc1, 2], 'third']);
    expect(causes.length).toBe(1);
    expect((causes[0] as Error).name).toBe(behaviour === 'throw' ? 'SecurityError' : 'WorkerUnavailable');
    socket.close();
  });

  test('one that never answers is given up before it gets the password', async () => {
    const silent = Object.assign(new EventTarget(), { postMessage: () => undefined, terminate: () => undefined });
    const sink = { send: fail, progress: fail, life: fail, done: fail, failed: fail };
    const runner = new WorkerRunner(silent, false, undefined, sink, 30);
    const password = new TextEncoder().encode(PASSWORD);
    await expect(runner.prepare({ password } as AttemptRequest)).rejects.toMatchObject({ name: 'WorkerUnavailable' });
    expect(new TextDecoder().decode(password)).toBe(PASSWORD);
    runner.dispose();
  });

  test('where none is wanted', async () => {
    (await login({ worker: false })).close();
    expect(FakeWorker.made).toEqual([]);
  });
});

describe('the page', () => {
  test('says its origin in the start message, which has to equal the header', async () => {
    const page = globals['location'];
    globals['location'] = { origin: 'http://localhost:9000', href: 'http://localhost:9000/' };
    try {
      expect(await refusal(login())).toMatchObject({ code: 'origin-refused', closeCode: 4403 });
    } finally {
      globals['location'] = page;
    }
  });

  test('may give a URL relative to itself', () => {
    expect(() => connect('/chat')).not.toThrow();
    const page = globals['location'];
    globals['location'] = { origin: 'http://chat.example', href: 'http://chat.example/' };
    try {
      expect(() => connect('/chat')).toThrow(expect.objectContaining({ code: 'insecure-url' }));
    } finally {
      globals['location'] = page;
    }
  });

  test('without WebSocket: an error with a code', async () => {
    globals['WebSocket'] = undefined;
    try {
      expect((await refusal(login())).code).toBe('environment-unsupported');
    } finally {
      globals['WebSocket'] = PageWebSocket;
    }
  });
});
