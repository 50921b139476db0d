// Random walks of the model with both real ends, a bad network and processes that are killed. A failure prints the seed, the
// path and the smallest walk; BLINDSALT_WALK_SEED (default 1) begins elsewhere.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import type { Store } from '../../src/server/store.js';
import { driversThatLoad } from '../support/sqlite-drivers.js';
import type { StoreSource } from './model-world.js';
import { tally } from './tally.js';
import { secondsFor } from './time-box.js';
import { WALK_FAULTS } from './walk-faults.js';
import { memorySource, walk } from './walks.js';

const seed = Number(process.env['BLINDSALT_WALK_SEED'] ?? '1');
const [driver] = driversThatLoad;

/** A file that processes open one after the other. */
function sqliteSource(): StoreSource {
  let folder: string | undefined;
  let store: Store | undefined;
  return {
    async open() {
      await store?.close();
      folder ??= await mkdtemp(path.join(tmpdir(), 'blindsalt-walk-'));
      return (store = await openSqliteStore(path.join(folder, 'store.db'), { driver: driver! }));
    },
    async destroy() {
      await store?.close();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function walkFor(name: 'memory' | 'sqlite', createSource: () => StoreSource): Promise<void> {
  const untilMs = performance.now() + 1000 * secondsFor(`walks ${name}`);
  let walks = 0;
  let steps = 0;
  for (let round = 0; performance.now() < untilMs; round++) {
    const done = await walk({ createSource, seed: seed + round, runs: 200, maxSteps: 60, untilMs });
    walks += done.walks;
    steps += done.steps;
  }
  tally(`walks ${name}`, `${walks} walks, ${steps} steps in ${secondsFor(`walks ${name}`).toFixed(0)} s`);
  expect(walks).toBeGreaterThan(10);
}

describe('random walks keep every invariant', () => {
  test('over the memory store', () => walkFor('memory', memorySource));
  const name = 'over the SQLite store';
  if (driver !== undefined) test(name, () => walkFor('sqlite', sqliteSource));
  else test.skip(`${name} (skipped: no SQLite driver loads here)`, () => undefined);
});

describe('a walk finds what is broken on purpose:', () => {
  test.each(Object.entries(WALK_FAULTS))('%s', async (_name, fault) => {
    const options = {
      createSource: memorySource,
      seed,
      runs: 3_000,
      maxSteps: 60,
      untilMs: performance.now() + 120_000,
    };
    await expect(walk({ ...options, ...fault })).rejects.toMatchObject({ cause: { name: 'Broken' } });
  });
});
