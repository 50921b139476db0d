import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { BlindsaltError } from '../../../proto/index.js';
import { SERVER_TIMEOUTS } from '../../server/adapter/ws.js';

export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

/** @throws BlindsaltError `certificate-invalid` */
export function readPemPair(files: { readonly cert: string; readonly key: string }): PemPair {
  return { cert: readPem(files.cert, 'certificate'), key: readPem(files.key, 'private key') };
}

function readPem(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new BlindsaltError('certificate-invalid', `The ${what} ${file} cannot be read.`, { cause });
  }
}

/**
 * Most TCP connections of one server at a time; more are closed at once. Handshakes that were not finished count too, which
 * the cap on unauthenticated WebSockets does not see.
 */
export const MAX_CONNECTIONS = 10_000;

/**
 * An https server with deadlines for every stage: node's own defaults keep silent connections open beyond a minute.
 * @throws BlindsaltError `certificate-invalid`
 */
export function createTlsServer(pair: PemPair): Server {
  try {
    const server = createServer({
      cert: pair.cert,
      key: pair.key,
      minVersion: 'TLSv1.3',
      ...SERVER_TIMEOUTS,
      keepAliveTimeout: 5_000,
      maxHeaderSize: 16_384,
    });
    server.maxConnections = MAX_CONNECTIONS;
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
