// What a case of the suite is, whichever end it tests.

/** What PROTOCOL.md asks for. A SHOULD that is not met does not fail a report. */
export type Level = 'MUST' | 'SHOULD';

/**
 * One rule of PROTOCOL.md, tried out.
 * @typeParam C what it is tried on
 */
export interface Case<C> {
  /** Stable, kebab-case, unique. */
  readonly id: string;
  readonly area: string;
  /** Of PROTOCOL.md, for example `5.2`. */
  readonly section: string;
  readonly title: string;
  readonly level: Level;
  /** What the other end has to offer; where one is missing the case is skipped, and the report says why. */
  readonly needs: readonly string[];
  /** Longer than the suite's. */
  readonly timeoutMs?: number;
  /** Resolves when the rule holds. @throws Failure, Skip */
  run(context: C, trial: Trial): Promise<void>;
}

/**
 * A function that makes the cases of one area.
 * @typeParam N words for what a case may need
 */
export function casesOf<C, N extends string>(area: string) {
  return (
    id: string,
    section: string,
    title: string,
    needs: readonly N[],
    run: Case<C>['run'],
    { level = 'MUST', timeoutMs }: { readonly level?: Level; readonly timeoutMs?: number } = {},
  ): Case<C> => ({ id, area, section, title, level, needs, run, ...(timeoutMs !== undefined && { timeoutMs }) });
}

/** Given to a case for what it has to say beside passing and failing. */
export interface Trial {
  /** The case that runs. */
  readonly id: string;
  readonly section: string;
  /** Aborted when the case has run out of time. */
  readonly signal: AbortSignal;
  /** Adds a line to the result, for example how many variants were tried. */
  note(text: string): void;
  /** Called when the case is over, in reverse order. */
  after(cleanUp: () => unknown): void;
}

export interface FailureDetail {
  /** The rule's sentence, and its section. */
  readonly rule: string;
  /** What was sent, decoded, the last message last. */
  readonly sent: readonly string[];
  readonly expected: string;
  readonly came: string;
}

/** The other end broke a rule. */
export class Failure extends Error {
  constructor(readonly detail: FailureDetail) {
    super(`expected ${detail.expected}; came: ${detail.came}`);
  }
}

/** The rule could not be tried. */
export class Skip extends Error {}

/** The other end said that it has to be left alone for a while. */
export class Throttled extends Skip {
  constructor(
    what: string,
    readonly retryAfterSeconds: number,
  ) {
    super(`${what}: raise its limits for this test (retry after ${retryAfterSeconds} s)`);
  }
}
