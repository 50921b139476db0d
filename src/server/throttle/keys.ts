import { concat, len16 } from '../../../proto/index.js';
import type { Crypto } from '../../crypto/types.js';
import { hmacUnder } from '../hashed-keys.js';
import { toHex } from '../hex.js';
import type { ServerKeys } from '../keys.js';
import { KIND_AT } from './kinds.js';

export interface ThrottleKeyParts {
  readonly crypto: Crypto;
  readonly keys: ServerKeys;
}

/** What names and addresses are hashed under: whoever has the counters alone learns neither. 64 bytes. */
export function throttleKey({ crypto, keys }: ThrottleKeyParts): Uint8Array {
  return crypto.hmacSha512(keys.fakeKey, concat(len16('blindsalt.v1 throttle'), len16(keys.domain)));
}

/** 128 hexadecimal digits. */
export function throttleHash(crypto: Crypto, key: Uint8Array, label: string, text: string): string {
  return toHex(hmacUnder(crypto, key, messageOf(label, text)));
}

/** What keys of an account begin with, up to the kind: 24 hexadecimal digits. @param username prepared */
export function throttlePrefix(parts: ThrottleKeyParts, username: string): string {
  const key = throttleKey(parts);
  const hash = parts.crypto.hmacSha512(key, messageOf('account', username));
  parts.crypto.wipe(key);
  return toHex(hash).slice(0, KIND_AT);
}

function messageOf(label: string, text: string): Uint8Array {
  return concat(len16(label), len16(text));
}
