import { decodeBody, type AuditBody } from './entry.js';
import type { AuditStore } from './store.js';

const DAY_MS = 86_400_000;
/** Entries that one transaction removes: others wait for it. */
const PAGE = 5000;
const READ = 1000;
/** So much goes at a time, by the entries' own clock: a calendar that is set wrong does not empty the trail at once. */
const MOST_AT_ONCE_MS = 7 * DAY_MS;
/** Further ahead than this lies no clock of another process, only one that was wrong. */
const AHEAD_MS = DAY_MS;

export interface Retained {
  /** How many went. */
  readonly removed: number;
  /** The first entry, when it says a time in the future, and stays for it. */
  readonly ahead: { readonly seq: number; readonly atMs: number } | undefined;
}

/**
 * Removes what is older than so many days, at most a week's worth of entries each time it is called. Entries that lie in the
 * future, since the clock was wrong once, are as old as the next one that does not: numbers tell the order in which they
 * were written. Whoever makes entries look so by setting the clock back removes nothing: what is written then is as young as
 * the clock.
 */
export async function pruneOld(store: AuditStore, keepDays: number, nowMs: number): Promise<Retained> {
  const anchor = await store.anchor();
  const from = anchor?.seq ?? 0;
  const [row] = await store.read(from, 1);
  const first = row && decodeBody(row.body);
  if (row === undefined || first === undefined) return { removed: 0, ahead: undefined };
  const event = { event: 'pruned', atMs: Math.floor(nowMs), actor: 'retention' } as const;
  const oldMs = nowMs - keepDays * DAY_MS;
  if (first.at > nowMs + AHEAD_MS) {
    const ahead = { seq: row.seq, atMs: first.at };
    const next = await firstNotAhead(store, from, nowMs + AHEAD_MS);
    if (next === undefined || next.body.at >= oldMs) return { removed: 0, ahead };
    return {
      removed: await store.prune(0, { ...event, detail: 'of-the-future' }, PAGE, next.seq - 1),
      ahead: undefined,
    };
  }
  const beforeMs = Math.floor(Math.min(oldMs, first.at + MOST_AT_ONCE_MS));
  if (beforeMs <= first.at) return { removed: 0, ahead: undefined };
  let removed = 0;
  for (;;) {
    const count = await store.prune(beforeMs, event, PAGE);
    removed += count;
    if (count < PAGE) return { removed, ahead: undefined };
  }
}

async function firstNotAhead(
  store: AuditStore,
  after: number,
  aheadMs: number,
): Promise<{ readonly seq: number; readonly body: AuditBody } | undefined> {
  for (;;) {
    const rows = await store.read(after, READ);
    for (const { seq, body: text } of rows) {
      const body = decodeBody(text);
      if (body === undefined) return undefined;
      if (body.at <= aheadMs) return { seq, body };
    }
    if (rows.length < READ) return undefined;
    after = rows.at(-1)!.seq;
  }
}
