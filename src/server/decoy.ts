import { concat, len16, type KsfParameters } from '../../proto/index.js';
import type { Crypto } from '../crypto/types.js';
import { hmacUnder } from './hashed-keys.js';
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
/** A class that a new registration could get weighs at least one in so many, so that it does not give its first users away. */
const LEAST_SHARE = 20;

const utf8 = new TextEncoder();

/** A way of registration that names may be put into. */
interface DecoyClass {
  readonly oprfSeed: OprfSeed;
  readonly serverKey: ServerKeyPair;
  readonly ksf: KsfParameters;
  readonly weight: number;
  /** What it is, unambiguously, and what for: the beginnings of what is hashed with a key. */
  readonly heads: Readonly<Record<Purpose, Uint8Array>>;
}

const PURPOSES = ['class', 'credential identifier'] as const;
type Purpose = (typeof PURPOSES)[number];

/** Made once for each key file. */
const records = new WeakMap<ServerKeys, { readonly crypto: Crypto; readonly record: Uint8Array }>();

/**
 * The record of all names that nobody has. Of a record a client sees the envelope and the server's public key, under a
 * pad that is new each time (RFC 9807, section 6.3.2.2), and of the client public key only that its proof is not valid: so
 * one does for all of them. The private key of this one is known to nobody.
 */
function decoyRecord(crypto: Crypto, keys: ServerKeys): Uint8Array {
  const known = records.get(keys);
  if (known?.crypto === crypto) return known.record;
  const hash = (purpose: string): Uint8Array =>
    crypto.hmacSha512(keys.fakeKey, concat(len16('decoy'), len16(purpose), len16(keys.domain)));
  const record = concat(
    crypto.ristretto255.fromUniformBytes(hash('client public key')),
    hash('masking key'),
    new Uint8Array(ENVELOPE_BYTES),
  );
  records.set(keys, { crypto, record });
  return record;
}

/**
 * What a name looks like that nobody has: PROTOCOL.md section 12, RFC 9807 section 10.9. The same answer for each
 * question about a name as long as its class stays.
 * @param ksfs what new registrations may get
 * @param shares of the existing users, as of today
 */
export function createDecoy(
  crypto: Crypto,
  keys: ServerKeys,
  ksfs: readonly KsfParameters[],
  shares: readonly ProfileShare[],
  username: string,
): LoginMaterial {
  const name = len16(username);
  const hash = (purpose: Purpose, { heads }: DecoyClass): Uint8Array =>
    hmacUnder(crypto, keys.fakeKey, concat(heads[purpose], name));
  const chosen = chooseClass(classesOf(keys, ksfs, shares), (one) => uniformOf(hash('class', one)));
  const { oprfSeed, serverKey, ksf } = chosen;
  return {
    registrationRecord: decoyRecord(crypto, keys),
    credentialIdentifier: hash('credential identifier', chosen).subarray(0, 32),
    ksf,
    oprfSeed,
    serverKey,
  };
}

/** Weighted rendezvous hashing: a class that gains or loses weight wins or loses names, all others stay where they are. */
function chooseClass(classes: readonly DecoyClass[], uniform: (one: DecoyClass) => number): DecoyClass {
  let best = classes[0]!;
  if (classes.length === 1) return best;
  let bestScore = Infinity;
  for (const one of classes) {
    const score = -Math.log(uniform(one)) / one.weight;
    if (score < bestScore) [best, bestScore] = [one, score];
  }
  return best;
}

/** 48 bits as a number between 0 and 1, both exclusive. */
function uniformOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return (view.getUint32(0) * 2 ** 16 + view.getUint16(4) + 0.5) / 2 ** 48;
}

/** They are the same for all logins of a day. */
const known = new WeakMap<
  readonly ProfileShare[],
  { readonly keys: ServerKeys; readonly ksfs: readonly KsfParameters[]; readonly classes: readonly DecoyClass[] }
>();

function classesOf(
  keys: ServerKeys,
  ksfs: readonly KsfParameters[],
  shares: readonly ProfileShare[],
): readonly DecoyClass[] {
  const found = known.get(shares);
  if (found?.keys === keys && found.ksfs === ksfs) return found.classes;
  const classes = decoyClasses(keys, ksfs, shares);
  known.set(shares, { keys, ksfs, classes });
  return classes;
}

