import { BYTES } from '../../proto/constants.js';
import { concat, len16 } from '../../proto/transcript.js';
import type { Crypto } from '../crypto/types.js';

const LABEL = len16('blindsalt.v1 server key id');

/** Names a server key in challenges: SHA-512(len16("blindsalt.v1 server key id") ‖ public key), the first 16 bytes. */
export function serverKeyId(crypto: Crypto, publicKey: Uint8Array): Uint8Array {
  return crypto.sha512(concat(LABEL, publicKey)).slice(0, BYTES.serverKeyId);
}
