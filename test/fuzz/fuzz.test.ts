// The quick part of fuzzing: the corpus again, and whether the search finds what is broken on purpose.
import { describe, expect, test } from '@jest/globals';
import { readCorpus } from './corpus.js';
import { runSearch } from './search.js';
import { ruleBrokenBy } from './target.js';
import { RULES } from './targets/faults.js';
import { createTarget, TARGETS } from './targets/index.js';

describe.each(TARGETS)('corpus of %s', (name) => {
  test('keeps every rule', async () => {
    const target = await createTarget(name);
    const corpus = readCorpus(name);
    expect(corpus.length).toBeGreaterThan(0);
    for (const input of corpus) {
      const rule = await ruleBrokenBy(target, input);
      if (rule !== undefined) throw new Error(`${Buffer.from(input).toString('hex')} breaks the rule "${rule}"`);
    }
  });
});

describe('the search finds what is broken on purpose; these at once, the others in test/hostile', () => {
  test.each([
    ['decoder', 'keeps the whole frame alive'],
    ['decoder', 'accepts bytes behind the array'],
    ['server', 'goes on after the close'],
    ['client', 'stretches with what the server likes'],
    ['core', 'traps on a negative length'],
    ['core', 'finds equal what it does not compare'],
  ] as const)('%s: %s', async (target, fault) => {
    const { finding } = await runSearch({ target, fault, seconds: 60 });
    expect(finding?.rule).toMatch(RULES[target]);
  });
});
