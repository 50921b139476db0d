import { Failure, type Trial } from '../../case.js';
import { alterField } from '../../wire/alter.js';
import { CLOSE_OF } from '../../wire/closes.js';
import { describeIncoming } from '../../wire/link.js';
import type { Tamper } from '../../wire/conversation.js';
import type { LoginClient } from '../../wire/login-client.js';
import type { Value } from '../../wire/msgpack.js';
import { messageType } from '../../wire/schema.js';
import { LABELS } from '../../wire/transcript.js';
import type { Need, ServerContext } from '../context.js';
import { define, type ServerCase } from '../define.js';
import { ResumeChain } from '../context.js';

// Somebody between the two ends changes one field of one message: what each has seen differs, so no proof may be valid.

const binding = define('transcript binding');
const RULE =
  'Section 6: the transcript has "every control frame in both directions, `hello` first": a proof over other frames than ' +
  'those that the server has seen is not valid.';

interface Exchange {
  readonly name: string;
  readonly needs: readonly Need[];
  /** Messages before the one that carries the client's proof. */
  readonly messages: readonly string[];
  /** What the server answers to a proof that is not valid; other refusals will do where the changed field is refused. */
  readonly refusal: string;
  /** Goes through the exchange although the server does not prove itself; the server's answer is still to come. */
  run(context: ServerContext, trial: Trial, tamper: Tamper): Promise<LoginClient>;
}

const LOGIN: Exchange = {
  name: 'login',
  needs: ['accounts'],
  messages: ['hello', 'login-start', 'login-challenge', 'login-finish'],
  refusal: 'login-failed',
  async run(context, trial, tamper) {
    const account = await context.account('main', trial);
    const client = await context.client(trial, RULE, { tamper });
    const challenge = await client.challengeToLoginUnchecked(account);
    expectUnproven(client, tamper, challenge.isProven);
    client.sendFinish('login-finish', challenge, challenge.keys?.clientPrivateKey);
    return client;
  },
};

const SIGNUP: Exchange = {
  name: 'signup',
  needs: ['accounts', 'open-registration'],
  messages: ['hello', 'signup-start', 'signup-challenge', 'signup-finish'],
  refusal: 'protocol-error',
  async run(context, trial, tamper) {
    // A taken name: if the server accepts, it says so by `username-taken`, and nothing is left behind.
    const { username } = await context.account('main', trial);
    const client = await context.client(trial, RULE, { tamper });
    client.send('signup-start', client.signupStart(context.freshIdentity(username), ''));
    const challenge = await client.takeChallenge('signup-challenge');
    expectUnproven(client, tamper, challenge.isProven);
    const { keys, record } = challenge;
    client.sendFinish('signup-finish', challenge, keys?.clientPrivateKey, { record: record! });
    return client;
  },
};

const RESUME: Exchange = {
  name: 'resume',
  needs: ['accounts', 'sessions'],
  messages: ['hello', 'resume'],
  refusal: 'resume-failed',
  async run(context, trial, tamper) {
    const client = await context.client(trial, RULE, { tamper });
    const { ticket } = await context.account('tampering', trial);
    client.sendFrame(client.resumeFrame(ticket!), 'resume');
    return client;
  },
};

const STEP_UP: Exchange = {
  name: 'step-up',
  needs: ['accounts', 'sessions'],
  messages: ['hello', 'login-start', 'login-finish', 'welcome', 'step-up-start', 'step-up-challenge', 'step-up-finish'],
  refusal: 'login-failed',
  async run(context, trial, tamper) {
    const account = await context.account('tampering', trial);
    // A resumed connection has fewer messages in front, and no password is needed for them.
    const chain = await ResumeChain.begin(context, trial, account);
    const client = await chain.open(RULE, tamper);
    client.beginExchange();
    const mechanismData = client.blind(account);
    const clientNonce = context.crypto.randomBytes(32);
    client.send('step-up-start', { clientNonce, mechanism: 'SCHNORR-RISTRETTO255', mechanismData });
    const challenge = await client.takeChallenge('step-up-challenge');
    expectUnproven(client, tamper, challenge.isProven);
    client.sendFinish('step-up-finish', challenge, challenge.keys?.clientPrivateKey);
    return client;
  },
};

/** Set by the tampering once it has changed something that the server's proof covers. */
interface Watched extends Tamper {
  changed: boolean;
}

function expectUnproven(client: LoginClient, tamper: Tamper, isProven: boolean): void {
  if (!(tamper as Watched).changed || !isProven) return;
  client.link.fail('a proof of the server over what the server has seen', 'a proof that is valid over something else');
}

