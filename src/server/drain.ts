import { setTimeout as delay } from 'node:timers/promises';
import type { RandomSource } from '../crypto/types.js';
import type { DrainOptions } from './api.js';
import type { Input } from './steps.js';

/** What draining has to know of a connection. */
export interface Drainable {
  readonly isOpen: boolean;
  readonly isBusy: boolean;
  run(input: Input): void;
}

const DEFAULT_WINDOW_MS = 5_000;
const DEFAULT_PATIENCE_MS = 10_000;
const STEP_MS = 50;

/** Uniform in [0, 1); who knows when a connection closes gains nothing, so a failing source is no reason to stop. */
function fraction(random: RandomSource): number {
  try {
    return new DataView(Uint8Array.from(random(4)).buffer).getUint32(0) / 2 ** 32;
  } catch {
    return Math.random();
  }
}

/**
 * Ends connections one by one: each open one at a moment of its own within the window, one that is logging in when that
 * has come to its end (as an open one, at its moment), the others at once. Resolves when none is left to end.
 */
export async function drain(
  connections: ReadonlySet<Drainable>,
  random: RandomSource,
  { windowMs = DEFAULT_WINDOW_MS, patienceMs = DEFAULT_PATIENCE_MS }: DrainOptions,
): Promise<void> {
  const beganAtMs = performance.now();
  const dueMs = new Map<Drainable, number>();
  for (;;) {
    const elapsedMs = performance.now() - beganAtMs;
    let isWaiting = false;
    for (const connection of [...connections]) {
      if (connection.isBusy && elapsedMs < patienceMs) {
        isWaiting = true;
        continue;
      }
      const due = dueMs.get(connection) ?? (connection.isOpen ? fraction(random) * windowMs : 0);
      dueMs.set(connection, due);
      if (elapsedMs >= Math.min(due, Math.max(windowMs, patienceMs))) connection.run({ type: 'shutdown' });
      else isWaiting = true;
    }
    if (!isWaiting) return;
    await delay(STEP_MS);
  }
}
