import { BlindsaltError, isEscaped, isMarked } from '../../proto/index.js';
import { addressPrefix } from './address.js';
import type { AcceptHandlers, ConnectionHandle } from './api.js';
import { askedAfter, type Asked } from './asked.js';
import type { Origin } from './audit/notes.js';
import { refusalOf } from './audit/refusal-of.js';
import { exporterOf, isStart, logId, stageOf } from './connection-facts.js';
import type { ConnectionHost } from './connection-host.js';
import type { ConnectionPeer } from './connection-state.js';
import { logAction, logClosing, logFailure, logOpen } from './connection-log.js';
import { Connection } from './connection.js';
import type { Timed } from './deadlines.js';
import { errorFields, type Logger } from './logger.js';
import type { SessionConnection } from './open-sessions.js';
import { SessionClock } from './session-clock.js';
import { fromHex, toHex } from './hex.js';
import { SessionHolder } from './session.js';
import type { Action, Answer, Input, Question } from './steps.js';
import type { SessionEndReason, User } from './store.js';
import { networksOf, type Networks } from './throttle/networks.js';
import type { Peer, Transport } from './transport.js';

/** What became of a session while the store's answer was under way. */
interface Meanwhile {
  ended: { readonly reason: SessionEndReason | undefined } | undefined;
  epoch: number;
}

/**
 * Carries out the actions of one connection's state machine. A single object in many parts, since there may be a great
 * many; what only a login needs is dropped when it has succeeded.
 */
