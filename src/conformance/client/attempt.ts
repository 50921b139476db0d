import { Failure, type Trial } from '../case.js';
import type { ClientContext } from './context.js';
import { Listener, type Caller } from './listener.js';
import { PlayedServer, type Fields } from './played-server.js';
import type { Task } from './subject.js';

// What a client is made to do: one attempt after the other, each as far as a case wants it.

/** How long a client that may stay silent is listened to. */
export const QUIET_MS = 1000;

/** An attempt of the client's, begun. */
export interface Attempt {
  readonly listener: Listener;
  readonly task: Task;
  readonly caller: Caller;
  /** Answers the upgrade and begins to play. @param subprotocol to select, by default blindsalt.v1; empty: none */
  readonly enter: (subprotocol?: string) => PlayedServer;
}

export interface AttemptOptions extends Partial<Pick<Task, 'username' | 'password'>> {
  /** To listen on once more, at the same URL; default a new one. */
  readonly listener?: Listener;
}

/** Has the client begin an attempt, and waits for its connection. @throws Failure */
export async function begin(
  context: ClientContext,
  trial: Trial,
  rule: string,
  action: Task['action'],
  { listener: given, ...change }: AttemptOptions = {},
): Promise<Attempt> {
  const { subject, identity, host, listen, world, password, stepMs } = context;
  const listener = given ?? (await Listener.open(identity, listen.address, listen.port));
  if (given === undefined) trial.after(() => listener.close());
  const url = `wss://${host}:${listener.port}/`;
  const task: Task = { action, url, username: world.username, password, ...change };
  const abort = new AbortController();
  let crash: Error | undefined;
  let hasEnded = false;
  const acting = subject.act(task, abort.signal).then(
    () => void (hasEnded = true),
    (error: unknown) => {
      crash = error instanceof Error ? error : new Error('no reason given');
    },
  );
  trial.after(() => {
    abort.abort();
    return acting;
  });
  const caller = await listener.caller(stepMs);
  if (crash !== undefined) throw new Error(`the client could not be started: ${crash.message}`);
  if (caller === undefined) {
    const came = `nothing in ${stepMs} ms${hasEnded ? '; the client has ended' : ''}`;
    throw new Failure({ rule, sent: ['(nothing)'], expected: 'a WebSocket connection', came });
  }
  const enter = (subprotocol = 'blindsalt.v1'): PlayedServer => {
    const visit = caller.accept(subprotocol === '' ? undefined : subprotocol);
    trial.after(() => visit.destroy());
    return new PlayedServer(visit, world, trial, rule, stepMs);
  };
  return { listener, task, caller, enter };
}

/** An attempt up to its start message, after an honest `hello`, or one with other fields. @throws Failure */
export async function start(
  context: ClientContext,
  trial: Trial,
  rule: string,
  action: 'login' | 'signup',
  { hello, ...options }: AttemptOptions & { readonly hello?: Fields } = {},
): Promise<Attempt & { readonly server: PlayedServer }> {
  const attempt = await begin(context, trial, rule, action, options);
  const server = attempt.enter();
  server.sendHello(hello);
  await server.expectStart(`${action}-start`);
  return { ...attempt, server };
}

/** From `login-start` on: an honest challenge, and the finish, which has to be right. @throws Failure */
export async function loginToFinish({ world }: ClientContext, server: PlayedServer): Promise<void> {
  server.sendChallenge('login-challenge');
  const finish = await server.expect('login-finish');
  const isSigned = server.isSigned(finish, world.account!.record.subarray(0, 32));
  server.check(isSigned, 'a proof by the key that was registered, over this transcript', 'another proof');
}
