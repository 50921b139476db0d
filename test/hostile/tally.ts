import { appendFileSync } from 'node:fs';

/** Tells the summary at the end of `npm run test:hostile` what was done. Files run in processes of their own. */
export function tally(what: string, result: string): void {
  const file = process.env['BLINDSALT_HOSTILE_TALLY'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ what, result })}\n`);
}