/** The classes of today's users, and those that a new registration could get now. */
function decoyClasses(
  keys: ServerKeys,
  ksfs: readonly KsfParameters[],
  shares: readonly ProfileShare[],
): readonly DecoyClass[] {
  const total = shares.reduce((sum, { count }) => sum + count, 0);
  const classes = new Map<string, DecoyClass>();
  const add = (oprfSeed: OprfSeed, serverKey: ServerKeyPair, ksf: KsfParameters, least: number): void => {
    const bytes = classBytes(oprfSeed, serverKey, ksf);
    const key = String(bytes);
    const weight = Math.max(classes.get(key)?.weight ?? 0, least);
    classes.set(key, { oprfSeed, serverKey, ksf, weight, heads: headsOf(bytes) });
  };
  for (const { oprfSeedId, serverKeyId, ksf, count } of shares) {
    const oprfSeed = byId(keys.oprfSeeds, oprfSeedId);
    const serverKey = byId(keys.serverKeys, serverKeyId);
    // Users whose keys are missing look like decoys, of whatever class.
    if (oprfSeed !== undefined && serverKey !== undefined && count > 0) add(oprfSeed, serverKey, ksf, count);
  }
  const least = Math.max(1, Math.ceil(total / LEAST_SHARE));
  for (const ksf of ksfs) add(currentSeed(keys), currentServerKey(keys), ksf, least);
  return [...classes.values()];
}

function headsOf(bytes: Uint8Array): DecoyClass['heads'] {
  const heads = PURPOSES.map((purpose) => [purpose, concat(len16(purpose), len16(bytes))] as const);
  return Object.fromEntries(heads) as DecoyClass['heads'];
}

function classBytes(oprfSeed: OprfSeed, serverKey: ServerKeyPair, ksf: KsfParameters): Uint8Array {
  const numbers = new Uint8Array(12);
  const view = new DataView(numbers.buffer);
  view.setUint32(0, ksf.memoryKiB);
  view.setUint32(4, ksf.iterations);
  view.setUint32(8, ksf.parallelism);
  return concat(oprfSeed.id, serverKey.id, len16(utf8.encode(ksf.name)), numbers);
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

/** The stored credential with its secrets; undefined when the key file lacks them. */
export function toMaterial(keys: ServerKeys, credential: CredentialRecord): LoginMaterial | undefined {
  const oprfSeed = byId(keys.oprfSeeds, credential.oprfSeedId);
  const serverKey = byId(keys.serverKeys, credential.serverKeyId);
  if (oprfSeed === undefined || serverKey === undefined) return undefined;
  const { registrationRecord, credentialIdentifier, ksf } = credential;
  return { registrationRecord, credentialIdentifier, ksf, oprfSeed, serverKey };
}

function byId<T extends { readonly id: Uint8Array }>(entries: readonly T[], id: Uint8Array | undefined): T | undefined {
  return entries.find((entry) => entry.id.every((byte, i) => byte === id?.[i]));
}

/** Whether new registrations would get another seed, key or key stretching; what a client can do is not known. */
export function isOutdated(
  keys: ServerKeys,
  ksfs: readonly KsfParameters[],
  { oprfSeed, serverKey, ksf }: Omit<LoginMaterial, 'registrationRecord'>,
): boolean {
  const isCurrent = oprfSeed === currentSeed(keys) && serverKey === currentServerKey(keys);
  return !isCurrent || !ksfs.some((one) => isSameKsf(one, ksf));
}

function isSameKsf(a: KsfParameters, b: KsfParameters): boolean {
  return (
    a.name === b.name && a.memoryKiB === b.memoryKiB && a.iterations === b.iterations && a.parallelism === b.parallelism
  );
}

/** The seed that new registrations use. */
export function currentSeed(keys: ServerKeys): OprfSeed {
  return keys.oprfSeeds[0]!;
}

/** The key pair that new registrations use. */
export function currentServerKey(keys: ServerKeys): ServerKeyPair {
  return keys.serverKeys[0]!;
}
