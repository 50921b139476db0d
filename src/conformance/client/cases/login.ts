import { randomBytes } from 'node:crypto';
import { loginToFinish, QUIET_MS, start } from '../attempt.js';
import { afterFinish, define, duringLogin, type ClientCase } from '../define.js';

const signup = define('sign-up');
const login = define('login');
const welcome = define('welcome');
const errors = define('errors');

/** Done before all others, which need the account. */
export const SIGN_UP_CASE: ClientCase = signup(
  'signup-honest',
  '7',
  'an honest sign-up, with a proof by the new key',
  ['signup'],
  async (context, trial) => {
    const { world } = context;
    const { server } = await start(context, trial, 'Section 7: sign-up with an honest server.', 'signup');
    server.sendChallenge('signup-challenge');
    const finish = await server.expect('signup-finish');
    const record = finish.fields['record'] as Buffer;
    server.check(server.isSigned(finish, record.subarray(0, 32)), 'a proof by the key in the record', 'another proof');
    world.account = { record, ksf: world.ksf };
    server.sendWelcome();
    server.visit.close(1001);
  },
);

export const LOGIN_CASES: readonly ClientCase[] = [
  login(
    'login-honest',
    '8',
    'an honest login: target, origin and binding of the start, proof of the finish',
    ['account'],
    async (context, trial) => {
      const { caller, task, server } = await start(context, trial, 'Sections 5.2 and 8, 3.', 'login');
      const { fields } = server.start;
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
      await loginToFinish(context, server);
      server.sendWelcome();
      await server.expectStay(QUIET_MS / 2);
    },
  ),
  login(
    'login-fresh-randomness',
    '5.2',
    'two logins have different nonces and blinded elements',
    ['account'],
    async (context, trial) => {
      // Every start is compared with all that came before.
      for (let i = 0; i < 2; i += 1) {
        const { server } = await start(context, trial, 'Section 5.2: clientNonce is "fresh random".', 'login');
        server.visit.close(1001);
      }
    },
  ),
  login(
    'login-wrong-password',
    '8',
    'a wrong password: the client leaves without a finish',
    ['account'],
    async (context, trial) => {
      const rule = 'Section 8, 3: "in every case of failure it leaves with 4480, without a reason".';
      const { server } = await start(context, trial, rule, 'login', { password: `not ${context.password}` });
      server.sendChallenge('login-challenge');
      await server.expectLeave();
    },
  ),
  duringLogin(
    welcome,
    'login-early-welcome',
    '8',
    'welcome answers login-start, without a challenge',
    'Section 8: the client believes nobody whose proof it has not seen.',
    (server) => server.sendWelcome(),
  ),
  duringLogin(
    login,
    'login-second-hello',
    '5.1',
    'a second hello instead of the challenge',
    'Section 5.1: hello is "Sent once, first."',
    (server) => server.sendHello({ serverNonce: randomBytes(32) }),
  ),
  duringLogin(
    login,
    'login-application-before-welcome',
    '4',
    'an application message instead of the challenge',
    'Section 4: "Application messages before `welcome`, of whatever size: … a client leaves."',
    (server) => server.sendApplication(Buffer.concat([Buffer.of(0xc1, 0xc1), randomBytes(20)])),
  ),
  errors(
    'login-try-later',
    '10',
    'try-later is obeyed: no new connection before its time',
    ['account'],
    async (context, trial) => {
      const rule = 'Section 10: `try-later`: "retryAfterSeconds says when".';
      const { server, listener } = await start(context, trial, rule, 'login');
      server.sendError('try-later', 30);
      server.visit.close(4450, 'try-later');
      const again = await listener.caller(2 * QUIET_MS);
      server.check(again === undefined, 'no connection before 30 s are over', 'another connection at once');
    },
  ),
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
];
