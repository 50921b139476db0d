import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocketServer } from '../../server/adapter/ws.js';
import { createEngine } from '../../server/engine.js';
import { errorFields, type Logger } from '../../server/logger.js';
import { isLoopback } from '../loopback.js';
import { joinChat, tell } from './chat.js';
import type { Monitor } from './monitor.js';
import type { ServeOptions } from './options.js';
import { createPageHandler } from './static-page.js';

/** The path of the WebSocket; every other upgrade is refused. */
const SOCKET_PATH = '/';
/** From a request to the last byte of its answer that the client took. */
const ANSWER_TIMEOUT_MS = 30_000;
/** How long connections may take to say goodbye. */
const CLOSE_TIMEOUT_MS = 3_000;
/** How long a login under way may take when the server stops. */
export const LOGIN_PATIENCE_MS = 3_000;

export interface Service {
  /** Something that somebody wrote who is connected to another process. */
  tell(message: string): void;
  close(): Promise<void>;
}

/** Puts page, login and chat behind servers that listen already. */
export async function startService({
  options,
  servers,
  port,
  log,
  publish,
  monitor,
}: {
  readonly options: ServeOptions;
  readonly servers: readonly Server[];
  readonly port: number;
  readonly log: Logger;
  /** Carries what somebody writes to other processes. */
  readonly publish?: ((message: string) => void) | undefined;
  readonly monitor: Monitor;
}): Promise<Service> {
  const { domain, registration, data } = options;
  const targets = options.targets(port);
  const page = createPageHandler({ domain, registration, targets, hsts: !isLoopback(domain) });
  const { origins, ksf, drain, auditDays } = options;
  const observers = [monitor.observer];
  const audit = { keepDays: auditDays };
  const engine = await createEngine({
    domain,
    data,
    targets,
    origins,
    registration,
    ksf,
    logger: log,
    observers,
    audit,
  });
  monitor.attach(engine);
  const sockets = new WebSocketServer({ engine, noServer: true, path: SOCKET_PATH });
  sockets.on('connection', (socket) => joinChat(socket, () => sockets.clients, publish));

  for (const server of servers) {
    // Out of file descriptors, for example: those who are connected stay.
    server.on('error', (error) => log.error({ ...errorFields(error) }, 'cannot accept a connection'));
    server.on('request', page);
    server.on('request', boundAnswer);
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      sockets.handleUpgrade(request, socket, head, (client, asked) => sockets.emit('connection', client, asked));
    });
  }

  return {
    tell: (message) => tell(sockets.clients, message),
    async close() {
      monitor.drains();
      if (drain.delayMs > 0) await delay(drain.delayMs);
      const drained = servers.map(closeServer);
      await engine.drain({ windowMs: drain.windowMs, patienceMs: LOGIN_PATIENCE_MS });
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

/** A reader that takes its answer in drops keeps the connection busy: the idle timeout alone would not end it. */
function boundAnswer(_request: IncomingMessage, response: ServerResponse): void {
  if (response.writableFinished) return;
  const timer = setTimeout(() => response.destroy(), ANSWER_TIMEOUT_MS).unref();
  response.once('close', () => clearTimeout(timer));
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
