import { bytesOf, numberOf, textOf } from '../../wire/schema.js';
import { sameBytes } from '../../wire/transcript.js';
import type { ServerCase } from '../define.js';
import { closesInTime, ownUser, REVOKED } from '../session-user.js';

/** The list of sessions, and every way to end them, section 9.2. */
export const requestCases: readonly ServerCase[] = [
  ownUser(
    'sessions-list',
    '5.17',
    'sessions-list names the sessions of the user, and no others',
    'Section 5.17: "an entry for each session, then one with an empty sessionId".',
    async (user) => {
      const labelled = await user.login(user.account, 'a label ☃');
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
      const expected = [bytesOf(user.account.welcome, 'sessionId').toString('hex'), labelled.sessionId.toString('hex')];
      labelled.link.check(
        ids.sort().join() === expected.sort().join(),
        `the sessions ${expected.join(', ')}`,
        ids.join(', '),
      );
      labelled.link.check(current === 1, 'one entry with current 1', String(current));
    },
  ),
  ownUser(
    'revoke-one',
    '9.3',
    'a revoked session closes its connection in time, and its ticket is worthless',
    REVOKED,
    async (user) => {
      const victim = await user.login();
      const client = await user.login();
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
      await user.refused(
        victim.ticket!,
        'session-revoked',
        'Section 9.1: "it was ended or does not exist any more: `session-revoked`".',
      );
      await user.resume(user.ticket, 'Section 9.2: revoke, scope 0: that session, and no other.');
    },
  ),
  ownUser(
    'revoke-foreign',
    '9.2',
    "another user's session is unknown",
    'Section 9.2: "only sessions of the same user. An id that is not one of them: `session-unknown`".',
    async (user) => {
      const stranger = await user.login(await user.context.account('main', user.trial));
      const client = await user.login();
      client.link.send('revoke', { sessionId: stranger.sessionId, scope: 0 });
      await client.expectRefusal('session-unknown');
      await stranger.refresh('Section 9.2: the session of another user goes on.');
    },
  ),
  ownUser(
    'revoke-others',
    '9.2',
    'revoke with scope 1 ends all others',
    'Section 5.18: scope: "1 all others".',
    async (user) => {
      const victim = await user.login();
      const client = await user.login();
      client.link.send('revoke', { sessionId: Buffer.alloc(0), scope: 1 });
      const closing = closesInTime(victim, 'session-revoked', REVOKED);
      const done = await client.link.expect('done');
      client.link.check(numberOf(done, 'count') === 2, 'done with count 2', String(numberOf(done, 'count')));
      await closing;
      await user.refused(user.ticket, 'session-revoked');
      await client.refresh('Section 5.18: scope 1: this session stays.');
    },
  ),
  ownUser(
    'revoke-all',
    '9.2',
    'revoke with scope 2 ends this session too, after its answer',
    'Section 5.18: scope: "2 all with this one"; 9.3: `session-revoked`.',
    async (user) => {
      const client = await user.login();
      client.link.send('revoke', { sessionId: Buffer.alloc(0), scope: 2 });
      await client.link.expect('done');
      await client.expectRefusal('session-revoked');
      await user.refused(client.ticket!, 'session-revoked');
      await user.refused(user.ticket, 'session-revoked');
    },
  ),
  ownUser(
    'revoke-scope-id',
    '5.18',
    'revoke with a session id where none belongs, or without one: 4400',
    'Section 5.18: "0 that session, 1 all others, 2 all with this one (sessionId empty)".',
    async (user) => {
      for (const [length, scope] of [
        [0, 0],
        [16, 2],
      ] as const) {
        const client = await user.login();
        client.link.send('revoke', { sessionId: length === 0 ? Buffer.alloc(0) : client.sessionId, scope });
        await client.expectRefusal(['protocol-error', 'session-unknown']);
      }
      await user.resume(user.ticket);
    },
  ),
  ownUser(
    'logout',
    '9.2',
    'logout closes with 1000, and the ticket is worthless',
    'Section 9.2: "the session ends, and the server closes with 1000".',
    async (user) => {
      const client = await user.login();
      client.link.send('logout', { everywhere: 0 });
      await client.link.expectClose(1000);
      await user.refused(client.ticket!, 'session-revoked');
      await user.resume(user.ticket, 'Section 9.2: logout with 0 ends this session alone.');
    },
  ),
  ownUser(
    'logout-everywhere',
    '9.2',
    "logout everywhere ends all of the user's sessions",
    'Section 9.2: "With 1 … all of the user\'s sessions end."',
    async (user) => {
      const other = await user.login();
      const client = await user.login();
      client.link.send('logout', { everywhere: 1 });
      const closing = closesInTime(other, 'session-revoked', REVOKED);
      await client.link.expectClose(1000);
      await closing;
      await user.refused(user.ticket, 'session-revoked');
    },
  ),
  ownUser(
    'delete-account',
    '9.2',
    'delete-account: done, then 1000; sessions and password are worth nothing',
    'Section 9.2: "The user, the record and all sessions are gone; `done`, then 1000."',
    async (user) => {
      const { account, context } = user;
      const other = await user.login();
      const client = await user.login();
      client.link.send('delete-account');
      const closing = closesInTime(other, ['session-revoked', 'account-disabled'], REVOKED);
      await client.link.expect('done');
      await client.link.expectClose(1000);
      await closing;
      await user.refused(user.ticket, ['session-revoked', 'account-disabled']);
      const again = await user.connect();
      const challenge = await again.startLogin(account, {}, 'Section 12: a name that is unknown now is answered.');
      again.sendFinish('login-finish', challenge);
      await again.expectError('login-failed');
      if (context.registration !== 'open') return;
      const heir = await user.connect('Section 9.2: the user is gone, and the name is free.');
      const welcome = await heir.signup(account, '');
      heir.link.check(
        !sameBytes(bytesOf(welcome, 'userId'), bytesOf(account.welcome, 'userId')),
        'another userId',
        'the same',
        'Section 5.9: userId: "of this person for ever, also if the username changes hands".',
      );
    },
  ),
];
