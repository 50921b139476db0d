// uWebSockets.js for tests: whether its binary loads here, and apps that listen on loopback.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import type * as Module from 'uWebSockets.js';
import { testCertificate } from './certificate.js';

type Uws = typeof Module;

async function load(): Promise<Uws | string> {
  try {
    return ((await import('uWebSockets.js')) as unknown as { readonly default: Uws }).default;
  } catch (error) {
    return String((error as Error).message).split('\n')[0]!;
  }
}
const loaded = await load();

/** The module; use it only within `describeUws`. */
export const uws = loaded as Uws;

/** Runs a block of tests where the binary of uWebSockets.js loads; elsewhere they are skipped, and it says why. */
export function describeUws(name: string, block: () => void): void {
  if (typeof loaded !== 'string') {
    describe(name, block);
    return;
  }
  process.stderr.write(`skipped: ${name}: uWebSockets.js does not load on Node ${process.versions.node}: ${loaded}\n`);
  describe.skip(name, block);
}

export interface CertificateFiles {
  readonly cert_file_name: string;
  readonly key_file_name: string;
  readonly remove: () => Promise<void>;
}

/** The test certificate as files. */
export async function certificateFiles(): Promise<CertificateFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'blindsalt-uws-'));
  const { cert, key } = await testCertificate();
  const files = { cert_file_name: join(folder, 'cert.pem'), key_file_name: join(folder, 'key.pem') };
  await writeFile(files.cert_file_name, cert);
  await writeFile(files.key_file_name, key, { mode: 0o600 });
  return { ...files, remove: () => rm(folder, { recursive: true, force: true }) };
}

export interface Listening {
  readonly port: number;
  readonly token: Module.us_listen_socket;
}

/** Listens on loopback at a free port. */
export function listen(app: Module.TemplatedApp, host = 'localhost'): Promise<Listening> {
  return new Promise((resolve, reject) => {
    app.listen(host, 0, (token) => {
      if (token === false) reject(new Error('cannot listen'));
      else resolve({ port: uws.us_socket_local_port(token), token });
    });
  });
}
