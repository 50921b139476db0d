/** What a process has to add to a counter: so many attempts, each worth so much time. */
export interface ThrottleChange {
  /** 21 bytes: a keyed hash, a kind, a keyed hash. Names and addresses do not come here. */
  readonly key: Uint8Array;
  /** Milliseconds to add: `emptyAtMs` becomes the later of itself and `nowMs`, and so much more. */
  readonly addMs: number;
  /** It never lies further ahead of `nowMs` than this. */
  readonly maxAheadMs: number;
}

/** A counter as it stands. */
export interface ThrottleRow {
  readonly key: Uint8Array;
  /** When it will be empty again, milliseconds since 1970; in the past: it is empty. */
  readonly emptyAtMs: number;
}

/**
 * The part of a store that lets several processes share their counters, and that survives restarts. It is asked now and
 * then, not for every attempt. A store without it makes each process count for itself.
 */
export interface ThrottleStore {
  /**
   * Adds changes, at most 10000, in one transaction; answers the counters that changed after mark `since`, by whatever
   * process, these included, at most 100000, and the mark to ask with next. 0 asks for all that are not empty at `nowMs`.
   */
  exchange(
    changes: readonly ThrottleChange[],
    since: number,
    nowMs: number,
  ): Promise<{ readonly rows: readonly ThrottleRow[]; readonly mark: number }>;
  /** The counters whose keys begin with these 12 bytes. */
  find(prefix: Uint8Array): Promise<readonly ThrottleRow[]>;
  /**
   * Empties them; answers how many there were. Others learn it by `exchange`: by rows with 0, and by one whose key is the
   * prefix, 0xff and zeros, which is told for a day, also where a failure was counted in the same moment.
   */
  clear(prefix: Uint8Array, nowMs: number): Promise<number>;
}
