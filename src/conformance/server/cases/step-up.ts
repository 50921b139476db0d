import { randomBytes } from 'node:crypto';
import { sameBytes } from '../../wire/transcript.js';
import type { ServerCase } from '../define.js';
import { closesInTime, DEAD, ownUser, REVOKED } from '../session-user.js';

/** Fresh proofs of the password, and changes of it, section 9.2. */
export const stepUpCases: readonly ServerCase[] = [
  ownUser(
    'step-up',
    '9.2',
    'step-up makes the proof fresh, and the tickets before it are dead',
    'Section 9.2: step-up: "the password proof is fresh … and the tickets given out before are dead".',
    async (user) => {
      const client = await user.resume(user.ticket);
      const before = client.ticket!;
      await client.stepUp(user.account);
      client.link.check(!sameBytes(client.ticket!.ticketId, before.ticketId), 'a fresh ticket', 'the same');
      client.link.send('revoke', { sessionId: randomBytes(16), scope: 0 });
      await client.expectRefusal('session-unknown');
      await user.resume(client.ticket!);
      await user.refused(before, 'session-revoked', DEAD);
    },
  ),
  ownUser(
    'step-up-missed',
    '9.1',
    'a ticket that a step-up replaced, whose answer may have been lost: resume-failed, and nothing changes',
    'Section 9.1: "a serial that was current or successor when a proof of the password … replaced it, and the session was not ' +
      'resumed since: `resume-failed`, and nothing changes".',
    async (user) => {
      const client = await user.resume(user.ticket);
      const before = client.ticket!;
      await client.stepUp(user.account);
      await user.refused(before, 'resume-failed');
      await client.refresh('Section 9.1: "nothing changes": the session goes on.');
      await user.resume(client.ticket!);
    },
  ),
  ownUser(
    'step-up-wrong',
    '9.2',
    'a step-up with a wrong proof: login-failed, and the connection goes on',
    'Section 9.2: step-up has the checks of section 8: `login-failed`.',
    async (user) => {
      const client = await user.resume(user.ticket);
      const challenge = await client.challengeToStepUp(user.account);
      client.sendFinish('step-up-finish', challenge);
      await client.expectRefusal('login-failed');
      client.link.send('revoke', { sessionId: randomBytes(16), scope: 0 });
      await client.expectRefusal('step-up-required', 'Section 9.2: a step-up that failed makes nothing fresh.');
      await client.stepUp(user.account);
    },
  ),
  ownUser(
    'step-up-label',
    '6',
    'a step-up with a proof of login: login-failed',
    'Section 6: the label `blindsalt.v1 step-up client`.',
    async (user) => {
      const client = await user.resume(user.ticket);
      const challenge = await client.challengeToStepUp(user.account);
      client.sendFinish('step-up-finish', challenge, challenge.keys!.clientPrivateKey, {}, 'blindsalt.v1 login client');
      await client.expectRefusal('login-failed');
    },
  ),
  ownUser(
    'step-up-finish-once',
    '9.2',
    'a challenge to step up takes one finish',
    'Section 9.2: step-up: the checks of section 8: "forgotten after one `login-finish`".',
    async (user) => {
      const client = await user.resume(user.ticket);
      const challenge = await client.challengeToStepUp(user.account);
      client.sendFinish('step-up-finish', challenge);
      await client.expectRefusal('login-failed');
      client.sendFinish('step-up-finish', challenge, challenge.keys!.clientPrivateKey);
      await client.expectRefusal('protocol-error');
    },
  ),
  ownUser('re-register', '9.2', 'a password change', 'Section 9.2: re-register.', async (user) => {
    const { account, context } = user;
    const other = await user.login();
    const client = await user.login();
    const before = client.ticket!;
    const keys = await client.stepUp(account);
    const changed = context.freshIdentity(account.username);
    await client.reregister(changed, keys);
    context.adopt({ ...account, ...changed });
    await user.login(changed);
    const stale = await user.connect();
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
    await user.resume(client.ticket!);
    await user.refused(
      before,
      'session-revoked',
      'Section 9.2: "the tickets of this session that were given out before die".',
    );
  }),
  ownUser(
    're-register-end-others',
    '9.2',
    'a password change that ends all other sessions',
    'Section 9.2: "With endOthers 1 all other sessions of the user end".',
    async (user) => {
      const { account, context } = user;
      const other = await user.login();
      const client = await user.login();
      const keys = await client.stepUp(account);
      const changed = context.freshIdentity(account.username);
      await client.reregister(changed, keys, 1);
      context.adopt({ ...account, ...changed });
      await closesInTime(other, 'session-revoked', REVOKED);
      await user.refused(user.ticket, 'session-revoked');
      await client.refresh();
    },
  ),
  ...(['old', 'new'] as const).map((which) =>
    ownUser(
      `re-register-wrong-${which}-proof`,
      '9.2',
      `a password change with a wrong ${which} proof changes nothing`,
      'Section 9.2: "The server verifies both proofs".',
      async (user) => {
        const { account, context } = user;
        const client = await user.login();
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
        await user.login(account);
      },
    ),
  ),
  ownUser(
    're-register-record-changed',
    '9.2',
    'a change of a record that was changed meanwhile: record-changed',
    'Section 9.2: "swaps the record if it is still the one that the challenge was made for, else `record-changed`".',
    async (user) => {
      const { account, context } = user;
      const [first, second] = [await user.login(), await user.login()];
      const keys = await first.stepUp(account);
      await second.stepUp(account);
      const lost = await second.challengeToReregister(context.freshIdentity(account.username), keys.serverPublicKey);
      const changed = context.freshIdentity(account.username);
      await first.reregister(changed, keys);
      context.adopt({ ...account, ...changed });
      second.sendFrame(second.reregisterFinishFrame(lost, keys.clientPrivateKey), 're-register-finish');
      await second.expectRefusal('record-changed');
      await user.login(changed);
    },
  ),
];
