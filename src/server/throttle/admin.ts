import { BlindsaltError } from '../../../proto/index.js';
import { fromHex, toHex } from '../hex.js';
import type { Buckets } from './buckets.js';
import { throttlePrefix, type ThrottleKeyParts } from './keys.js';
import { KIND, kindOf } from './kinds.js';
import type { ThrottleStore } from './store.js';

/** Counters of strangers in general. */
const LANES: readonly string[] = [KIND.account, KIND.newcomers];

/** What an administrator sees of the attempts on an account. */
export interface AccountThrottle {
  /** Counters of the account that are not empty: of strangers, of networks, of devices. */
  readonly counters: number;
  /** When those of strangers in general will be empty, milliseconds since 1970; undefined: they are. */
  readonly emptyAtMs: number | undefined;
}

/** Looks at what is counted against an account, and forgets it, for all processes on the store within a second. */
export interface ThrottleAdmin {
  /** @param username prepared, known or not */
  show(username: string): Promise<AccountThrottle>;
  /** Answers how many counters were emptied. */
  clear(username: string): Promise<number>;
}

/** @param local the counters of this process, if it is a server */
export function createThrottleAdmin(
  store: ThrottleStore | undefined,
  parts: ThrottleKeyParts,
  nowMs: () => number,
  local?: Buckets,
): ThrottleAdmin {
  const needed = (): ThrottleStore => {
    if (store !== undefined) return store;
    throw new BlindsaltError('option-invalid', 'this store keeps no counters of attempts');
  };
  return {
    async show(username) {
      const rows = await needed().find(fromHex(throttlePrefix(parts, username)));
      const full = rows.filter(({ emptyAtMs }) => emptyAtMs > nowMs());
      const lanes = full.filter(({ key }) => LANES.includes(kindOf(toHex(key)))).map(({ emptyAtMs }) => emptyAtMs);
      return { counters: full.length, emptyAtMs: lanes.length === 0 ? undefined : Math.max(...lanes) };
    },
    async clear(username) {
      const prefix = throttlePrefix(parts, username);
      local?.clear(prefix);
      return needed().clear(fromHex(prefix), nowMs());
    },
  };
}
