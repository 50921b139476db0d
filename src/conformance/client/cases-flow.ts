import { randomBytes } from 'node:crypto';
import { hmacSha512, LABELS, sameBytes, UNBOUND } from '../wire/transcript.js';
import { encodeMessage } from '../wire/schema.js';
import { Skip, type Trial } from '../case.js';
import { begin, beginLogin, signUp, type ClientCase, type ClientContext } from './context.js';
import type { Fields, PlayedServer } from './played-server.js';

const QUIET_MS = 1000;

/** Done before all others, which need the account. */
export const SIGN_UP_CASE: ClientCase = {
  id: 'signup-honest',
  area: 'sign-up',
  section: '7',
  title: 'an honest sign-up, with a proof by the new key',
  level: 'MUST',
  needs: ['signup'],
  run: signUp,
};

/** An honest login up to the client's finish, which is checked. */
async function loginToFinish(
  context: ClientContext,
  trial: Trial,
  rule: string,
  begun?: PlayedServer,
): Promise<PlayedServer> {
  const server = begun ?? (await beginLogin(context, trial, rule));
  server.sendChallenge('login-challenge');
  const finish = await server.expect('login-finish');
  const isSigned = server.isSigned(finish, context.world.account!.record.subarray(0, 32));
  server.check(isSigned, 'a proof by the key that was registered, over this transcript', 'another proof');
  return server;
}

/** What the client does after a `login-finish` that was fine. */
function afterFinish(
  id: string,
  section: string,
  title: string,
  rule: string,
  play: (server: PlayedServer) => Promise<void>,
): ClientCase {
  return {
    id,
    area: 'welcome',
    section,
    title,
    level: 'MUST',
    needs: ['account'],
    async run(context, trial) {
      await play(await loginToFinish(context, trial, rule));
    },
  };
}

const WELCOME_RULE =
  'Section 5.9: "The client leaves if username is not the one it sent, or subprotocol is neither empty nor one it offered."';
const badWelcome = (id: string, title: string, fields: Fields): ClientCase =>
  afterFinish(id, '5.9', title, WELCOME_RULE, async (server) => {
    server.sendWelcome(fields);
    await server.expectLeave();
  });

const BROKEN_RULE =
  'Section 10: "4480 is sent by a client that leaves, … also when the server breaks this protocol after `welcome`."';
const brokenAfter = (id: string, title: string, play: (server: PlayedServer) => void): ClientCase =>
  afterFinish(id, '10', title, BROKEN_RULE, async (server) => {
    server.sendWelcome();
    play(server);
    const came = await server.next();
    // A client that does one thing and goes may have closed before it read what is wrong.
    if (came?.kind === 'close' && (came.code === 1000 || came.code === 1001)) throw new Skip(GONE);
    if (came?.kind !== 'close' || came.code !== 4480) server.fail('that the client leaves: close 4480', came);
  });
const GONE = 'the client closed by itself after its login: let it stay connected until the server closes';

