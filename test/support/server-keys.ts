import { concat, len16 } from '../../proto/index.js';
import type { Crypto } from '../../src/crypto/index.js';
import type { ServerKeys } from '../../src/server/index.js';

/** Fresh keys in memory, for a domain. */
export function makeServerKeys(crypto: Crypto, domain: string): ServerKeys {
  const { privateKey, publicKey } = crypto.oprf.deriveKeyPair(crypto.randomBytes(32), new Uint8Array(0));
  const id = crypto.sha512(concat(len16('blindsalt.v1 server key id'), publicKey)).slice(0, 16);
  return {
    domain,
    oprfSeeds: [{ id: crypto.randomBytes(16), seed: crypto.randomBytes(64) }],
    serverKeys: [{ id, privateKey, publicKey }],
    fakeKey: crypto.randomBytes(64),
    ticketKeys: [{ id: crypto.randomBytes(16), key: crypto.randomBytes(64) }],
  };
}
