// The physical limit: TLS and an echo, nothing in front. Set like the servers with a login.
import { once } from 'node:events';
import { createServer } from 'node:https';
import { SERVER_TIMEOUTS } from 'blindsalt/server/ws';
import { createSslApp } from 'blindsalt/server/uws';
import { WebSocketServer } from 'ws';
import { listenUws, MAX_MESSAGE_BYTES } from './common.js';

export async function startWs({ cert, key }) {
  const server = createServer({ ...SERVER_TIMEOUTS, cert, key, minVersion: 'TLSv1.3' });
  const wss = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES });
  wss.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 65_535 });
  await once(server, 'listening');
  return { port: server.address().port };
}

export async function startUws({ certFile, keyFile }) {
  const app = await createSslApp({ cert_file_name: certFile, key_file_name: keyFile });
  app.ws('/*', {
    maxPayloadLength: MAX_MESSAGE_BYTES,
    maxBackpressure: 1024 * 1024,
    closeOnBackpressureLimit: 1,
    message: (ws, message, isBinary) => ws.send(message, isBinary),
  });
  return { port: await listenUws(app) };
}
