import { createHash } from 'node:crypto';
import type { NewUser } from '../../../src/server/store.js';

/** A user all of whose bytes follow from the name and the version of the credential, so that another process can check. */
export function userOf(username: string, version: number): NewUser {
  const derive = (label: string, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 64) {
      const block = createHash('sha512').update(`${username}|${label}|${at}`).digest();
      bytes.set(block.subarray(0, Math.min(64, length - at)), at);
    }
    return bytes;
  };
  return {
    userId: derive('user id', 16),
    username,
    credential: {
      registrationRecord: derive(`record ${version}`, 192),
      credentialIdentifier: derive(`identifier ${version}`, 32),
      oprfSeedId: derive('seed', 16),
      serverKeyId: derive('key', 16),
      ksf: { name: 'argon2id', memoryKiB: 65_536, iterations: 3, parallelism: 1 },
    },
    roles: [],
    attributes: {},
    createdAtMs: 1_700_000_000_000,
  };
}
