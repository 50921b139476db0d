import { randomBytes } from 'node:crypto';
import type { KsfName } from '../../../../proto/constants.js';
import { checkKsfBounds, stretch } from '../../../opaque/index.js';
import type { Stretch } from '../../wire/credentials.js';
import type { Challenge, LoginClient } from '../../wire/login-client.js';
import { bytesOf, numberOf, textOf, type WireMessage } from '../../wire/schema.js';
import { sameBytes } from '../../wire/transcript.js';
import { define, type ServerCase } from '../define.js';

const signup = define('sign-up');

const ksfOf = (challenge: WireMessage) => ({
  name: textOf(challenge, 'ksf') as KsfName,
  memoryKiB: numberOf(challenge, 'ksfMemoryKiB'),
  iterations: numberOf(challenge, 'ksfIterations'),
  parallelism: numberOf(challenge, 'ksfParallelism'),
});
const announced: Stretch = (output, challenge) => stretch(output, ksfOf(challenge));

function sendFinish(client: LoginClient, challenge: Challenge, key?: Uint8Array, record = challenge.record!): void {
  client.sendFinish('signup-finish', challenge, key, { record });
}

export const signupCases: readonly ServerCase[] = [
  signup(
    'signup-then-login',
    '7',
    'sign-up, then login, with the key stretching that the server asks for',
    ['registration'],
    async (context, trial) => {
      const identity = context.freshIdentity();
      const first = await context.client(trial, 'Section 7: sign-up; 2.2: key stretching.', { stretch: announced });
      const challenge = await first.challengeToSignup(identity, context.invite());
      const ksf = ksfOf(challenge);
      try {
        checkKsfBounds(ksf);
      } catch (error) {
        first.link.fail(
          'parameters that clients accept (2.2)',
          JSON.stringify(ksf),
          `Section 2.2: floors and ceilings: ${String(error)}`,
        );
      }
      sendFinish(first, challenge, challenge.keys!.clientPrivateKey);
      const welcome = await first.takeWelcome('Section 7, 5: "A sign-up is a login."');
      first.link.check(
        textOf(welcome, 'username') === identity.username,
        `username ${identity.username}`,
        textOf(welcome, 'username'),
        'Section 5.9: username.',
      );
      first.link.end();
      const second = await context.client(trial, 'Section 8: login.', { stretch: announced });
      const asked = await second.challengeToLogin(identity);
      second.link.check(
        JSON.stringify(ksfOf(asked)) === JSON.stringify(ksf),
        `ksf and its parameters as stored with the record: ${JSON.stringify(ksf)}`,
        JSON.stringify(ksfOf(asked)),
        'Section 5.7: "ksf and its parameters as stored with the record".',
      );
      second.sendFinish('login-finish', asked, asked.keys!.clientPrivateKey);
      const again = await second.takeWelcome();
      second.link.check(
        sameBytes(bytesOf(welcome, 'userId'), bytesOf(again, 'userId')),
        'the userId of the sign-up',
        bytesOf(again, 'userId').toString('hex'),
        'Section 5.9: userId: "of this person for ever".',
      );
      second.link.check(
        !sameBytes(bytesOf(welcome, 'sessionId'), bytesOf(again, 'sessionId')),
        'another sessionId than at sign-up',
        'the same',
        'Section 9: "A session begins with sign-up or login"; 5.9: random.',
      );
      // Later it would take the same stretching once more.
      second.link.send('delete-account');
      await second.link.expect('done', 'Section 9.2: delete-account, with a fresh proof of the password.');
      trial.note(`${ksf.name}, ${ksf.memoryKiB} KiB, ${ksf.iterations} iterations, parallelism ${ksf.parallelism}`);
    },
    { timeoutMs: 90_000 },
  ),
  signup('signup-welcome', '5.9', 'welcome after sign-up has its fields', ['registration'], async (context, trial) => {
    const identity = context.freshIdentity();
    const client = await context.client(trial, 'Section 5.9: `welcome`.');
    const welcome = await client.signup(identity, context.invite(), {
      subprotocols: ['chat', 'x'],
      deviceLabel: 'test',
    });
    context.adopt({ ...identity, ticket: client.ticket, welcome });
    const chosen = textOf(welcome, 'subprotocol');
    client.link.check(['', 'chat', 'x'].includes(chosen), "one of the start message's subprotocols, or empty", chosen);
    const id = bytesOf(welcome, 'ticketId').length;
    const secret = bytesOf(welcome, 'ticketSecret').length;
    client.link.check(
      (id === 32 && secret === 64) || (id === 0 && secret === 0),
      'a ticket id and a secret, or neither',
      `${id} and ${secret} bytes`,
    );
    client.link.check(
      bytesOf(welcome, 'proof').length === 0,
      'an empty proof: "after `resume`: HMAC; else empty"',
      `${bytesOf(welcome, 'proof').length} bytes`,
    );
    if (id === 32) {
      const isIts = sameBytes(bytesOf(welcome, 'ticketId').subarray(0, 16), bytesOf(welcome, 'sessionId'));
      client.link.check(
        isIts,
        'a ticket id that begins with the session id',
        'another',
        'Section 9.1: "Its id is the session id and a random serial of 16 bytes."',
      );
    }
  }),
  signup(
    'signup-taken',
    '7',
    'a taken name: username-taken after the finish, and not before',
    ['accounts', 'open-registration'],
    async (context, trial) => {
      const { username } = await context.account('main', trial);
      const client = await context.client(
        trial,
        'Section 7, 2: "Whether the username is taken plays no part"; 4: `username-taken`.',
      );
      const challenge = await client.challengeToSignup(context.freshIdentity(username), '');
      sendFinish(client, challenge, challenge.keys!.clientPrivateKey);
      await client.expectError('username-taken');
      const identity = context.freshIdentity();
      const welcome = await client.signup(identity, context.invite());
      context.adopt({ ...identity, ticket: client.ticket, welcome });
    },
  ),
  signup(
    'signup-taken-keeps-account',
    '7',
    'a failed sign-up leaves the account as it was',
    ['accounts', 'open-registration'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      const stranger = await context.client(trial, 'Section 7, 4: `username-taken`.');
      const challenge = await stranger.challengeToSignup(context.freshIdentity(account.username), '');
      sendFinish(stranger, challenge, challenge.keys!.clientPrivateKey);
      await stranger.expectError('username-taken');
      const owner = await context.client(
        trial,
        'Section 7, 4: the user is created only if the name is free; the owner still logs in.',
      );
      await owner.login(account);
    },
  ),
  signup(
    'signup-fresh-salt',
    '7',
    'each sign-up is evaluated under a fresh credential identifier',
    ['open-registration'],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 7, 2: "It draws a fresh credential identifier of 32 random bytes".',
      );
      const identity = context.freshIdentity();
      const mechanismData = client.blind(identity);
      const evaluated: Buffer[] = [];
      for (let i = 0; i < 2; i += 1) {
        client.send(
          'signup-start',
          client.startFields(identity.username, { invite: '', ksfs: ['argon2id', 'pbkdf2-sha512'], mechanismData }),
        );
        evaluated.push(bytesOf(await client.expect('signup-challenge'), 'mechanismData').subarray(0, 32));
      }
      client.link.check(
        !sameBytes(evaluated[0]!, evaluated[1]!),
        'two evaluations of one element that differ',
        'the same element twice',
      );
    },
  ),
  signup(
    'signup-wrong-proof',
    '7',
    'a proof by another key than the one registered: 4400',
    ['open-registration'],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 7, 4: "the proof is valid under it; else 4400": nobody registers a key that he does not hold.',
      );
      const challenge = await client.challengeToSignup(context.freshIdentity(), '');
      sendFinish(client, challenge);
      await client.expectRefusal('protocol-error');
    },
  ),
  signup(
    'signup-wrong-label',
    '6',
    'a proof of sign-up under the label of login: 4400',
    ['open-registration'],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 6: the label `blindsalt.v1 signup client` is part of what is signed.',
      );
      const challenge = await client.challengeToSignup(context.freshIdentity(), '');
      const { keys, record } = challenge;
      client.sendFinish(
        'signup-finish',
        challenge,
        keys!.clientPrivateKey,
        { record: record! },
        'blindsalt.v1 login client',
      );
      await client.expectRefusal('protocol-error');
    },
  ),
  signup(
    'signup-bad-key',
    '7',
    'a client public key that does not decode, or is the identity: 4400',
    ['open-registration'],
    async (context, trial) => {
      for (const key of [Buffer.alloc(32), Buffer.alloc(32, 0xff), Buffer.concat([Buffer.of(1), Buffer.alloc(31)])]) {
        const client = await context.client(
          trial,
          'Section 7, 4: "the client public key decodes and is not the identity … else 4400".',
        );
        const challenge = await client.challengeToSignup(context.freshIdentity(), '');
        const record = Buffer.concat([key, challenge.record!.subarray(32)]);
        sendFinish(client, challenge, challenge.keys!.clientPrivateKey, record);
        await client.expectRefusal('protocol-error');
        client.link.end();
      }
    },
  ),
  signup(
    'signup-identity-forgery',
    '7',
    'the identity as key, with the signature that every key of it would have: 4400',
    ['open-registration'],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 2.4: "A decodes and is not the identity": else anybody signs with s = k.',
      );
      const challenge = await client.challengeToSignup(context.freshIdentity(), '');
      const record = Buffer.concat([Buffer.alloc(32), challenge.record!.subarray(32)]);
      const frame = client.finishFrame('signup-finish', challenge, undefined, { record });
      const k = client.crypto.scalar.reduce(randomBytes(64));
      frame.set(client.crypto.ristretto255.multiplyBase(k), frame.length - 64);
      frame.set(k, frame.length - 32);
      client.sendFrame(frame, 'signup-finish');
      await client.expectRefusal('protocol-error');
    },
  ),
  signup(
    'signup-finish-once',
    '7',
    'a challenge takes one finish',
    ['accounts', 'open-registration'],
    async (context, trial) => {
      const { username } = await context.account('main', trial);
      const client = await context.client(
        trial,
        'Section 7: "The challenge is forgotten after one `signup-finish`, whatever its result".',
      );
      const challenge = await client.challengeToSignup(context.freshIdentity(username), '');
      sendFinish(client, challenge, challenge.keys!.clientPrivateKey);
      await client.expectError('username-taken');
      sendFinish(client, challenge, challenge.keys!.clientPrivateKey);
      await client.expectRefusal('protocol-error');
    },
  ),
  signup(
    'signup-ksf-unsupported',
    '7',
    'no key stretching in common: ksf-unsupported, and the connection stays',
    ['open-registration'],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 7, 2: "The first of the server\'s own KSFs that is in ksfs, else `ksf-unsupported`."',
      );
      for (const ksfs of [[], ['scrypt'], ['ARGON2ID']]) {
        client.send('signup-start', client.signupStart(context.freshIdentity(), '', { ksfs }));
        await client.expectError('ksf-unsupported');
      }
    },
  ),
  signup(
    'signup-ksf-offered',
    '7',
    'the key stretching is one that the client offered',
    ['open-registration'],
    async (context, trial) => {
      const client = await context.client(trial, 'Section 5.4: ksf: "one of ksfs".');
      for (const ksf of ['argon2id', 'pbkdf2-sha512']) {
        client.send('signup-start', client.signupStart(context.freshIdentity(), '', { ksfs: ['scrypt', ksf] }));
        const came = await client.receive();
        if (came.kind === 'message' && came.message.fields['code'] === 'ksf-unsupported') continue;
        if (came.kind !== 'message' || came.message.name !== 'signup-challenge')
          client.link.fail('signup-challenge or ksf-unsupported', came);
        client.link.check(came.kind === 'message' && came.message.fields['ksf'] === ksf, `ksf ${ksf}`, came);
      }
    },
  ),
  signup('signup-unknown-invite', '7', 'a code that nobody gave out: invite-invalid', [], async (context, trial) => {
    const rule = 'Section 7, 2: "A code must be known, unused and unexpired … Else `invite-invalid`".';
    for (const invite of ['x', 'AAAA-BBBB-CCCC-DDDD', 'é'.repeat(32), randomBytes(24).toString('base64url')]) {
      const client = await context.client(trial, rule);
      client.send('signup-start', client.signupStart(context.freshIdentity(), invite));
      await client.expectError('invite-invalid');
      client.link.end();
    }
  }),
  signup(
    'signup-closed',
    '7',
    'closed registration: registration-closed',
    ['closed-registration'],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 7, 2: "With an empty invite: `closed` gives `registration-closed`".',
      );
      client.send('signup-start', client.signupStart(context.freshIdentity(), ''));
      await client.expectError('registration-closed');
    },
  ),
  signup(
    'signup-invite-missing',
    '7',
    'registration by invite, without one: invite-invalid',
    ['invite-registration'],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 7, 2: "With an empty invite: … `invite` gives `invite-invalid`".',
      );
      client.send('signup-start', client.signupStart(context.freshIdentity(), ''));
      await client.expectError('invite-invalid');
    },
  ),
];
