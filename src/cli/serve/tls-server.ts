import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { BlindsaltError } from '../../../proto/index.js';
import { SERVER_TIMEOUTS } from '../../server/adapter/ws.js';
import { keyExchangeGroups } from '../../server/tls/index.js';
import type { PemPair } from '../pem.js';

/**
 * Most TCP connections of one server at a time; more are closed at once. Handshakes that were not finished count too, which
 * the cap on unauthenticated WebSockets does not see.
 */
export const MAX_CONNECTIONS = 10_000;

/** What a certificate that is loaded later needs, too. */
export const CONTEXT = { minVersion: 'TLSv1.3', ecdhCurve: keyExchangeGroups() } as const;
/** A connection that moves no byte for so long is ended, unless it has become a WebSocket. */
const IDLE_MS = 30_000;

/**
 * An https server with deadlines for every stage: node's own defaults keep silent connections open beyond a minute.
 * @param clientCa PEM; when given, clients without a certificate of these authorities are refused
 * @throws BlindsaltError `certificate-invalid`
 */
export function createTlsServer(pair: PemPair, clientCa?: string): Server {
  try {
    const server = createServer({
      cert: pair.cert,
      key: pair.key,
      ...CONTEXT,
      ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
      ...SERVER_TIMEOUTS,
      keepAliveTimeout: 5_000,
      maxHeaderSize: 16_384,
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.setTimeout(IDLE_MS);
    return server;
  } catch (cause) {
    throw new BlindsaltError('certificate-invalid', 'The certificate or its key cannot be used.', { cause });
  }
}

/** Listens and answers the port. @throws BlindsaltError `listen-failed` */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const where = host === '' ? `port ${port}` : `${host.includes(':') ? `[${host}]` : host}:${port}`;
      reject(new BlindsaltError('listen-failed', `Cannot listen on ${where}: ${reasonOf(cause)}.`, { cause }));
    };
    server.once('error', failed);
    server.listen({ port, ...(host !== '' && { host }) }, () => {
      server.off('error', failed);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the port is in use';
    case 'EACCES':
      return 'not allowed for this user';
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return 'this machine does not have that address';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name is unknown';
    default:
      return error.message;
  }
}
