import { randomBytes } from 'node:crypto';
import type { Trial } from '../../case.js';
import type { Identity } from '../../wire/credentials.js';
import type { LoginClient, Ticket } from '../../wire/login-client.js';
import { bytesOf, numberOf, textOf } from '../../wire/schema.js';
import { sameBytes } from '../../wire/transcript.js';
import type { Account, Need, ServerContext } from '../context.js';
import { define, type ServerCase } from '../define.js';

const sessions = define('sessions');
const NEEDS: readonly Need[] = ['accounts', 'sessions'];

/** "Within a second", and what the way there and back may take. */
const SECOND_MS = 1_500;

/** A case with an account of its own, whose first session is over as a connection, but has its ticket. */
function own(
  id: string,
  section: string,
  title: string,
  rule: string,
  run: (tools: Tools) => Promise<void>,
  timeoutMs?: number,
): ServerCase {
  return sessions(
    id,
    section,
    title,
    NEEDS,
    async (context, trial) => {
      const account = await context.freshAccount(trial);
      await run(new Tools(context, trial, account, rule));
    },
    timeoutMs === undefined ? {} : { timeoutMs },
  );
}

class Tools {
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
async function closesInTime(client: LoginClient, codes: string | readonly string[], rule: string): Promise<void> {
  const before = performance.now();
  await client.expectRefusal(codes, rule);
  const took = Math.round(performance.now() - before);
  client.link.check(took <= SECOND_MS, `the close within ${SECOND_MS} ms`, `it after ${took} ms`, rule);
}

const REVOKED = 'Section 9.3: "A session that is ended closes its connection within a second": `session-revoked`.';
const DEAD =
  'Section 9.1: "any other serial of the session: the session ends, with all its tickets: `session-revoked`".';
const STEP_UP_FIRST = 'Section 9.1: "A resumed session has no fresh password proof"; 9.2: `step-up-required`.';

export const sessionCases: readonly ServerCase[] = [
  own('resume-honest', '9.1', 'resume goes on with the session', 'Section 9.1: `resume`.', async (tools) => {
    const { account, ticket } = tools;
    const client = await tools.resume(ticket);
    const welcome = client.welcome!;
    for (const field of ['sessionId', 'userId'] as const) {
      client.link.check(
        sameBytes(bytesOf(welcome, field), bytesOf(account.welcome, field)),
        `the ${field} of before`,
        bytesOf(welcome, field).toString('hex'),
      );
    }
    client.link.check(textOf(welcome, 'username') === account.username, account.username, textOf(welcome, 'username'));
    const next = bytesOf(welcome, 'ticketId');
    client.link.check(
      next.length === 32 && !sameBytes(next, ticket.ticketId),
      'a fresh ticket',
      next.length === 0 ? 'none' : 'the same ticket',
      'Section 9.1: "The fresh ticket goes into `welcome`."',
    );
    client.link.check(
      sameBytes(next.subarray(0, 16), bytesOf(welcome, 'sessionId')),
      'a ticket id that begins with the session id',
      'another',
      'Section 9.1: "Its id is the session id and a random serial".',
    );
    const absolute = numberOf(account.welcome, 'absoluteSeconds');
    client.link.check(
      absolute === 0 || numberOf(welcome, 'absoluteSeconds') <= absolute,
      `absoluteSeconds of at most ${absolute}`,
      String(numberOf(welcome, 'absoluteSeconds')),
      'Section 9.3: only `step-up` resets the absolute limit.',
    );
  }),
  own(
    'resume-lost-answer',
    '9.1',
    'the current ticket works again when the answer was lost',
    'Section 9.1: "With current, a fresh successor replaces the one before … a lost answer locks nobody out".',
    async (tools) => {
      const first = await tools.resume(tools.ticket);
      const second = await tools.resume(tools.ticket);
      const third = await tools.resume(tools.ticket);
      third.link.check(
        !sameBytes(first.ticket!.ticketId, second.ticket!.ticketId),
        'successors that differ',
        'the same successor twice',
      );
      await tools.resume(third.ticket!);
    },
  ),
  own(
    'resume-replaced-successor',
    '9.1',
    'a successor that was replaced is dead, and ends the session',
    DEAD,
    async (tools) => {
      const first = await tools.resume(tools.ticket);
      const second = await tools.resume(tools.ticket);
      await tools.refused(first.ticket!, 'session-revoked');
      await tools.refused(second.ticket!, 'session-revoked', 'Section 9.1: "the session ends, with all its tickets".');
    },
  ),
  own(
    'resume-dead-ticket',
    '9.1',
    'a ticket whose successor was used is dead, and ends the session',
    DEAD,
    async (tools) => {
      const first = await tools.resume(tools.ticket);
      const second = await tools.resume(first.ticket!);
      await tools.refused(tools.ticket, 'session-revoked');
      await closesInTime(second, 'session-revoked', REVOKED);
      await tools.refused(second.ticket!, 'session-revoked', 'Section 9.1: "the session ends, with all its tickets".');
    },
  ),
  own(
    'resume-wrong-proof',
    '9.1',
    'a wrong proof changes nothing',
    'Section 9.1: "Wrong …: `resume-failed`, and nothing changes."',
    async (tools) => {
      const { ticket } = tools;
      await tools.refused({ ...ticket, ticketSecret: randomBytes(64) }, 'resume-failed');
      const serial = Buffer.concat([ticket.ticketId.subarray(0, 16), randomBytes(16)]);
      await tools.refused({ ticketId: serial, ticketSecret: ticket.ticketSecret }, 'resume-failed');
      await tools.resume(ticket);
    },
  ),
  own(
    'resume-unknown-ticket',
    '9.1',
    'a ticket that nobody gave out: resume-failed',
    'Section 9.1: "made with a secret that the server cannot derive: `resume-failed`".',
    async (tools) => {
      await tools.refused({ ticketId: randomBytes(32), ticketSecret: randomBytes(64) }, 'resume-failed');
      await tools.refused({ ticketId: Buffer.alloc(32), ticketSecret: Buffer.alloc(64) }, 'resume-failed');
    },
  ),
  own(
    'resume-foreign-secret',
    '9.1',
    'the id of one session with the secret of another: resume-failed',
    'Section 9.1: the secret belongs to its ticketId.',
    async (tools) => {
      const other = await tools.context.account('main', tools.trial);
      await tools.refused(
        { ticketId: other.ticket!.ticketId, ticketSecret: tools.ticket.ticketSecret },
        'resume-failed',
      );
      await tools.resume(tools.ticket);
    },
  ),
  own(
    'resume-replay',
    '9.1',
    'a resume message of another connection: resume-failed',
    'Section 9.1: "the transcript … contains hello\'s nonce".',
    async (tools) => {
      const first = await tools.connect();
      const frame = first.resumeFrame(tools.ticket);
      first.sendFrame(frame, 'resume');
      await first.takeWelcome();
      const second = await tools.connect();
      second.sendFrame(frame, 'resume');
      await second.expectRefusal('resume-failed');
    },
  ),
  own(
    'resume-label',
    '9.1',
    "a proof under the server's label: resume-failed",
    'Section 9.1: the label `blindsalt.v1 resume client`.',
    async (tools) => {
      const client = await tools.connect();
      client.sendFrame(client.resumeFrame(tools.ticket, {}, 'blindsalt.v1 resume server'), 'resume');
      await client.expectRefusal('resume-failed');
    },
  ),
  own(
    'resume-replaces-connection',
    '9.1',
    'the earlier connection is closed with 4435',
    'Section 9.1: "An earlier connection of the session … is closed with 4435."',
    async (tools) => {
      const first = await tools.resume(tools.ticket);
      const second = await tools.resume(first.ticket!);
      await closesInTime(first, 'session-replaced', tools.rule);
      await second.refresh();
    },
  ),
  own(
    'resume-target',
    '9.1',
    'the checks of start messages apply to resume',
    'Section 9.1: "the checks of 5.2 apply".',
    async (tools) => {
      const changes = [
        ['target-refused', { target: 'evil.example:443' }],
        ['origin-refused', { origin: 'https://evil.example' }],
        ['binding-refused', { binding: 'tls-unique' }],
        ['protocol-error', { puzzleAnswer: Buffer.of(1) }],
      ] as const;
      for (const [code, change] of changes) {
        const client = await tools.connect();
        client.sendFrame(client.resumeFrame(tools.ticket, change), 'resume');
        await client.expectRefusal(code);
      }
      await tools.resume(tools.ticket);
    },
  ),
  own(
    'resume-nothing-fresh',
    '9.2',
    'after resume, what needs a fresh password proof is refused',
    STEP_UP_FIRST,
    async (tools) => {
      let ticket = tools.ticket;
      const requests = [
        ['re-register-start', { clientNonce: randomBytes(32), ksfs: ['argon2id', 'pbkdf2-sha512'] }],
        ['revoke', { sessionId: bytesOf(tools.account.welcome, 'sessionId'), scope: 0 }],
        ['revoke', { sessionId: Buffer.alloc(0), scope: 2 }],
        ['logout', { everywhere: 1 }],
        ['delete-account', {}],
      ] as const;
      const client = await tools.resume(ticket);
      ticket = client.ticket!;
      for (const [name, fields] of requests) {
        const more = name === 're-register-start' ? { mechanismData: client.blind(tools.account) } : {};
        client.link.send(name, { ...fields, ...more });
        await client.expectRefusal('step-up-required');
      }
      await client.refresh('Section 9.2: errors without a close code answer a request, and the connection goes on.');
    },
  ),
  own(
    'refresh',
    '9.2',
    'refresh gives a ticket as if the one before had been used',
    'Section 9.2: "the ticket given out last is replaced as if it had been used".',
    async (tools) => {
      const client = await tools.login();
      const old = client.ticket!;
      for (let i = 0; i < 2; i += 1) {
        await client.refresh();
      }
      const second = client.ticket!;
      const resumed = await tools.resume(second);
      await tools.refused(old, 'session-revoked', DEAD);
      await closesInTime(resumed, 'session-revoked', REVOKED);
    },
  ),
  own(
    'step-up',
    '9.2',
    'step-up makes the proof fresh, and the tickets before it are dead',
    'Section 9.2: step-up: "the password proof is fresh … and the tickets given out before are dead".',
    async (tools) => {
      const client = await tools.resume(tools.ticket);
      const before = client.ticket!;
      await client.stepUp(tools.account);
      client.link.check(!sameBytes(client.ticket!.ticketId, before.ticketId), 'a fresh ticket', 'the same');
      client.link.send('revoke', { sessionId: randomBytes(16), scope: 0 });
      await client.expectRefusal('session-unknown');
      await tools.resume(client.ticket!);
      await tools.refused(before, 'session-revoked', DEAD);
    },
  ),
  own(
    'step-up-missed',
    '9.1',
    'a ticket that a step-up replaced, whose answer may have been lost: resume-failed, and nothing changes',
    'Section 9.1: "a serial that was current or successor when a proof of the password … replaced it, and the session was not ' +
      'resumed since: `resume-failed`, and nothing changes".',
    async (tools) => {
      const client = await tools.resume(tools.ticket);
      const before = client.ticket!;
      await client.stepUp(tools.account);
      await tools.refused(before, 'resume-failed');
      await client.refresh('Section 9.1: "nothing changes": the session goes on.');
      await tools.resume(client.ticket!);
    },
  ),
  own(
    'step-up-wrong',
    '9.2',
    'a step-up with a wrong proof: login-failed, and the connection goes on',
    'Section 9.2: step-up has the checks of section 8: `login-failed`.',
    async (tools) => {
      const client = await tools.resume(tools.ticket);
      const challenge = await client.challengeToStepUp(tools.account);
      client.sendFinish('step-up-finish', challenge);
      await client.expectRefusal('login-failed');
      client.link.send('revoke', { sessionId: randomBytes(16), scope: 0 });
      await client.expectRefusal('step-up-required', 'Section 9.2: a step-up that failed makes nothing fresh.');
      await client.stepUp(tools.account);
    },
  ),
  own(
    'step-up-label',
    '6',
    'a step-up with a proof of login: login-failed',
    'Section 6: the label `blindsalt.v1 step-up client`.',
    async (tools) => {
      const client = await tools.resume(tools.ticket);
      const challenge = await client.challengeToStepUp(tools.account);
      client.sendFinish('step-up-finish', challenge, challenge.keys!.clientPrivateKey, {}, 'blindsalt.v1 login client');
      await client.expectRefusal('login-failed');
    },
  ),
  own(
    'step-up-finish-once',
    '9.2',
    'a challenge to step up takes one finish',
    'Section 9.2: step-up: the checks of section 8: "forgotten after one `login-finish`".',
    async (tools) => {
      const client = await tools.resume(tools.ticket);
      const challenge = await client.challengeToStepUp(tools.account);
      client.sendFinish('step-up-finish', challenge);
      await client.expectRefusal('login-failed');
      client.sendFinish('step-up-finish', challenge, challenge.keys!.clientPrivateKey);
      await client.expectRefusal('protocol-error');
    },
  ),
  own('re-register', '9.2', 'a password change', 'Section 9.2: re-register.', async (tools) => {
    const { account, context } = tools;
    const other = await tools.login();
    const client = await tools.login();
    const before = client.ticket!;
    const keys = await client.stepUp(account);
    const changed = context.freshIdentity(account.username);
    await client.reregister(changed, keys);
    context.adopt({ ...account, ...changed });
    await tools.login(changed);
    const stale = await tools.connect();
    const challenge = await stale.challengeToLoginUnchecked(account);
    stale.link.check(
      challenge.keys === undefined,
      'an envelope that the old password does not open',
      'one that it opens',
    );
    stale.sendFinish('login-finish', challenge, keys.clientPrivateKey);
    await stale.expectRefusal(
      'login-failed',
      'Section 9.2: the record was swapped: the old key proves nothing any more.',
    );
    await other.refresh('Section 9.2: "with 0 they and their tickets stay as they are".');
    await tools.resume(client.ticket!);
    await tools.refused(
      before,
      'session-revoked',
      'Section 9.2: "the tickets of this session that were given out before die".',
    );
  }),
  own(
    're-register-end-others',
    '9.2',
    'a password change that ends all other sessions',
    'Section 9.2: "With endOthers 1 all other sessions of the user end".',
    async (tools) => {
      const { account, context } = tools;
      const other = await tools.login();
      const client = await tools.login();
      const keys = await client.stepUp(account);
      const changed = context.freshIdentity(account.username);
      await client.reregister(changed, keys, 1);
      context.adopt({ ...account, ...changed });
      await closesInTime(other, 'session-revoked', REVOKED);
      await tools.refused(tools.ticket, 'session-revoked');
      await client.refresh();
    },
  ),
  ...(['old', 'new'] as const).map((which) =>
    own(
      `re-register-wrong-${which}-proof`,
      '9.2',
      `a password change with a wrong ${which} proof changes nothing`,
      'Section 9.2: "The server verifies both proofs".',
      async (tools) => {
        const { account, context } = tools;
        const client = await tools.login();
        const keys = await client.stepUp(account);
        const changed = context.freshIdentity(account.username);
        const challenge = await client.challengeToReregister(changed, keys.serverPublicKey);
        const stranger = client.crypto.scalar.reduce(randomBytes(64));
        const frame = client.reregisterFinishFrame(
          challenge,
          which === 'old' ? stranger : keys.clientPrivateKey,
          which === 'new' ? { newKey: stranger } : {},
        );
        client.sendFrame(frame, 're-register-finish');
        await client.expectRefusal(['protocol-error', 'login-failed']);
        await tools.login(account);
      },
    ),
  ),
  own(
    're-register-record-changed',
    '9.2',
    'a change of a record that was changed meanwhile: record-changed',
    'Section 9.2: "swaps the record if it is still the one that the challenge was made for, else `record-changed`".',
    async (tools) => {
      const { account, context } = tools;
      const [first, second] = [await tools.login(), await tools.login()];
      const keys = await first.stepUp(account);
      await second.stepUp(account);
      const lost = await second.challengeToReregister(context.freshIdentity(account.username), keys.serverPublicKey);
      const changed = context.freshIdentity(account.username);
      await first.reregister(changed, keys);
      context.adopt({ ...account, ...changed });
      second.sendFrame(second.reregisterFinishFrame(lost, keys.clientPrivateKey), 're-register-finish');
      await second.expectRefusal('record-changed');
      await tools.login(changed);
    },
  ),
  own(
    'sessions-list',
    '5.17',
    'sessions-list names the sessions of the user, and no others',
    'Section 5.17: "an entry for each session, then one with an empty sessionId".',
    async (tools) => {
      const labelled = await tools.login(tools.account, 'a label ☃');
      labelled.link.send('sessions-list');
      const ids: string[] = [];
      let current = 0;
      for (;;) {
        const entry = await labelled.link.expect('session-entry');
        if (bytesOf(entry, 'sessionId').length === 0) break;
        ids.push(bytesOf(entry, 'sessionId').toString('hex'));
        const isOwn = sameBytes(bytesOf(entry, 'sessionId'), labelled.sessionId);
        current += numberOf(entry, 'current');
        labelled.link.check(
          isOwn === (numberOf(entry, 'current') === 1),
          'current 1 for the session of this connection alone',
          `current ${numberOf(entry, 'current')}`,
        );
        if (isOwn)
          labelled.link.check(
            textOf(entry, 'deviceLabel') === 'a label ☃',
            'the deviceLabel of the login',
            textOf(entry, 'deviceLabel'),
          );
        const age = Math.abs(Date.now() / 1000 - numberOf(entry, 'createdAtSeconds'));
        labelled.link.check(
          age < 600,
          'createdAtSeconds since 1970, of a moment ago',
          String(numberOf(entry, 'createdAtSeconds')),
        );
      }
      const expected = [
        bytesOf(tools.account.welcome, 'sessionId').toString('hex'),
        labelled.sessionId.toString('hex'),
      ];
      labelled.link.check(
        ids.sort().join() === expected.sort().join(),
        `the sessions ${expected.join(', ')}`,
        ids.join(', '),
      );
      labelled.link.check(current === 1, 'one entry with current 1', String(current));
    },
  ),
  own(
    'revoke-one',
    '9.3',
    'a revoked session closes its connection in time, and its ticket is worthless',
    REVOKED,
    async (tools) => {
      const victim = await tools.login();
      const client = await tools.login();
      client.link.send('revoke', { sessionId: victim.sessionId, scope: 0 });
      const closing = closesInTime(victim, 'session-revoked', REVOKED);
      const done = await client.link.expect('done', 'Section 5.18: `done`.');
      client.link.check(
        numberOf(done, 'count') === 1,
        'done with count 1',
        String(numberOf(done, 'count')),
        'Section 5.18: "count uint, sessions that ended".',
      );
      await closing;
      await tools.refused(
        victim.ticket!,
        'session-revoked',
        'Section 9.1: "it was ended or does not exist any more: `session-revoked`".',
      );
      await tools.resume(tools.ticket, 'Section 9.2: revoke, scope 0: that session, and no other.');
    },
  ),
  own(
    'revoke-foreign',
    '9.2',
    "another user's session is unknown",
    'Section 9.2: "only sessions of the same user. An id that is not one of them: `session-unknown`".',
    async (tools) => {
      const stranger = await tools.login(await tools.context.account('main', tools.trial));
      const client = await tools.login();
      client.link.send('revoke', { sessionId: stranger.sessionId, scope: 0 });
      await client.expectRefusal('session-unknown');
      await stranger.refresh('Section 9.2: the session of another user goes on.');
    },
  ),
  own(
    'revoke-others',
    '9.2',
    'revoke with scope 1 ends all others',
    'Section 5.18: scope: "1 all others".',
    async (tools) => {
      const victim = await tools.login();
      const client = await tools.login();
      client.link.send('revoke', { sessionId: Buffer.alloc(0), scope: 1 });
      const closing = closesInTime(victim, 'session-revoked', REVOKED);
      const done = await client.link.expect('done');
      client.link.check(numberOf(done, 'count') === 2, 'done with count 2', String(numberOf(done, 'count')));
      await closing;
      await tools.refused(tools.ticket, 'session-revoked');
      await client.refresh('Section 5.18: scope 1: this session stays.');
    },
  ),
  own(
    'revoke-all',
    '9.2',
    'revoke with scope 2 ends this session too, after its answer',
    'Section 5.18: scope: "2 all with this one"; 9.3: `session-revoked`.',
    async (tools) => {
      const client = await tools.login();
      client.link.send('revoke', { sessionId: Buffer.alloc(0), scope: 2 });
      await client.link.expect('done');
      await client.expectRefusal('session-revoked');
      await tools.refused(client.ticket!, 'session-revoked');
      await tools.refused(tools.ticket, 'session-revoked');
    },
  ),
  own(
    'revoke-scope-id',
    '5.18',
    'revoke with a session id where none belongs, or without one: 4400',
    'Section 5.18: "0 that session, 1 all others, 2 all with this one (sessionId empty)".',
    async (tools) => {
      for (const [length, scope] of [
        [0, 0],
        [16, 2],
      ] as const) {
        const client = await tools.login();
        client.link.send('revoke', { sessionId: length === 0 ? Buffer.alloc(0) : client.sessionId, scope });
        await client.expectRefusal(['protocol-error', 'session-unknown']);
      }
      await tools.resume(tools.ticket);
    },
  ),
  own(
    'logout',
    '9.2',
    'logout closes with 1000, and the ticket is worthless',
    'Section 9.2: "the session ends, and the server closes with 1000".',
    async (tools) => {
      const client = await tools.login();
      client.link.send('logout', { everywhere: 0 });
      await client.link.expectClose(1000);
      await tools.refused(client.ticket!, 'session-revoked');
      await tools.resume(tools.ticket, 'Section 9.2: logout with 0 ends this session alone.');
    },
  ),
  own(
    'logout-everywhere',
    '9.2',
    "logout everywhere ends all of the user's sessions",
    'Section 9.2: "With 1 … all of the user\'s sessions end."',
    async (tools) => {
      const other = await tools.login();
      const client = await tools.login();
      client.link.send('logout', { everywhere: 1 });
      const closing = closesInTime(other, 'session-revoked', REVOKED);
      await client.link.expectClose(1000);
      await closing;
      await tools.refused(tools.ticket, 'session-revoked');
    },
  ),
  own(
    'delete-account',
    '9.2',
    'delete-account: done, then 1000; sessions and password are worth nothing',
    'Section 9.2: "The user, the record and all sessions are gone; `done`, then 1000."',
    async (tools) => {
      const { account, context } = tools;
      const other = await tools.login();
      const client = await tools.login();
      client.link.send('delete-account');
      const closing = closesInTime(other, ['session-revoked', 'account-disabled'], REVOKED);
      await client.link.expect('done');
      await client.link.expectClose(1000);
      await closing;
      await tools.refused(tools.ticket, ['session-revoked', 'account-disabled']);
      const again = await tools.connect();
      const challenge = await again.startLogin(account, {}, 'Section 12: a name that is unknown now is answered.');
      again.sendFinish('login-finish', challenge);
      await again.expectError('login-failed');
      if (context.registration !== 'open') return;
      const heir = await tools.connect('Section 9.2: the user is gone, and the name is free.');
      const welcome = await heir.signup(account, '');
      heir.link.check(
        !sameBytes(bytesOf(welcome, 'userId'), bytesOf(account.welcome, 'userId')),
        'another userId',
        'the same',
        'Section 5.9: userId: "of this person for ever, also if the username changes hands".',
      );
    },
  ),
  sessions(
    'disabled-account',
    '9.3',
    'a disabled account: its sessions end, its logins fail',
    [...NEEDS, 'administrator'],
    async (context, trial) => {
      const account = await context.freshAccount(trial);
      const tools = new Tools(
        context,
        trial,
        account,
        'Section 8, 4: disabled account: `login-failed`; 9.3: `account-disabled`.',
      );
      const client = await tools.login();
      const { keys } = await (await tools.connect()).challengeToLogin(account);
      await context.administrator!.disable(account.username);
      await closesInTime(client, 'account-disabled', 'Section 9.3: within a second: `account-disabled`.');
      await tools.refused(tools.ticket, ['account-disabled', 'session-revoked']);
      const late = await tools.connect();
      const challenge = await late.challengeToLogin(account);
      late.sendFinish('login-finish', challenge, keys!.clientPrivateKey);
      await late.expectError('login-failed');
    },
  ),
  sessions(
    'idle-limit',
    '9.3',
    'an idle session ends: session-expired',
    [...NEEDS, 'short-idle-limit'],
    async (context, trial) => {
      const account = await context.freshAccount(trial);
      const tools = new Tools(context, trial, account, 'Section 9.3: "At the limit: `session-expired`."');
      const client = await tools.login();
      const idleMs = 1000 * context.idleSeconds;
      await new Promise((resolve) => setTimeout(resolve, idleMs / 2));
      client.link.sendText('still here');
      const before = performance.now();
      const came = await client.link.answer(idleMs + 3_000);
      const took = Math.round(performance.now() - before);
      const code =
        came.kind === 'message'
          ? came.message.fields['code']
          : came.kind === 'close' && came.code === 4431
            ? 'session-expired'
            : '';
      client.link.check(code === 'session-expired', 'error session-expired, then close 4431', came);
      client.link.check(
        took >= idleMs - 1_000,
        `no end before ${idleMs} ms without a message`,
        `it after ${took} ms`,
        'Section 9.3: "any message of the client\'s resets the idle limit".',
      );
      await tools.refused(
        client.ticket!,
        'session-expired',
        'Section 9.1: "the session has expired: `session-expired`".',
      );
    },
    { timeoutMs: 60_000 },
  ),
  sessions(
    'absolute-limit',
    '9.3',
    'a session ends at its absolute limit, whatever is sent',
    [...NEEDS, 'short-absolute-limit'],
    async (context, trial) => {
      const account = await context.freshAccount(trial);
      const tools = new Tools(context, trial, account, 'Section 9.3: "At the limit: `session-expired`."');
      const client = await tools.login();
      const until = performance.now() + 1000 * (context.absoluteSeconds + 3);
      while (performance.now() < until) {
        const came = await client.link.answer(500);
        if (came.kind === 'silence') {
          client.link.sendText('busy');
          continue;
        }
        const code =
          came.kind === 'message'
            ? came.message.fields['code']
            : came.kind === 'close' && came.code === 4431
              ? 'session-expired'
              : '';
        client.link.check(code === 'session-expired', 'error session-expired, then close 4431', came);
        return;
      }
      client.link.fail('error session-expired, then close 4431', `nothing in ${context.absoluteSeconds + 3} s`);
    },
    { timeoutMs: 60_000 },
  ),
];
