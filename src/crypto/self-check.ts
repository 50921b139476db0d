import type { Core } from './core.js';

// Known answers, computed by other implementations. The signature is by KEY over MESSAGE, with an empty context.
const KEY = '0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeef0f';
const GENERATOR = 'e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76';
const PUBLIC_KEY = '02b2e3b680a3cc27a2bdbcd21a97c8c1bd107f4248196a113136173e4aa34075';
const MESSAGE = '73656c662d636865636b';
const SIGNATURE =
  '6216dff16585a6bcf432cefde7a4865baee5515de3c24086bfaa44ee9ee94e1c' +
  '8d8d436c9c9358ac100f2b65884c18de83a26556c2de7942638cceb91f92730d';
const DIGEST =
  'b32068ea4c6cf71949a9a0eed6eceb3175a08ab38bba62c507c392c1baf4d8d0' +
  '6b64a5d5b1c4f8038b198c916604483314f14f96e38b19a8e4eacd4ec54fc137';

function unhex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);

/**
 * Whether a core computes at all, and right: SHA-512, both multiplications, and verification, of a signature that is valid
 * and of one that is not. Whatever is wrong with an engine, or with the bytes it was given, shows before a secret is used.
 */
export function computesRight(core: Core): boolean {
  const { exports } = core;
  const message = unhex(MESSAGE);
  const publicKey = unhex(PUBLIC_KEY);

  const digest = core.operation(() => {
    exports.hashStart();
    core.absorb(message);
    exports.hashFinish();
    return core.take(64);
  });
  const products = core.operation(() => {
    core.put(unhex(KEY));
    core.put(unhex(GENERATOR));
    return [exports.ristrettoMultiplyBase, exports.ristrettoMultiply].map((multiply) => {
      core.check(multiply());
      return core.take(32);
    });
  });
  const answers = core.operation(() => {
    core.put(unhex(SIGNATURE));
    core.put(publicKey);
    core.putMessage(message);
    return [message.length, message.length - 1].map((length) => exports.schnorrVerify(0, length));
  });
  return (
    isEqual(unhex(DIGEST), digest) &&
    products.every((product) => isEqual(publicKey, product)) &&
    answers[0] === 1 &&
    answers[1] === 0
  );
}
