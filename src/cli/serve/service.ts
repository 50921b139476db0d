import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from '../../server/adapter/ws.js';
import { createEngine } from '../../server/engine.js';
import { errorFields, type Logger } from '../../server/logger.js';
import { joinChat } from './chat.js';
import { isLoopback, type ServeOptions } from './options.js';
import { createPageHandler } from './static-page.js';

/** The path of the WebSocket; every other upgrade is refused. */
const SOCKET_PATH = '/';
/** How long connections may take to say goodbye. */
const CLOSE_TIMEOUT_MS = 3_000;

export interface Service {
  close(): Promise<void>;
}

/** Puts page, login and chat behind servers that listen already. */
export async function startService({
  options,
  servers,
  port,
  log,
}: {
  readonly options: ServeOptions;
  readonly servers: readonly Server[];
  readonly port: number;
  readonly log: Logger;
}): Promise<Service> {
  const { domain, registration, data } = options;
  const targets = options.targets(port);
  const page = createPageHandler({ domain, registration, targets, hsts: !isLoopback(domain) });
  const engine = await createEngine({ domain, data, targets, origins: options.origins, registration, logger: log });
  const sockets = new WebSocketServer({ engine, noServer: true, path: SOCKET_PATH });
  sockets.on('connection', (socket) => joinChat(socket, () => sockets.clients));

  for (const server of servers) {
    // Out of file descriptors, for example: those who are connected stay.
    server.on('error', (error) => log.error({ ...errorFields(error) }, 'cannot accept a connection'));
    server.on('request', page);
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      sockets.handleUpgrade(request, socket, head, (client, asked) => sockets.emit('connection', client, asked));
    });
  }

  return {
    async close() {
      const drained = servers.map(closeServer);
      await engine.close();
      sockets.close();
      const timer = setTimeout(() => {
        for (const server of servers) server.closeAllConnections();
        for (const client of sockets.clients) client.terminate();
      }, CLOSE_TIMEOUT_MS);
      await Promise.all(drained);
      clearTimeout(timer);
    },
  };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
