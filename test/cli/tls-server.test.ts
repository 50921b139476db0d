import { expect, test } from '@jest/globals';
import { createTlsServer, MAX_CONNECTIONS } from '../../src/cli/serve/tls-server.js';
import { testCertificate } from '../support/certificate.js';

test('connections are bounded, those without a finished handshake too', async () => {
  const server = createTlsServer(await testCertificate());
  expect(server.maxConnections).toBe(MAX_CONNECTIONS);
  expect(MAX_CONNECTIONS).toBe(10_000);
});
