// MQTT: MQTT.js and the broker aedes. Everybody publishes under their own name only.
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Aedes } from 'aedes';
import { connect, retryAfterClose, webSocketClass } from 'blindsalt/client/node';
import { createEngine } from 'blindsalt/server';
import { createWebSocketStream, WebSocketServer } from 'blindsalt/server/ws';
import mqtt from 'mqtt';

const engine = await createEngine({ domain: 'localhost', targets: ['localhost'], data: mkdtempSync(`${tmpdir()}/x-`) });
const wss = new WebSocketServer({ port: 0, host: 'localhost', engine }); // elsewhere: { server: https.createServer(…) }
await once(wss, 'listening');
const url = `ws://localhost:${wss.address().port}/`;

const broker = await Aedes.createBroker({
  authorizePublish: ({ conn }, { topic }, done) =>
    done(topic.startsWith(`${conn.session.username}/`) ? null : new Error('not your topic')),
});
wss.on('connection', (socket) => {
  broker.handle(Object.assign(createWebSocketStream(socket), { session: socket.session }));
});

const alice = { username: 'alice', password: 'correct horse battery' };
(await connect(url).signup(alice)).close();
const WebSocket = webSocketClass({ credentials: () => alice });
const createWebsocket = (address, protocols) => {
  const socket = new WebSocket(address, protocols);
  // Lost connections are tried again, refused passwords are not.
  socket.addEventListener('close', ({ code }) => retryAfterClose(code) === 'later' || client.end(true));
  return socket;
};
// `forceNativeWebSocket` in Node: else MQTT.js expects a socket of `ws`.
const client = mqtt.connect(url, { forceNativeWebSocket: true, createWebsocket });
await client.subscribeAsync('alice/#');
client.publish('alice/mood', 'fine');
const [topic, payload] = await once(client, 'message');
console.log(topic, payload.toString());

await client.endAsync();
broker.close(() => wss.close());
await engine.close();
