// Yjs: two documents converge. y-websocket's provider on the client, y-protocols on the server.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { connect, retryAfterClose, webSocketClass } from 'blindsalt/client/node';
import { createEngine } from 'blindsalt/server';
import { WebSocketServer } from 'blindsalt/server/ws';
import { createDecoder, readVarUint } from 'lib0/decoding';
import { createEncoder, toUint8Array, writeVarUint } from 'lib0/encoding';
import { readSyncMessage, writeSyncStep1, writeUpdate } from 'y-protocols/sync';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';

const engine = await createEngine({ domain: 'localhost', targets: ['localhost'], data: mkdtempSync(`${tmpdir()}/x-`) });
const wss = new WebSocketServer({ port: 0, host: 'localhost', engine }); // elsewhere: { server: https.createServer(…) }
await new Promise((resolve) => wss.once('listening', resolve));
const url = `ws://localhost:${wss.address().port}/`;

const shared = new Y.Doc(); // an application has one for each request.url
const sync = (write, to = createEncoder()) => (writeVarUint(to, 0), write(to), toUint8Array(to));
shared.on('update', (update) => wss.clients.forEach((socket) => socket.send(sync((to) => writeUpdate(to, update)))));
wss.on('connection', (socket) => {
  socket.on('message', (data) => {
    const decoder = createDecoder(data);
    if (readVarUint(decoder) !== 0) return; // awareness
    const answer = sync((to) => readSyncMessage(decoder, to, shared, socket));
    if (answer.length > 1) socket.send(answer);
  });
  socket.send(sync((to) => writeSyncStep1(to, shared)));
});

const open = async (username) => {
  const credentials = { username, password: 'correct horse battery' };
  (await connect(url).signup(credentials)).close();
  const WebSocketPolyfill = webSocketClass({ credentials: () => credentials });
  // Lost connections are tried again, refused passwords are not.
  const shouldReconnect = ({ code }) => retryAfterClose(code) === 'later';
  return new WebsocketProvider(url, 'minutes', new Y.Doc(), { WebSocketPolyfill, shouldReconnect, disableBc: true });
};
const [alice, bob] = await Promise.all(['alice', 'bob'].map(open));
alice.doc.getText('text').insert(0, 'hello from alice');
await new Promise((resolve) => bob.doc.once('update', resolve));
console.log(bob.doc.getText('text').toString());
process.exit();
