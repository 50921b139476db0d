// Random walks through the model, for each store, and with something broken on purpose.
import fc from 'fast-check';
import { loadCrypto } from '../../src/crypto/index.js';
import type { Store } from '../../src/server/store.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { createPlaces, NAMES, PASSWORDS, PLACES, StepCommand, type Model, type Real, type Step } from './model.js';
import { World, type OpenTicketStore, type StoreSource, type Trouble } from './model-world.js';

/** In memory: what a killed process wrote is still there, as if the memory were a disk. */
export function memorySource(): StoreSource {
  const store = openMemoryStore();
  return { open: () => Promise.resolve(store), destroy: () => store.close() };
}

const place = fc.nat(PLACES - 1);
const name = fc.nat(NAMES.length - 1);
const password = fc.nat(PASSWORDS.length - 1);
const none: Trouble = { what: 'none' };
const kill = fc.record({
  what: fc.constant('kill' as const),
  when: fc.constantFrom('before' as const, 'behind' as const),
  write: fc.integer({ min: 1, max: 2 }),
});
const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(none) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('lose-answer' as const), frame: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('lose-question' as const), frame: fc.integer({ min: 1, max: 2 }) }),
  },
  { weight: 2, arbitrary: kill },
);
const maybeKill: fc.Arbitrary<Trouble> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(none) },
  { weight: 1, arbitrary: kill },
);
const isRight = fc.integer({ min: 0, max: 3 }).map((n) => n > 0);

const steps: fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constant('signup' as const), place, name, password, trouble }),
  fc.record({ do: fc.constant('signup' as const), place, name, password: fc.constant(0), trouble: fc.constant(none) }),
  fc.record({ do: fc.constant('login' as const), place, name, password, trouble }),
  fc.record({ do: fc.constant('login' as const), place, name, password: fc.constant(0), trouble }),
  fc.record({ do: fc.constant('resume' as const), place, trouble }),
  fc.record({ do: fc.constant('resume' as const), place, trouble: fc.constant(none) }),
  fc.record({ do: fc.constant('resume' as const), place, trouble }),
  fc.record({ do: fc.constant('double' as const), place }),
  fc.record({ do: fc.constant('steal' as const), place, from: place }),
  fc.record({ do: fc.constantFrom('refresh' as const, 'close' as const, 'cut' as const), place }),
  fc.record({
    do: fc.constantFrom('step-up' as const, 'logout' as const, 'revoke-others' as const),
    place,
    isRight,
    kill: maybeKill,
  }),
  fc.record({ do: fc.constant('change' as const), place, password, endOthers: fc.boolean(), kill: maybeKill }),
  fc.record({ do: fc.constantFrom('disable' as const, 'enable' as const, 'delete' as const), name }),
  fc.record({ do: fc.constantFrom('restart' as const, 'expire' as const) }),
  fc.record({ do: fc.constant('delay' as const), tasks: fc.nat(2) }),
];

export interface WalkOptions {
  readonly createSource: () => StoreSource;
  readonly changeStore?: (store: Store) => Store;
  readonly createTickets?: () => OpenTicketStore;
  readonly seed: number;
  readonly runs: number;
  readonly maxSteps: number;
  /** `performance.now()` at which no more walks begin. */
  readonly untilMs: number;
  /** Without looking for the smallest walk. */
  readonly isQuick?: boolean;
}

/** @returns how many walks were taken. @throws what fast-check throws: the smallest walk that breaks an invariant */
export async function walk(options: WalkOptions): Promise<{ readonly walks: number; readonly steps: number }> {
  const crypto = await loadCrypto();
  let walks = 0;
  let taken = 0;
  const commands = fc.commands(
    steps.map((step) => step.map((one) => new StepCommand(one))),
    { maxCommands: options.maxSteps, size: 'max' },
  );
  const details = await fc.check(
    fc.asyncProperty(commands, async (all) => {
      const world = await World.create(crypto, options.createSource(), options.changeStore);
      const real: Real = { world, places: createPlaces(options.createTickets) };
      const model: Model = { users: new Map(), sessions: new Map(), expired: new Set() };
      walks += 1;
      taken += [...all].length;
      try {
        await fc.asyncModelRun(() => ({ model, real }), all);
      } finally {
        await world.close();
      }
    }),
    {
      seed: options.seed,
      numRuns: options.runs,
      interruptAfterTimeLimit: Math.max(1, options.untilMs - performance.now()),
      markInterruptAsFailure: false,
      endOnFailure: options.isQuick ?? false,
    },
  );
  // Time that is over before the first walk ends is no failure, which `fc.assert` would make of it.
  if (details.failed && details.counterexample !== null) {
    throw new Error(await fc.asyncDefaultReportMessage(details), { cause: details.errorInstance });
  }
  return { walks, steps: taken };
}
