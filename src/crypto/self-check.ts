import { decodeBase64 } from './base64.js';
import type { Core } from './core.js';

// Known answers, computed by other implementations: the public key of KEY, and its signature of MESSAGE with an empty
// context. In base64, as it takes time at each start.
const KEY = 'Dx4tPEtaaXiHlqW0w9Lh8AESIzRFVmd4iZqrvM3e7w8=';
const GENERATOR = '4vKuCmq8TnGohKlhxQBRX1jjC2qlgt2NtqZZReCNLXY=';
const PUBLIC_KEY = 'ArLjtoCjzCeivbzSGpfIwb0Qf0JIGWoRMTYXPkqjQHU=';
const SIGNATURE = 'Yhbf8WWFprz0Ms7956SGW67lUV3jwkCGv6pE7p7pThyNjUNsnJNYrBAPK2WITBjeg6JlVsLeeUJjjM65H5JzDQ==';
const MESSAGE = 'c2VsZi1jaGVjaw==';

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);

/**
 * Whether a core computes at all, and right: both multiplications, and verification, of a signature that is valid and of
 * one that is not, with the hash of two blocks of SHA-512 that it decides by. Whatever is wrong with an engine, or with the
 * bytes it was given, shows before a secret is used.
 */
export function computesRight(core: Core): boolean {
  const { exports } = core;
  const publicKey = decodeBase64(PUBLIC_KEY);
  const products = core.operation(() => {
    core.put(decodeBase64(KEY));
    core.put(decodeBase64(GENERATOR));
    return [exports.ristrettoMultiplyBase, exports.ristrettoMultiply].map((multiply) => {
      core.check(multiply());
      return core.take(32);
    });
  });
  const answers = core.operation(() => {
    const message = decodeBase64(MESSAGE);
    core.put(decodeBase64(SIGNATURE));
    core.put(publicKey);
    core.putMessage(message);
    return [message.length, message.length - 1].map((length) => exports.schnorrVerify(0, length));
  });
  return products.every((product) => isEqual(publicKey, product)) && answers[0] === 1 && answers[1] === 0;
}
