// The quick part of the random walks: some of them, and one thing broken on purpose.
import { expect, test } from '@jest/globals';
import { WALK_FAULTS } from './walk-faults.js';
import { memorySource, walk } from './walks.js';

const options = {
  createSource: memorySource,
  seed: 20_26,
  maxSteps: 30,
  untilMs: performance.now() + 100_000,
  isQuick: true,
};

test('random walks with a bad network and killed processes keep every invariant', async () => {
  expect(await walk({ ...options, runs: 25 })).toMatchObject({ walks: 25 });
});

test.each(['makes the fresh ticket current before the client has it', 'tells nobody that a session ended'])(
  'a walk finds a store that %s',
  async (fault) => {
    await expect(walk({ ...options, ...WALK_FAULTS[fault]!, runs: 2_000, maxSteps: 60 })).rejects.toMatchObject({
      cause: { name: 'Broken' },
    });
  },
);
