import type { LoginStart, SignupStart } from '../../proto/index.js';
import type { Attempt, Offer } from './connection-state.js';
import type { ConnectionCore } from './connection-core.js';
import { checkStart, checkUsername, refuse, type StartMessage } from './start-checks.js';

/** What precedes the checks of PROTOCOL.md 5.2: the moment, the nonce, the number of attempts. */
export function beginAttempt(core: ConnectionCore, start: StartMessage): void {
  switch (core.state.name) {
    case 'awaiting-start':
      break;
    case 'awaiting-login-finish':
    case 'awaiting-signup-finish':
      core.event('info', 'challenge discarded', 'new-start');
      core.enter({ name: 'awaiting-start' });
      break;
    default:
      refuse('protocol-error', `start-while-${core.state.name}`);
  }
  core.takeNonce(start.clientNonce);
  core.countStart();
}

/** The checks that need no username. */
export function takeOffer(core: ConnectionCore, start: StartMessage): Offer {
  const binding = checkStart(core.context.settings, core.peer, start);
  return { binding, subprotocols: start.subprotocols, deviceLabel: start.deviceLabel };
}

/** All checks of start messages with a username, but those of the message's own fields. */
export function takeAttempt(core: ConnectionCore, start: LoginStart | SignupStart): Attempt {
  const offer = takeOffer(core, start);
  const { username } = start;
  checkUsername(username);
  const { binding, subprotocols, deviceLabel } = offer;
  const { domain } = core.context.settings;
  return { binding, subprotocols, deviceLabel, domain, username, serverNonce: core.freshNonce() };
}
