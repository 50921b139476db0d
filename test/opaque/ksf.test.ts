// Key stretching: argon2id (RFC 9106) compared with libsodium's, PBKDF2 (RFC 8018) with node:crypto's.
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { DEFAULT_KSF, KSF_CEILING, KSF_FLOOR, type KsfName, type KsfParameters } from '../../proto/constants.js';
import { checkKsfBounds, stretch } from '../../src/opaque/index.js';

interface Sodium {
  readonly ready: Promise<void>;
  readonly crypto_pwhash_ALG_ARGON2ID13: number;
  crypto_pwhash(
    length: number,
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
    memoryBytes: number,
    algorithm: number,
  ): Uint8Array;
}
// CommonJS: the ESM build of this package imports a file that it does not ship.
const sodium = createRequire(import.meta.url)('libsodium-wrappers-sumo') as Sodium;
beforeAll(() => sodium.ready);

const SALT = new Uint8Array(16);
const fromSodium = (secret: Uint8Array, iterations: number, memoryKiB: number): Buffer =>
  Buffer.from(
    sodium.crypto_pwhash(64, secret, SALT, iterations, memoryKiB * 1024, sodium.crypto_pwhash_ALG_ARGON2ID13),
  );
const argon2id = (memoryKiB: number, iterations: number): KsfParameters => ({
  name: 'argon2id',
  memoryKiB,
  iterations,
  parallelism: 1,
});
const pbkdf2 = (iterations: number): KsfParameters => ({
  name: 'pbkdf2-sha512',
  memoryKiB: 0,
  iterations,
  parallelism: 0,
});

describe('stretch', () => {
  test.each([
    [8, 1],
    [64, 1],
    [1000, 3],
    [KSF_FLOOR.argon2id.memoryKiB, KSF_FLOOR.argon2id.iterations],
    [DEFAULT_KSF.argon2id.memoryKiB, DEFAULT_KSF.argon2id.iterations],
  ])('argon2id with %i KiB, %i passes equals libsodium', async (memoryKiB, iterations) => {
    const secret = randomBytes(64);
    const stretched = await stretch(secret, argon2id(memoryKiB, iterations));
    expect(stretched.length).toBe(64);
    expect(Buffer.from(stretched).equals(fromSodium(secret, iterations, memoryKiB))).toBe(true);
  });

  test.each([1, 1000, 210_000])('pbkdf2-sha512 with %i iterations equals node:crypto', async (iterations) => {
    const secret = randomBytes(64);
    const expected = pbkdf2Sync(secret, SALT, iterations, 64, 'sha512');
    expect(Buffer.from(await stretch(secret, pbkdf2(iterations))).equals(expected)).toBe(true);
  });

  test('refuses another length and an unknown function', async () => {
    await expect(stretch(new Uint8Array(63), pbkdf2(1))).rejects.toMatchObject({ code: 'crypto-length' });
    const unknown = { ...pbkdf2(1), name: 'md5' as KsfName };
    await expect(stretch(new Uint8Array(64), unknown)).rejects.toMatchObject({ code: 'ksf-unsupported' });
  });

  test('parameters that the function cannot take reject with a code', async () => {
    await expect(stretch(new Uint8Array(64), argon2id(1, 1))).rejects.toMatchObject({
      code: 'environment-unsupported',
    });
  });
});

describe('checkKsfBounds', () => {
  test.each(['argon2id', 'pbkdf2-sha512'] as const)('%s: floor, default and ceiling are accepted', (name) => {
    for (const ksf of [KSF_FLOOR[name], DEFAULT_KSF[name], KSF_CEILING[name]]) {
      expect(() => checkKsfBounds(ksf)).not.toThrow();
    }
  });

  const parameters = ['memoryKiB', 'iterations', 'parallelism'] as const;
  test.each(parameters.flatMap((p) => [[p, 'argon2id'] as const, [p, 'pbkdf2-sha512'] as const]))(
    'each %s of %s one below the floor or above the ceiling is refused',
    (parameter, name) => {
      for (const value of [KSF_FLOOR[name][parameter] - 1, KSF_CEILING[name][parameter] + 1, NaN, 2.5]) {
        expect(() => checkKsfBounds({ ...DEFAULT_KSF[name], [parameter]: value })).toThrow(
          expect.objectContaining({ code: 'ksf-out-of-bounds', reason: parameter }),
        );
      }
    },
  );

  test('bounds of the caller replace the defaults of that function only', () => {
    expect(() => checkKsfBounds(argon2id(8, 1), { argon2id: argon2id(8, 1) })).not.toThrow();
    expect(() => checkKsfBounds(DEFAULT_KSF.argon2id, { argon2id: argon2id(262_144, 3) })).toThrow();
    expect(() => checkKsfBounds(pbkdf2(1), { argon2id: argon2id(8, 1) })).toThrow();
    for (const name of ['md5', 'toString', '__proto__']) {
      expect(() => checkKsfBounds({ ...pbkdf2(1), name: name as KsfName })).toThrow(
        expect.objectContaining({ code: 'ksf-unsupported' }),
      );
    }
  });
});
