import { Failure, Skip, Throttled, type Case, type Trial } from './case.js';
import type { CaseResult, Report } from './report.js';

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_CONCURRENCY = 8;

export interface Selection {
  /** Ids, or beginnings of ids that end with `*`. Default all. */
  readonly only?: readonly string[] | undefined;
  /** Sections of PROTOCOL.md; `5` stands for 5 and 5.1 to 5.20. Default all. */
  readonly sections?: readonly string[] | undefined;
}

export interface RunOptions<C> extends Selection {
  readonly cases: readonly Case<C>[];
  readonly context: C;
  readonly tests: Report['tests'];
  /** Named in the report. */
  readonly subject: string;
  /** Why the other end does not offer this; undefined when it does. */
  readonly missing: (need: string) => string | undefined;
  /** Cases at a time; default 8. */
  readonly concurrency?: number | undefined;
  /** For each case that has none of its own; default 30 s. */
  readonly timeoutMs?: number | undefined;
  /** A throttled case is tried once more if it has to wait no longer than this; default 5 s. */
  readonly patienceSeconds?: number | undefined;
  readonly onStart?: ((running: Case<C>) => void) | undefined;
  readonly onResult?: ((result: CaseResult, done: number, total: number) => void) | undefined;
}

/** Those of the cases that are asked for, in their order. */
export function selectCases<C>(cases: readonly Case<C>[], { only, sections }: Selection): readonly Case<C>[] {
  return cases.filter(({ id, section }) => {
    const named =
      only === undefined || only.some((name) => (name.endsWith('*') ? id.startsWith(name.slice(0, -1)) : id === name));
    const there =
      sections === undefined || sections.some((wanted) => section === wanted || section.startsWith(`${wanted}.`));
    return named && there;
  });
}

/** Runs cases, some at a time; results are in the order of the cases. */
export async function runCases<C>(options: RunOptions<C>): Promise<Report> {
  const { tests, subject, concurrency = DEFAULT_CONCURRENCY, onStart, onResult } = options;
  const cases = selectCases(options.cases, options);
  const results: CaseResult[] = [];
  const startedAt = new Date();
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < cases.length; at = next++) {
      const running = cases[at]!;
      onStart?.(running);
      const result = await runCase(running, options);
      results[at] = result;
      done += 1;
      onResult?.(result, done, cases.length);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, worker));
  const count = (status: CaseResult['status']): number => results.filter((result) => result.status === status).length;
  return {
    format: 'blindsalt-conformance-report',
    version: 1,
    protocol: 'blindsalt.v1',
    tests,
    subject,
    startedAt: startedAt.toISOString(),
    durationMs: Date.now() - startedAt.getTime(),
    counts: { passed: count('passed'), failed: count('failed'), skipped: count('skipped') },
    conforms: !results.some(({ status, level }) => status === 'failed' && level === 'MUST'),
    cases: results,
  };
}

async function runCase<C>(running: Case<C>, options: RunOptions<C>): Promise<CaseResult> {
  const { id, area, section, title, level, needs } = running;
  const notes: string[] = [];
  const started = performance.now();
  const result = (rest: Pick<CaseResult, 'status' | 'reason' | 'failure'>): CaseResult => {
    const durationMs = Math.round(performance.now() - started);
    return { id, area, section, title, level, durationMs, ...rest, notes };
  };
  for (const need of needs) {
    const reason = options.missing(need);
    if (reason !== undefined) return result({ status: 'skipped', reason });
  }
  for (let attempt = 0; ; attempt += 1) {
    notes.length = 0;
    try {
      await tryOnce(running, options, notes);
      return result({ status: 'passed' });
    } catch (error) {
      if (error instanceof Throttled && attempt === 0 && error.retryAfterSeconds <= (options.patienceSeconds ?? 5)) {
        await new Promise((resolve) => setTimeout(resolve, 1000 * error.retryAfterSeconds));
        continue;
      }
      if (error instanceof Skip) return result({ status: 'skipped', reason: error.message });
      if (error instanceof Failure) return result({ status: 'failed', failure: error.detail });
      return result({ status: 'failed', reason: error instanceof Error ? error.message : String(error) });
    }
  }
}

async function tryOnce<C>(running: Case<C>, { context, timeoutMs }: RunOptions<C>, notes: string[]): Promise<void> {
  const limitMs = running.timeoutMs ?? timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const abort = new AbortController();
  const cleanUps: (() => unknown)[] = [];
  const trial: Trial = {
    id: running.id,
    section: running.section,
    signal: abort.signal,
    note: (text) => void notes.push(text),
    after: (cleanUp) => void cleanUps.push(cleanUp),
  };
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`the case did not end in ${limitMs} ms`);
      abort.abort(error);
      reject(error);
    }, limitMs);
  });
  try {
    await Promise.race([running.run(context, trial), timeout]);
  } finally {
    clearTimeout(timer);
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}