/** Values that a server accepts, so that it is the proof that fails. */
function valueFor(message: string, field: string, context: ServerContext): Value | undefined {
  if (field === 'username') return context.freshName();
  if (field === 'binding' && context.missing('tls-exporter') === undefined) return 'tls-exporter';
  if (field === 'ksfs') return ['argon2id', 'pbkdf2-sha512', 'x'];
  if (field === 'mechanismData' && message.endsWith('-start')) {
    return context.crypto.ristretto255.fromUniformBytes(context.crypto.randomBytes(64));
  }
  return undefined;
}

function caseFor(exchange: Exchange, message: string): ServerCase {
  const { section, fields, from } = messageType(message);
  return binding(
    `transcript-${exchange.name}-${message}`,
    section,
    `${exchange.name}: each field of ${message} is bound`,
    exchange.needs,
    async (context, trial) => {
      let refusedBefore = 0;
      for (const [field] of fields) {
        const change = (frame: Buffer, name: string): Buffer => {
          if (name !== message) return frame;
          // A proof is not part of what it signs itself.
          tamper.changed = field !== 'proof';
          return alterField(frame, from, field, valueFor(message, field, context));
        };
        const tamper: Watched = { changed: false, [from === 'server' ? 'incoming' : 'outgoing']: change };
        const what = `on its way the field ${field} of ${message} was changed`;
        let client: LoginClient;
        try {
          client = await exchange.run(context, trial, tamper);
        } catch (error) {
          // Refused for its own sake, before any proof.
          if (!(error instanceof Failure) || !/^error \{ code /.test(error.detail.came)) throw error;
          refusedBefore += 1;
          continue;
        }
        client.link.logSent(what);
        const came = await client.link.answer();
        const code = came.kind === 'message' && came.message.name === 'error' ? came.message.fields['code'] : undefined;
        const isRefused = code !== undefined && !REFUSES_NOTHING.has(code as string);
        client.link.check(
          isRefused,
          `error ${exchange.refusal}: the proof is over other bytes`,
          describeIncoming(came),
        );
        if (code !== exchange.refusal) refusedBefore += 1;
        if (CLOSE_OF[code as string] !== undefined) await client.link.expectClose(CLOSE_OF[code as string]!);
        client.link.end();
      }
      trial.note(`${fields.length} fields; ${refusedBefore} of them refused for their own sake`);
    },
    { timeoutMs: 60_000 },
  );
}

/** Answers to a valid proof. */
const REFUSES_NOTHING: ReadonlySet<string> = new Set(['username-taken']);

export const transcriptCases: readonly ServerCase[] = [
  ...LOGIN.messages.map((message) => caseFor(LOGIN, message)),
  ...SIGNUP.messages.map((message) => caseFor(SIGNUP, message)),
  ...RESUME.messages.map((message) => caseFor(RESUME, message)),
  ...['step-up-start', 'step-up-challenge', 'step-up-finish'].map((message) => caseFor(STEP_UP, message)),
  binding(
    'transcript-failed-attempts',
    '6',
    'failed attempts and errors are part of the transcript',
    ['accounts'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      for (const name of ['login-challenge', 'error']) {
        // A client that has seen another message in the failed attempt.
        let isDone = false;
        const incoming = (frame: Buffer, of: string): Buffer => {
          if (of !== name || isDone) return frame;
          isDone = true;
          return Buffer.concat([frame, Buffer.of(0)]);
        };
        const client = await context.client(trial, 'Section 6: "failed attempts and errors included".', {
          tamper: { incoming },
        });
        client.sendFinish('login-finish', await client.challengeToLoginUnchecked(account));
        await client.expectError('login-failed');
        const second = await client.challengeToLoginUnchecked(account);
        const without = `a proof that is valid over another ${name} in the failed attempt`;
        client.link.check(!second.isProven, `a proof over the ${name} of the failed attempt too`, without);
        client.sendFinish('login-finish', second, second.keys?.clientPrivateKey);
        await client.expectError('login-failed');
        client.link.end();
      }
    },
  ),
  binding(
    'transcript-labels-server',
    '6',
    'the proofs of the server have labels of their own',
    ['accounts', 'open-registration'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      const client = await context.client(trial, 'Section 6: labels.');
      const challenge = await client.challengeToLogin(account);
      for (const label of [LABELS.loginClient, LABELS.signupServer, LABELS.stepUpServer, '']) {
        const message = client.signed(challenge, client.current.hashOfLast(label, client.binding));
        const proof = challenge.fields['proof'] as Buffer;
        const isValid = client.crypto.schnorr.verify(
          proof,
          message,
          challenge.keys!.serverPublicKey,
          Buffer.from(label),
        );
        client.link.check(
          !isValid,
          'a proof under `blindsalt.v1 login server` alone',
          `one that is valid under ${JSON.stringify(label)}`,
        );
      }
    },
  ),
];
