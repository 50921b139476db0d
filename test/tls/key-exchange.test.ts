// Which groups a server offers; the hybrid with ML-KEM only where the OpenSSL of this Node has it.
import { once } from 'node:events';
import type { EphemeralKeyInfo } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CONTEXT } from '../../src/cli/serve/tls-server.js';
import { connect } from '../../src/client/node.js';
import { hasPostQuantumGroup, keyExchangeGroups, POST_QUANTUM_GROUP } from '../../src/server/tls/index.js';
import { startAuthenticatedServer, PASSWORD, type AuthenticatedServer } from '../support/authenticated-server.js';
import { look } from '../support/tls-place.js';

const [major, minor] = process.versions.openssl.split('.').map(Number) as [number, number];
const isExpected = major > 3 || (major === 3 && minor >= 5);
const testHybrid = isExpected ? test : test.skip;
const why = isExpected ? '' : ` (OpenSSL ${process.versions.openssl} of this Node has no ML-KEM)`;

let server: AuthenticatedServer;

beforeAll(async () => {
  server = await startAuthenticatedServer({}, {}, CONTEXT);
  await server.member('alice');
});
afterAll(() => server.stop());

test('the probe says what this OpenSSL has', () => {
  expect(hasPostQuantumGroup()).toBe(isExpected);
  expect(keyExchangeGroups()).toBe(isExpected ? `${POST_QUANTUM_GROUP}:X25519:P-256:P-384` : 'auto');
});

describe('X25519MLKEM768', () => {
  testHybrid(`a client that has nothing else gets in${why}`, async () => {
    const { protocol, socket } = await look(server.port, { ecdhCurve: POST_QUANTUM_GROUP });
    expect(protocol).toBe('TLSv1.3');
    socket.destroy();
  });

  testHybrid(`our client and a server that has nothing else agree on it${why}`, async () => {
    const strict = await startAuthenticatedServer({}, {}, { ecdhCurve: POST_QUANTUM_GROUP });
    try {
      const Alice = await strict.member('alice');
      const socket = new Alice(strict.url);
      await once(socket, 'open');
      socket.close();
    } finally {
      await strict.stop();
    }
  });
});

test.each(['X25519', 'P-256', 'P-384'])('a client that has only %s gets in', async (group) => {
  const { socket } = await look(server.port, { ecdhCurve: group });
  const info = socket.getEphemeralKeyInfo() as EphemeralKeyInfo;
  expect(info.type).toBe('ECDH');
  socket.destroy();
});

test('our client logs in', async () => {
  const socket = await connect(server.url, { ca: server.ca }).login({ username: 'alice', password: PASSWORD });
  expect(socket.session.username).toBe('alice');
  socket.close();
});
