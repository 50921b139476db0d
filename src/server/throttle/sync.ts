import { fromHex, toHex } from '../hex.js';
import type { Logger } from '../logger.js';
import { errorFields } from '../logger.js';
import type { Buckets } from './buckets.js';
import { CLEARED, KIND_AT, kindOf } from './kinds.js';
import type { ThrottleStore } from './store.js';

/** How often changes are sent and others' read. A crash forgets no more than this. */
export const SYNC_MS = 250;
const MAX_CHANGES = 10_000;

/** Joins the counters of this process with those of the store. */
export class ThrottleSync {
  readonly #buckets: Buckets;
  readonly #store: ThrottleStore;
  readonly #nowMs: () => number;
  readonly #logger: Logger;
  #mark = 0;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;

  constructor(buckets: Buckets, store: ThrottleStore, nowMs: () => number, logger: Logger) {
    this.#buckets = buckets;
    this.#store = store;
    this.#nowMs = nowMs;
    this.#logger = logger;
  }

  /** Loads what others counted before. @throws BlindsaltError `store-failed` */
  async start(): Promise<void> {
    this.#buckets.share();
    await this.#exchange();
    this.#timer = setInterval(() => void this.sync(), SYNC_MS).unref();
  }

  /** Sends and reads once; never fails: what could not be sent is sent next time. */
  sync(): Promise<void> {
    this.#running ??= this.#exchange()
      .then(
        () => {
          this.#isFailing = false;
        },
        (error: unknown) => {
          if (!this.#isFailing) this.#logger.error(errorFields(error), 'counters of attempts could not be shared');
          this.#isFailing = true;
        },
      )
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    await this.sync();
  }

  async #exchange(): Promise<void> {
    const taken = this.#buckets.takeUnsent(MAX_CHANGES);
    const changes = [...taken].map(([key, count]) => ({
      key: fromHex(key),
      addMs: this.#buckets.addMs(key, count),
      maxAheadMs: this.#buckets.maxAheadMs(key),
    }));
    try {
      const { rows, mark } = await this.#store.exchange(changes, this.#mark, this.#nowMs());
      this.#mark = mark;
      const named = rows.map(({ key, emptyAtMs }) => ({ key: toHex(key), emptyAtMs }));
      // What an administrator emptied, before what was counted since.
      for (const { key } of named) if (kindOf(key) === CLEARED) this.#buckets.clear(key.slice(0, KIND_AT));
      for (const { key, emptyAtMs } of named) this.#buckets.learn(key, emptyAtMs);
    } catch (error) {
      this.#buckets.putBack(taken);
      throw error;
    }
  }
}
