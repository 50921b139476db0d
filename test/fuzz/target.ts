import type { Prng } from './prng.js';

/** What is fuzzed, with the rules that every input has to keep. */
export interface Target {
  /** Also the name of its corpus. */
  readonly name: string;
  /** Modules whose code it is to reach. */
  readonly covers: RegExp;
  /** A fresh input, by the grammar of what it takes. */
  generate(prng: Prng): Uint8Array;
  /** A change that the grammar knows of; the loop has those of bytes itself. */
  mutate?(input: Uint8Array, prng: Prng): Uint8Array;
  /**
   * Runs one input. The same input gives the same result.
   * @returns what came of it, in a few words each: an outcome that no input had before is news, like code not run before
   * @throws Violation when a rule is broken; anything else that is thrown counts as one too
   */
  run(input: Uint8Array): readonly string[] | Promise<readonly string[]>;
}

/** A rule is broken. The rule is one of a few fixed texts, so that findings can be told apart. */
export class Violation extends Error {
  override readonly name = 'Violation';
  constructor(
    readonly rule: string,
    options?: ErrorOptions,
  ) {
    super(rule, options);
  }
}

export function insist(condition: boolean, rule: string, cause?: unknown): asserts condition {
  if (!condition) throw new Violation(rule, { cause });
}

/** The rule that a run broke, or undefined. */
export async function ruleBrokenBy(target: Target, input: Uint8Array): Promise<string | undefined> {
  try {
    await target.run(input);
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error.rule;
    return `unexpected ${error instanceof Error ? error.name : typeof error}`;
  }
}

/** Code and reason of an error, without the name of the field that it is about: one of each is news enough. */
export function outcomeOf({ code, reason }: { readonly code: string; readonly reason: string | undefined }): string {
  const general = (reason ?? '').replace(/^[a-zA-Z]+(?= (?:is|has|out of) )/, 'a field');
  return `${code} ${general}`.trim();
}
