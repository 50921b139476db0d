import { BlindsaltError, isEscaped, isMarked } from '../../proto/index.js';
import { addressPrefix } from './address.js';
import type { AcceptHandlers, ConnectionHandle, Limits } from './api.js';
import type { AuditEvent } from './audit/events.js';
import type { Origin } from './audit/notes.js';
import { refusalOf } from './audit/refusal-of.js';
import type { Observer } from './observer.js';
import { isStart, logId, peerFacts, stageOf } from './connection-facts.js';
import type { ConnectionContext } from './connection-state.js';
import { Connection } from './connection.js';
import type { Deadlines, Timed } from './deadlines.js';
import { errorFields } from './logger.js';
import type { OpenSessions, SessionConnection } from './open-sessions.js';
import { SessionClock } from './session-clock.js';
import { SessionHolder } from './session.js';
import type { Action, Answer, Input, Question } from './steps.js';
import type { Attributes, SessionEndReason, User } from './store.js';
import { networksOf, type Networks } from './throttle/networks.js';
import type { Peer, Transport } from './transport.js';
import type { WorkQueue } from './work-queue.js';

/** What a connection needs of its engine. */
export interface ConnectionHost {
  readonly context: ConnectionContext;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly sessions: OpenSessions;
  /** For what takes computing. */
  readonly work: WorkQueue;
  readonly observer: Required<Observer>;
  answer(question: Question, origin: Origin): Promise<Answer>;
  /** Somebody was refused, or left in the middle. */
  refused(event: AuditEvent): void;
  /** Ends a session that nobody got to know of. */
  discardSession(sessionId: Uint8Array): void;
  /** Once for each connection: when it authenticates, or when its socket is gone without that. */
  leaveUnauthenticated(networks: Networks | undefined): void;
  /** Once for each connection, when its socket is gone. */
  forget(connection: ConnectionHandle): void;
}

/** What a connection has from `welcome` on. */
interface Open<A extends Attributes> {
  readonly holder: SessionHolder<A>;
  readonly clock: SessionClock;
  readonly sessionId: Uint8Array;
  readonly userId: Uint8Array;
  readonly knownSeenAtMs: number;
}

