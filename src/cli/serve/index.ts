import type { Server } from 'node:https';
import path from 'node:path';
import { BlindsaltError } from '../../../proto/index.js';
import { createDataFolder, type DataFolder } from '../data-folder.js';
import { output } from '../output.js';
import type { Action } from '../program.js';
import { createLog } from './log.js';
import { readServeOptions, isLoopback, type RawServeOptions, type ServeOptions } from './options.js';
import { startService } from './service.js';
import { stopSignal } from './signals.js';
import { createTlsServer, listen, readPemPair, type PemPair } from './tls-server.js';

/** `blindsalt serve`: resolves after a signal, when everything is closed. */
export const serve: Action = async (raw) => {
  const options = readServeOptions(raw as unknown as RawServeOptions);
  const data = createDataFolder(options.data);
  const pair = await certificateOf(options, data.certificates);
  const stop = stopSignal();
  const { servers, port } = await listenEverywhere(options, pair);
  const log = createLog(options.logLevel);
  const service = await startService({ options, servers, port, log }).catch((error: unknown) => {
    for (const server of servers) server.close();
    throw error;
  });

  const url = urlOf(options, port);
  output.line(`blindsalt listening on ${url}`);
  for (const hint of hintsOf(options, url, data)) output.note(hint);
  log.info({ url, registration: options.registration }, 'listening');

  log.info({ signal: await stop }, 'stopping');
  await service.close();
};

async function certificateOf(options: ServeOptions, folder: string): Promise<PemPair> {
  const certificates = await import('../../../certs/development-ca.js');
  if (options.pair === undefined) {
    const made = await certificates.ensureDevelopmentCertificates(folder);
    return readPemPair({ cert: made.certFile, key: made.keyFile });
  }
  const pair = readPemPair(options.pair);
  certificates.checkCertificatePair(pair.cert, pair.key);
  if (certificates.isDevelopmentCertificate(pair.cert) && !options.addresses.every(({ host }) => isLoopback(host))) {
    throw new BlindsaltError(
      'certificate-invalid',
      'A development certificate is for loopback only: add --host localhost.',
    );
  }
  return pair;
}

/** The same port on each address; the first decides which. */
async function listenEverywhere(
  options: ServeOptions,
  pair: PemPair,
): Promise<{ readonly servers: readonly Server[]; readonly port: number }> {
  const servers: Server[] = [];
  let port = options.port;
  try {
    for (const { host, optional } of options.addresses) {
      const server = createTlsServer(pair);
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

/** The address that a person types: that of the first target. */
function urlOf(options: ServeOptions, port: number): string {
  return new URL(`https://${options.targets(port)[0]}`).origin;
}

function hintsOf({ dev }: ServeOptions, url: string, { certificates, folder }: DataFolder): readonly string[] {
  const signup = `npx blindsalt signup ${url.replace('https', 'wss')} alice`;
  return [
    'Next:',
    `  open ${url}`,
    ...(dev ? [`  the browser warns until the development CA is trusted: npx blindsalt certs --data ${folder}`] : []),
    `  or, from a terminal: ${signup}${dev ? ` --ca ${path.join(certificates, 'ca.pem')}` : ''}`,
    '  Ctrl-C stops the server',
  ];
}
