import { codeOf } from '../../wire/link.js';
import type { ServerCase } from '../define.js';
import { closesInTime, ownUser } from '../session-user.js';

const LIMIT_RULE = 'Section 9.3: "At the limit: `session-expired`."';
const EXPIRED = 'error session-expired, then close 4431';

/** What ends a session without its user, section 9.3. */
export const sessionLimitCases: readonly ServerCase[] = [
  ownUser(
    'disabled-account',
    '9.3',
    'a disabled account: its sessions end, its logins fail',
    'Section 8, 4: disabled account: `login-failed`; 9.3: `account-disabled`.',
    async (user) => {
      const { context } = user;
      const client = await user.login();
      const { keys } = await (await user.connect()).challengeToLogin(user.account);
      await context.administrator!.disable(user.account.username);
      await closesInTime(client, 'account-disabled', 'Section 9.3: within a second: `account-disabled`.');
      await user.refused(user.ticket, ['account-disabled', 'session-revoked']);
      const late = await user.connect();
      const challenge = await late.challengeToLogin(user.account);
      late.sendFinish('login-finish', challenge, keys!.clientPrivateKey);
      await late.expectError('login-failed');
    },
    { needs: ['administrator'] },
  ),
  ownUser(
    'idle-limit',
    '9.3',
    'an idle session ends: session-expired',
    LIMIT_RULE,
    async (user) => {
      const { context } = user;
      const client = await user.login();
      const idleMs = 1000 * context.idleSeconds;
      await new Promise((resolve) => setTimeout(resolve, idleMs / 2));
      client.link.sendText('still here');
      const before = performance.now();
      const came = await client.link.answer(idleMs + 3_000);
      const took = Math.round(performance.now() - before);
      client.link.check(codeOf(came) === 'session-expired', EXPIRED, came);
      client.link.check(
        took >= idleMs - 1_000,
        `no end before ${idleMs} ms without a message`,
        `it after ${took} ms`,
        'Section 9.3: "any message of the client\'s resets the idle limit".',
      );
      await user.refused(
        client.ticket!,
        'session-expired',
        'Section 9.1: "the session has expired: `session-expired`".',
      );
    },
    { needs: ['short-idle-limit'], timeoutMs: 60_000 },
  ),
  ownUser(
    'absolute-limit',
    '9.3',
    'a session ends at its absolute limit, whatever is sent',
    LIMIT_RULE,
    async (user) => {
      const { context } = user;
      const client = await user.login();
      const until = performance.now() + 1000 * (context.absoluteSeconds + 3);
      while (performance.now() < until) {
        const came = await client.link.answer(500);
        if (came.kind === 'silence') {
          client.link.sendText('busy');
          continue;
        }
        client.link.check(codeOf(came) === 'session-expired', EXPIRED, came);
        return;
      }
      client.link.fail(EXPIRED, `nothing in ${context.absoluteSeconds + 3} s`);
    },
    { needs: ['short-absolute-limit'], timeoutMs: 60_000 },
  ),
];