/** Carries out the actions of one connection's state machine. */
export class EngineConnection<A extends Attributes> implements ConnectionHandle, Timed, SessionConnection {
  readonly #engine: ConnectionHost;
  readonly #transport: Transport;
  readonly #handlers: AcceptHandlers<A>;
  readonly #connection: Connection;
  readonly #id: string;
  /** Where its attempts are counted. */
  readonly networks: Networks | undefined;
  readonly #prefix: string;
  readonly #handshakeDueMs: number;
  /** Of the session that it has, or is about to get. */
  #followed: Uint8Array | undefined;
  /** What became of that session while the store's answer was under way. */
  #meanwhile: { ended?: { reason: SessionEndReason | undefined }; epoch: number } = { epoch: 0 };
  #epoch = 0;
  #open: Open<A> | undefined;
  /** Of whom the store was asked last; in the log of what is refused after that. */
  #asked: {
    readonly userId?: Uint8Array;
    readonly sessionId?: Uint8Array;
    readonly isSignup?: boolean;
    readonly attempt?: AuditEvent['attempt'];
  } = {};
  #isFinished = false;
  #isGone = false;

  constructor(engine: ConnectionHost, transport: Transport, peer: Peer, handlers: AcceptHandlers<A>) {
    const { context, deadlines, limits } = engine;
    this.#engine = engine;
    this.#transport = transport;
    this.#handlers = handlers;
    this.#prefix = addressPrefix(peer.address);
    this.networks = networksOf(peer.address);
    this.#id = logId(context);
    this.#handshakeDueMs = deadlines.monotonicMs() + limits.handshakeTimeoutMs;
    this.#connection = new Connection(context, {
      ...peerFacts(peer),
      addressPrefix: this.#prefix,
      networks: this.networks,
      selectSubprotocol: (offered) => {
        const chosen = handlers.selectSubprotocol ? handlers.selectSubprotocol(offered) : offered[0];
        return chosen !== undefined && offered.includes(chosen) ? chosen : '';
      },
    });
    deadlines.add(this);
  }

  get dueMs(): number {
    return this.#open === undefined ? this.#handshakeDueMs : this.#open.clock.dueMs;
  }

  onDue(): void {
    if (this.#open === undefined) return this.run({ type: 'deadline' });
    const due = this.#open.clock.take(this.#engine.deadlines.monotonicMs());
    if (due?.what === 'expired') return this.run({ type: 'expired', limit: due.limit });
    this.#engine.deadlines.add(this);
    if (due !== undefined) this.run({ type: 'expiring', limit: due.limit, secondsLeft: due.secondsLeft });
  }

  /** Has logged in. */
  get isOpen(): boolean {
    return this.#open !== undefined && !this.#isFinished;
  }

  /** Is in the middle of a login or a sign-up. */
  get isBusy(): boolean {
    return this.#open === undefined && !this.#isFinished && this.#connection.isUnderWay;
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
    if (work.isFull && this.#open === undefined && isStart(frame)) {
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
    if (this.#open === undefined) this.#engine.leaveUnauthenticated(this.networks);
    this.#engine.observer.onConnection('closed', this.#open !== undefined);
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
    if (this.#open?.clock.touch(deadlines.monotonicMs()) === true) deadlines.add(this);
  }

  run(input: Input): void {
    const stage = stageOf(input);
    const beganAtMs = stage === undefined ? 0 : performance.now();
    const actions = this.#connection.step(input);
    if (stage !== undefined) this.#engine.observer.onStage(stage, performance.now() - beganAtMs);
    for (const action of actions) this.#perform(action);
    if (this.#connection.isClosed) this.#finish();
  }

  #perform(action: Action): void {
    switch (action.do) {
      case 'send':
        return this.#transport.send(action.frame);
      case 'close':
        this.#log('debug', 'closing', { closeCode: action.code, reason: action.reason });
        return this.#transport.close(action.code, action.reason);
      case 'ask':
        return this.#ask(action.question);
      case 'authenticated':
        return this.#authenticate(action);
      case 'renewed':
        return this.#renew(action);
      case 'log':
        this.#tellRefusal(action);
        return this.#log(action.level, action.message, { code: action.code, reason: action.reason });
      case 'log-error':
        this.#tellRefusal({ code: 'server-error', reason: errorFields(action.error).code });
        return this.#log('error', 'failed', errorFields(action.error));
    }
  }

  #ask(question: Question): void {
    if (question.ask === 'begin') this.#follow(question.session.sessionId);
    if (question.ask === 'rotate' && question.rotation.mode === 'resume') this.#follow(question.rotation.sessionId);
    this.#note(question);
    const isAfterSignup = this.#asked.isSignup === true;
    const origin = { connectionId: this.#id, addressPrefix: this.#prefix, isAfterSignup };
    this.#engine.answer(question, origin).then(
      (answer) => this.#takeAnswer(answer),
      (error: unknown) => this.run({ type: 'failed', error }),
    );
  }

  #note(question: Question): void {
    if (question.ask === 'login') this.#asked = { attempt: 'login' };
    else if (question.ask === 'code') this.#asked = { attempt: 'signup' };
    else if (question.ask === 'create') this.#asked = { attempt: 'signup', isSignup: true };
    else if (question.ask === 'begin') this.#asked = { ...this.#asked, userId: question.session.userId };
    else if (question.ask === 'rotate') this.#asked = { attempt: 'resume', sessionId: question.rotation.sessionId };
  }

  #tellRefusal(refused: Parameters<typeof refusalOf>[0]): void {
    const { settings } = this.#engine.context;
    const open = this.#open;
    const { userId, sessionId } = open ?? this.#asked;
    const event = refusalOf(refused, open !== undefined);
    if (event === undefined) return;
    const attempt = open !== undefined ? 'session' : this.#asked.attempt;
    const base = { connectionId: this.#id, addressPrefix: this.#prefix, atMs: settings.now(), attempt };
    this.#engine.refused({ ...base, ...event, userId: refused.userId ?? userId, sessionId });
  }

  #takeAnswer(answer: Answer): void {
    const { ended, epoch } = this.#meanwhile;
    if (this.#open === undefined && (answer.to === 'begin' || answer.to === 'rotate')) {
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
    this.#followed = sessionId;
    this.#meanwhile = { epoch: 0 };
    if (!this.#isFinished) this.#engine.sessions.follow(sessionId, this);
  }

  #unfollow(): void {
    if (this.#followed !== undefined) this.#engine.sessions.unfollow(this.#followed, this);
  }

  get openSession(): SessionConnection['openSession'] {
    if (this.#open === undefined) return undefined;
    const { sessionId, userId, clock, knownSeenAtMs } = this.#open;
    const { context, deadlines } = this.#engine;
    const agoMs = Math.max(0, deadlines.monotonicMs() - clock.seenAtMs);
    const lastSeenAtMs = Math.max(0, Math.floor(context.settings.now() - agoMs));
    return { sessionId, userId, lastSeenAtMs, knownSeenAtMs };
  }

  onSessionEnded(reason: SessionEndReason | undefined): void {
    if (this.#open === undefined) this.#meanwhile.ended = { reason };
    else this.run({ type: 'ended', reason });
  }

  onSessionEpoch(epoch: number): void {
    if (this.#open === undefined) this.#meanwhile.epoch = Math.max(this.#meanwhile.epoch, epoch);
    else if (epoch > this.#epoch) this.run({ type: 'replaced' });
  }

  onUserChanged(user: User): void {
    if (this.#open === undefined || this.#isFinished) return;
    const { holder } = this.#open;
    if (holder.updateUser(user)) this.run({ type: 'user-changed', roles: user.roles });
    this.#tell(() => this.#handlers.onSessionChanged?.('user'));
  }

  #authenticate({ session: row, user, subprotocol, isResumed }: Extract<Action, { do: 'authenticated' }>): void {
    const { context, deadlines, limits, sessions } = this.#engine;
    const { monotonicMs } = deadlines;
    const { now } = context.settings;
    this.#engine.leaveUnauthenticated(this.networks);
    this.#engine.observer.onConnection('authenticated', true);
    const holder = new SessionHolder<A>({ row, user, isResumed, addressPrefix: this.#prefix }, now, monotonicMs);
    const clock = new SessionClock(row, now(), monotonicMs(), limits.expiryWarningSeconds);
    const knownSeenAtMs = row.lastSeenAtMs;
    this.#open = { holder, clock, sessionId: row.sessionId, userId: user.userId, knownSeenAtMs };
    this.#epoch = row.epoch;
    deadlines.add(this);
    sessions.opened(row.sessionId, user.userId, row.epoch, this);
    this.#log('info', isResumed ? 'session resumed' : 'session begins', { sessionId: holder.session.sessionId });
    this.#tell(() => this.#handlers.onAuthenticated(holder.session, subprotocol));
  }

  #renew({ session: row, isPasswordProven }: Extract<Action, { do: 'renewed' }>): void {
    if (this.#open === undefined) return;
    const { holder, clock } = this.#open;
    const { context, deadlines } = this.#engine;
    // Only a new limit is reckoned by the calendar: one that stays must not follow when that is set.
    if (isPasswordProven) clock.renew(row, context.settings.now(), deadlines.monotonicMs());
    else clock.touch(deadlines.monotonicMs());
    deadlines.add(this);
    holder.renew(row, isPasswordProven);
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

  #log(
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields: Record<string, string | number | undefined>,
  ): void {
    const { logger } = this.#engine.context.settings;
    logger[level]({ connectionId: this.#id, addressPrefix: this.#prefix, ...fields }, message);
  }
}
