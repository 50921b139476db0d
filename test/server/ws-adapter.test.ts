import { createServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SERVER_TIMEOUTS, WebSocketServer } from '../../src/server/adapter/ws.js';
import { adapterSuite, type StartAdapter } from '../suites/adapter.js';
import { adapterSessionsSuite } from '../suites/adapter-sessions.js';
import type { SessionChange } from '../../src/server/index.js';
import { testCertificate } from '../support/certificate.js';

const start: StartAdapter = async ({ engine, application, protocols, ...options }) => {
  const server = createServer({ ...SERVER_TIMEOUTS, ...(await testCertificate()) });
  const wss = new WebSocketServer({
    server,
    path: '/ws',
    engine,
    ...(protocols && {
      handleProtocols: (offered: Set<string>) => [...offered].find((name) => protocols.includes(name)) ?? false,
    }),
    ...options,
  });
  wss.on('connection', (socket) => {
    application.onConnection(socket.session, socket.protocol);
    socket.on('session-changed', (change: SessionChange) => application.onSessionChanged?.(change));
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `wss://localhost:${port}/ws`,
    port,
    broadcast: (data) => {
      for (const socket of wss.clients) socket.send(data);
    },
    count: () => wss.clients.size,
    async stop() {
      wss.close();
      for (const socket of wss.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

adapterSuite('ws', start);
adapterSessionsSuite('ws', start);
