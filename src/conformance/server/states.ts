import { randomBytes } from 'node:crypto';
import type { Trial } from '../case.js';
import { KSFS, MECHANISM, type LoginClient } from '../wire/login-client.js';
import type { Value } from '../wire/msgpack.js';
import { ResumeChain, type Need, type ServerContext } from './context.js';

/** A way to the place where a message may be sent, and fields that are valid there as far as their shape goes. */
export interface Setup {
  readonly needs: readonly Need[];
  /** Begins; the function opens one connection after the other. */
  begin(context: ServerContext, trial: Trial, rule: string): Promise<() => Promise<LoginClient>>;
  values(client: LoginClient): Readonly<Record<string, Value>>;
}

const proof = (): Buffer => randomBytes(64);
const element = (client: LoginClient): Uint8Array =>
  client.crypto.ristretto255.fromUniformBytes(new Uint8Array(randomBytes(64)));

const fresh: Setup['begin'] = async (context, trial, rule) => () => context.client(trial, rule);

/** After `welcome`, by resumption: that costs no password. */
const resumed: Setup['begin'] = async (context, trial, rule) => {
  const chain = await ResumeChain.begin(context, trial, await context.account('resuming', trial));
  return () => chain.open(rule);
};

/** A login each time: servers count the challenges of a session that were not answered. */
const loggedIn: Setup['begin'] = async (context, trial, rule) => {
  const account = await context.account('registering', trial);
  return async () => {
    const client = await context.client(trial, rule);
    await client.login(account);
    return client;
  };
};

/** Goes on to the challenge that answers a start. */
const challenged =
  (begin: Setup['begin'], challenge: string, sendStart: (client: LoginClient, context: ServerContext) => void) =>
  async (context: ServerContext, trial: Trial, rule: string): Promise<() => Promise<LoginClient>> => {
    const open = await begin(context, trial, rule);
    return async () => {
      const client = await open();
      sendStart(client, context);
      await client.expect(challenge);
      return client;
    };
  };

const AFTER_WELCOME: readonly Need[] = ['accounts', 'sessions'];

/** For every message of a client's, by its name in section 5. */
export const SETUPS: Readonly<Record<string, Setup>> = {
  'login-start': {
    needs: [],
    begin: fresh,
    values: (client) => client.loginStart({ username: 'nobody-at-all', password: randomBytes(8) }),
  },
  'signup-start': {
    needs: [],
    begin: fresh,
    values: (client) => client.signupStart({ username: 'nobody-at-all', password: randomBytes(8) }, ''),
  },
  resume: {
    needs: [],
    begin: fresh,
    values: (client) => client.startFields('', { ticketId: randomBytes(32), proof: proof() }),
  },
  'login-finish': {
    needs: [],
    begin: challenged(fresh, 'login-challenge', (client, context) =>
      client.send('login-start', client.loginStart(context.freshIdentity())),
    ),
    values: () => ({ proof: proof() }),
  },
  'signup-finish': {
    needs: ['open-registration'],
    begin: challenged(fresh, 'signup-challenge', (client, context) =>
      client.send('signup-start', client.signupStart(context.freshIdentity(), '')),
    ),
    values: () => ({ record: randomBytes(192), proof: proof() }),
  },
  'step-up-start': {
    needs: AFTER_WELCOME,
    begin: resumed,
    values: (client) => ({
      clientNonce: randomBytes(32),
      mechanism: MECHANISM,
      mechanismData: element(client),
    }),
  },
  'step-up-finish': {
    needs: ['accounts'],
    begin: challenged(loggedIn, 'step-up-challenge', (client) =>
      client.send('step-up-start', SETUPS['step-up-start']!.values(client)),
    ),
    values: () => ({ proof: proof() }),
  },
  're-register-start': {
    needs: AFTER_WELCOME,
    begin: resumed,
    values: (client) => ({
      clientNonce: randomBytes(32),
      ksfs: KSFS,
      mechanismData: element(client),
    }),
  },
  're-register-finish': {
    needs: ['accounts'],
    begin: challenged(loggedIn, 're-register-challenge', (client) =>
      client.send('re-register-start', SETUPS['re-register-start']!.values(client)),
    ),
    values: () => ({ record: randomBytes(192), endOthers: 0, oldProof: proof(), newProof: proof() }),
  },
  refresh: { needs: AFTER_WELCOME, begin: resumed, values: () => ({}) },
  'sessions-list': { needs: AFTER_WELCOME, begin: resumed, values: () => ({}) },
  revoke: { needs: AFTER_WELCOME, begin: resumed, values: () => ({ sessionId: randomBytes(16), scope: 0 }) },
  logout: { needs: AFTER_WELCOME, begin: resumed, values: () => ({ everywhere: 0 }) },
  'delete-account': { needs: AFTER_WELCOME, begin: resumed, values: () => ({}) },
};
