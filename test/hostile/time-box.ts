// How long searches without an end go on. `BLINDSALT_HOSTILE_MINUTES` (default 12) is divided among them. Two files run at
// once, so that they take half of it; what has an end of its own takes some minutes more.

/** Weight of each search. */
const WEIGHTS = {
  'fuzz decoder': 2,
  'fuzz server': 4,
  'fuzz client': 3,
  'fuzz core': 2,
  'walks memory': 3,
  'walks sqlite': 3,
} as const;
export type Search = keyof typeof WEIGHTS;

/** Minutes for all of them, one after the other. */
export const MINUTES = Number(process.env['BLINDSALT_HOSTILE_MINUTES'] ?? '12');
if (!(MINUTES > 0 && MINUTES <= 24 * 60)) throw new Error('BLINDSALT_HOSTILE_MINUTES must be minutes above 0');

/** Seconds that one search has. */
export function secondsFor(search: Search): number {
  const all = Object.values(WEIGHTS).reduce<number>((sum, weight) => sum + weight, 0);
  return (MINUTES * 60 * WEIGHTS[search]) / all;
}
