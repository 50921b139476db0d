// RFC 6455, 5.5.2 and 5.5.3, on `ws`: every peer that reads hears of its latest ping, and none that does not costs memory.
import { once } from 'node:events';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { WebSocket, type RawData } from 'ws';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import type { AuthenticatedWebSocket, WebSocketServerOptions } from '../../src/server/adapter/ws.js';
import { until } from '../suites/adapter.js';
import { startAuthenticatedServer, type AuthenticatedServer } from '../support/authenticated-server.js';
import { signedUp, type RawClient } from '../support/raw-client.js';

jest.setTimeout(60_000);

let crypto: Crypto;
let server: AuthenticatedServer | undefined;
beforeAll(async () => {
  crypto = await loadCrypto();
});
afterEach(() => server?.stop());

interface Pair {
  readonly client: RawClient;
  readonly socket: AuthenticatedWebSocket;
  /** Payloads of the pongs, in order. */
  readonly pongs: string[];
  /** Sends so many pings, numbered; many in one chunk. */
  ping(count: number): void;
  readonly last: () => string;
}

async function pair(options: Partial<WebSocketServerOptions> = {}): Promise<Pair> {
  server = await startAuthenticatedServer({}, { pingIntervalMs: 0, ...options });
  const connected = once(server.wss, 'connection') as Promise<[AuthenticatedWebSocket]>;
  const { ca, port, url } = server;
  const client = await signedUp(url, crypto, 'alice', { target: `localhost:${port}`, ws: { ca } });
  const [socket] = await connected;
  const pongs: string[] = [];
  client.socket.on('pong', (payload) => pongs.push(String(payload)));
  let sent = 0;
  const last = (): string => String(sent).padStart(125, '0');
  return {
    ...{ client, socket, pongs, last },
    ping(count) {
      for (let i = 0; i < count; i++) {
        sent += 1;
        client.socket.ping(last());
      }
    },
  };
}

test('pings that come one by one are all answered', async () => {
  const { pongs, ping } = await pair();
  for (let i = 1; i <= 60; i++) {
    ping(1);
    await until(() => pongs.length === i);
  }
  expect(pongs.map(Number)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
});

test('of many at once the latest is answered, and the connection goes on', async () => {
  const { client, socket, pongs, ping, last } = await pair();
  socket.on('message', (data: RawData) => socket.send(data as Buffer));
  for (let i = 0; i < 20; i++) {
    ping(1000);
    await until(() => pongs.at(-1) === last());
  }
  expect(pongs.map(Number)).toEqual(pongs.map(Number).sort((a, b) => a - b));
  client.socket.send('still here');
  expect(await client.nextApplication()).toEqual(Buffer.from('still here'));
});

test('a peer that pings and never reads: what waits for it does not grow, and it is not ended', async () => {
  const { client, socket, pongs, ping, last } = await pair();
  client.socket.pause();
  // More than all buffers on the way take, so that every pong waits.
  socket.send(Buffer.alloc(32 * 1024 * 1024));
  let before = -1;
  while (socket.bufferedAmount !== before) {
    before = socket.bufferedAmount;
    await delay(100);
  }
  expect(before).toBeGreaterThan(0);
  let heard = 0;
  socket.on('ping', () => (heard += 1));
  let most = 0;
  for (let i = 0; i < 200; i++) {
    ping(500);
    await turn();
    most = Math.max(most, socket.bufferedAmount);
  }
  await until(() => heard === 100_000);
  most = Math.max(most, socket.bufferedAmount);
  // One pong.
  expect(most - before).toBeLessThanOrEqual(127);
  expect(socket.readyState).toBe(WebSocket.OPEN);
  client.socket.resume();
  await until(() => pongs.at(-1) === last());
  expect(pongs).toHaveLength(2);
});

test('a peer that reads late hears of its latest ping each time', async () => {
  const { client, pongs, ping, last } = await pair();
  for (let i = 0; i < 5; i++) {
    client.socket.pause();
    for (let j = 0; j < 20; j++) {
      ping(50);
      await turn();
    }
    await delay(50);
    client.socket.resume();
    await until(() => pongs.at(-1) === last());
  }
});

test('after the closing handshake has begun, and where the application answers pings itself, there is no pong', async () => {
  const own = await pair({ autoPong: false });
  own.socket.on('ping', (payload: Buffer) => own.socket.pong(`own ${payload.length}`));
  own.ping(1);
  await until(() => own.pongs.length === 1);
  expect(own.pongs).toEqual(['own 125']);
  await server!.stop();

  const closing = await pair();
  closing.client.socket.pause();
  closing.socket.close(1000);
  closing.ping(3);
  await once(closing.socket, 'ping');
  closing.client.socket.resume();
  await closing.client.closed;
  expect(closing.pongs).toEqual([]);
});
