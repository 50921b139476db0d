import { randomBytes } from 'node:crypto';
import { hmacSha512, LABELS, sameBytes, UNBOUND } from '../../wire/transcript.js';
import { begin, loginToFinish, QUIET_MS, start } from '../attempt.js';
import { define, type ClientCase } from '../define.js';
import type { Fields, PlayedServer } from '../played-server.js';

const resume = define('resume');

const RULE =
  'Section 9.1: "The client verifies welcome.proof before it believes anything in `welcome`, and leaves (4480) if it is wrong, or ' +
  'if userId is not the one that it has kept with the ticket."';

/** What `welcome` says of the session of a ticket, with a fresh one. */
function next(ticketId: Buffer): Fields {
  const sessionId = ticketId.subarray(0, 16);
  return { sessionId, ticketId: Buffer.concat([sessionId, randomBytes(16)]), ticketSecret: randomBytes(64) };
}

/** A login that gives out a ticket, and a new attempt with it. */
function resuming(
  id: string,
  title: string,
  play: (server: PlayedServer, ticketId: Buffer, secret: Buffer) => Promise<void>,
): ClientCase {
  return resume(id, '9.1', title, ['account', 'resume'], async (context, trial) => {
    const ticketId = randomBytes(32);
    const ticketSecret = randomBytes(64);
    const { server: first, listener } = await start(context, trial, RULE, 'login');
    await loginToFinish(context, first);
    first.sendWelcome({ sessionId: ticketId.subarray(0, 16), ticketId, ticketSecret });
    await first.expectStay(QUIET_MS / 4);
    first.visit.close(1001);
    const server = (await begin(context, trial, RULE, 'resume', { listener })).enter();
    server.sendHello();
    const { fields } = await server.expect('resume');
    server.check(sameBytes(fields['ticketId'] as Buffer, ticketId), 'the ticket given out last', 'another ticket');
    const hash = server.transcript.hashOfLast(LABELS.resumeClient, UNBOUND);
    const isProven = sameBytes(hmacSha512(ticketSecret, hash), fields['proof'] as Buffer);
    server.check(isProven, "a proof with the ticket's secret over this transcript", 'another proof');
    await play(server, ticketId, ticketSecret);
  });
}

export const RESUME_CASES: readonly ClientCase[] = [
  resuming('resume-honest', 'resume with its proof, and an honest answer', async (server, ticketId, secret) => {
    server.sendResumed(secret, next(ticketId));
    await server.expectStay(QUIET_MS);
  }),
  resuming('resume-wrong-proof', 'welcome with another proof than that of the ticket', async (server, ticketId) => {
    server.sendResumed(randomBytes(64), next(ticketId));
    await server.expectLeave();
  }),
  resuming('resume-no-proof', 'welcome with an empty proof', async (server, ticketId) => {
    server.sendWelcome(next(ticketId));
    await server.expectLeave();
  }),
  resuming(
    'resume-other-user',
    'welcome for another user id, with the proof of the ticket',
    async (server, ticketId, secret) => {
      server.sendResumed(secret, { ...next(ticketId), userId: randomBytes(16) });
      await server.expectLeave();
    },
  ),
];
