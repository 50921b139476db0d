import { DEFAULT_KSF } from '../../../proto/constants.js';
import { fromHex } from '../hex.js';
import type { LoginRow } from '../store.js';
import { copyCredential } from './checks.js';

// RFC 9496 appendix A.3's first element from uniform bytes: a valid public key whose discrete logarithm nobody knows, so
// that a check which forgot `exists` would still let nobody in.
const CLIENT_PUBLIC_KEY = '3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46';

const registrationRecord = new Uint8Array(192);
registrationRecord.set(fromHex(CLIENT_PUBLIC_KEY));

/** What stores answer for a name that does not exist: constants, of the sizes that users have. Not to be changed. */
export const DECOY: LoginRow = {
  exists: false,
  status: 'active',
  userId: new Uint8Array(16),
  recordVersion: 1,
  credential: {
    registrationRecord,
    credentialIdentifier: new Uint8Array(32),
    oprfSeedId: new Uint8Array(16),
    serverKeyId: new Uint8Array(16),
    ksf: DEFAULT_KSF.argon2id,
  },
};

/** A copy that shares no bytes with the original; the same work for users and the decoy. */
export function copyLoginRow(row: LoginRow): LoginRow {
  const { exists, status, userId, recordVersion, credential } = row;
  return { exists, status, userId: Uint8Array.from(userId), recordVersion, credential: copyCredential(credential) };
}

/**
 * A number from 0 to 1 that follows from the name and need not be hard to predict: where a store finds the row that it
 * reads for an unknown name. With the one decoy, which is always in the cache, unknown names would be answered faster.
 */
export function placeOf(username: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < username.length; i++) hash = Math.imul(hash ^ username.charCodeAt(i), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}
