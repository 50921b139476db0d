/**
 * Tests of blindsalt.v1 from outside: of any server, in any language. Speaks only the wire; Node only.
 * @example
 * const report = await testServer({ url: 'wss://localhost:8443', ca });
 * process.stdout.write(formatText(report));
 */
export { testServer, serverCases, type TestServerOptions } from './server/suite.js';
export type { ServerCase } from './server/define.js';
export { NEEDS, type Need, type ServerContextOptions } from './server/context.js';
export { Failure, Skip, Throttled, type Case, type FailureDetail, type Level, type Trial } from './case.js';
export { runCases, selectCases, type RunOptions, type Selection } from './runner.js';
export {
  formatCase,
  formatSummary,
  formatTap,
  formatText,
  REPORT_SCHEMA,
  type CaseResult,
  type Report,
  type Status,
} from './report.js';
export { DialError } from './wire/dial.js';
export {
  clientCases,
  commandSubject,
  testClient,
  type Identity,
  type Ksf,
  type Subject,
  type Task,
  type TestClientOptions,
} from './client/index.js';