export const FLOW_CASES: readonly ClientCase[] = [
  {
    id: 'login-honest',
    area: 'login',
    section: '8',
    title: 'an honest login: target, origin and binding of the start, proof of the finish',
    level: 'MUST',
    needs: ['account'],
    async run(context, trial) {
      const rule = 'Sections 5.2 and 8, 3.';
      const { caller, task, enter } = await begin(context, trial, rule, 'login');
      const server = enter();
      server.sendHello();
      const { fields } = await server.expectStart('login-start');
      const target = new URL(task.url).host;
      server.check(
        fields['target'] === target,
        `target ${target}: what the client dialled (2.1)`,
        String(fields['target']),
      );
      const origin = caller.headers.origin ?? '';
      server.check(
        fields['origin'] === origin,
        `origin ${JSON.stringify(origin)}, as in the header (5.2)`,
        String(fields['origin']),
      );
      server.check(fields['binding'] === '', 'no binding: hello lists none (5.2)', String(fields['binding']));
      server.check(fields['username'] === task.username, 'the username as prepared (2.1)', String(fields['username']));
      const unasked = [fields['deviceProof'], fields['puzzleAnswer']].some((bytes) => (bytes as Buffer).length > 0);
      server.check(!unasked, 'no puzzleAnswer and no deviceProof that nobody asked for (5.2)', 'one of them');
      server.sendChallenge('login-challenge');
      const finish = await server.expect('login-finish');
      const isSigned = server.isSigned(finish, context.world.account!.record.subarray(0, 32));
      server.check(isSigned, 'a proof by the key that was registered, over this transcript', 'another proof');
      server.sendWelcome();
      await server.expectStay(QUIET_MS / 2);
    },
  },
  {
    id: 'login-fresh-randomness',
    area: 'login',
    section: '5.2',
    title: 'two logins have different nonces and blinded elements',
    level: 'MUST',
    needs: ['account'],
    async run(context, trial) {
      // `expectStart` compares with everything that came before.
      const rule = 'Section 5.2: clientNonce is "fresh random".';
      for (let i = 0; i < 2; i += 1) {
        const server = await beginLogin(context, trial, rule);
        server.visit.close(1001);
      }
    },
  },
  {
    id: 'login-wrong-password',
    area: 'login',
    section: '8',
    title: 'a wrong password: the client leaves without a finish',
    level: 'MUST',
    needs: ['account'],
    async run(context, trial) {
      const rule = 'Section 8, 3: "in every case of failure it leaves with 4480, without a reason".';
      const change = { password: `not ${context.password}` };
      const server = (await begin(context, trial, rule, 'login', change)).enter();
      server.sendHello();
      await server.expectStart('login-start');
      server.sendChallenge('login-challenge');
      await server.expectLeave();
    },
  },
  {
    id: 'login-early-welcome',
    area: 'welcome',
    section: '8',
    title: 'welcome answers login-start, without a challenge',
    level: 'MUST',
    needs: ['account'],
    async run(context, trial) {
      const server = await beginLogin(
        context,
        trial,
        'Section 8: the client believes nobody whose proof it has not seen.',
      );
      server.sendWelcome();
      await server.expectLeave();
    },
  },
  {
    id: 'login-second-hello',
    area: 'login',
    section: '5.1',
    title: 'a second hello instead of the challenge',
    level: 'MUST',
    needs: ['account'],
    async run(context, trial) {
      const server = await beginLogin(context, trial, 'Section 5.1: hello is "Sent once, first."');
      server.sendHello({ serverNonce: randomBytes(32) });
      await server.expectLeave();
    },
  },
  {
    id: 'login-application-before-welcome',
    area: 'login',
    section: '4',
    title: 'an application message instead of the challenge',
    level: 'MUST',
    needs: ['account'],
    async run(context, trial) {
      const rule = 'Section 4: "Application messages before `welcome`, of whatever size: … a client leaves."';
      const server = await beginLogin(context, trial, rule);
      server.sendApplication(Buffer.concat([Buffer.of(0xc1, 0xc1), randomBytes(20)]));
      await server.expectLeave();
    },
  },
  {
    id: 'login-try-later',
    area: 'errors',
    section: '10',
    title: 'try-later is obeyed: no new connection before its time',
    level: 'MUST',
    needs: ['account'],
    async run(context, trial) {
      const rule = 'Section 10: `try-later`: "retryAfterSeconds says when".';
      const { enter, listener } = await begin(context, trial, rule, 'login');
      const server = enter();
      server.sendHello();
      await server.expectStart('login-start');
      server.sendError('try-later', 30);
      server.visit.close(4450, 'try-later');
      const again = await listener.caller(2 * QUIET_MS);
      server.check(again === undefined, 'no connection before 30 s are over', 'another connection at once');
    },
  },
  afterFinish(
    'login-failed-final',
    '7',
    'after login-failed the client tries nothing by itself, and does not sign up instead',
    'Section 8, 3: "one challenge, one attempt; another needs the person"; 7: "MUST NOT turn a failed login into a sign-up".',
    async (server) => {
      server.sendError('login-failed');
      const came = await server.next(QUIET_MS);
      if (came !== undefined && came.kind !== 'close' && came.kind !== 'end') server.fail('nothing, or a close', came);
    },
  ),
  badWelcome('welcome-username', 'welcome for another user', { username: 'somebody-else' }),
  badWelcome('welcome-subprotocol', 'welcome with a subprotocol that was not offered', { subprotocol: 'not-offered' }),
  afterFinish(
    'welcome-growth',
    '13',
    'unknown flags in welcome are ignored',
    'Section 13: "flags whose unknown bits are ignored".',
    async (server) => {
      server.sendWelcome({ flags: 0x8000_0000 });
      await server.expectStay(QUIET_MS);
    },
  ),
  afterFinish('notices', '5.19', 'notices after welcome are taken', 'Sections 5.19 and 5.20.', async (server) => {
    server.sendWelcome();
    server.sendFrame(encodeMessage('expiring', { secondsLeft: 3600, limit: 1 }));
    server.sendFrame(encodeMessage('user-changed', { roles: ['a'] }));
    await server.expectStay(QUIET_MS);
  }),
  brokenAfter('after-unknown-type', 'a control frame of an unknown type after welcome', (server) =>
    server.sendFrame(Buffer.of(0xc1, 0x91, 0x63)),
  ),
  brokenAfter('after-second-welcome', 'welcome again', (server) => server.sendWelcome()),
  brokenAfter('after-garbage', 'a malformed control frame after welcome', (server) =>
    server.sendFrame(Buffer.of(0xc1, 0x92, 0x51, 0xc0)),
  ),
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
  return {
    id,
    area: 'resume',
    section: '9.1',
    title,
    level: 'MUST',
    needs: ['account', 'resume'],
    async run(context, trial) {
      const rule =
        'Section 9.1: "The client verifies welcome.proof before it believes anything in `welcome`, and leaves (4480) if it is wrong, or ' +
        'if userId is not the one that it has kept with the ticket."';
      const ticketId = randomBytes(32);
      const ticketSecret = randomBytes(64);
      const { enter, listener } = await begin(context, trial, rule, 'login');
      const first = enter();
      first.sendHello();
      await first.expectStart('login-start');
      await loginToFinish(context, trial, rule, first);
      first.sendWelcome({ sessionId: ticketId.subarray(0, 16), ticketId, ticketSecret });
      await first.expectStay(QUIET_MS / 4);
      first.visit.close(1001);
      const server = (await begin(context, trial, rule, 'resume', {}, listener)).enter();
      server.sendHello();
      const resume = await server.expect('resume');
      server.check(
        sameBytes(resume.fields['ticketId'] as Buffer, ticketId),
        'the ticket given out last',
        'another ticket',
      );
      const hash = server.transcript.hashOfLast(LABELS.resumeClient, UNBOUND);
      const isProven = sameBytes(hmacSha512(ticketSecret, hash), resume.fields['proof'] as Buffer);
      server.check(isProven, "a proof with the ticket's secret over this transcript", 'another proof');
      await play(server, ticketId, ticketSecret);
    },
  };
}
