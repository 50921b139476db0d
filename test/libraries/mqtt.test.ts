// MQTT.js and aedes over an authenticated connection, by createWebSocketStream.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Aedes, type Client } from 'aedes';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { retryAfterClose, type AuthenticatedWebSocket, type WebSocketClass } from '../../src/client/node.js';
import { createWebSocketStream } from '../../src/server/adapter/ws.js';
import type { Session } from '../../src/server/index.js';
import { startAuthenticatedServer, type AuthenticatedServer } from '../support/authenticated-server.js';

let server: AuthenticatedServer;
let broker: Aedes;
let Alice: WebSocketClass;
const protocols: string[] = [];
const sessions = new WeakMap<object, Session>();
const clients: MqttClient[] = [];

beforeAll(async () => {
  server = await startAuthenticatedServer();
  broker = await Aedes.createBroker({
    // Everybody publishes under their own name only.
    authorizePublish: (client, { topic }, done) => {
      const { username } = sessions.get((client as Client).conn)!;
      done(topic.startsWith(`${username}/`) ? null : new Error('not allowed'));
    },
  });
  server.wss.on('connection', (socket, request) => {
    // The connection of a sign-up speaks nothing.
    if (socket.protocol !== 'mqtt') return;
    protocols.push(socket.protocol);
    const stream = createWebSocketStream(socket);
    sessions.set(stream, socket.session);
    broker.handle(stream, request);
  });
  Alice = await server.member('alice');
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
});
afterAll(async () => {
  await new Promise<void>((resolve) => broker.close(resolve));
  await server.stop();
});

/** In Node MQTT.js would else want a socket of `ws`, an EventEmitter. */
function join(WebSocketClass: WebSocketClass, options: IClientOptions = {}): MqttClient {
  const client = mqtt.connect(server.url, {
    forceNativeWebSocket: true,
    createWebsocket: (url, offered) => new WebSocketClass(url, offered),
    reconnectPeriod: 50,
    ...options,
  });
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

const message = (client: MqttClient): Promise<[string, Buffer]> =>
  new Promise((resolve) => client.once('message', (topic, payload) => resolve([topic, payload])));
const connected = (client: MqttClient): Promise<void> =>
  new Promise((resolve) => client.once('connect', () => resolve()));

describe('MQTT.js and aedes', () => {
  test('MQTT 3.1.1, publish and subscribe, QoS 0 to 2, mqtt inside', async () => {
    const bob = join(await server.member('bob'));
    const alice = join(Alice);
    await Promise.all([connected(alice), connected(bob)]);
    await bob.subscribeAsync('alice/#', { qos: 2 });
    for (const qos of [0, 1, 2] as const) {
      // 0xC1 in front. A packet is one WebSocket message, so it has to fit into `maxMessageBytes`.
      const body = Buffer.alloc(qos * 30_000 + 3, 0xc1);
      const received = message(bob);
      await alice.publishAsync(`alice/${qos}`, body, { qos });
      const [topic, payload] = await received;
      expect(topic).toBe(`alice/${qos}`);
      expect(payload.equals(body)).toBe(true);
    }
    expect(protocols).toEqual(['mqtt', 'mqtt']);
  });

  test('the broker knows who publishes', async () => {
    const alice = join(Alice);
    await connected(alice);
    await alice.subscribeAsync('#');
    const left = new Promise((resolve) => alice.once('close', resolve as () => void));
    alice.publish('bob/lie', 'I am bob', { qos: 0 });
    await left;
  });

  test('a lost connection is opened again, with its subscriptions', async () => {
    const alice = join(Alice);
    await connected(alice);
    await alice.subscribeAsync('alice/again');
    const again = connected(alice);
    for (const socket of server.wss.clients) socket.terminate();
    await again;
    const received = message(alice);
    await alice.publishAsync('alice/again', 'here', { qos: 1 });
    expect((await received)[1].toString()).toBe('here');
  });

  test('a wrong password: one attempt, and the close code ends it', async () => {
    let dialled = 0;
    server.wss.on('headers', () => dialled++);
    const Stranger = server.classFor({ username: 'alice', password: 'not the password' });
    const codes: number[] = [];
    const client = join(Stranger, {
      createWebsocket(url, offered) {
        const socket: AuthenticatedWebSocket = new Stranger(url, offered);
        socket.addEventListener('close', ({ code }) => {
          codes.push(code);
          // The second time, to see that the library did try again, and nothing was sent.
          if (retryAfterClose(code) !== 'later' && codes.length === 2) client.end(true);
        });
        return socket;
      },
    });
    while (codes.length < 2) await delay(10);
    await delay(200);
    expect(codes).toEqual([4449, 4449]);
    expect(dialled).toBe(1);
  });
});
