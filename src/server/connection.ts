import {
  BlindsaltError,
  BYTES,
  CLOSE,
  closeCodeOf,
  decodeControl,
  encodeControl,
  isWireErrorCode,
  LABEL,
  Transcript,
  type LoginStart,
  type Message,
  type SignupStart,
  type StartFields,
  type WireErrorCode,
} from '../../proto/index.js';
import { splitRecord } from '../opaque/server.js';
import type { Attempt, ConnectionContext, ConnectionPeer, Credential, State } from './connection-state.js';
import { chooseMaterial, createDecoy, currentSeed, currentServerKey } from './decoy.js';
import { loginChallenge, signupChallenge, verifyFrame } from './exchange.js';
import { helloMessage, welcomeMessage } from './greetings.js';
import { checkLoginStart, checkSignupStart, checkStart, refuse } from './start-checks.js';
import type { Action, Answer, Input, Question } from './steps.js';
import type { CodeUse, CreateUserResult, User } from './store.js';

/**
 * The server's side of one connection, without I/O: an input goes in, actions come out. Holds no socket, no timer and no
 * promise; asks the store by an action and gets the answer as an input.
 */
export class Connection {
  #state: State = { name: 'new' };
  #starts = 0;
  /** All nonces seen, to refuse repetitions; they are public. */
  readonly #nonces: Uint8Array[] = [];
  readonly #transcript: Transcript;
  #actions: Action[] = [];

  constructor(
    readonly context: ConnectionContext,
    readonly peer: ConnectionPeer,
  ) {
    this.#transcript = new Transcript(context.crypto.sha512);
  }

  /** True from `welcome` on, until the connection is closed. */
  get isOpen(): boolean {
    return this.#state.name === 'open';
  }

  get isClosed(): boolean {
    return this.#state.name === 'closed';
  }

  /** Takes one input and returns what is to be done, in this order. Never throws. */
  step(input: Input): readonly Action[] {
    this.#actions = [];
    if (this.#state.name === 'closed') return this.#actions;
    try {
      this.#take(input);
    } catch (error) {
      this.#fail(error);
    }
    return this.#actions;
  }

  #take(input: Input): void {
    switch (input.type) {
      case 'opened':
        return this.#sendHello();
      case 'control-frame':
        return this.#takeFrame(input.frame);
      case 'application-frame':
        if (this.#state.name === 'open') return;
        return refuse('early-frame', 'application-frame');
      case 'answer':
        return this.#takeAnswer(input.answer);
      case 'failed':
        throw input.error;
      case 'deadline':
        if (this.#state.name === 'open') return;
        return refuse('handshake-timeout', this.#state.name);
      case 'expired':
        return refuse('session-expired', input.limit);
      case 'refused':
        return refuse(input.code, input.reason);
      case 'shutdown':
        return this.#close(CLOSE.goingAway, '');
      case 'gone':
        return this.#enter({ name: 'closed' });
    }
  }

  #sendHello(): void {
    this.#send(helloMessage(this.context.settings, this.peer, this.#freshNonce()));
    this.#enter({ name: 'awaiting-start' });
  }

  #takeFrame(frame: Uint8Array): void {
    if (this.#state.name === 'open') refuse('protocol-error', 'control-frame-after-welcome');
    const message = decodeControl(frame, 'client');
    switch (message.kind) {
      case 'loginStart':
        this.#beginAttempt(frame, message);
        return this.#startLogin(message);
      case 'signupStart':
        this.#beginAttempt(frame, message);
        return this.#startSignup(message);
      case 'loginFinish':
        return this.#finishLogin(frame);
      case 'signupFinish':
        return this.#finishSignup(frame, message.record);
      default:
        // decodeControl has refused the messages of servers.
        return refuse('protocol-error', 'wrong-direction');
    }
  }

  /** What precedes the checks of PROTOCOL.md 5.2: the moment, the nonce, the number of attempts. */
  #beginAttempt(frame: Uint8Array, start: StartFields): void {
    switch (this.#state.name) {
      case 'awaiting-start':
        break;
      case 'awaiting-login-finish':
      case 'awaiting-signup-finish':
        this.#event('info', 'challenge discarded', 'new-start');
        this.#enter({ name: 'awaiting-start' });
        break;
      default:
        refuse('protocol-error', `start-while-${this.#state.name}`);
    }
    this.#transcript.append(frame);
    if (this.#nonces.some((nonce) => this.context.crypto.equal(nonce, start.clientNonce))) {
      refuse('protocol-error', 'nonce-reused');
    }
    this.#nonces.push(start.clientNonce);
    this.#starts += 1;
    if (this.#starts > this.context.settings.limits.maxAttempts) refuse('too-many-attempts', 'attempts');
  }

  #attempt(start: StartFields): Attempt {
    const { settings } = this.context;
    const binding = checkStart(settings, this.peer, start);
    const { username, subprotocols, deviceLabel } = start;
    return { domain: settings.domain, username, binding, subprotocols, deviceLabel, serverNonce: this.#freshNonce() };
  }

  #startLogin(start: LoginStart): void {
    const attempt = this.#attempt(start);
    checkLoginStart(this.context.crypto, start);
    this.#ask({ ask: 'login', username: start.username });
    this.#enter({ name: 'looking-up', attempt, request: start.mechanismData });
  }

  #startSignup(start: SignupStart): void {
    const { crypto, settings, keys, random } = this.context;
    const attempt = this.#attempt(start);
    const { codeHash, ksf } = checkSignupStart(crypto, settings, start);
    const credential: Credential = {
      credentialIdentifier: random(32),
      ksf,
      oprfSeed: currentSeed(keys),
      serverKey: currentServerKey(keys),
    };
    const request = start.mechanismData;
    if (codeHash === undefined) return this.#challengeSignup(attempt, undefined, credential, request);
    this.#ask({ ask: 'code', use: this.#codeUse(codeHash), username: start.username });
    this.#enter({ name: 'checking-code', attempt, codeHash, credential, request });
  }

