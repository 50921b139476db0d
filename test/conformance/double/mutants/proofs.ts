// Servers that check the proofs of clients badly.
import { LABEL, len16, type ProofLabel } from '../../../../proto/index.js';
import type { Crypto } from '../../../../src/crypto/index.js';
import type { Mutant } from '../double-server.js';
import { hex, verifying } from './making.js';

/** Any proof under this label is valid. */
const accepting = (name: string, caughtBy: string, label: ProofLabel): Mutant =>
  verifying(
    name,
    caughtBy,
    (_crypto, _signature, _message, _key, context) => Buffer.from(context).toString() === label,
  );

/** The transcript hash is the last thing that a proof signs; which input gave it is remembered. */
function acceptsOtherLabels(): Mutant {
  return {
    name: 'signature-without-label',
    caughtBy: 'login-label',
    options: ({ crypto }) => {
      const inputs = new Map<string, Uint8Array>();
      const sha512 = Object.assign(
        (bytes: Uint8Array) => {
          const digest = crypto.sha512(bytes);
          if (bytes.length < 400) inputs.set(hex(digest), bytes.slice());
          return digest;
        },
        { create: () => crypto.sha512.create() },
      );
      const verify: Crypto['schnorr']['verify'] = (signature, message, key, context) => {
        if (crypto.schnorr.verify(signature, message, key, context)) return true;
        const input = inputs.get(hex(message.subarray(-64)));
        if (input === undefined) return false;
        const rest = input.subarray(2 + input[0]! * 256 + input[1]!);
        return [...Object.values(LABEL), ''].some((label) => {
          const hash = crypto.sha512(Buffer.concat([len16(label), rest]));
          const other = Buffer.concat([message.subarray(0, -64), hash]);
          return crypto.schnorr.verify(signature, other, key, Buffer.from(label));
        });
      };
      return { crypto: { ...crypto, sha512, schnorr: { ...crypto.schnorr, verify } } };
    },
  };
}

const ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
function reduced(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${hex(signature.slice(32).reverse())}`) % ORDER;
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()]);
}

export const proofs: readonly Mutant[] = [
  accepting('accepts-any-proof-of-login', 'login-wrong-proof', LABEL.loginClient),
  accepting('proof-of-login-ignores-transcript', 'transcript-login-hello', LABEL.loginClient),
  accepting('accepts-any-proof-of-sign-up', 'signup-wrong-proof', LABEL.signupClient),
  accepting('proof-of-sign-up-ignores-transcript', 'transcript-signup-signup-start', LABEL.signupClient),
  verifying('accepts-the-identity-as-key', 'signup-identity-forgery', (_crypto, _s, _m, key) =>
    key.every((byte) => byte === 0),
  ),
  verifying('accepts-s-above-the-order', 'login-malleable', (crypto, signature, message, key, context) =>
    crypto.schnorr.verify(reduced(signature), message, key, context),
  ),
  accepting('step-up-skips-the-proof', 'step-up-wrong', LABEL.stepUpClient),
  accepting('re-register-skips-the-old-proof', 're-register-wrong-old-proof', LABEL.reregistrationClientOld),
  accepting('re-register-skips-the-new-proof', 're-register-wrong-new-proof', LABEL.reregistrationClientNew),
  acceptsOtherLabels(),
];
