import { randomBytes } from 'node:crypto';
import { loadCrypto } from '../../crypto/index.js';
import { runCases, type Selection } from '../runner.js';
import type { CaseResult, Report } from '../report.js';
import { LYING_LOGIN_CASES, LYING_SIGNUP_CASES } from './cases/challenge.js';
import { HELLO_CASES } from './cases/hello.js';
import { LOGIN_CASES, SIGN_UP_CASE } from './cases/login.js';
import { RESUME_CASES } from './cases/resume.js';
import { WELCOME_CASES } from './cases/welcome.js';
import type { ClientContext } from './context.js';
import type { ClientCase } from './define.js';
import type { Identity } from './listener.js';
import type { Ksf } from './played-server.js';
import type { Subject } from './subject.js';

export { commandSubject, type Subject, type Task } from './subject.js';
export type { Identity, Ksf };

/** Every case about clients. */
export const clientCases: readonly ClientCase[] = [
  SIGN_UP_CASE,
  ...HELLO_CASES,
  ...LYING_SIGNUP_CASES,
  ...LYING_LOGIN_CASES,
  ...LOGIN_CASES,
  ...WELCOME_CASES,
  ...RESUME_CASES,
];

export interface TestClientOptions extends Selection {
  readonly subject: Subject;
  /** Certificate for `host`, which the client trusts, and its key, PEM. */
  readonly identity: Identity;
  /** Named in the report. */
  readonly name?: string | undefined;
  /** Host in the URLs that the client dials, and the domain of the played server. Default `localhost`. */
  readonly host?: string | undefined;
  /** Address to listen on; default 127.0.0.1. */
  readonly address?: string | undefined;
  /** Port to listen on, for clients whose URL is fixed: then one case runs at a time. Default 0: a free one for each case. */
  readonly port?: number | undefined;
  /** Key stretching that sign-up asks for; default argon2id, 65536 KiB, 3, 1. */
  readonly ksf?: Ksf | undefined;
  /** How long the client may take for a step, key stretching included, milliseconds; default 10000. */
  readonly stepMs?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly onStart?: ((running: { readonly id: string; readonly title: string }) => void) | undefined;
  readonly onResult?: ((result: CaseResult, done: number, total: number) => void) | undefined;
}

/**
 * Plays an honest server and every kind of lying one to a client, and reports what it did. One account is signed up first; most
 * cases are logins to it.
 */
export async function testClient(options: TestClientOptions): Promise<Report> {
  const { subject, host = 'localhost', address = '127.0.0.1', port = 0, stepMs = 10_000 } = options;
  const crypto = await loadCrypto();
  const context: ClientContext = {
    subject,
    identity: options.identity,
    host,
    listen: { address, port },
    password: randomBytes(12).toString('hex'),
    stepMs,
    world: {
      crypto,
      domain: host,
      oprfSeed: randomBytes(64),
      credentialIdentifier: randomBytes(32),
      serverKey: crypto.oprf.deriveKeyPair(randomBytes(32), Buffer.from('played server')),
      username: `conformance-${randomBytes(4).toString('hex')}`,
      userId: randomBytes(16),
      ksf: options.ksf ?? { name: 'argon2id', memoryKiB: 65_536, iterations: 3, parallelism: 1 },
      seen: new Set(),
    },
  };
  const actions = subject.actions ?? ['signup', 'login'];
  const missing = (need: string): string | undefined => {
    if (need === 'account') return context.world.account === undefined ? 'no honest sign-up came about' : undefined;
    return (actions as readonly string[]).includes(need)
      ? undefined
      : `the client is not said to know the action ${need}`;
  };
  const { only, sections, onStart, onResult } = options;
  const concurrency = port === 0 ? (options.concurrency ?? 4) : 1;
  const run = (cases: readonly ClientCase[], selection: Selection, before: number, total?: number): Promise<Report> =>
    runCases({
      ...selection,
      cases,
      context,
      tests: 'client',
      subject: options.name ?? 'client',
      missing,
      concurrency,
      timeoutMs: 6 * stepMs,
      onStart,
      onResult: (result, done, count) => onResult?.(result, before + done, total ?? before + count),
    });
  // Whatever was selected: the others need the account.
  const first = await run([SIGN_UP_CASE], {}, 0, clientCases.length);
  const rest = await run(
    clientCases.filter((each) => each !== SIGN_UP_CASE),
    { only, sections },
    1,
  );
  return merge(first, rest);
}

function merge(first: Report, rest: Report): Report {
  return {
    ...rest,
    startedAt: first.startedAt,
    durationMs: first.durationMs + rest.durationMs,
    counts: {
      passed: first.counts.passed + rest.counts.passed,
      failed: first.counts.failed + rest.counts.failed,
      skipped: first.counts.skipped + rest.counts.skipped,
    },
    conforms: first.conforms && rest.conforms,
    cases: [...first.cases, ...rest.cases],
  };
}
