// The whole conformance suite on our own server, behind both adapters and TLS.
import { createServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { KSF_FLOOR } from '../../proto/index.js';
import { formatText, testServer } from '../../src/conformance/index.js';
import { loadCrypto } from '../../src/crypto/index.js';
import { authenticate, createSslApp } from '../../src/server/adapter/uws.js';
import { SERVER_TIMEOUTS, WebSocketServer } from '../../src/server/adapter/ws.js';
import { createEngine, silentLogger, type Engine } from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { startDouble } from '../conformance/double/double-server.js';
import { testCertificate } from '../support/certificate.js';
import { makeServerKeys } from '../support/server-keys.js';
import { tally } from './tally.js';
import { certificateFiles, describeUws, listen, type CertificateFiles } from '../support/uws.js';

async function newEngine(): Promise<Engine> {
  const crypto = await loadCrypto();
  return createEngine({
    domain: 'localhost',
    targets: ['localhost'],
    store: openMemoryStore(),
    keys: makeServerKeys(crypto, 'localhost'),
    ksf: [KSF_FLOOR['pbkdf2-sha512']],
    logger: silentLogger,
  });
}

/** What a server on loopback with open registration cannot be tried with. */
const SKIPPED = ['signup-closed', 'signup-invite-missing', 'idle-limit', 'absolute-limit'];

async function conforms(
  name: string,
  url: string,
  ca: string | undefined,
  engine: Engine,
  skipped: readonly string[],
  unmet: readonly string[] = [],
): Promise<void> {
  const administrator = { disable: (username: string) => engine.admin.disableUser(username) };
  const report = await testServer({ url, ca, domain: 'localhost', administrator });
  const isIt = (status: string): string[] => report.cases.filter((one) => one.status === status).map(({ id }) => id);
  if (report.counts.failed > 0)
    process.stderr.write(formatText({ ...report, cases: report.cases.filter(({ status }) => status === 'failed') }));
  const { passed, failed, skipped: left } = report.counts;
  const names = isIt('skipped').join(', ');
  tally(`conformance ${name}`, `${passed} cases passed, ${failed} failed, ${left} not tried (${names})`);
  expect(report.conforms).toBe(true);
  expect(isIt('failed').sort()).toEqual([...unmet].sort());
  expect(isIt('skipped').sort()).toEqual([...skipped].sort());
  // The accounts are gone, but for the one that was disabled.
  expect((await engine.admin.listUsers()).length).toBeLessThanOrEqual(1);
}

describe('our server conforms', () => {
  test('behind the adapter for ws', async () => {
    const engine = await newEngine();
    const { cert, key } = await testCertificate();
    const server = createServer({ ...SERVER_TIMEOUTS, cert, key });
    const sockets = new WebSocketServer({ server, engine });
    sockets.on('connection', (socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      await conforms('ws', `wss://localhost:${port}`, cert, engine, SKIPPED);
    } finally {
      await engine.close();
      sockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  describeUws('behind the adapter for uWebSockets.js', () => {
    let certificate: CertificateFiles;
    beforeAll(async () => {
      certificate = await certificateFiles();
    });
    afterAll(() => certificate.remove());

    test('every rule', async () => {
      const engine = await newEngine();
      const { cert_file_name, key_file_name } = certificate;
      const app = await createSslApp({ cert_file_name, key_file_name });
      authenticate(app, '/', { message: (ws, message, isBinary) => void ws.send(message, isBinary) }, { engine });
      const { port } = listen(app);
      try {
        const { cert } = await testCertificate();
        // It has no TLS exporter; and what it makes of malformed WebSocket frames is its own: each is a SHOULD.
        const unmet = ['close-malformed', 'unmasked-frame'];
        await conforms('uWebSockets.js', `wss://localhost:${port}/`, cert, engine, [...SKIPPED, 'login-bound'], unmet);
      } finally {
        await engine.close();
        app.close();
      }
    });
  });

  test('so does the double that the mutants are made of, with no rule broken', async () => {
    const double = await startDouble();
    try {
      await conforms('test double', double.url, undefined, double.engine, [...SKIPPED, 'login-bound', 'tls-version']);
    } finally {
      await double.stop();
    }
  });
});
