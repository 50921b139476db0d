import { decodeBody } from './entry.js';
import type { AuditStore } from './store.js';

const DAY_MS = 86_400_000;
/** Entries that one transaction removes: others wait for it. */
const PAGE = 5000;
/** So much goes at a time, by the entries' own clock: a calendar that is set wrong does not empty the trail at once. */
const MOST_AT_ONCE_MS = 7 * DAY_MS;

/**
 * Removes what is older than so many days, at most a week's worth of entries each time it is called.
 * @returns how many went
 */
export async function pruneOld(store: AuditStore, keepDays: number, nowMs: number): Promise<number> {
  const anchor = await store.anchor();
  const [first] = await store.read(anchor?.seq ?? 0, 1);
  const firstAtMs = first && decodeBody(first.body)?.at;
  if (firstAtMs === undefined) return 0;
  const beforeMs = Math.floor(Math.min(nowMs - keepDays * DAY_MS, firstAtMs + MOST_AT_ONCE_MS));
  if (beforeMs <= firstAtMs) return 0;
  let removed = 0;
  for (;;) {
    const event = { event: 'pruned', atMs: Math.floor(nowMs), actor: 'retention' } as const;
    const count = await store.prune(beforeMs, event, PAGE);
    removed += count;
    if (count < PAGE) return removed;
  }
}
