import {
  BlindsaltError,
  BYTES,
  encodeControl,
  exchangeTranscript,
  Transcript,
  type Message,
} from '../../proto/index.js';
import type { ConnectionContext, ConnectionPeer, Request, State } from './connection-state.js';
import type { OpenSession } from './open-session.js';
import { RequestRate } from './request-rate.js';
import { NO_NONCES, withNonce } from './seen-nonces.js';
import { refuse } from './start-checks.js';
import type { Charge } from './throttle/throttle.js';
import type { Action, Question } from './steps.js';

/** Between steps, when none may be added; one for all connections. */
export const NO_ACTIONS = Object.freeze<Action[]>([]) as Action[];

/** What the parts of a connection's state machine share: where it stands, what it has seen, what is to be done. */
export class ConnectionCore {
  state: State = { name: 'new' };
  actions: Action[] = NO_ACTIONS;
  /** Of all frames up to and including `welcome`; then its hash, a character for each byte, which takes less memory. */
  #frames: Transcript | string;
  /** To refuse repetitions. */
  #nonces = NO_NONCES;
  #starts = 0;
  /** Of those that ask for anything at all. */
  #rate: RequestRate | undefined;
  #chosen: { readonly offered: readonly string[]; readonly subprotocol: string } | undefined;
  /** The handshake's time was over while the store was writing. */
  isOverdue = false;

  constructor(
    readonly context: ConnectionContext,
    readonly peer: ConnectionPeer,
  ) {
    this.#frames = new Transcript(context.crypto.sha512);
  }

  /** Until `welcome`. */
  get transcript(): Transcript {
    if (typeof this.#frames === 'string') throw new Error('the transcript has ended');
    return this.#frames;
  }

  /** `welcome` was its last frame. */
  endTranscript(): void {
    // Not spread, which takes three times as long.
    this.#frames = String.fromCharCode.apply(null, this.transcript.digest() as unknown as number[]);
  }

  /** The transcript of an exchange of the open session. */
  exchangeTranscript(): Transcript {
    const welcomed = Uint8Array.from(this.#frames as string, (character) => character.charCodeAt(0));
    return exchangeTranscript(this.context.crypto.sha512, welcomed, this.session.sessionId);
  }

  /** Leaving a state forgets what it held: a challenge has no second finish, a ticket's secret is wiped. */
  enter(state: State): void {
    const before = chargeOf(this.state);
    // What was not proved, for whatever reason, has failed.
    if (before !== chargeOf(state)) before?.keep();
    if (this.state.name === 'resuming') this.context.crypto.wipe(this.state.secret);
    this.state = state;
  }

  /** Goes on with the request of an open connection. */
  request(request: Request, session: OpenSession = this.session): void {
    this.enter({ name: 'open', session, request });
  }

  /** Of an open connection. */
  get session(): OpenSession {
    if (this.state.name !== 'open') throw new Error(`no session while ${this.state.name}`);
    return this.state.session;
  }

  freshNonce(): Uint8Array {
    const nonce = this.context.random(BYTES.nonce);
    this.#nonces = withNonce(this.#nonces, nonce) ?? this.#nonces;
    return nonce;
  }

  /** Refuses a nonce that was seen on this connection, be it the server's. */
  takeNonce(nonce: Uint8Array): void {
    this.#nonces = withNonce(this.#nonces, nonce) ?? refuse('protocol-error', 'nonce-reused');
  }

  /** The subprotocol for this offer; asked for once. What fails here must do so before anything is stored. */
  chooseSubprotocol(offered: readonly string[]): string {
    if (this.#chosen?.offered !== offered) {
      this.#chosen = { offered, subprotocol: this.peer.selectSubprotocol(offered) };
    }
    return this.#chosen.subprotocol;
  }

  countStart(): void {
    this.#starts += 1;
    if (this.#starts > this.context.settings.limits.maxAttempts) refuse('too-many-attempts', 'attempts');
  }

  /** The choice was told to the client. */
  forgetSubprotocol(): void {
    this.#chosen = undefined;
  }

  /** After a success: what counts is how often in a row somebody failed. */
  forgetStarts(): void {
    this.#starts = 0;
  }

  /**
   * Counts a request after `welcome`, and answers one that comes too early.
   * @returns whether it is to be looked at
   * @throws BlindsaltError `try-later` when that answer was ignored
   */
  admitRequest(): boolean {
    const { monotonicMs, settings } = this.context;
    this.#rate ??= new RequestRate(settings.limits.requestsPerMinute);
    const { waitMs, isIgnored } = this.#rate.take(monotonicMs());
    if (waitMs === 0) return true;
    const reason = 'request-rate';
    if (isIgnored) throw new BlindsaltError('try-later', undefined, { reason, retryAfterMs: waitMs });
    this.event('info', 'refused', reason, 'try-later');
    this.send({ kind: 'error', code: 'try-later', retryAfterSeconds: Math.ceil(waitMs / 1000) });
    return false;
  }

  /**
   * Counts an attempt to prove the password in this session; answers one that is too much.
   * @returns what decides it, or false
   */
  admitProof(): Charge | undefined | false {
    const { throttle } = this.context;
    const { username, userId, sessionId } = this.session;
    try {
      throttle?.arrival(userId);
      return throttle?.session(username, sessionId);
    } catch (error) {
      if (!(error instanceof BlindsaltError) || error.code !== 'try-later') throw error;
      // It was not made, so it has not failed.
      this.#starts -= 1;
      this.event('info', 'refused', error.reason, 'try-later');
      // Without a time: other requests need not wait.
      this.send({ kind: 'error', code: 'try-later', retryAfterSeconds: 0 });
      return false;
    }
  }

  ask(question: Question): void {
    this.actions.push({ do: 'ask', question });
  }

  send(message: Message): void {
    this.sendFrame(encodeControl(message));
  }

  /** After `welcome`, frames are part of their exchange's transcript only, which its proofs keep. */
  sendFrame(frame: Uint8Array): void {
    if (this.state.name !== 'open') this.transcript.append(frame);
    this.actions.push({ do: 'send', frame });
  }

  event(level: 'info' | 'warn' | 'error', message: string, reason?: string, code?: string): void {
    this.actions.push({ do: 'log', level, message, code, reason, userId: subjectOf(this.state) });
  }

  close(code: number, reason: string): void {
    this.actions.push({ do: 'close', code, reason });
    this.enter({ name: 'closed' });
  }
}

/** Whose account a connection is about; for unknown names nobody's, and not the decoy's. */
function subjectOf(state: State): Uint8Array | undefined {
  switch (state.name) {
    case 'awaiting-login-finish':
      return state.barredBy === 'user-unknown' ? undefined : state.userId;
    case 'open':
      return state.session.userId;
    default:
      return undefined;
  }
}

/** Of the attempt under way. */
function chargeOf(state: State): Charge | undefined {
  if (state.name === 'open') return 'charge' in state.request ? state.request.charge : undefined;
  return 'charge' in state ? state.charge : undefined;
}
