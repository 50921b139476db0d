import { randomBytes } from 'node:crypto';
import type { Case, Trial } from '../case.js';
import { Failure } from '../case.js';
import { Listener, type Caller, type Identity } from './listener.js';
import { PlayedServer, type Lie, type World } from './played-server.js';
import type { Subject, Task } from './subject.js';

/** What a case about a client has at hand. */
export interface ClientContext {
  readonly subject: Subject;
  readonly identity: Identity;
  /** Host name in the URLs, and the address and port to listen on. */
  readonly host: string;
  readonly listen: { readonly address: string; readonly port: number };
  readonly world: World;
  readonly password: string;
  /** How long the client may take for a step; key stretching included. */
  readonly stepMs: number;
}

export type ClientCase = Case<ClientContext>;

/** One attempt of the client's, begun. */
export interface Scene {
  readonly listener: Listener;
  readonly task: Task;
  readonly caller: Caller;
  /** Answers the upgrade and begins to play. @param subprotocol to select, by default blindsalt.v1; empty: none */
  readonly enter: (subprotocol?: string) => PlayedServer;
}

/** Has the client begin an attempt, and waits for its connection. @throws Failure */
export async function begin(
  context: ClientContext,
  trial: Trial,
  rule: string,
  action: Task['action'],
  change: Partial<Task> = {},
  /** To listen on once more; default a new one. */
  on?: Listener,
): Promise<Scene> {
  const { subject, identity, host, listen, world, password, stepMs } = context;
  const listener = on ?? (await Listener.open(identity, listen.address, listen.port));
  if (on === undefined) trial.after(() => listener.close());
  const url = `wss://${host}:${listener.port}/`;
  const task: Task = { action, url, username: world.username, password, ...change };
  const abort = new AbortController();
  let crash: Error | undefined;
  const acting = subject.act(task, abort.signal).catch((error: unknown) => {
    crash = error instanceof Error ? error : new Error('no reason given');
  });
  trial.after(() => {
    abort.abort();
    return acting;
  });
  const caller = await listener.caller(stepMs);
  if (crash !== undefined) throw new Error(`the client could not be started: ${crash.message}`);
  if (caller === undefined) {
    const came = `nothing in ${stepMs} ms`;
    throw new Failure({ rule, sent: ['(nothing)'], expected: 'a WebSocket connection', came });
  }
  const enter = (subprotocol = 'blindsalt.v1'): PlayedServer => {
    const visit = caller.accept(subprotocol === '' ? undefined : subprotocol);
    trial.after(() => visit.destroy());
    return new PlayedServer(visit, world, trial, rule, stepMs);
  };
  return { listener, task, caller, enter };
}

/** Signs the account up, honestly, the first time it is needed. @throws Failure */
export async function signUp(context: ClientContext, trial: Trial): Promise<void> {
  const server = (await begin(context, trial, SIGNUP_RULE, 'signup')).enter();
  server.sendHello();
  await server.expectStart('signup-start');
  server.sendChallenge('signup-challenge');
  const finish = await server.expect('signup-finish');
  const record = finish.fields['record'] as Buffer;
  server.check(server.isSigned(finish, record.subarray(0, 32)), 'a proof by the key in the record', 'another proof');
  context.world.account = { record, ksf: context.world.ksf };
  server.sendWelcome();
  server.visit.close(1001);
}
const SIGNUP_RULE = 'Section 7: sign-up with an honest server.';

/** A login up to `login-start`. */
export async function beginLogin(context: ClientContext, trial: Trial, rule: string): Promise<PlayedServer> {
  const server = (await begin(context, trial, rule, 'login')).enter();
  server.sendHello();
  await server.expectStart('login-start');
  return server;
}

/** The client has to leave when the challenge of a login lies in this way. */
export function lyingLogin(
  id: string,
  title: string,
  rule: string,
  lie: (context: ClientContext, server: PlayedServer) => Lie,
): ClientCase {
  return {
    id,
    area: 'login',
    section: '8',
    title,
    level: 'MUST',
    needs: ['account'],
    async run(context, trial) {
      const server = await beginLogin(context, trial, rule);
      server.sendChallenge('login-challenge', lie(context, server));
      await server.expectLeave();
    },
  };
}

/** The same for a sign-up, of another name. */
export function lyingSignup(
  id: string,
  title: string,
  rule: string,
  lie: (context: ClientContext, server: PlayedServer) => Lie,
): ClientCase {
  return {
    id,
    area: 'sign-up',
    section: '7',
    title,
    level: 'MUST',
    needs: ['signup'],
    async run(context, trial) {
      const username = `c${randomBytes(6).toString('hex')}`;
      const server = (await begin(context, trial, rule, 'signup', { username })).enter();
      server.sendHello();
      await server.expectStart('signup-start');
      server.sendChallenge('signup-challenge', lie(context, server));
      await server.expectLeave();
    },
  };
}
