// What the suites of test/suites/crypto-*.ts use of Node, for a page. In place of OpenSSL stands @noble.
import { ed25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha512 } from '@noble/hashes/sha2.js';

const fromHex = (text: string): Bytes =>
  Bytes.from(Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16)));

class Bytes extends Uint8Array {
  static override from(source: ArrayLike<number> | Iterable<number> | string): Bytes {
    return typeof source === 'string' ? fromHex(source) : new Bytes(Uint8Array.from(source as ArrayLike<number>));
  }

  static concat(parts: readonly Uint8Array[]): Bytes {
    return Bytes.from(parts.flatMap((part) => [...part]));
  }

  override toString(encoding?: string): string {
    if (encoding !== 'hex') return super.toString();
    return Array.from(this, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
}

export { Bytes as Buffer };

interface Digest {
  update(bytes: Uint8Array): Digest;
  digest(encoding?: 'hex'): Uint8Array | string;
}

function collect(finish: (bytes: Uint8Array) => Uint8Array): Digest {
  const parts: Uint8Array[] = [];
  return {
    update(bytes) {
      parts.push(bytes.slice());
      return this;
    },
    digest(encoding) {
      const result = Bytes.from(finish(Uint8Array.from(Bytes.concat(parts))));
      return encoding ? result.toString(encoding) : result;
    },
  };
}

export const createHash = (): Digest => collect((bytes) => sha512(bytes));
export const createHmac = (_name: string, key: Uint8Array): Digest => collect((bytes) => hmac(sha512, key, bytes));
export const hkdfSync = (
  _name: string,
  ikm: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): ArrayBuffer => hkdf(sha512, ikm, salt, info, length).slice().buffer;

/** Keys are what their DER encodings end with. */
const lastBytes = ({ key }: { key: Uint8Array }): Uint8Array => Uint8Array.from(key.slice(-32));
export const createPrivateKey = lastBytes;
export const createPublicKey = lastBytes;
export const sign = (_hash: null, message: Uint8Array, seed: Uint8Array): Bytes =>
  Bytes.from(ed25519.sign(Uint8Array.from(message), seed));
export const verify = (_hash: null, message: Uint8Array, key: Uint8Array, signature: Uint8Array): boolean => {
  try {
    return ed25519.verify(Uint8Array.from(signature), Uint8Array.from(message), key, { zip215: false });
  } catch {
    return false;
  }
};

// Files: the vector files that the test gave to the page.
const files = (globalThis as { vectorFiles?: Record<string, string> }).vectorFiles ?? {};
export const existsSync = (file: string): boolean => file in files;
export const readFileSync = (file: string): string => files[file]!;
export const fileURLToPath = (): string => '';
export default { join: (_folder: string, name: string): string => name };
