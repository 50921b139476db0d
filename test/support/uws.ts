// uWebSockets.js for tests: whether its binary loads here, and apps that listen on loopback.
import { randomInt } from 'node:crypto';
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

/** A certificate as files; default the test certificate. */
export async function certificateFiles(pair?: { cert: string; key: string }): Promise<CertificateFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'blindsalt-uws-'));
  const { cert, key } = pair ?? (await testCertificate());
  const files = { cert_file_name: join(folder, 'cert.pem'), key_file_name: join(folder, 'key.pem') };
  await writeFile(files.cert_file_name, cert);
  await writeFile(files.key_file_name, key, { mode: 0o600 });
  return { ...files, remove: () => rm(folder, { recursive: true, force: true }) };
}

export interface Listening {
  readonly port: number;
  readonly token: Module.us_listen_socket;
}

type Listen = (
  host: string,
  port: number,
  options: number,
  callback: (token: Module.us_listen_socket | false) => void,
) => void;

/** Listens on loopback; `options` is 0, or 1 for an exclusive port. Undefined when the port is taken. */
export function listenAt(app: Module.TemplatedApp, port: number, options = 0): Listening | undefined {
  let listening: Listening | undefined;
  // A form that uWebSockets.js has but does not declare; it calls back at once.
  (app.listen as unknown as Listen).call(app, 'localhost', port, options, (token) => {
    if (token !== false) listening = { port: uws.us_socket_local_port(token), token };
  });
  return listening;
}

/** Listens on loopback at a free port. */
export function listen(app: Module.TemplatedApp): Listening {
  return listenAt(app, 0) ?? fail();
}

/** The same at a port that other apps may share: uWebSockets.js makes port 0 exclusive. */
export function listenShared(app: Module.TemplatedApp, options = 0): Listening {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const listening = listenAt(app, randomInt(20_000, 32_000), options);
    if (listening !== undefined) return listening;
  }
  return fail();
}

function fail(): never {
  throw new Error('cannot listen');
}
