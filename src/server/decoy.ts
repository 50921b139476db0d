import { concat, len16, type KsfParameters } from '../../proto/index.js';
import type { Crypto } from '../crypto/types.js';
import type { OprfSeed, ServerKeyPair, ServerKeys } from './keys.js';
import type { CredentialRecord, LoginRow, ProfileShare } from './store.js';

/** A credential with the server's secrets that it was made with. */
export interface LoginMaterial {
  readonly registrationRecord: Uint8Array;
  readonly credentialIdentifier: Uint8Array;
  readonly ksf: KsfParameters;
  readonly oprfSeed: OprfSeed;
  readonly serverKey: ServerKeyPair;
}

const ENVELOPE_BYTES = 96;

/**
 * What a name looks like that nobody has: PROTOCOL.md section 11, RFC 9807 section 10.9. The same answer for each
 * question about a name (within a day, as far as shares go). The private key of its client public key is known to nobody.
 */
export function createDecoy(
  crypto: Crypto,
  keys: ServerKeys,
  defaultKsf: KsfParameters,
  shares: readonly ProfileShare[],
  username: string,
): LoginMaterial {
  const derive = (label: string): Uint8Array => crypto.hmacSha512(keys.fakeKey, concat(len16(label), len16(username)));
  const profile = pickProfile(shares, derive('profile'));
  return {
    registrationRecord: concat(
      crypto.ristretto255.fromUniformBytes(derive('client public key')),
      derive('masking key'),
      new Uint8Array(ENVELOPE_BYTES),
    ),
    credentialIdentifier: derive('credential identifier').subarray(0, 32),
    ksf: profile?.ksf ?? defaultKsf,
    oprfSeed: byId(keys.oprfSeeds, profile?.oprfSeedId) ?? currentSeed(keys),
    serverKey: byId(keys.serverKeys, profile?.serverKeyId) ?? currentServerKey(keys),
  };
}

/** Draws one of the shares by their counts; the drawing is fixed by `uniform`. */
function pickProfile(shares: readonly ProfileShare[], uniform: Uint8Array): ProfileShare | undefined {
  const total = shares.reduce((sum, share) => sum + share.count, 0);
  const fraction = new DataView(uniform.buffer, uniform.byteOffset).getUint32(0) / 2 ** 32;
  let rest = fraction * total;
  for (const share of shares) {
    if (rest < share.count) return share;
    rest -= share.count;
  }
  return undefined;
}

/**
 * Chooses between a stored credential and the decoy by the same steps. `usable` is false for the decoy, and for a
 * credential whose seed or server key is missing from the key file: then the decoy is used as well, and login fails.
 */
export function chooseMaterial(
  keys: ServerKeys,
  row: LoginRow,
  decoy: LoginMaterial,
): { readonly usable: boolean; readonly keysMissing: boolean; readonly material: LoginMaterial } {
  const stored = toMaterial(keys, row.credential);
  const candidates = [decoy, stored ?? decoy] as const;
  const usable = row.exists && stored !== undefined;
  return { usable, keysMissing: row.exists && stored === undefined, material: candidates[Number(usable) as 0 | 1] };
}

function toMaterial(keys: ServerKeys, credential: CredentialRecord): LoginMaterial | undefined {
  const oprfSeed = byId(keys.oprfSeeds, credential.oprfSeedId);
  const serverKey = byId(keys.serverKeys, credential.serverKeyId);
  if (oprfSeed === undefined || serverKey === undefined) return undefined;
  const { registrationRecord, credentialIdentifier, ksf } = credential;
  return { registrationRecord, credentialIdentifier, ksf, oprfSeed, serverKey };
}

function byId<T extends { readonly id: Uint8Array }>(entries: readonly T[], id: Uint8Array | undefined): T | undefined {
  return entries.find((entry) => entry.id.every((byte, i) => byte === id?.[i]));
}

/** The seed that new registrations use. */
export function currentSeed(keys: ServerKeys): OprfSeed {
  return keys.oprfSeeds[0]!;
}

/** The key pair that new registrations use. */
export function currentServerKey(keys: ServerKeys): ServerKeyPair {
  return keys.serverKeys[0]!;
}
