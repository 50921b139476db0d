// Connections that are broken on purpose: what the search has to find.
import type { Action } from '../../../src/server/steps.js';
import type { Connection } from '../../../src/server/connection.js';
import type { Step } from './server.js';

const isWelcome = (action: Action): boolean => action.do === 'send' && action.frame[2] === 2;

/** What each does wrong. */
export const SERVER_FAULTS: Readonly<Record<string, Step>> = {
  'tells the application before welcome': (connection, input) => {
    const actions = connection.step(input);
    const welcome = actions.findIndex(isWelcome);
    return welcome < 0 ? actions : [...actions.slice(welcome + 1), actions[welcome]!];
  },
  'closes with the code of another reason': (connection, input) =>
    connection
      .step(input)
      .map((action) =>
        action.do === 'close' && action.reason === 'session-expired' ? { ...action, code: 4432 } : action,
      ),
  'throws on an answer that nobody waits for': (connection, input) => {
    const actions = connection.step(input);
    if (input.type === 'answer' && actions.some((action) => action.do === 'log-error'))
      throw new TypeError('undefined');
    return actions;
  },
  'goes on after the close': (connection, input) => {
    const actions = connection.step(input);
    const close = actions.find((action) => action.do === 'close');
    return close?.do === 'close' && close.reason === 'session-revoked'
      ? [...actions, { do: 'send', frame: Uint8Array.of(0xc1, 0x92, 79, 0) }]
      : actions;
  },
  'asks twice': (connection, input) => {
    const actions = connection.step(input);
    const question = actions.find((action) => action.do === 'ask' && action.question.ask === 'rotate');
    return question === undefined ? actions : [...actions, question];
  },
  'welcomes on a wrong proof': welcomeAnybody(),
};

/** Takes the password's owner for whoever sends a finish: the valid proof of another connection is put in its place. */
function welcomeAnybody(): Step {
  let kept: readonly Action[] = [];
  return (connection: Connection, input) => {
    const actions = connection.step(input);
    if (actions.some(isWelcome)) kept = actions;
    const isFailure = actions.some(
      (action) => action.do === 'log' && action.reason === 'proof-invalid' && action.code === 'login-failed',
    );
    return isFailure && kept.length > 0 ? kept : actions;
  };
}
