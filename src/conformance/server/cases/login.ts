import { randomBytes } from 'node:crypto';
import type { LoginClient } from '../../wire/login-client.js';
import { bytesOf, textOf } from '../../wire/schema.js';
import { LABELS, sameBytes } from '../../wire/transcript.js';
import { define, type ServerCase } from '../define.js';

const login = define('login');

function finish(
  client: LoginClient,
  challenge: Parameters<LoginClient['finishFrame']>[1],
  key?: Uint8Array,
  label?: string,
): void {
  client.sendFinish('login-finish', challenge, key, {}, label);
}

export const loginCases: readonly ServerCase[] = [
  login('login-honest', '8', 'login', ['accounts'], async (context, trial) => {
    const account = await context.account('main', trial);
    const client = await context.client(trial, 'Section 8: login.');
    const welcome = await client.login(account);
    client.link.check(
      sameBytes(bytesOf(welcome, 'userId'), bytesOf(account.welcome, 'userId')),
      'the userId of the sign-up',
      bytesOf(welcome, 'userId').toString('hex'),
      'Section 5.9: userId.',
    );
    client.link.check(
      bytesOf(welcome, 'proof').length === 0,
      'an empty proof',
      'one',
      'Section 5.9: proof: after `resume`, else empty.',
    );
  }),
  login(
    'login-wrong-proof',
    '8',
    'a proof by another key: login-failed, and another start may follow',
    ['accounts'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      const client = await context.client(
        trial,
        'Section 8, 4: "Unknown user, wrong proof, disabled account: `login-failed`".',
      );
      finish(client, await client.challengeToLogin(account));
      await client.expectError('login-failed');
      client.link.rule =
        'Section 6: "failed attempts and errors included": the transcript goes on, and the second login succeeds.';
      await client.login(account);
    },
  ),
  login(
    'login-wrong-password',
    '8',
    'a wrong password: a challenge whose envelope does not open, then login-failed',
    ['accounts'],
    async (context, trial) => {
      const { username } = await context.account('main', trial);
      const client = await context.client(trial, 'Section 8: the envelope opens with the password only.');
      const challenge = await client.challengeToLoginUnchecked(context.freshIdentity(username));
      client.link.check(challenge.keys === undefined, 'an envelope that does not open', 'an envelope that opens');
      finish(client, challenge);
      await client.expectError('login-failed');
    },
  ),
  login('login-finish-once', '8', 'a challenge takes one finish', ['accounts'], async (context, trial) => {
    const account = await context.account('main', trial);
    const client = await context.client(trial, 'Section 8: "The challenge is forgotten after one `login-finish`."');
    const challenge = await client.challengeToLogin(account);
    finish(client, challenge);
    await client.expectError('login-failed');
    finish(client, challenge, challenge.keys!.clientPrivateKey);
    await client.expectRefusal('protocol-error');
  }),
  login('login-label', '6', 'a proof under another label: login-failed', ['accounts'], async (context, trial) => {
    const account = await context.account('main', trial);
    for (const label of [LABELS.signupClient, LABELS.loginServer, LABELS.stepUpClient, '']) {
      const client = await context.client(
        trial,
        `Section 6: the label is part of what is signed. Here: ${JSON.stringify(label)}.`,
      );
      const challenge = await client.challengeToLogin(account);
      finish(client, challenge, challenge.keys!.clientPrivateKey, label);
      await client.expectError('login-failed');
      client.link.end();
    }
  }),
  login('login-replay', '6', 'a finish of another connection: login-failed', ['accounts'], async (context, trial) => {
    const account = await context.account('main', trial);
    const first = await context.client(trial, 'Section 8: login.');
    const challenge = await first.challengeToLogin(account);
    const frame = first.finishFrame('login-finish', challenge, challenge.keys!.clientPrivateKey);
    const second = await context.client(trial, 'Section 6: a proof is over the transcript of its connection.');
    await second.challengeToLogin(account);
    second.sendFrame(frame, 'login-finish');
    await second.expectError('login-failed');
  }),
  login(
    'login-old-challenge',
    '7',
    'a start discards the challenge before it',
    ['accounts'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      const client = await context.client(
        trial,
        'Section 7: "A start message of either kind discards an outstanding challenge of either kind".',
      );
      const old = await client.challengeToLogin(account);
      await client.challengeToLogin(account);
      finish(client, old, old.keys!.clientPrivateKey);
      await client.expectError('login-failed');
    },
  ),
  login(
    'login-malleable',
    '2.4',
    'a signature whose s is not canonical: login-failed',
    ['accounts'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      const client = await context.client(trial, 'Section 2.4: "s is canonical", that is below ℓ.');
      const challenge = await client.challengeToLogin(account);
      const frame = client.finishFrame('login-finish', challenge, challenge.keys!.clientPrivateKey);
      const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
      let s = BigInt(`0x${Buffer.from(frame.subarray(-32)).reverse().toString('hex')}`) + order;
      for (let i = frame.length - 32; i < frame.length; i += 1, s >>= 8n) frame[i] = Number(s & 0xffn);
      client.sendFrame(frame, 'login-finish');
      await client.expectError('login-failed');
    },
  ),
  login(
    'login-element-answer',
    '8',
    'the evaluation of one element for one user is always the same',
    ['accounts'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      const client = await context.client(
        trial,
        "Section 8, 2: CreateCredentialResponse for the user's record (RFC 9807, 6.3.2.2).",
      );
      const mechanismData = client.blind(account);
      const answers: Buffer[] = [];
      for (let i = 0; i < 2; i += 1) {
        client.send(
          'login-start',
          client.startFields(account.username, { mechanism: 'SCHNORR-RISTRETTO255', mechanismData }),
        );
        answers.push(bytesOf(await client.expect('login-challenge'), 'mechanismData'));
      }
      const [first, second] = answers as [Buffer, Buffer];
      client.link.check(
        sameBytes(first.subarray(0, 32), second.subarray(0, 32)),
        'the same evaluated element twice',
        'two that differ',
      );
      client.link.check(
        !sameBytes(first.subarray(32, 64), second.subarray(32, 64)),
        'masking nonces that differ',
        'the same masking nonce twice',
        'Section 8, 2: "the masking nonce is fresh".',
      );
    },
  ),
  login(
    'login-device-label',
    '5.2',
    'a login with all optional fields in use',
    ['accounts'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      const client = await context.client(trial, 'Section 5.2: subprotocols and deviceLabel.');
      const welcome = await client.login(account, { subprotocols: ['b', 'a'], deviceLabel: 'Ünïcode ☃' });
      const chosen = textOf(welcome, 'subprotocol');
      client.link.check(
        ['', 'a', 'b'].includes(chosen),
        "one of the start message's subprotocols, or empty",
        chosen,
        'Section 5.9: subprotocol.',
      );
    },
  ),
  login(
    'login-bound',
    '6',
    'login with the channel binding tls-exporter',
    ['accounts', 'tls-exporter'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      const rule = 'Section 6: Channel binding: RFC 9266, "EXPORTER-Channel-Binding", 32 bytes.';
      const client = await context.client(trial, rule);
      client.binding = { type: 'tls-exporter', value: client.link.socket.tlsExporter()! };
      await client.login(account);
      const relayed = await context.client(trial, `${rule} Here: the value of another connection.`);
      relayed.binding = { type: 'tls-exporter', value: randomBytes(32) };
      const challenge = await relayed.challengeToLoginUnchecked(account);
      relayed.link.check(
        !challenge.isProven,
        "a proof over the server's own exporter value",
        'a proof that does not depend on it',
      );
      finish(relayed, challenge, challenge.keys?.clientPrivateKey);
      await relayed.expectError('login-failed');
    },
  ),
];
