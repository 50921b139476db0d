/**
 * `blindsalt/crypto`: ristretto255, its scalars, the OPRF of RFC 9497, Schnorr and Ed25519 signatures, SHA-512, HMAC and
 * HKDF, computed by a WebAssembly module that imports nothing and keeps its secrets to itself.
 */
import { checkCount, drawRandom, platformRandom } from './checks.js';
import type { Core } from './core.js';
import { type CoreBuild, instantiateEmbedded, instantiateEmbeddedSync } from './embedded.js';
import { createRistretto255, createScalar } from './group.js';
import { createHashing } from './hashing.js';
import { instantiateCore, type WasmSource } from './instantiate.js';
import { createOpaque } from './opaque.js';
import { createOprf } from './oprf.js';
import { createEd25519, createSchnorr } from './signatures.js';
import type { Crypto, RandomSource } from './types.js';

export type {
  BlindResult,
  Crypto,
  DecodedElement,
  Ed25519,
  Ed25519Signer,
  Envelope,
  HkdfSha512,
  HmacKey,
  KeyPair,
  Opaque,
  OpaqueIdentities,
  Oprf,
  RandomSource,
  Ristretto255,
  ScalarArithmetic,
  Schnorr,
  SchnorrSigner,
  Sha512,
  Sha512Hash,
} from './types.js';
export type { WasmSource } from './instantiate.js';
export { type CoreBuild, hasFusedMultiplyAdd } from './embedded.js';

export interface LoadCryptoOptions {
  /**
   * The compiled core: bytes, a `WebAssembly.Module`, a `Response` (served as `application/wasm`) or its http(s) URL.
   * Default: the module embedded in this package.
   */
  readonly wasm?: WasmSource;
  /** One build of the embedded module. Default: the fastest that works here. */
  readonly build?: CoreBuild;
  /** Where randomness comes from. Default: the platform's CSPRNG. */
  readonly random?: RandomSource;
}

/** Bytes that `equal` compares in one call of the core. */
const EQUAL_CHUNK = 1024;

function createCrypto(core: Core, random: RandomSource): Crypto {
  return {
    ristretto255: createRistretto255(core),
    scalar: createScalar(core),
    oprf: createOprf(core, random),
    schnorr: createSchnorr(core, random),
    ed25519: createEd25519(core),
    opaque: createOpaque(core),
    ...createHashing(core),
    equal(a, b) {
      if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array) || a.length !== b.length) return false;
      let same = 1;
      for (let offset = 0; offset < a.length; offset += EQUAL_CHUNK) {
        const part = a.subarray(offset, offset + EQUAL_CHUNK);
        same &= core.operation(() => {
          core.put(part);
          core.putMessage(b.subarray(offset, offset + EQUAL_CHUNK));
          return core.exports.equal(part.length);
        });
      }
      return same === 1;
    },
    randomBytes(length) {
      checkCount('length', length, 0, 65536);
      return drawRandom(random, length);
    },
    wipe(...secrets) {
      for (const secret of secrets) secret.fill(0);
    },
  };
}

let embedded: Promise<Core> | undefined;
let embeddedCore: Core | undefined;
let embeddedCrypto: Crypto | undefined;

async function loadEmbedded(): Promise<Core> {
  try {
    embeddedCore ??= (await instantiateEmbedded()).core;
    return embeddedCore;
  } finally {
    embedded = undefined;
  }
}

function wrapEmbedded(core: Core, random: RandomSource | undefined): Crypto {
  if (random) return createCrypto(core, random);
  return (embeddedCrypto ??= createCrypto(core, platformRandom));
}

/**
 * Loads the core. Without `wasm` and `build` it is instantiated once and shared.
 *
 * @throws BlindsaltError `environment-unsupported` where WebAssembly SIMD (or the build that was asked for) is missing or
 * forbidden; `option-invalid` for a URL that is not http(s).
 */
export async function loadCrypto(options: LoadCryptoOptions = {}): Promise<Crypto> {
  const { wasm, build, random } = options;
  if (wasm) return createCrypto(await instantiateCore(wasm), random ?? platformRandom);
  if (build) return createCrypto((await instantiateEmbedded(build)).core, random ?? platformRandom);
  return wrapEmbedded(embeddedCore ?? (await (embedded ??= loadEmbedded())), random);
}

/**
 * As `loadCrypto`, at once: what `loadCrypto` has loaded before, else the baseline build. For Node and Workers: Chromium
 * forbids it on the main thread of a page.
 *
 * @throws BlindsaltError `environment-unsupported`
 */
export function loadCryptoSync(options: { readonly random?: RandomSource } = {}): Crypto {
  embeddedCore ??= instantiateEmbeddedSync().core;
  return wrapEmbedded(embeddedCore, options.random);
}
