import { randomBytes } from 'node:crypto';
import { bytesOf, numberOf, textOf } from '../../wire/schema.js';
import { sameBytes } from '../../wire/transcript.js';
import type { ServerCase } from '../define.js';
import { closesInTime, DEAD, ownUser, REVOKED } from '../session-user.js';

const STEP_UP_FIRST = 'Section 9.1: "A resumed session has no fresh password proof"; 9.2: `step-up-required`.';

/** Resumption and the serials of tickets, section 9.1; what a resumed session may not do. */
export const ticketCases: readonly ServerCase[] = [
  ownUser('resume-honest', '9.1', 'resume goes on with the session', 'Section 9.1: `resume`.', async (user) => {
    const { account, ticket } = user;
    const client = await user.resume(ticket);
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
  ownUser(
    'resume-lost-answer',
    '9.1',
    'the current ticket works again when the answer was lost',
    'Section 9.1: "With current, a fresh successor replaces the one before … a lost answer locks nobody out".',
    async (user) => {
      const first = await user.resume(user.ticket);
      const second = await user.resume(user.ticket);
      const third = await user.resume(user.ticket);
      third.link.check(
        !sameBytes(first.ticket!.ticketId, second.ticket!.ticketId),
        'successors that differ',
        'the same successor twice',
      );
      await user.resume(third.ticket!);
    },
  ),
  ownUser(
    'resume-replaced-successor',
    '9.1',
    'a successor that was replaced is dead, and ends the session',
    DEAD,
    async (user) => {
      const first = await user.resume(user.ticket);
      const second = await user.resume(user.ticket);
      await user.refused(first.ticket!, 'session-revoked');
      await user.refused(second.ticket!, 'session-revoked', 'Section 9.1: "the session ends, with all its tickets".');
    },
  ),
  ownUser(
    'resume-dead-ticket',
    '9.1',
    'a ticket whose successor was used is dead, and ends the session',
    DEAD,
    async (user) => {
      const first = await user.resume(user.ticket);
      const second = await user.resume(first.ticket!);
      await user.refused(user.ticket, 'session-revoked');
      await closesInTime(second, 'session-revoked', REVOKED);
      await user.refused(second.ticket!, 'session-revoked', 'Section 9.1: "the session ends, with all its tickets".');
    },
  ),
  ownUser(
    'resume-wrong-proof',
    '9.1',
    'a wrong proof changes nothing',
    'Section 9.1: "Wrong …: `resume-failed`, and nothing changes."',
    async (user) => {
      const { ticket } = user;
      await user.refused({ ...ticket, ticketSecret: randomBytes(64) }, 'resume-failed');
      const serial = Buffer.concat([ticket.ticketId.subarray(0, 16), randomBytes(16)]);
      await user.refused({ ticketId: serial, ticketSecret: ticket.ticketSecret }, 'resume-failed');
      await user.resume(ticket);
    },
  ),
  ownUser(
    'resume-unknown-ticket',
    '9.1',
    'a ticket that nobody gave out: resume-failed',
    'Section 9.1: "made with a secret that the server cannot derive: `resume-failed`".',
    async (user) => {
      await user.refused({ ticketId: randomBytes(32), ticketSecret: randomBytes(64) }, 'resume-failed');
      await user.refused({ ticketId: Buffer.alloc(32), ticketSecret: Buffer.alloc(64) }, 'resume-failed');
    },
  ),
  ownUser(
    'resume-foreign-secret',
    '9.1',
    'the id of one session with the secret of another: resume-failed',
    'Section 9.1: the secret belongs to its ticketId.',
    async (user) => {
      const other = await user.context.account('main', user.trial);
      await user.refused({ ticketId: other.ticket!.ticketId, ticketSecret: user.ticket.ticketSecret }, 'resume-failed');
      await user.resume(user.ticket);
    },
  ),
  ownUser(
    'resume-replay',
    '9.1',
    'a resume message of another connection: resume-failed',
    'Section 9.1: "the transcript … contains hello\'s nonce".',
    async (user) => {
      const first = await user.connect();
      const frame = first.resumeFrame(user.ticket);
      first.sendFrame(frame, 'resume');
      await first.takeWelcome();
      const second = await user.connect();
      second.sendFrame(frame, 'resume');
      await second.expectRefusal('resume-failed');
    },
  ),
  ownUser(
    'resume-label',
    '9.1',
    "a proof under the server's label: resume-failed",
    'Section 9.1: the label `blindsalt.v1 resume client`.',
    async (user) => {
      const client = await user.connect();
      client.sendFrame(client.resumeFrame(user.ticket, {}, 'blindsalt.v1 resume server'), 'resume');
      await client.expectRefusal('resume-failed');
    },
  ),
  ownUser(
    'resume-replaces-connection',
    '9.1',
    'the earlier connection is closed with 4435',
    'Section 9.1: "An earlier connection of the session … is closed with 4435."',
    async (user) => {
      const first = await user.resume(user.ticket);
      const second = await user.resume(first.ticket!);
      await closesInTime(first, 'session-replaced', user.rule);
      await second.refresh();
    },
  ),
  ownUser(
    'resume-target',
    '9.1',
    'the checks of start messages apply to resume',
    'Section 9.1: "the checks of 5.2 apply".',
    async (user) => {
      const changes = [
        ['target-refused', { target: 'evil.example:443' }],
        ['origin-refused', { origin: 'https://evil.example' }],
        ['binding-refused', { binding: 'tls-unique' }],
        ['protocol-error', { puzzleAnswer: Buffer.of(1) }],
      ] as const;
      for (const [code, change] of changes) {
        const client = await user.connect();
        client.sendFrame(client.resumeFrame(user.ticket, change), 'resume');
        await client.expectRefusal(code);
      }
      await user.resume(user.ticket);
    },
  ),
  ownUser(
    'resume-nothing-fresh',
    '9.2',
    'after resume, what needs a fresh password proof is refused',
    STEP_UP_FIRST,
    async (user) => {
      let ticket = user.ticket;
      const requests = [
        ['re-register-start', { clientNonce: randomBytes(32), ksfs: ['argon2id', 'pbkdf2-sha512'] }],
        ['revoke', { sessionId: bytesOf(user.account.welcome, 'sessionId'), scope: 0 }],
        ['revoke', { sessionId: Buffer.alloc(0), scope: 2 }],
        ['logout', { everywhere: 1 }],
        ['delete-account', {}],
      ] as const;
      const client = await user.resume(ticket);
      ticket = client.ticket!;
      for (const [name, fields] of requests) {
        const more = name === 're-register-start' ? { mechanismData: client.blind(user.account) } : {};
        client.link.send(name, { ...fields, ...more });
        await client.expectRefusal('step-up-required');
      }
      await client.refresh('Section 9.2: errors without a close code answer a request, and the connection goes on.');
    },
  ),
  ownUser(
    'refresh',
    '9.2',
    'refresh gives a ticket as if the one before had been used',
    'Section 9.2: "the ticket given out last is replaced as if it had been used".',
    async (user) => {
      const client = await user.login();
      const old = client.ticket!;
      for (let i = 0; i < 2; i += 1) {
        await client.refresh();
      }
      const second = client.ticket!;
      const resumed = await user.resume(second);
      await user.refused(old, 'session-revoked', DEAD);
      await closesInTime(resumed, 'session-revoked', REVOKED);
    },
  ),
];
