// The search: inputs that reach code or an outcome which none reached before are kept, and changed again.
import type { Coverage } from './coverage.js';
import { minimise, mutateBytes } from './mutate.js';
import type { Prng } from './prng.js';
import { ruleBrokenBy, Violation, type Target } from './target.js';

export interface SearchOptions {
  readonly prng: Prng;
  readonly corpus: readonly Uint8Array[];
  /** Most inputs, and a time by `performance.now()` at which the search ends at the latest. */
  readonly maxInputs: number;
  readonly untilMs: number;
  readonly coverage?: Coverage | undefined;
  readonly maxBytes?: number | undefined;
}

export interface SearchResult {
  readonly inputs: number;
  /** What came of them. */
  readonly outcomes: readonly string[];
  /** Inputs of this search that were worth keeping, beside those it began with. */
  readonly kept: readonly Uint8Array[];
  /** The first rule that was broken, with the input made small. */
  readonly finding?: { readonly rule: string; readonly input: Uint8Array; readonly stack: string } | undefined;
}

/** Inputs between two looks at the counters, which cost as much as some inputs. */
const BATCH = 64;

export async function search(target: Target, options: SearchOptions): Promise<SearchResult> {
  const { prng, coverage, maxInputs, untilMs, maxBytes = 4_200 } = options;
  const outcomes = new Set<string>();
  const pool: Uint8Array[] = [];
  const kept: Uint8Array[] = [];
  let inputs = 0;

  /** @returns whether an outcome is new */
  const run = async (input: Uint8Array): Promise<boolean> => {
    inputs += 1;
    let isNew = false;
    for (const outcome of await target.run(input)) {
      if (outcomes.has(outcome)) continue;
      outcomes.add(outcome);
      isNew = true;
    }
    return isNew;
  };

  const next = (): Uint8Array => {
    if (pool.length === 0 || prng.oneIn(5)) return target.generate(prng);
    // Late finds are where the news is.
    const index = prng.oneIn(2) ? prng.below(pool.length) : pool.length - 1 - prng.below(Math.min(8, pool.length));
    const parent = pool[index]!;
    if (target.mutate !== undefined && !prng.oneIn(3)) return target.mutate(parent, prng);
    return mutateBytes(parent, prng.pick(pool), prng, maxBytes);
  };

  let current: Uint8Array = new Uint8Array(0);
  try {
    for (const input of options.corpus) {
      current = input;
      await run(input);
      pool.push(input);
    }
    coverage?.take();
    while (inputs < maxInputs && performance.now() < untilMs) {
      const batch: Uint8Array[] = [];
      const news: Uint8Array[] = [];
      for (let i = 0; i < BATCH; i++) {
        current = next();
        batch.push(current);
        if (await run(current)) news.push(current);
      }
      // Which of them it was, shows when they run alone.
      if (coverage !== undefined && coverage.look() > 0) {
        for (const input of batch) {
          current = input;
          await run(input);
          if (coverage.take() > 0) news.push(input);
        }
      }
      for (const input of new Set(news)) {
        pool.push(input);
        kept.push(input);
      }
    }
  } catch (error) {
    const rule =
      error instanceof Violation ? error.rule : `unexpected ${error instanceof Error ? error.name : 'value'}`;
    const input = await minimise(current, async (smaller) => (await ruleBrokenBy(target, smaller)) === rule);
    const stack = error instanceof Error ? `${error.stack ?? ''}${causeOf(error)}` : String(error);
    return { inputs, outcomes: [...outcomes], kept, finding: { rule, input, stack } };
  }
  return { inputs, outcomes: [...outcomes], kept };
}

/** Few and small inputs with the same outcomes, all together. */
export async function distil(target: Target, inputs: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const seen = new Set<string>();
  const chosen: Uint8Array[] = [];
  for (const input of [...inputs].sort((a, b) => a.length - b.length)) {
    const fresh = (await target.run(input)).filter((outcome) => !seen.has(outcome));
    if (fresh.length === 0) continue;
    const small = await minimise(
      input,
      async (candidate) => {
        const outcomes = await target.run(candidate);
        return fresh.every((outcome) => outcomes.includes(outcome));
      },
      60,
    );
    for (const outcome of await target.run(small)) seen.add(outcome);
    chosen.push(small);
  }
  return chosen;
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? `\ncaused by ${error.cause.stack ?? ''}` : '';
}
