import { KSF_CEILING, KSF_FLOOR, type KsfName, type KsfParameters } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import { checkLength } from '../crypto/checks.js';
import { N } from './labels.js';

/** A key stretching function over the 64-byte OPRF output, giving 64 bytes (RFC 9807 section 7: Stretch). */
export type Stretch = (oprfOutput: Uint8Array, ksf: KsfParameters) => Promise<Uint8Array>;

/** Parameters for each function, used as floors or ceilings. */
export type KsfBounds = Readonly<Partial<Record<KsfName, KsfParameters>>>;

/** RFC 9807 section 7 with argon2id: a fixed salt is right, since the OPRF output is the salted password already. */
const SALT = new Uint8Array(16);

/**
 * Checks that each parameter lies between the client's floor and ceiling.
 * @throws BlindsaltError `ksf-out-of-bounds`; `ksf-unsupported` for a name that is not known
 */
export function checkKsfBounds(ksf: KsfParameters, floors: KsfBounds = {}, ceilings: KsfBounds = {}): void {
  const reason = ksfOutOfBounds(ksf, floors, ceilings)?.parameter;
  if (reason !== undefined) throw new BlindsaltError('ksf-out-of-bounds', undefined, { reason });
}

/**
 * The first parameter that is not a whole number between floor and ceiling, and these; undefined when all are.
 * @throws BlindsaltError `ksf-unsupported` for a name that is not known
 */
export function ksfOutOfBounds(
  ksf: KsfParameters,
  floors: KsfBounds = {},
  ceilings: KsfBounds = {},
): { readonly parameter: string; readonly min: number; readonly max: number } | undefined {
  if (!Object.hasOwn(KSF_FLOOR, ksf.name)) throw new BlindsaltError('ksf-unsupported');
  const floor = floors[ksf.name] ?? KSF_FLOOR[ksf.name];
  const ceiling = ceilings[ksf.name] ?? KSF_CEILING[ksf.name];
  for (const parameter of ['memoryKiB', 'iterations', 'parallelism'] as const) {
    const [value, min, max] = [ksf[parameter], floor[parameter], ceiling[parameter]];
    if (!(Number.isInteger(value) && value >= min && value <= max)) return { parameter, min, max };
  }
  return undefined;
}

/**
 * Stretches with argon2id (RFC 9106, version 0x13) or PBKDF2-HMAC-SHA-512 (RFC 8018); salt 16 zero bytes.
 * Checks no bounds: call `checkKsfBounds` before. Occupies its thread (argon2id) for as long as it takes.
 * @throws BlindsaltError `crypto-length`, `ksf-unsupported`, `environment-unsupported` (out of memory included)
 */
export const stretch: Stretch = async (oprfOutput, ksf) => {
  checkLength('oprfOutput', oprfOutput, N.hash);
  try {
    switch (ksf.name) {
      case 'argon2id': {
        const { argon2idBytes } = await import('./argon2.js');
        return await argon2idBytes(oprfOutput, SALT, ksf.memoryKiB, ksf.iterations, ksf.parallelism, N.hash);
      }
      case 'pbkdf2-sha512':
        return await pbkdf2(oprfOutput, ksf.iterations);
    }
  } catch (cause) {
    throw new BlindsaltError('environment-unsupported', `${ksf.name} failed on this platform`, { cause });
  }
  throw new BlindsaltError('ksf-unsupported');
};

async function pbkdf2(secret: Uint8Array, iterations: number): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto;
  const key = await subtle.importKey('raw', secret as BufferSource, 'PBKDF2', false, ['deriveBits']);
  const bits = await subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: SALT, iterations }, key, 8 * N.hash);
  return new Uint8Array(bits);
}
