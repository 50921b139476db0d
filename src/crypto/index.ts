/**
 * `blindsalt/crypto`: ristretto255, its scalars, the OPRF of RFC 9497, Schnorr and Ed25519 signatures, SHA-512, HMAC and
 * HKDF, computed by a WebAssembly module that imports nothing and keeps its secrets to itself.
 */
import { checkCount, drawRandom, platformRandom } from './checks.js';
import { CORE_WASM_BASE64 } from './core-wasm.generated.js';
import { type Core, instantiateCore, instantiateCoreSync, type WasmSource } from './core.js';
import { createRistretto255, createScalar } from './group.js';
import { createHashing } from './hashing.js';
import { createOpaque } from './opaque.js';
import { createOprf } from './oprf.js';
import { createEd25519, createSchnorr } from './signatures.js';
import type { Crypto, RandomSource } from './types.js';

export type {
  BlindResult,
  Crypto,
  Ed25519,
  Ed25519Signer,
  Envelope,
  HkdfSha512,
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
export type { WasmSource } from './core.js';

export interface LoadCryptoOptions {
  /**
   * The compiled core: bytes, a `WebAssembly.Module`, a `Response` (served as `application/wasm`) or its http(s) URL.
   * Default: the module embedded in this package.
   */
  readonly wasm?: WasmSource;
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
      return drawRandom(random, length).slice();
    },
    wipe(...secrets) {
      for (const secret of secrets) secret.fill(0);
    },
  };
}

function embeddedModule(): Uint8Array {
  const binary = atob(CORE_WASM_BASE64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

let embeddedCore: Core | undefined;
let embeddedLoading: Promise<Core> | undefined;
let embeddedCrypto: Crypto | undefined;

async function loadEmbedded(): Promise<Core> {
  try {
    embeddedCore ??= await instantiateCore(embeddedModule());
    return embeddedCore;
  } finally {
    embeddedLoading = undefined;
  }
}

function wrapEmbedded(core: Core, random: RandomSource | undefined): Crypto {
  if (random) return createCrypto(core, random);
  return (embeddedCrypto ??= createCrypto(core, platformRandom));
}

/**
 * Loads the core. Without `wasm` it is instantiated once and shared.
 *
 * @throws BlindsaltError `environment-unsupported` where WebAssembly SIMD is missing or forbidden; `option-invalid` for a
 * URL that is not http(s).
 */
export async function loadCrypto(options: LoadCryptoOptions = {}): Promise<Crypto> {
  if (options.wasm) return createCrypto(await instantiateCore(options.wasm), options.random ?? platformRandom);
  const core = embeddedCore ?? (await (embeddedLoading ??= loadEmbedded()));
  return wrapEmbedded(core, options.random);
}

/**
 * As `loadCrypto`, at once. For Node and Workers: Chromium forbids it on the main thread of a page.
 *
 * @throws BlindsaltError `environment-unsupported`
 */
export function loadCryptoSync(options: { readonly random?: RandomSource } = {}): Crypto {
  embeddedCore ??= instantiateCoreSync(embeddedModule());
  return wrapEmbedded(embeddedCore, options.random);
}
