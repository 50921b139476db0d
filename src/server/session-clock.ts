import type { SessionRow } from './store.js';

export type Limit = 'idle' | 'absolute';

/** What is to happen next to a session, and when, on the monotonic clock. */
export interface SessionDue {
  readonly what: 'expiring' | 'expired';
  readonly limit: Limit;
  readonly secondsLeft: number;
}

/**
 * The limits of one open session on the monotonic clock, so that nobody gains or loses by setting the calendar. Before
 * each limit comes a notice.
 */
export class SessionClock {
  // In whole milliseconds, which V8 keeps in place for weeks; for each fraction it makes an object.
  readonly #warningMs: number;
  /** 0: no limit. */
  #idleSeconds!: number;
  #seenAtMs!: number;
  #absoluteDueMs!: number;
  #isIdleTold = false;
  #isAbsoluteTold = false;
  #absoluteNoticeMs!: number;
  /** When the client was seen last as the store has it, milliseconds since 1970. */
  readonly knownSeenAtMs: number;

  /** @param warningSeconds how long before a limit the notice comes; 0: never. At most half of the limit. */
  constructor(row: SessionRow, nowMs: number, monotonicMs: number, warningSeconds: number) {
    this.#warningMs = warningSeconds * 1000;
    this.knownSeenAtMs = row.lastSeenAtMs;
    this.renew(row, nowMs, monotonicMs);
  }

  /** @param nowMs milliseconds since 1970, of the clock that the row was made with */
  renew({ idleSeconds, absoluteExpiresAtMs }: SessionRow, nowMs: number, monotonicMs: number): void {
    this.#idleSeconds = idleSeconds;
    const leftMs = absoluteExpiresAtMs === undefined ? Infinity : absoluteExpiresAtMs - nowMs;
    this.#absoluteDueMs = Math.ceil(monotonicMs + leftMs);
    this.#isAbsoluteTold = false;
    this.#absoluteNoticeMs = this.#noticeMs(leftMs);
    this.touch(monotonicMs);
  }

  get #idleMs(): number {
    return this.#idleSeconds === 0 ? Infinity : this.#idleSeconds * 1000;
  }

  #noticeMs(limitMs: number): number {
    return Math.floor(Math.min(this.#warningMs, limitMs / 2));
  }

  get seenAtMs(): number {
    return this.#seenAtMs;
  }

  /** The client was heard. Answers whether what is due next may have become due earlier. */
  touch(monotonicMs: number): boolean {
    const wasTold = this.#isIdleTold;
    this.#seenAtMs = Math.ceil(monotonicMs);
    this.#isIdleTold = false;
    return wasTold;
  }

  get dueMs(): number {
    const idle = this.#seenAtMs + this.#idleMs;
    const idleNotice = this.#isIdleTold || this.#warningMs === 0 ? 0 : this.#noticeMs(this.#idleMs);
    const absoluteNotice = this.#isAbsoluteTold || this.#warningMs === 0 ? 0 : this.#absoluteNoticeMs;
    return Math.min(idle - idleNotice, this.#absoluteDueMs - absoluteNotice);
  }

  /** What is due now; undefined for nothing. A notice is given once. */
  take(monotonicMs: number): SessionDue | undefined {
    const absoluteLeft = this.#absoluteDueMs - monotonicMs;
    const idleLeft = this.#seenAtMs + this.#idleMs - monotonicMs;
    if (absoluteLeft <= 0) return { what: 'expired', limit: 'absolute', secondsLeft: 0 };
    if (idleLeft <= 0) return { what: 'expired', limit: 'idle', secondsLeft: 0 };
    if (this.dueMs > monotonicMs) return undefined;
    if (!this.#isAbsoluteTold && absoluteLeft <= this.#absoluteNoticeMs) {
      this.#isAbsoluteTold = true;
      return { what: 'expiring', limit: 'absolute', secondsLeft: Math.ceil(absoluteLeft / 1000) };
    }
    this.#isIdleTold = true;
    return { what: 'expiring', limit: 'idle', secondsLeft: Math.ceil(idleLeft / 1000) };
  }
}
