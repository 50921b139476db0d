import { randomBytes } from 'node:crypto';
import type { Trial } from '../case.js';
import type { LoginClient } from '../wire/login-client.js';
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
    begin: async (context, trial, rule) => async () => {
      const client = await context.client(trial, rule);
      await client.startLogin(context.freshIdentity());
      return client;
    },
    values: () => ({ proof: proof() }),
  },
  'signup-finish': {
    needs: ['open-registration'],
    begin: async (context, trial, rule) => async () => {
      const client = await context.client(trial, rule);
      client.send('signup-start', client.signupStart(context.freshIdentity(), ''));
      await client.expect('signup-challenge');
      return client;
    },
    values: () => ({ record: randomBytes(192), proof: proof() }),
  },
  'step-up-start': {
    needs: AFTER_WELCOME,
    begin: resumed,
    values: (client) => ({
      clientNonce: randomBytes(32),
      mechanism: 'SCHNORR-RISTRETTO255',
      mechanismData: element(client),
    }),
  },
  'step-up-finish': {
    needs: ['accounts'],
    begin: async (context, trial, rule) => {
      // A login each time: servers count the challenges of a session that were not answered.
      const account = await context.account('registering', trial);
      return async () => {
        const client = await context.client(trial, rule);
        await client.login(account);
        client.send('step-up-start', SETUPS['step-up-start']!.values(client));
        await client.expect('step-up-challenge');
        return client;
      };
    },
    values: () => ({ proof: proof() }),
  },
  're-register-start': {
    needs: AFTER_WELCOME,
    begin: resumed,
    values: (client) => ({
      clientNonce: randomBytes(32),
      ksfs: ['argon2id', 'pbkdf2-sha512'],
      mechanismData: element(client),
    }),
  },
  're-register-finish': {
    needs: ['accounts'],
    begin: async (context, trial, rule) => {
      const account = await context.account('registering', trial);
      return async () => {
        const client = await context.client(trial, rule);
        await client.login(account);
        client.send('re-register-start', SETUPS['re-register-start']!.values(client));
        await client.expect('re-register-challenge');
        return client;
      };
    },
    values: () => ({ record: randomBytes(192), endOthers: 0, oldProof: proof(), newProof: proof() }),
  },
  refresh: { needs: AFTER_WELCOME, begin: resumed, values: () => ({}) },
  'sessions-list': { needs: AFTER_WELCOME, begin: resumed, values: () => ({}) },
  revoke: { needs: AFTER_WELCOME, begin: resumed, values: () => ({ sessionId: randomBytes(16), scope: 0 }) },
  logout: { needs: AFTER_WELCOME, begin: resumed, values: () => ({ everywhere: 0 }) },
  'delete-account': { needs: AFTER_WELCOME, begin: resumed, values: () => ({}) },
};
