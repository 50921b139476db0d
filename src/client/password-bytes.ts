import { BlindsaltError } from '../../proto/errors.js';
import { GIVE_BOTH, invalid } from './options.js';

/** UTF-16 units, or bytes, beyond which no password is allowed; RFC 8265 preparation decides about the others. */
const MAX_INPUT = 16_384;

/**
 * A password as typed, in UTF-8, in an array of its own that can be transferred and wiped.
 * @throws BlindsaltError `password-invalid`, `option-invalid`
 */
export function passwordBytes(password: string | Uint8Array): Uint8Array<ArrayBuffer> {
  if (typeof password !== 'string' && !(password instanceof Uint8Array)) return invalid('password', GIVE_BOTH);
  if (password.length > MAX_INPUT) refuse('too-long');
  if (typeof password !== 'string') return new Uint8Array(password);
  // TextEncoder would replace it in silence.
  if (/\p{Surrogate}/u.test(password)) refuse('lone-surrogate');
  return new TextEncoder().encode(password);
}

function refuse(reason: string): never {
  throw new BlindsaltError('password-invalid', undefined, { reason });
}
