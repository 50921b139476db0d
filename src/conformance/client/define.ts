import { casesOf, type Case } from '../case.js';
import { loginToFinish, start } from './attempt.js';
import type { ClientContext, ClientNeed } from './context.js';
import type { PlayedServer } from './played-server.js';

export type ClientCase = Case<ClientContext>;

/** A function that makes the cases of one area. */
export const define = casesOf<ClientContext, ClientNeed>;

type Define = ReturnType<typeof define>;

/** What comes instead of an honest answer to `login-start`; the client has to leave. */
export function duringLogin(
  of: Define,
  id: string,
  section: string,
  title: string,
  rule: string,
  play: (server: PlayedServer, context: ClientContext) => unknown,
): ClientCase {
  return of(id, section, title, ['account'], async (context, trial) => {
    const { server } = await start(context, trial, rule, 'login');
    await play(server, context);
    await server.expectLeave();
  });
}

/** What the client does after a `login-finish` that was fine. */
export function afterFinish(
  id: string,
  section: string,
  title: string,
  rule: string,
  play: (server: PlayedServer) => Promise<void>,
): ClientCase {
  return define('welcome')(id, section, title, ['account'], async (context, trial) => {
    const { server } = await start(context, trial, rule, 'login');
    await loginToFinish(context, server);
    await play(server);
  });
}
