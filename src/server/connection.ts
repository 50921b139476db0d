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
import { NO_REQUEST } from './connection-state.js';
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
export class Connection extends ConnectionCore {
  /** True from `welcome` on, until the connection is closed. */
  get isOpen(): boolean {
    return this.state.name === 'open';
  }

  /** True from a start message to its result. */
  get isUnderWay(): boolean {
    const { name } = this.state;
    return name !== 'new' && name !== 'awaiting-start' && name !== 'open' && name !== 'closed';
  }

  get isClosed(): boolean {
    return this.state.name === 'closed';
  }

  /** Takes one input and returns what is to be done, in this order. Never throws. */
  step(input: Input): readonly Action[] {
    if (this.state.name === 'closed') return NO_ACTIONS;
    this.actions = [];
    try {
      this.#take(input);
    } catch (error) {
      this.#fail(error);
    }
    if (this.isOverdue) this.#endOverdue();
    const { actions } = this;
    // An idle connection is not to keep what it did last.
    this.actions = NO_ACTIONS;
    return actions;
  }

  /** A deadline that was put off counts when no account came of it. */
  #endOverdue(): void {
    const { name } = this.state;
    if (name === 'creating' || name === 'beginning') return;
    this.isOverdue = false;
    if (name !== 'open' && name !== 'closed') {
      this.#fail(new BlindsaltError('handshake-timeout', undefined, { reason: name }));
    }
  }

  #take(input: Input): void {
    switch (input.type) {
      case 'opened':
        this.send(helloMessage(this.context.settings, this.peer, this.freshNonce()));
        return this.enter({ name: 'awaiting-start' });
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
        if (this.state.name === 'creating') this.isOverdue = true;
        else refuse('handshake-timeout', this.state.name);
        return;
      case 'expiring': {
        const { secondsLeft, limit } = input;
        if (this.isOpen) this.send({ kind: 'expiring', secondsLeft, limit: EXPIRING_LIMIT[limit] });
        return;
      }
      case 'expired':
        return refuse('session-expired', input.limit);
      case 'ended':
        return sessionEnded(this, input.reason);
      case 'replaced':
        return refuse('session-replaced', 'epoch');
      case 'user-changed':
        if (this.isOpen) this.send({ kind: 'userChanged', roles: input.roles });
        return;
      case 'refused':
        return refuse(input.code, input.reason);
      case 'shutdown':
        return this.close(CLOSE.goingAway, '');
      case 'gone':
        // A wrong password, or the client did not believe the server's proof: a relay in between, for example.
        if (this.state.name === 'awaiting-login-finish' || this.state.name === 'awaiting-signup-finish') {
          this.event('info', 'left without an answer to the challenge', this.state.name);
        }
        return this.enter({ name: 'closed' });
    }
  }

  #takeFrame(frame: Uint8Array): void {
    const message = decodeControl(frame, 'client');
    switch (message.kind) {
      case 'loginStart':
        return startLogin(this, frame, message);
      case 'signupStart':
        return startSignup(this, frame, message);
      case 'resume':
        return startResume(this, frame, message);
      case 'loginFinish':
        return finishLogin(this, frame);
      case 'signupFinish':
        return finishSignup(this, frame, message.record);
      case 'refresh':
      case 'stepUpStart':
      case 'stepUpFinish':
      case 'reregisterStart':
      case 'reregisterFinish':
      case 'sessionsList':
      case 'revoke':
      case 'logout':
      case 'deleteAccount':
        return takeRequest(this, frame, message);
      default:
        // decodeControl has refused the messages of servers.
        return refuse('protocol-error', 'wrong-direction');
    }
  }

  #takeAnswer(answer: Answer): void {
    const { state } = this;
    if (state.name === 'open') return takeRequestAnswer(this, state.request, answer);
    if (answer.to === 'code' && state.name === 'checking-code') return codeChecked(this, state, answer);
    if (answer.to === 'login' && state.name === 'looking-up') return challengeLogin(this, state, answer);
    if (answer.to === 'create' && state.name === 'creating') return created(this, state.attempt, answer.outcome);
    if (answer.to === 'begin' && state.name === 'beginning') return begun(this, state, answer.outcome);
    if (answer.to === 'rotate' && state.name === 'resuming') return resumed(this, state, answer.outcome);
    throw new Error(`answer to ${answer.to} while ${state.name}`);
  }

  /** Turns what was thrown into what the peer may know: a code that may go on the wire, else `server-error`. */
  #fail(error: unknown): void {
    const known = error instanceof BlindsaltError && isWireErrorCode(error.code);
    const code: WireErrorCode = known ? error.code : 'server-error';
    if (known && code !== 'server-error') this.event('info', 'refused', error.reason, code);
    else this.actions.push({ do: 'log-error', error });
    const retryAfterMs = known ? (error.retryAfterMs ?? 0) : 0;
    // `hello` comes first or nothing does.
    if (this.state.name !== 'new') {
      this.send({ kind: 'error', code, retryAfterSeconds: Math.ceil(retryAfterMs / 1000) });
    }
    const closeCode = closeCodeOf(code);
    if (closeCode !== undefined) return this.close(closeCode, code);
    if (this.isOpen) this.request(NO_REQUEST);
    else this.enter({ name: 'awaiting-start' });
  }
}
