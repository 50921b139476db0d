import { LABELS, keyIdOf, sameBytes } from '../../wire/transcript.js';
import { bytesOf, numberOf, textOf } from '../../wire/schema.js';
import { define, type ServerCase } from '../define.js';

const unknown = define('unknown users');

export const unknownUserCases: readonly ServerCase[] = [
  unknown(
    'unknown-user-answered',
    '12',
    'an unknown name gets a challenge of the same shape, then login-failed',
    ['accounts'],
    async (context, trial) => {
      const known = await context.client(trial, 'Section 12.');
      const { username } = await context.account('main', trial);
      const real = await known.startLogin(context.freshIdentity(username));
      known.sendFinish('login-finish', real);
      const refusal = await known.link.expect('error');
      for (let i = 0; i < 5; i += 1) {
        const client = await context.client(
          trial,
          'Section 12: "A server MUST answer `login-start` for a name it does not know like one that it knows".',
        );
        const challenge = await client.startLogin(context.freshIdentity());
        const lengths = (message: typeof challenge): string =>
          ['serverNonce', 'serverKeyId', 'mechanismData', 'proof']
            .map((field) => `${field} ${bytesOf(message, field).length}`)
            .join(', ');
        client.link.check(
          lengths(challenge) === lengths(real),
          `the lengths of a known name's: ${lengths(real)}`,
          lengths(challenge),
        );
        const evaluated = bytesOf(challenge, 'mechanismData').subarray(0, 32);
        client.link.check(
          context.crypto.ristretto255.isValid(evaluated),
          'an evaluated element that decodes',
          evaluated.toString('hex'),
        );
        client.sendFinish('login-finish', challenge);
        const answer = await client.link.expect('error');
        client.link.check(
          sameBytes(answer.frame, refusal.frame),
          `the same error as for a wrong password: ${refusal.frame.toString('hex')}`,
          answer.frame.toString('hex'),
          'Section 8, 4: "Unknown user, wrong proof, disabled account: `login-failed`".',
        );
        client.link.end();
      }
    },
  ),
  unknown(
    'unknown-user-stable',
    '12',
    'an unknown name is answered in the same way again and again',
    [],
    async (context, trial) => {
      const identity = context.freshIdentity();
      const rule =
        'Section 12: class, credential identifier, masking key and client public key are keyed hashes: the answer is stable.';
      const seen = new Set<string>();
      const whole = new Set<string>();
      let element: Uint8Array | undefined;
      for (let i = 0; i < 4; i += 1) {
        const client = await context.client(trial, rule);
        element ??= client.blind(identity);
        client.send(
          'login-start',
          client.startFields(identity.username, { mechanism: 'SCHNORR-RISTRETTO255', mechanismData: element }),
        );
        const challenge = await client.expect('login-challenge');
        const data = bytesOf(challenge, 'mechanismData');
        const ksf = ['ksfMemoryKiB', 'ksfIterations', 'ksfParallelism']
          .map((field) => numberOf(challenge, field))
          .join('/');
        seen.add(
          `${textOf(challenge, 'ksf')} ${ksf}, key ${bytesOf(challenge, 'serverKeyId').toString('hex')}, element ${data.subarray(0, 32).toString('hex')}`,
        );
        whole.add(data.subarray(32).toString('hex'));
        client.link.check(seen.size === 1, [...seen][0]!, [...seen].at(-1)!);
        client.link.check(
          whole.size === i + 1,
          'a fresh masking nonce and another masked response each time',
          'the same once more',
          'Section 8, 2: "the masking nonce is fresh".',
        );
        client.link.end();
      }
    },
  ),
  unknown(
    'unknown-user-differs',
    '12',
    'two unknown names are not evaluated under one key',
    [],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 12: "The credential identifier … keyed hashes of (class, name)".',
      );
      const mechanismData = client.blind(context.freshIdentity());
      const elements: string[] = [];
      for (let i = 0; i < 2; i += 1) {
        client.send(
          'login-start',
          client.startFields(context.freshName(), { mechanism: 'SCHNORR-RISTRETTO255', mechanismData }),
        );
        elements.push(
          bytesOf(await client.expect('login-challenge'), 'mechanismData')
            .subarray(0, 32)
            .toString('hex'),
        );
      }
      client.link.check(elements[0] !== elements[1], 'two evaluated elements that differ', 'the same twice');
    },
  ),
  unknown(
    'unknown-user-key',
    '12',
    'the proof for an unknown name is by the server key of its class',
    ['accounts'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      const owner = await context.client(trial, 'Section 8.');
      const { keys } = await owner.challengeToLogin(account);
      const serverKey = keys!.serverPublicKey;
      const id = keyIdOf(serverKey);
      let checked = 0;
      for (let i = 0; i < 5; i += 1) {
        const client = await context.client(
          trial,
          'Section 12: "The proof of `login-challenge` is made with the server key of the class."',
        );
        const challenge = await client.startLogin(context.freshIdentity());
        if (!sameBytes(bytesOf(challenge, 'serverKeyId'), id)) continue;
        checked += 1;
        const hash = client.current.hashOfLast(LABELS.loginServer, client.binding);
        const isValid = client.crypto.schnorr.verify(
          bytesOf(challenge, 'proof'),
          client.signed(challenge, hash),
          serverKey,
          new TextEncoder().encode(LABELS.loginServer),
        );
        client.link.check(isValid, 'a proof that is valid under the server key with this id', 'one that is not');
        client.link.end();
      }
      trial.note(`${checked} of 5 names fell into the class of the test account`);
    },
  ),
  unknown(
    'unknown-user-class',
    '12',
    'unknown names have key ids and parameters that registrations have',
    ['accounts', 'open-registration'],
    async (context, trial) => {
      const rule =
        'Section 12: the classes "are those of the existing users … and every class that a new registration could get now".';
      const client = await context.client(trial, rule);
      client.send('signup-start', client.signupStart(context.freshIdentity(), '', { ksfs: ['argon2id'] }));
      const ids = new Set<string>();
      const came = await client.receive();
      if (came.kind === 'message' && came.message.name === 'signup-challenge')
        ids.add(bytesOf(came.message, 'serverKeyId').toString('hex'));
      let fitting = 0;
      for (let i = 0; i < 12; i += 1) {
        const asking = await context.client(trial, rule);
        const challenge = await asking.startLogin(context.freshIdentity());
        if (ids.has(bytesOf(challenge, 'serverKeyId').toString('hex'))) fitting += 1;
        asking.link.end();
      }
      client.link.check(
        ids.size === 0 || fitting > 0,
        'at least one of 12 unknown names under the server key of new registrations',
        'none',
      );
    },
  ),
];
