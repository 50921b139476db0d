// Other ways to log in, over ws: each peer is a conversation in JSON, and the same echo afterwards. Users are in memory;
// sessions and tickets are not kept, which spares them what the engine writes to SQLite.
import { once } from 'node:events';
import { createServer } from 'node:https';
import { SERVER_TIMEOUTS } from 'blindsalt/server/ws';
import { WebSocketServer } from 'ws';
import { PEERS } from '../peers/index.js';
import { MAX_MESSAGE_BYTES } from './common.js';

export async function start({ cert, key, peer: name }) {
  const peer = await PEERS[name].createServer();
  const server = createServer({ ...SERVER_TIMEOUTS, cert, key, minVersion: 'TLSv1.3' });
  const wss = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES });
  wss.on('connection', (socket) => {
    const login = peer.accept();
    let isIn = false;
    socket.on('error', () => {});
    socket.on('message', async (message, isBinary) => {
      if (isIn) return socket.send(message, { binary: isBinary });
      try {
        const { isDone = false, answer } = await login(JSON.parse(String(message)));
        isIn = isDone;
        socket.send(JSON.stringify(answer));
      } catch (error) {
        process.stderr.write(`${error.stack}\n`);
        socket.close(4401);
      }
    });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 65_535 });
  await once(server, 'listening');
  return { port: server.address().port, measureCrypto: peer.measureCrypto };
}
