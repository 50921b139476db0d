import type { AuditEvent } from './events.js';

/** How many refusals are written one by one. */
export interface RefusalLimits {
  /** In a row, after a quiet time. */
  readonly burst: number;
  /** In the long run. Beyond that they are counted by code and reason, one entry for each minute. */
  readonly perMinute: number;
}

export const DEFAULT_REFUSAL_LIMITS: RefusalLimits = { burst: 1000, perMinute: 120 };

/** Kinds that are counted apart from each other; more go together as `other`. */
const MAX_KINDS = 200;
/** Refusals that wait to be written, at most. */
const MAX_WAITING = 5000;

interface Counted {
  readonly code: string | undefined;
  readonly reason: string | undefined;
  count: number;
}

/**
 * Decides which refusals are written one by one: a stranger causes them, and must not fill the disk. The others are
 * counted, and so are those that could not be written.
 */
export class Refusals {
  readonly #limits: RefusalLimits;
  #waiting: AuditEvent[] = [];
  #counted = new Map<string, Counted>();
  #lost = 0;
  #allowance: number;
  #allowedAtMs: number | undefined;

  constructor(limits: RefusalLimits) {
    this.#limits = limits;
    this.#allowance = limits.burst;
  }

  /** How many wait to be written. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** @param monotonicMs a clock that nobody sets */
  add(event: AuditEvent, monotonicMs: number): void {
    const { burst, perMinute } = this.#limits;
    const sinceMs = Math.max(0, monotonicMs - (this.#allowedAtMs ?? monotonicMs));
    this.#allowedAtMs = monotonicMs;
    this.#allowance = Math.min(burst, this.#allowance + (sinceMs * perMinute) / 60_000);
    if (this.#allowance < 1 || this.#waiting.length >= MAX_WAITING) return this.#count(event);
    this.#allowance -= 1;
    this.#waiting.push(event);
  }

  #count({ event, code = event, reason }: AuditEvent): void {
    const key = `${code} ${reason}`;
    const known = this.#counted.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#counted.size < MAX_KINDS) this.#counted.set(key, { code, reason, count: 1 });
    else
      this.#counted.set('other', {
        code: 'other',
        reason: undefined,
        count: (this.#counted.get('other')?.count ?? 0) + 1,
      });
  }

  /** What is to be written now; with `all`, the counts as well. */
  take(atMs: number, all: boolean): AuditEvent[] {
    const events = this.#waiting;
    this.#waiting = [];
    if (this.#lost > 0) events.unshift({ event: 'gap', atMs, count: this.#lost });
    this.#lost = 0;
    if (!all) return events;
    for (const one of this.#counted.values()) events.push({ event: 'suppressed', atMs, ...one });
    this.#counted.clear();
    return events;
  }

  /** These could not be written: they will show as a gap, with their number. */
  lose(events: readonly AuditEvent[]): void {
    for (const { event, count = 1 } of events) this.#lost += event === 'gap' || event === 'suppressed' ? count : 1;
  }
}
