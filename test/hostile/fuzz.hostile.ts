// Coverage-guided fuzzing for as long as the time box says. A finding is written into the corpus and fails here.
// BLINDSALT_FUZZ_SEED (default 1) begins elsewhere; BLINDSALT_FUZZ_KEEP=1 writes the corpora anew with what is new.
import { describe, expect, test } from '@jest/globals';
import { describeFinding, runSearch } from '../fuzz/search.js';
import { ruleBrokenBy } from '../fuzz/target.js';
import { FAULTS, RULES } from '../fuzz/targets/faults.js';
import { createTarget, TARGETS } from '../fuzz/targets/index.js';
import { secondsFor } from './time-box.js';

const seed = Number(process.env['BLINDSALT_FUZZ_SEED'] ?? '1');
const keep = process.env['BLINDSALT_FUZZ_KEEP'] === '1';

describe('fuzzing', () => {
  test.each(TARGETS)('%s keeps every rule', async (target) => {
    const report = await runSearch({ target, seconds: secondsFor(`fuzz ${target}`), seed, keep });
    const { inputs, outcomes, coverage, finding } = report;
    const percent = (100 * coverage).toFixed(1);
    process.stdout.write(`  ${target}: ${inputs} inputs, ${outcomes.length} outcomes, ${percent}% of the code\n`);
    if (finding !== undefined) throw new Error(describeFinding(target, finding));
    expect(inputs).toBeGreaterThan(100);
  });
});

describe('the search finds what is broken on purpose, from nothing', () => {
  const faults = TARGETS.flatMap((target) => FAULTS[target].map((fault) => ({ target, fault })));
  test.each(faults)('$target: $fault', async ({ target, fault }) => {
    const { finding } = await runSearch({ target, fault, seconds: 120, seed });
    expect(finding?.rule).toMatch(RULES[target]);
    // It is the fault that breaks the rule, not the input.
    expect(await ruleBrokenBy(await createTarget(target), Buffer.from(finding!.input, 'hex'))).toBeUndefined();
  });
});