export class EngineConnection<A extends object>
  implements ConnectionHandle, ConnectionPeer, Origin, Timed, SessionConnection
{
  readonly #engine: ConnectionHost;
  readonly #transport: Transport;
  readonly #handlers: AcceptHandlers<A>;
  readonly #connection: Connection;
  /** In the log. */
  readonly connectionId: string;
  readonly addressPrefix: string;
  readonly isPlainLoopback: boolean;
  /** Where its attempts are counted. This, origin and exporter: until `welcome`. */
  networks: Networks | undefined;
  origin: string | undefined;
  tlsExporter: Uint8Array | undefined;
  deadline: number | undefined = undefined;
  readonly #handshakeDueMs: number;
  /** Id in hexadecimal of the session that it has, or is about to get. */
  #followed: string | undefined = undefined;
  #meanwhile: Meanwhile | undefined = undefined;
  #epoch = 0;
  /** Both from `welcome` on. */
  #holder: SessionHolder<A> | undefined = undefined;
  #clock: SessionClock | undefined = undefined;
  #asked: Asked | undefined = undefined;
  #isFinished = false;
  #isGone = false;

  constructor(engine: ConnectionHost, transport: Transport, peer: Peer, handlers: AcceptHandlers<A>) {
    const { context, deadlines, limits } = engine;
    this.#engine = engine;
    this.#transport = transport;
    this.#handlers = handlers;
    this.connectionId = logId(context);
    this.addressPrefix = addressPrefix(peer.address);
    this.networks = networksOf(peer.address);
    this.origin = peer.origin;
    this.isPlainLoopback = peer.secure === 'loopback';
    this.tlsExporter = exporterOf(peer);
    this.#handshakeDueMs = Math.ceil(deadlines.monotonicMs()) + limits.handshakeTimeoutMs;
    this.#connection = new Connection(context, this);
    deadlines.add(this);
  }

  selectSubprotocol(offered: readonly string[]): string {
    const handlers = this.#handlers;
    const chosen = handlers.selectSubprotocol ? handlers.selectSubprotocol(offered) : offered[0];
    return chosen !== undefined && offered.includes(chosen) ? chosen : '';
  }

  get dueMs(): number {
    return this.#clock === undefined ? this.#handshakeDueMs : this.#clock.dueMs;
  }

  onDue(): void {
    if (this.#clock === undefined) return this.run({ type: 'deadline' });
    const due = this.#clock.take(this.#engine.deadlines.monotonicMs());
    if (due?.what === 'expired') return this.run({ type: 'expired', limit: due.limit });
    this.#engine.deadlines.add(this);
    if (due !== undefined) this.run({ type: 'expiring', limit: due.limit, secondsLeft: due.secondsLeft });
  }

  /** Has logged in. */
  get isOpen(): boolean {
    return this.#holder !== undefined && !this.#isFinished;
  }

  /** Is in the middle of a login or a sign-up. */
  get isBusy(): boolean {
    return this.#holder === undefined && !this.#isFinished && this.#connection.isUnderWay;
  }

  receive(data: Uint8Array): Uint8Array | undefined {
    if (isMarked(data) && !isEscaped(data)) {
      this.#touch();
      this.#takeControl(data);
      return undefined;
    }
    if (!this.#passesApplication()) return undefined;
    return isEscaped(data) ? data.subarray(1) : data;
  }

  /** Its turn comes when there is time for the computing that it may ask for. */
  #takeControl(frame: Uint8Array): void {
    const { work } = this.#engine;
    // Nothing was invested in these yet; those under way are finished first.
    if (work.isFull && this.#holder === undefined && isStart(frame)) {
      const { retryAfterMs } = work;
      const error = new BlindsaltError('try-later', undefined, { reason: 'work-waits', retryAfterMs });
      return this.run({ type: 'failed', error });
    }
    if (work.run(this, () => this.run({ type: 'control-frame', frame }))) return;
    this.run({ type: 'refused', code: 'protocol-error', reason: 'frames-ahead' });
  }

  receiveText(): boolean {
    return this.#passesApplication();
  }

  closed(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.run({ type: 'gone' });
    if (this.#holder === undefined) this.#engine.leaveUnauthenticated(this.networks);
    this.#engine.observer?.onConnection('closed', this.#holder !== undefined);
    this.#engine.forget(this);
  }

  #passesApplication(): boolean {
    if (!this.#connection.isOpen) {
      this.run({ type: 'application-frame' });
      return false;
    }
    this.#touch();
    return true;
  }

  /** A message of the client's restarts the idle limit. */
  #touch(): void {
    const { deadlines } = this.#engine;
    if (this.#clock?.touch(deadlines.monotonicMs()) === true) deadlines.add(this);
  }

  run(input: Input): void {
    for (const action of this.#step(input)) this.#perform(action);
    if (this.#connection.isClosed) this.#finish();
  }

  #step(input: Input): readonly Action[] {
    const { observer } = this.#engine;
    const stage = observer && stageOf(input);
    if (stage === undefined) return this.#connection.step(input);
    const beganAtMs = performance.now();
    const actions = this.#connection.step(input);
    observer?.onStage(stage, performance.now() - beganAtMs);
    return actions;
  }

  #perform(action: Action): void {
    switch (action.do) {
      case 'send':
        return this.#transport.send(action.frame);
      case 'close':
        logClosing(this.#logger, this, action.code, action.reason);
        return this.#transport.close(action.code, action.reason);
      case 'ask':
        return this.#ask(action.question);
      case 'authenticated':
        return this.#authenticate(action);
      case 'renewed':
        return this.#renew(action);
      case 'log':
        this.#tellRefusal(action);
        return logAction(this.#logger, this, action, this.#engine);
      case 'log-error':
        this.#tellRefusal({ code: 'server-error', reason: errorFields(action.error).code });
        return logFailure(this.#logger, this, action.error);
    }
  }

  #ask(question: Question): void {
    if (question.ask === 'begin') this.#follow(question.session.sessionId);
    if (question.ask === 'rotate' && question.rotation.mode === 'resume') this.#follow(question.rotation.sessionId);
    if (this.#holder === undefined) this.#asked = askedAfter(this.#asked, question);
    this.#engine.answer(question, this).then(
      (answer) => this.#takeAnswer(answer),
      (error: unknown) => this.run({ type: 'failed', error }),
    );
  }

  /** The account whose session begins was made or registered anew on this connection. */
  get isAfterSignup(): boolean {
    return this.#asked?.isSignup === true;
  }

  #tellRefusal(refused: Parameters<typeof refusalOf>[0]): void {
    const event = refusalOf(refused, this.#holder !== undefined);
    if (event === undefined) return;
    const { connectionId, addressPrefix: prefix } = this;
    const atMs = this.#engine.context.settings.now();
    const { attempt, userId, sessionId } = this.#subject();
    const about = { attempt, userId: refused.userId ?? userId, sessionId };
    this.#engine.refused({ connectionId, addressPrefix: prefix, atMs, ...event, ...about });
  }

  #subject(): Partial<Asked> {
    if (this.#holder === undefined) return this.#asked ?? {};
    const { sessionId, userId } = this.#holder.session;
    return { attempt: 'session', sessionId: fromHex(sessionId), userId: fromHex(userId) };
  }

  #takeAnswer(answer: Answer): void {
    if (this.#holder === undefined && (answer.to === 'begin' || answer.to === 'rotate')) {
      const { ended, epoch = 0 } = this.#meanwhile ?? {};
      const row = 'session' in answer.outcome ? answer.outcome.session : undefined;
      if (answer.to === 'begin' && row !== undefined && this.#connection.isClosed) {
        return this.#engine.discardSession(row.sessionId);
      }
      if (row !== undefined && ended !== undefined) return this.run({ type: 'ended', reason: ended.reason });
      if (row !== undefined && epoch > row.epoch) return this.run({ type: 'replaced' });
    }
    if (answer.to === 'login' || answer.to === 'code') {
      // Who has filled his places with messages sent ahead gets no computing outside of the turns.
      if (this.#engine.work.run(this, () => this.run({ type: 'answer', answer }))) return;
      this.run({ type: 'refused', code: 'protocol-error', reason: 'frames-ahead' });
    } else {
      this.run({ type: 'answer', answer });
    }
  }

  #follow(sessionId: Uint8Array): void {
    this.#unfollow();
    this.#followed = toHex(sessionId);
    this.#meanwhile = { ended: undefined, epoch: 0 };
    if (!this.#isFinished) this.#engine.sessions.follow(this.#followed, this);
  }

  #unfollow(): void {
    if (this.#followed !== undefined) this.#engine.sessions.unfollow(this.#followed, this);
  }

  get openSession(): SessionConnection['openSession'] {
    const holder = this.#holder;
    const clock = this.#clock;
    if (holder === undefined || clock === undefined) return undefined;
    const { sessionId, userId } = holder.session;
    const { context, deadlines } = this.#engine;
    const agoMs = Math.max(0, deadlines.monotonicMs() - clock.seenAtMs);
    const lastSeenAtMs = Math.max(0, Math.floor(context.settings.now() - agoMs));
    return { sessionId, userId, lastSeenAtMs, knownSeenAtMs: clock.knownSeenAtMs };
  }

  onSessionEnded(reason: SessionEndReason | undefined): void {
    if (this.#holder !== undefined) this.run({ type: 'ended', reason });
    else if (this.#meanwhile !== undefined) this.#meanwhile.ended = { reason };
  }

  onSessionEpoch(epoch: number): void {
    if (this.#holder !== undefined) {
      if (epoch > this.#epoch) this.run({ type: 'replaced' });
    } else if (this.#meanwhile !== undefined) {
      this.#meanwhile.epoch = Math.max(this.#meanwhile.epoch, epoch);
    }
  }

  onUserChanged(user: User): void {
    if (this.#holder === undefined || this.#isFinished) return;
    if (this.#holder.updateUser(user)) this.run({ type: 'user-changed', roles: user.roles });
    this.#tell(() => this.#handlers.onSessionChanged?.('user'));
  }

  #authenticate({ open, session: row, user, subprotocol, isResumed }: Extract<Action, { do: 'authenticated' }>): void {
    const { context, deadlines, limits, sessions } = this.#engine;
    this.#engine.leaveUnauthenticated(this.networks);
    this.#engine.observer?.onConnection('authenticated', true);
    const { sessionKey: sessionId, userKey: userId } = open;
    const holder = new SessionHolder<A>({ open, row, user, addressPrefix: this.addressPrefix }, context);
    const nowMs = context.settings.now();
    this.#holder = holder;
    this.#clock = new SessionClock(row, nowMs, deadlines.monotonicMs(), limits.expiryWarningSeconds);
    this.#epoch = row.epoch;
    // The same text, which is there once.
    this.#followed = sessionId;
    this.#meanwhile = this.#asked = undefined;
    // Of no use any more; a binding in use has its value.
    this.networks = this.origin = this.tlsExporter = undefined;
    deadlines.add(this);
    sessions.opened(sessionId, userId, row.epoch, this);
    logOpen(this.#logger, this, sessionId, isResumed);
    this.#tell(() => this.#handlers.onAuthenticated(holder.session, subprotocol));
  }

  #renew({ open, session: row, isPasswordProven }: Extract<Action, { do: 'renewed' }>): void {
    const holder = this.#holder;
    const clock = this.#clock;
    if (holder === undefined || clock === undefined) return;
    const { context, deadlines } = this.#engine;
    // Only a new limit is reckoned by the calendar: one that stays must not follow when that is set.
    if (isPasswordProven) clock.renew(row, context.settings.now(), deadlines.monotonicMs());
    else clock.touch(deadlines.monotonicMs());
    deadlines.add(this);
    holder.renew(open, row);
    if (isPasswordProven) this.#tell(() => this.#handlers.onSessionChanged?.('level'));
  }

  /** The state machine has ended; the socket may still be closing, and counts against the cap until it is gone. */
  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#engine.deadlines.delete(this);
    this.#engine.work.forget(this);
    this.#engine.sessions.closed(this);
    this.#unfollow();
    this.#tell(() => this.#handlers.onClosed?.());
  }

  /** What the application's listeners throw is an uncaught exception, as with any event emitter; not our state's. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }

  get #logger(): Logger {
    return this.#engine.context.settings.logger;
  }
}
