// A folder with certificate files, and what a TLS client sees of a server.
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import type { TestPair } from './certificate.js';
import { temporaryFolder } from './cli.js';

export interface CertificatePlace {
  readonly folder: string;
  readonly cert: string;
  readonly key: string;
  /** Puts other files there, the way ACME clients do: written beside, then renamed. */
  put(pair: Partial<TestPair>): void;
  remove(): void;
}

export function certificatePlace(pair: TestPair): CertificatePlace {
  const { path: folder, remove } = temporaryFolder();
  const place = {
    folder,
    cert: path.join(folder, 'cert.pem'),
    key: path.join(folder, 'key.pem'),
    put(changed: Partial<TestPair>) {
      for (const name of ['cert', 'key'] as const) {
        if (changed[name] === undefined) continue;
        writeFileSync(`${place[name]}.new`, changed[name], { mode: 0o600 });
        renameSync(`${place[name]}.new`, place[name]);
      }
    },
    remove,
  };
  place.put(pair);
  return place;
}

export interface Seen {
  /** Organization in the server's certificate. */
  readonly organization: string | undefined;
  readonly protocol: string | null;
  readonly socket: tls.TLSSocket;
}

/** Connects, whatever the certificate is; the socket stays open. Rejects when the server ends it. */
export function look(port: number, options: tls.ConnectionOptions = {}): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      host: 'localhost',
      port,
      servername: 'localhost',
      rejectUnauthorized: false,
      ...options,
    });
    socket.on('error', reject);
    socket.once('secureConnect', () =>
      resolve({
        organization: socket.getPeerCertificate().subject?.O as string | undefined,
        protocol: socket.getProtocol(),
        socket,
      }),
    );
  });
}
