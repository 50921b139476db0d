import type { Trial } from '../case.js';
import type { Report } from '../report.js';
import { runCases, type RunOptions, type Selection } from '../runner.js';
import { helloCases } from './cases/hello.js';
import { ServerContext, type ServerContextOptions } from './context.js';
import type { ServerCase } from './define.js';

/** All cases for servers. */
export const serverCases: readonly ServerCase[] = [...helloCases];

export interface TestServerOptions
  extends
    ServerContextOptions,
    Selection,
    Pick<RunOptions<ServerContext>, 'concurrency' | 'timeoutMs' | 'patienceSeconds' | 'onStart' | 'onResult'> {
  /** Delete the accounts that were made; default true. */
  readonly cleanUp?: boolean | undefined;
}

/**
 * Tests a server of blindsalt.v1 from outside. Makes accounts with random passwords on it, and deletes them afterwards.
 * @throws DialError, Failure, Throttled when there is no `hello`; TypeError for a URL that is none
 */
export async function testServer(options: TestServerOptions): Promise<Report> {
  const cleanUps: (() => unknown)[] = [];
  const outside: Trial = {
    id: 'preparation',
    section: '3',
    signal: new AbortController().signal,
    note: () => {},
    after: (cleanUp) => void cleanUps.push(cleanUp),
  };
  try {
    const context = await ServerContext.open(options, outside);
    const report = await runCases({
      ...options,
      cases: serverCases,
      context,
      tests: 'server',
      subject: context.place.url.href,
      missing: (need) => context.missing(need),
    });
    if (options.cleanUp !== false) await context.cleanUp(outside);
    return report;
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}
