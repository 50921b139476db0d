import { BlindsaltError } from '../../../proto/errors.js';
import { CLEARED, KIND, KIND_AT } from '../throttle/kinds.js';
import type { ThrottleChange } from '../throttle/store.js';

export const THROTTLE_KEY_BYTES = 21;
/** Where a key has its kind, behind the account's prefix. */
export const KIND_BYTE = KIND_AT / 2;
/** Kind of what only marks networks that failed at an account: kept for long, made by the thousand, and counts nothing. */
export const MARK_KIND = Number.parseInt(KIND.failedBefore, 16);
export const CLEARED_KIND = Number.parseInt(CLEARED, 16);
/** So long the row of that kind stays for those who look later. */
export const CLEARED_MS = 86_400_000;
const MAX_CHANGES = 10_000;
/** More counters than any process keeps; marks go first, then what is emptiest for its size. */
export const MAX_ROWS = 200_000;
/** What is left of them then: to choose is work. */
export const SHARE_LEFT = 0.9;

function refuse(what: string): never {
  throw new BlindsaltError('store-failed', `throttle: ${what}`, { reason: 'argument' });
}

/** Copies of the changes. @throws BlindsaltError `store-failed` */
export function checkChanges(changes: readonly ThrottleChange[]): readonly ThrottleChange[] {
  if (changes.length > MAX_CHANGES) refuse('too many changes');
  return changes.map(({ key, addMs, maxAheadMs }) => {
    if (!(key instanceof Uint8Array) || key.length !== THROTTLE_KEY_BYTES) refuse('a key has 21 bytes');
    const areTimes = [addMs, maxAheadMs].every((time) => Number.isFinite(time) && time >= 0);
    if (!areTimes) refuse('times must not be negative');
    return { key: Uint8Array.from(key), addMs, maxAheadMs };
  });
}

export function checkPrefix(prefix: Uint8Array): Uint8Array {
  return prefix instanceof Uint8Array && prefix.length === KIND_BYTE ? prefix : refuse('a prefix has 12 bytes');
}

export function clearedKey(prefix: Uint8Array): Uint8Array {
  const key = new Uint8Array(THROTTLE_KEY_BYTES);
  key.set(prefix);
  key[KIND_BYTE] = CLEARED_KIND;
  return key;
}
