import type { AuditEvent } from './events.js';

/** How many refusals are written one by one. */
export interface RefusalLimits {
  /** In a row, after a quiet time. */
  readonly burst: number;
  /** In the long run. Beyond that they are counted by code and reason, one entry for each minute. */
  readonly perMinute: number;
  /** The same for each prefix of addresses, so that who makes noise in one place does not hide what comes from others. */
  readonly prefixBurst: number;
  readonly prefixPerMinute: number;
}

export const DEFAULT_REFUSAL_LIMITS: RefusalLimits = {
  burst: 1000,
  perMinute: 120,
  prefixBurst: 200,
  prefixPerMinute: 30,
};

/** Kinds that are counted apart from each other; more go together as `other`. */
const MAX_KINDS = 200;
/** Of these with a prefix each; more go together without one. */
const MAX_PREFIX_KINDS = 20;
/** Prefixes whose allowance is remembered; the one that is not heard of for longest goes. */
const MAX_PREFIXES = 2000;
/** Refusals that wait to be written, at most. */
const MAX_WAITING = 5000;

interface Kind {
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly addressPrefix: string | undefined;
}

const OTHER: Kind = { code: 'other', reason: undefined, addressPrefix: undefined };

interface Counted extends Kind {
  count: number;
}

/** So many at once, then as they are refilled. */
class Allowance {
  readonly #burst: number;
  readonly #perMinute: number;
  #left: number;
  #atMs: number;

  constructor(burst: number, perMinute: number, nowMs: number) {
    this.#burst = burst;
    this.#perMinute = perMinute;
    this.#left = burst;
    this.#atMs = nowMs;
  }

  has(nowMs: number): boolean {
    const sinceMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#left = Math.min(this.#burst, this.#left + (sinceMs * this.#perMinute) / 60_000);
    return this.#left >= 1;
  }

  take(): void {
    this.#left -= 1;
  }
}

/**
 * Decides which refusals are written one by one: a stranger causes them, and must not fill the disk. The others are
 * counted, and so are those that could not be written.
 */
export class Refusals {
  readonly #limits: RefusalLimits;
  #waiting: AuditEvent[] = [];
  #counted = new Map<string, Counted>();
  #prefixKinds = 0;
  #lost = 0;
  #overall: Allowance | undefined;
  readonly #byPrefix = new Map<string, Allowance>();

  constructor(limits: RefusalLimits) {
    this.#limits = limits;
  }

  /** How many wait to be written. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** @param monotonicMs a clock that nobody sets */
  add(event: AuditEvent, monotonicMs: number): void {
    const { burst, perMinute } = this.#limits;
    const overall = (this.#overall ??= new Allowance(burst, perMinute, monotonicMs));
    const prefix = this.#ofPrefix(event.addressPrefix ?? '', monotonicMs);
    const isFree = prefix.has(monotonicMs) && overall.has(monotonicMs);
    if (!isFree || this.#waiting.length >= MAX_WAITING) return this.#count(event);
    prefix.take();
    overall.take();
    this.#waiting.push(event);
  }

  #ofPrefix(prefix: string, nowMs: number): Allowance {
    const { prefixBurst, prefixPerMinute } = this.#limits;
    const allowance = this.#byPrefix.get(prefix) ?? new Allowance(prefixBurst, prefixPerMinute, nowMs);
    this.#byPrefix.delete(prefix);
    if (this.#byPrefix.size >= MAX_PREFIXES) this.#byPrefix.delete(this.#byPrefix.keys().next().value!);
    this.#byPrefix.set(prefix, allowance);
    return allowance;
  }

  #count({ event, code = event, reason, addressPrefix }: AuditEvent): void {
    const hasRoom = addressPrefix !== undefined && this.#prefixKinds < MAX_PREFIX_KINDS;
    if (this.#countAs({ code, reason, addressPrefix }, hasRoom)) return;
    if (this.#countAs({ code, reason, addressPrefix: undefined }, this.#counted.size < MAX_KINDS)) return;
    this.#countAs(OTHER, true);
  }

  /** @returns false: it is of a kind that is not counted yet, and there is no room for it */
  #countAs(kind: Kind, hasRoom: boolean): boolean {
    const key = `${kind.code} ${kind.reason} ${kind.addressPrefix}`;
    const known = this.#counted.get(key);
    if (known !== undefined) known.count += 1;
    else if (hasRoom) {
      this.#counted.set(key, { ...kind, count: 1 });
      if (kind.addressPrefix !== undefined) this.#prefixKinds += 1;
    }
    return known !== undefined || hasRoom;
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
    this.#prefixKinds = 0;
    return events;
  }

  /** These could not be written: they will show as a gap, with their number. */
  lose(events: readonly AuditEvent[]): void {
    for (const { event, count = 1 } of events) this.#lost += event === 'gap' || event === 'suppressed' ? count : 1;
  }
}
