import type { Trial } from '../case.js';
import type { Report } from '../report.js';
import { runCases, type RunOptions, type Selection } from '../runner.js';
import { applicationCases } from './cases/application.js';
import { decoderCases } from './cases/decoder.js';
import { deviceCases } from './cases/devices.js';
import { helloCases } from './cases/hello.js';
import { limitCases } from './cases/limits.js';
import { loginCases } from './cases/login.js';
import { machineCases } from './cases/machine.js';
import { nonceCases } from './cases/nonces.js';
import { requestCases } from './cases/requests.js';
import { sessionLimitCases } from './cases/session-limits.js';
import { signupCases } from './cases/signup.js';
import { startCases } from './cases/starts.js';
import { stepUpCases } from './cases/step-up.js';
import { ticketCases } from './cases/tickets.js';
import { transcriptCases } from './cases/transcript.js';
import { unknownUserCases } from './cases/unknown-users.js';
import { ServerContext, type ServerContextOptions } from './context.js';
import type { ServerCase } from './define.js';

/** All cases for servers. */
export const serverCases: readonly ServerCase[] = [
  ...helloCases,
  ...decoderCases,
  ...startCases,
  ...signupCases,
  ...loginCases,
  ...unknownUserCases,
  ...deviceCases,
  ...machineCases,
  ...transcriptCases,
  ...ticketCases,
  ...stepUpCases,
  ...requestCases,
  ...sessionLimitCases,
  ...limitCases,
  ...applicationCases,
  ...nonceCases,
];

const needingHello = (one: ServerCase): ServerCase => (one.id === 'hello-first' ? one : { ...one, needs: ['hello'] });

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
 * @throws DialError, Throttled when there is no connection; TypeError for a URL that is none
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
      cases: context.hasHello ? serverCases : serverCases.map(needingHello),
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
