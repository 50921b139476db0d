// A module of its own, imported dynamically: a bundler then takes only argon2id from the package, and only when used.
import { argon2id } from 'hash-wasm';

export function argon2idBytes(
  password: Uint8Array,
  salt: Uint8Array,
  memoryKiB: number,
  iterations: number,
  parallelism: number,
  length: number,
): Promise<Uint8Array> {
  return argon2id({
    password,
    salt,
    memorySize: memoryKiB,
    iterations,
    parallelism,
    hashLength: length,
    outputType: 'binary',
  });
}
