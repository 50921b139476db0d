// Coverage-guided fuzzing for as long as the time box says. A finding is written into the corpus and fails here.
// BLINDSALT_FUZZ_SEED (default 1) begins elsewhere; BLINDSALT_FUZZ_KEEP=1 writes the corpora anew with what is new.
import { describe, expect, test } from '@jest/globals';
import { describeFinding, runSearch } from '../fuzz/search.js';
import { ruleBrokenBy } from '../fuzz/target.js';
import { FAULTS, RULES } from '../fuzz/targets/faults.js';
import { createTarget, type TARGETS } from '../fuzz/targets/index.js';
import { tally } from './tally.js';
import { secondsFor } from './time-box.js';

const seed = Number(process.env['BLINDSALT_FUZZ_SEED'] ?? '1');
const keep = process.env['BLINDSALT_FUZZ_KEEP'] === '1';

/** One file for each half of the targets: files run side by side. */
export function fuzzSuite(targets: readonly (typeof TARGETS)[number][]): void {
  describe('fuzzing', () => {
    test.each(targets)('%s keeps every rule', async (target) => {
      const seconds = secondsFor(`fuzz ${target}`);
      const report = await runSearch({ target, seconds, seed, keep });
      const { inputs, outcomes, coverage, finding } = report;
      const percent = (100 * coverage).toFixed(1);
      tally(
        `fuzz ${target}`,
        `${inputs} inputs in ${seconds.toFixed(0)} s, ${outcomes.length} outcomes, ${percent}% of the code`,
      );
      if (finding !== undefined) throw new Error(describeFinding(target, finding));
      expect(inputs).toBeGreaterThan(100);
    });
  });

  describe('the search finds what is broken on purpose, from nothing', () => {
    const faults = targets.flatMap((target) => FAULTS[target].map((fault) => ({ target, fault })));
    test.each(faults)('$target: $fault', async ({ target, fault }) => {
      const { inputs, finding } = await runSearch({ target, fault, seconds: 120, seed });
      tally(`fault found in ${target}`, `${fault}: after ${inputs} inputs`);
      expect(finding?.rule).toMatch(RULES[target]);
      // It is the fault that breaks the rule, not the input.
      expect(await ruleBrokenBy(await createTarget(target), Buffer.from(finding!.input, 'hex'))).toBeUndefined();
    });
  });
}
