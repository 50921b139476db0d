// A server whose key stretching has changed: logins renew the record by themselves, PROTOCOL.md 9.2 and welcome.flags.
import { once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import { KSF_FLOOR } from '../../proto/constants.js';
import { connect } from '../../src/client/node.js';
import { loadCrypto } from '../../src/crypto/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { PASSWORD, startAuthenticatedServer, type AuthenticatedServer } from '../support/authenticated-server.js';
import { makeServerKeys } from '../support/server-keys.js';

const running: AuthenticatedServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

test('login registers anew, kicks nobody, and its ticket is the new one', async () => {
  const crypto = await loadCrypto();
  const old = KSF_FLOOR['pbkdf2-sha512'];
  const shared = { store: openMemoryStore(), keys: makeServerKeys(crypto, 'localhost') };
  const before = await startAuthenticatedServer(shared);
  const stronger = { ...old, iterations: old.iterations + 1 };
  const after = await startAuthenticatedServer({ ...shared, ksf: [stronger] });
  running.push(before, after);

  const credentials = { username: 'alice', password: PASSWORD };
  const other = await connect(before.url, { ca: before.ca }).signup(credentials);
  const device = connect(after.url, { ca: after.ca });
  const socket = await device.login(credentials);
  expect(await shared.store.getUserOrDecoy('alice')).toMatchObject({ recordVersion: 2, credential: { ksf: stronger } });
  expect([socket.session.level, other.readyState]).toEqual(['password', 1]);
  const closed = once(socket, 'close');
  socket.close();
  await closed;
  const again = await device.resume();
  expect(again.session.sessionId).toBe(socket.session.sessionId);
  again.close();
  (await device.login(credentials)).close();
  expect(await shared.store.getUserOrDecoy('alice')).toMatchObject({ recordVersion: 2 });
  expect(other.readyState).toBe(1);
  other.close();
});