  #challengeSignup(
    attempt: Attempt,
    codeHash: Uint8Array | undefined,
    credential: Credential,
    request: Uint8Array,
  ): void {
    const { crypto, random } = this.context;
    this.#sendFrame(signupChallenge(crypto, random, this.#transcript, attempt, credential, request));
    this.#enter({ name: 'awaiting-signup-finish', attempt, codeHash, credential });
  }

  #takeAnswer(answer: Answer): void {
    const state = this.#state;
    if (answer.to === 'code' && state.name === 'checking-code') {
      // A closed server takes resets only; which of both was wrong, and whether the name exists, does not show.
      const isUseful = answer.kind === 'reset' || this.context.settings.registration !== 'closed';
      if (answer.kind === undefined || !isUseful) refuse('invite-invalid', 'code-invalid');
      return this.#challengeSignup(state.attempt, state.codeHash, state.credential, state.request);
    }
    if (answer.to === 'login' && state.name === 'looking-up') return this.#challengeLogin(state, answer);
    if (answer.to === 'create' && state.name === 'creating') return this.#created(state.attempt, answer.outcome);
    if (answer.to === 'user' && state.name === 'loading') {
      const { user } = answer;
      if (user === undefined) return this.#loginFailed('user-deleted');
      if (user.recordVersion !== state.recordVersion) return this.#loginFailed('record-changed');
      return this.#welcome(state.attempt, user);
    }
    throw new Error(`answer to ${answer.to} while ${state.name}`);
  }

  #challengeLogin(
    { attempt, request }: Extract<State, { name: 'looking-up' }>,
    { row, shares }: Extract<Answer, { to: 'login' }>,
  ): void {
    const { crypto, settings, keys, random } = this.context;
    // Made for every name, so that a known one costs the same.
    const decoy = createDecoy(crypto, keys, settings.ksf, shares, attempt.username);
    const { usable, keysMissing, material } = chooseMaterial(keys, row, decoy);
    if (keysMissing)
      this.#event('error', 'a record needs a seed or server key that the key file lacks', 'keys-missing');
    this.#sendFrame(loginChallenge(crypto, random, this.#transcript, attempt, material, request));
    this.#enter({
      name: 'awaiting-login-finish',
      attempt,
      clientPublicKey: Uint8Array.from(splitRecord(material.registrationRecord).clientPublicKey),
      userId: row.userId,
      recordVersion: row.recordVersion,
      barredBy: usable ? (row.status === 'active' ? undefined : 'account-disabled') : 'user-unknown',
    });
  }

  #finishLogin(frame: Uint8Array): void {
    const state = this.#state;
    if (state.name !== 'awaiting-login-finish') return refuse('protocol-error', `login-finish-while-${state.name}`);
    const { attempt, clientPublicKey, userId, recordVersion, barredBy } = state;
    const valid = verifyFrame(
      this.context.crypto,
      this.#transcript,
      attempt,
      frame,
      clientPublicKey,
      LABEL.loginClient,
    );
    this.#transcript.append(frame);
    if (!valid || barredBy !== undefined) return this.#loginFailed(barredBy ?? 'proof-invalid');
    this.#ask({ ask: 'user', userId });
    this.#enter({ name: 'loading', attempt, recordVersion });
  }

  #loginFailed(reason: string): void {
    refuse('login-failed', reason);
  }

  #finishSignup(frame: Uint8Array, record: Uint8Array): void {
    const state = this.#state;
    if (state.name !== 'awaiting-signup-finish') return refuse('protocol-error', `signup-finish-while-${state.name}`);
    const { crypto, settings, random } = this.context;
    const { attempt, credential, codeHash } = state;
    const { clientPublicKey } = splitRecord(record);
    // Verification refuses keys that do not decode and the identity.
    if (!verifyFrame(crypto, this.#transcript, attempt, frame, clientPublicKey, LABEL.signupClient)) {
      refuse('protocol-error', 'signup-proof-invalid');
    }
    this.#transcript.append(frame);
    this.#ask({
      ask: 'create',
      user: {
        userId: random(BYTES.userId),
        username: attempt.username,
        credential: {
          registrationRecord: record,
          credentialIdentifier: credential.credentialIdentifier,
          oprfSeedId: credential.oprfSeed.id,
          serverKeyId: credential.serverKey.id,
          ksf: credential.ksf,
        },
        roles: settings.roles,
        attributes: {},
        createdAtMs: settings.now(),
      },
      code: codeHash === undefined ? undefined : this.#codeUse(codeHash),
    });
    this.#enter({ name: 'creating', attempt });
  }

  #created(attempt: Attempt, outcome: CreateUserResult): void {
    switch (outcome.result) {
      case 'created':
      case 'reset':
        this.#event('info', outcome.result === 'created' ? 'signed up' : 'registered anew');
        return this.#welcome(attempt, outcome.user);
      case 'taken':
        return refuse('username-taken', 'taken');
      case 'code-invalid':
        return refuse('invite-invalid', 'code-used-or-foreign');
    }
  }

  #welcome(attempt: Attempt, user: User): void {
    if (user.status !== 'active') return this.#loginFailed('account-disabled');
    const { settings, random } = this.context;
    const sessionId = random(BYTES.sessionId);
    const subprotocol = this.peer.selectSubprotocol(attempt.subprotocols);
    this.#send(welcomeMessage(settings, sessionId, user, subprotocol));
    this.#enter({ name: 'open' });
    this.#event('info', 'authenticated');
    this.#actions.push({ do: 'authenticated', sessionId, user, subprotocol, deviceLabel: attempt.deviceLabel });
  }

  #codeUse(codeHash: Uint8Array): CodeUse {
    return { codeHash, nowMs: this.context.settings.now() };
  }

  #freshNonce(): Uint8Array {
    const nonce = this.context.random(BYTES.nonce);
    this.#nonces.push(nonce);
    return nonce;
  }

  #ask(question: Question): void {
    this.#actions.push({ do: 'ask', question });
  }

  #send(message: Message): void {
    this.#sendFrame(encodeControl(message));
  }

  #sendFrame(frame: Uint8Array): void {
    this.#transcript.append(frame);
    this.#actions.push({ do: 'send', frame });
  }

  #event(level: 'info' | 'warn' | 'error', message: string, reason?: string, code?: string): void {
    this.#actions.push({ do: 'log', level, message, code, reason });
  }

  /** Turns what was thrown into what the peer may know: a code that may go on the wire, else `server-error`. */
  #fail(error: unknown): void {
    const known = error instanceof BlindsaltError && isWireErrorCode(error.code);
    const code: WireErrorCode = known ? error.code : 'server-error';
    if (known && code !== 'server-error') this.#event('info', 'refused', error.reason, code);
    else this.#actions.push({ do: 'log-error', error });
    const retryAfterMs = known ? (error.retryAfterMs ?? 0) : 0;
    // `hello` comes first or nothing does.
    if (this.#state.name !== 'new') {
      this.#send({ kind: 'error', code, retryAfterSeconds: Math.ceil(retryAfterMs / 1000) });
    }
    const closeCode = closeCodeOf(code);
    if (closeCode === undefined) this.#enter({ name: 'awaiting-start' });
    else this.#close(closeCode, code);
  }

  #close(code: number, reason: string): void {
    this.#actions.push({ do: 'close', code, reason });
    this.#enter({ name: 'closed' });
  }

  /** Leaving a state forgets what it held: a challenge has no second finish. */
  #enter(state: State): void {
    this.#state = state;
  }
}
