import {
  BlindsaltError,
  CLOSE,
  closeCodeOf,
  decodeControl,
  EXPIRING_LIMIT,
  isWireErrorCode,
  type WireErrorCode,
} from '../../proto/index.js';
import { ConnectionCore, NO_ACTIONS } from './connection-core.js';
import { NO_REQUEST, type ConnectionContext, type ConnectionPeer } from './connection-state.js';
import { helloMessage } from './greetings.js';
import { challengeLogin, finishLogin, startLogin } from './login-flow.js';
import { sessionEnded, takeRequest, takeRequestAnswer } from './requests.js';
import { begun, resumed, startResume } from './session-flow.js';
import { codeChecked, created, finishSignup, startSignup } from './signup-flow.js';
import { refuse } from './start-checks.js';
import type { Action, Answer, Input } from './steps.js';

/**
 * The server's side of one connection, without I/O: an input goes in, actions come out. Holds no socket, no timer and no
 * promise; asks the store by an action and gets the answer as an input. What each message does is in the `-flow` modules
 * and in `requests.ts`.
 */
export class Connection {
  readonly #core: ConnectionCore;

  constructor(context: ConnectionContext, peer: ConnectionPeer) {
    this.#core = new ConnectionCore(context, peer);
  }

  /** True from `welcome` on, until the connection is closed. */
  get isOpen(): boolean {
    return this.#core.state.name === 'open';
  }

  /** True from a start message to its result. */
  get isUnderWay(): boolean {
    const { name } = this.#core.state;
    return name !== 'new' && name !== 'awaiting-start' && name !== 'open' && name !== 'closed';
  }

  get isClosed(): boolean {
    return this.#core.state.name === 'closed';
  }

  /** Takes one input and returns what is to be done, in this order. Never throws. */
  step(input: Input): readonly Action[] {
    const core = this.#core;
    if (core.state.name === 'closed') return NO_ACTIONS;
    core.actions = [];
    try {
      this.#take(input);
    } catch (error) {
      this.#fail(error);
    }
    if (core.isOverdue) this.#endOverdue();
    const { actions } = core;
    // An idle connection is not to keep what it did last.
    core.actions = NO_ACTIONS;
    return actions;
  }

  /** A deadline that was put off counts when no account came of it. */
  #endOverdue(): void {
    const { name } = this.#core.state;
    if (name === 'creating' || name === 'beginning') return;
    this.#core.isOverdue = false;
    if (name !== 'open' && name !== 'closed') {
      this.#fail(new BlindsaltError('handshake-timeout', undefined, { reason: name }));
    }
  }

  #take(input: Input): void {
    const core = this.#core;
    switch (input.type) {
      case 'opened':
        core.send(helloMessage(core.context.settings, core.peer, core.freshNonce()));
        return core.enter({ name: 'awaiting-start' });
      case 'control-frame':
        return this.#takeFrame(input.frame);
      case 'application-frame':
        if (this.isOpen) return;
        return refuse('early-frame', 'application-frame');
      case 'answer':
        return this.#takeAnswer(input.answer);
      case 'failed':
        throw input.error;
      case 'deadline':
        if (this.isOpen) return;
        // The account may exist by now: its owner is to hear of it.
        if (core.state.name === 'creating') core.isOverdue = true;
        else refuse('handshake-timeout', core.state.name);
        return;
      case 'expiring': {
        const { secondsLeft, limit } = input;
        if (this.isOpen) core.send({ kind: 'expiring', secondsLeft, limit: EXPIRING_LIMIT[limit] });
        return;
      }
      case 'expired':
        return refuse('session-expired', input.limit);
      case 'ended':
        return sessionEnded(core, input.reason);
      case 'replaced':
        return refuse('session-replaced', 'epoch');
      case 'user-changed':
        if (this.isOpen) core.send({ kind: 'userChanged', roles: input.roles });
        return;
      case 'refused':
        return refuse(input.code, input.reason);
      case 'shutdown':
        return core.close(CLOSE.goingAway, '');
      case 'gone':
        // A wrong password, or the client did not believe the server's proof: a relay in between, for example.
        if (core.state.name === 'awaiting-login-finish' || core.state.name === 'awaiting-signup-finish') {
          core.event('info', 'left without an answer to the challenge', core.state.name);
        }
        return core.enter({ name: 'closed' });
    }
  }

  #takeFrame(frame: Uint8Array): void {
    const core = this.#core;
    const message = decodeControl(frame, 'client');
    switch (message.kind) {
      case 'loginStart':
        return startLogin(core, frame, message);
      case 'signupStart':
        return startSignup(core, frame, message);
      case 'resume':
        return startResume(core, frame, message);
      case 'loginFinish':
        return finishLogin(core, frame);
      case 'signupFinish':
        return finishSignup(core, frame, message.record);
      case 'refresh':
      case 'stepUpStart':
      case 'stepUpFinish':
      case 'reregisterStart':
      case 'reregisterFinish':
      case 'sessionsList':
      case 'revoke':
      case 'logout':
      case 'deleteAccount':
        return takeRequest(core, frame, message);
      default:
        // decodeControl has refused the messages of servers.
        return refuse('protocol-error', 'wrong-direction');
    }
  }

  #takeAnswer(answer: Answer): void {
    const core = this.#core;
    const { state } = core;
    if (state.name === 'open') return takeRequestAnswer(core, state.request, answer);
    if (answer.to === 'code' && state.name === 'checking-code') return codeChecked(core, state, answer);
    if (answer.to === 'login' && state.name === 'looking-up') return challengeLogin(core, state, answer);
    if (answer.to === 'create' && state.name === 'creating') return created(core, state.attempt, answer.outcome);
    if (answer.to === 'begin' && state.name === 'beginning') return begun(core, state, answer.outcome);
    if (answer.to === 'rotate' && state.name === 'resuming') return resumed(core, state, answer.outcome);
    throw new Error(`answer to ${answer.to} while ${state.name}`);
  }

  /** Turns what was thrown into what the peer may know: a code that may go on the wire, else `server-error`. */
  #fail(error: unknown): void {
    const core = this.#core;
    const known = error instanceof BlindsaltError && isWireErrorCode(error.code);
    const code: WireErrorCode = known ? error.code : 'server-error';
    if (known && code !== 'server-error') core.event('info', 'refused', error.reason, code);
    else core.actions.push({ do: 'log-error', error });
    const retryAfterMs = known ? (error.retryAfterMs ?? 0) : 0;
    // `hello` comes first or nothing does.
    if (core.state.name !== 'new') {
      core.send({ kind: 'error', code, retryAfterSeconds: Math.ceil(retryAfterMs / 1000) });
    }
    const closeCode = closeCodeOf(code);
    if (closeCode !== undefined) return core.close(closeCode, code);
    if (this.isOpen) core.request(NO_REQUEST);
    else core.enter({ name: 'awaiting-start' });
  }
}
