import type { Server } from 'node:https';
import { BlindsaltError } from '../../../proto/index.js';
import type { Logger } from '../../server/logger.js';
import {
  hasPostQuantumGroup,
  POST_QUANTUM_GROUP,
  watchCertificate,
  type CertificateWatch,
} from '../../server/tls/index.js';
import type { DataFolder } from '../data-folder.js';
import { isLoopback } from '../loopback.js';
import { readAuthorities, readPemPair, type PemPair } from '../pem.js';
import type { Monitor } from './monitor.js';
import type { ServeOptions } from './options.js';
import { startService, type Service } from './service.js';
import { CONTEXT, createTlsServer, listen } from './tls-server.js';

/** What serves in one process. */
export interface ServingProcess extends Pick<Service, 'tell'> {
  readonly port: number;
  /** Reads the certificate again. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

interface Start {
  readonly options: ServeOptions;
  readonly data: DataFolder;
  readonly log: Logger;
  readonly publish?: ((message: string) => void) | undefined;
  readonly monitor: Monitor;
}

/** Listens, and puts page, login and chat behind it. */
export async function startServing({ options, data, log, publish, monitor }: Start): Promise<ServingProcess> {
  const { pair, check } = await certificateOf(options, data.certificates);
  const clientCa = options.clientCa === undefined ? undefined : readAuthorities(options.clientCa);
  const { servers, port } = await listenEverywhere(options, pair, clientCa);
  const service = await startService({ options, servers, port, log, publish, monitor }).catch((error: unknown) => {
    for (const server of servers) server.close();
    throw error;
  });
  const watch = watchFiles(options, servers, check, log);
  const group = hasPostQuantumGroup() ? POST_QUANTUM_GROUP : 'X25519';
  log.info({ port, tls: 'TLSv1.3', keyExchange: group, clientCertificates: clientCa !== undefined }, 'TLS');
  return {
    port,
    tell: (message) => service.tell(message),
    async reload() {
      if (watch === undefined) return;
      const isUsed = await watch.reload();
      log.info({ isUsed }, 'certificate files were read again');
    },
    close() {
      watch?.close();
      return service.close();
    },
  };
}

type Check = (pair: PemPair) => void;

async function certificateOf(
  options: ServeOptions,
  folder: string,
): Promise<{ readonly pair: PemPair; readonly check: Check }> {
  const certificates = await import('../../../certs/development-ca.js');
  const check: Check = (pair) => {
    certificates.checkCertificatePair(pair.cert, pair.key);
    const isPublic = !options.addresses.every(({ host }) => isLoopback(host));
    if (isPublic && certificates.isDevelopmentCertificate(pair.cert)) {
      const message = 'A development certificate is for loopback only: add --host localhost.';
      throw new BlindsaltError('certificate-invalid', message);
    }
  };
  if (options.pair === undefined) {
    const made = await certificates.ensureDevelopmentCertificates(folder);
    return { pair: readPemPair({ cert: made.certFile, key: made.keyFile }), check };
  }
  const pair = readPemPair(options.pair);
  check(pair);
  return { pair, check };
}

function watchFiles(
  { pair, clientCa, ocsp }: ServeOptions,
  servers: readonly Server[],
  check: Check,
  logger: Logger,
): CertificateWatch | undefined {
  if (pair === undefined) return undefined;
  return watchCertificate(servers, { ...pair, ca: clientCa, ocsp, context: CONTEXT, check, logger });
}

/** The same port on each address; the first decides which. */
async function listenEverywhere(
  options: ServeOptions,
  pair: PemPair,
  clientCa: string | undefined,
): Promise<{ readonly servers: readonly Server[]; readonly port: number }> {
  const servers: Server[] = [];
  let port = options.port;
  try {
    for (const { host, optional } of options.addresses) {
      const server = createTlsServer(pair, clientCa);
      try {
        port = await listen(server, host, port);
        servers.push(server);
      } catch (error) {
        if (!optional || (options.port !== 0 && isPortInUse(error))) throw error;
      }
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return { servers, port };
}

function isPortInUse(error: unknown): boolean {
  return error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
}
