// A TLS server with accounts, and WebSocket classes that log in to it: what libraries are tried over.
import { once } from 'node:events';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  connect,
  webSocketClass,
  type CredentialsSource,
  type NodeConnectOptions,
  type WebSocketClass,
} from '../../src/client/node.js';
import type { Engine, EngineOptions } from '../../src/server/index.js';
import { SERVER_TIMEOUTS, WebSocketServer, type WebSocketServerOptions } from '../../src/server/adapter/ws.js';
import { testCertificate } from './certificate.js';
import { localEngine } from './local-engine.js';

export const PASSWORD = 'correct horse battery';

export interface AuthenticatedServer {
  readonly url: string;
  readonly port: number;
  readonly ca: string;
  readonly engine: Engine;
  readonly wss: WebSocketServer;
  readonly httpServer: Server;
  /** Makes an account; returns a class whose sockets log in to it. */
  member(username: string): Promise<WebSocketClass>;
  /** A class with any credentials. */
  classFor(credentials: CredentialsSource, options?: NodeConnectOptions): WebSocketClass;
  stop(): Promise<void>;
}

export async function startAuthenticatedServer(
  engineOptions: Partial<EngineOptions> = {},
  socketOptions: Partial<WebSocketServerOptions> = {},
  tlsOptions: ServerOptions = {},
): Promise<AuthenticatedServer> {
  const engine = await localEngine(engineOptions);
  const { cert, key } = await testCertificate();
  const server = createServer({ ...SERVER_TIMEOUTS, cert, key, ...tlsOptions });
  const wss = new WebSocketServer({ ...socketOptions, server, engine });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `wss://localhost:${port}/`;
  const classFor: AuthenticatedServer['classFor'] = (credentials, options = {}) =>
    webSocketClass({ ca: cert, ...options, credentials });
  return {
    url,
    port,
    ca: cert,
    engine,
    wss,
    httpServer: server,
    async member(username) {
      const socket = await connect(url, { ca: cert }).signup({ username, password: PASSWORD });
      socket.close();
      return classFor({ username, password: PASSWORD });
    },
    classFor,
    async stop() {
      await engine.close();
      wss.close();
      for (const socket of wss.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
