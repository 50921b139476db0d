import type { Trial } from '../case.js';
import type { Identity } from '../wire/credentials.js';
import type { LoginClient, Ticket } from '../wire/login-client.js';
import type { Account, Need, ServerContext } from './context.js';
import { define, type ServerCase } from './define.js';

// What the cases about sessions have in common.

const sessions = define('sessions');

/** "Within a second", and what the way there and back may take. */
const SECOND_MS = 1_500;

/** A case with a user of its own, whose first session is over as a connection, but has its ticket. */
export function ownUser(
  id: string,
  section: string,
  title: string,
  rule: string,
  run: (user: SessionUser) => Promise<void>,
  { needs = [], timeoutMs }: { readonly needs?: readonly Need[]; readonly timeoutMs?: number } = {},
): ServerCase {
  return sessions(
    id,
    section,
    title,
    ['accounts', 'sessions', ...needs],
    async (context, trial) => {
      const account = await context.freshAccount(trial);
      await run(new SessionUser(context, trial, account, rule));
    },
    timeoutMs === undefined ? {} : { timeoutMs },
  );
}

/** What a case does with its user. */
export class SessionUser {
  constructor(
    readonly context: ServerContext,
    readonly trial: Trial,
    readonly account: Account,
    readonly rule: string,
  ) {}

  get ticket(): Ticket {
    return this.account.ticket!;
  }

  connect(rule = this.rule): Promise<LoginClient> {
    return this.context.client(this.trial, rule);
  }

  async login(identity: Identity = this.account, deviceLabel = ''): Promise<LoginClient> {
    const client = await this.connect();
    await client.login(identity, { deviceLabel });
    return client;
  }

  /** Resumes; gives the connection, whose `ticket` is the next. */
  async resume(ticket: Ticket, rule = this.rule): Promise<LoginClient> {
    const client = await this.connect(rule);
    await client.resume(ticket);
    return client;
  }

  /** Resumes with a ticket that has to be refused. */
  async refused(ticket: Ticket, codes: string | readonly string[], rule = this.rule): Promise<void> {
    const client = await this.connect(rule);
    client.sendFrame(client.resumeFrame(ticket), 'resume');
    await client.expectRefusal(codes);
    client.link.end();
  }
}

/** The connection closes for this reason, in time. */
export async function closesInTime(
  client: LoginClient,
  codes: string | readonly string[],
  rule: string,
): Promise<void> {
  const before = performance.now();
  await client.expectRefusal(codes, rule);
  const took = Math.round(performance.now() - before);
  client.link.check(took <= SECOND_MS, `the close within ${SECOND_MS} ms`, `it after ${took} ms`, rule);
}

export const REVOKED =
  'Section 9.3: "A session that is ended closes its connection within a second": `session-revoked`.';
export const DEAD =
  'Section 9.1: "any other serial of the session: the session ends, with all its tickets: `session-revoked`".';
