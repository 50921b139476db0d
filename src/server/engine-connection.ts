import { isEscaped, isMarked } from '../../proto/index.js';
import { addressPrefix } from './address.js';
import type { AcceptHandlers, ConnectionHandle, Limits } from './api.js';
import type { ConnectionContext } from './connection-state.js';
import { Connection } from './connection.js';
import type { Deadlines, Timed } from './deadlines.js';
import { errorFields } from './logger.js';
import { createSession, toHex } from './session.js';
import type { PeerFacts } from './start-checks.js';
import type { Action, Answer, Input, Question } from './steps.js';
import type { Attributes } from './store.js';
import type { Peer, Transport } from './transport.js';

const CONNECTION_ID_BYTES = 8;
const EXPORTER_BYTES = 32;

/** What a connection needs of its engine. */
export interface ConnectionHost {
  readonly context: ConnectionContext;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  answer(question: Question): Promise<Answer>;
  /** Once for each connection: when it authenticates, or when its socket is gone without that. */
  leaveUnauthenticated(): void;
  /** Once for each connection, when its socket is gone. */
  forget(connection: ConnectionHandle): void;
}

/** Carries out the actions of one connection's state machine. */
export class EngineConnection<A extends Attributes> implements ConnectionHandle, Timed {
  readonly #engine: ConnectionHost;
  readonly #transport: Transport;
  readonly #handlers: AcceptHandlers<A>;
  readonly #connection: Connection;
  readonly #id: string;
  readonly #prefix: string;
  #dueMs: number;
  #absoluteDueMs = Infinity;
  #isAuthenticated = false;
  #isFinished = false;
  #isGone = false;

  constructor(engine: ConnectionHost, transport: Transport, peer: Peer, handlers: AcceptHandlers<A>) {
    const { context, deadlines, limits } = engine;
    this.#engine = engine;
    this.#transport = transport;
    this.#handlers = handlers;
    this.#prefix = addressPrefix(peer.address);
    this.#id = logId(context);
    this.#dueMs = deadlines.monotonicMs() + limits.handshakeTimeoutMs;
    this.#connection = new Connection(context, {
      ...peerFacts(peer),
      selectSubprotocol: (offered) => {
        const chosen = handlers.selectSubprotocol ? handlers.selectSubprotocol(offered) : offered[0];
        return chosen !== undefined && offered.includes(chosen) ? chosen : '';
      },
    });
    deadlines.add(this);
  }

  get dueMs(): number {
    return this.#dueMs;
  }

  onDue(): void {
    if (!this.#isAuthenticated) return this.run({ type: 'deadline' });
    const isAbsolute = this.#absoluteDueMs <= this.#engine.deadlines.monotonicMs();
    this.run({ type: 'expired', limit: isAbsolute ? 'absolute' : 'idle' });
  }

  receive(data: Uint8Array): Uint8Array | undefined {
    if (isMarked(data) && !isEscaped(data)) {
      this.run({ type: 'control-frame', frame: data });
      return undefined;
    }
    if (!this.#passesApplication()) return undefined;
    return isEscaped(data) ? data.subarray(1) : data;
  }

  receiveText(): boolean {
    return this.#passesApplication();
  }

  closed(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.run({ type: 'gone' });
    if (!this.#isAuthenticated) this.#engine.leaveUnauthenticated();
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
    const { idleSeconds } = this.#engine.limits;
    const idleDueMs = idleSeconds === 0 ? Infinity : this.#engine.deadlines.monotonicMs() + idleSeconds * 1000;
    this.#dueMs = Math.min(idleDueMs, this.#absoluteDueMs);
  }

  run(input: Input): void {
    for (const action of this.#connection.step(input)) this.#perform(action);
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
      case 'log':
        return this.#log(action.level, action.message, { code: action.code, reason: action.reason });
      case 'log-error':
        return this.#log('error', 'failed', errorFields(action.error));
    }
  }

  #ask(question: Question): void {
    this.#engine.answer(question).then(
      (answer) => this.run({ type: 'answer', answer }),
      (error: unknown) => this.run({ type: 'failed', error }),
    );
  }

  #authenticate(facts: Extract<Action, { do: 'authenticated' }>): void {
    const { context, deadlines, limits } = this.#engine;
    const { now } = context.settings;
    this.#isAuthenticated = true;
    this.#engine.leaveUnauthenticated();
    if (limits.absoluteSeconds > 0) this.#absoluteDueMs = deadlines.monotonicMs() + limits.absoluteSeconds * 1000;
    this.#touch();
    deadlines.add(this);
    const { sessionId, user, deviceLabel } = facts;
    const session = createSession<A>(
      {
        sessionId,
        user,
        nowMs: now(),
        absoluteSeconds: limits.absoluteSeconds,
        addressPrefix: this.#prefix,
        deviceLabel,
      },
      now,
    );
    this.#log('info', 'session begins', { sessionId: session.sessionId });
    this.#tell(() => this.#handlers.onAuthenticated(session, facts.subprotocol));
  }

  /** The state machine has ended; the socket may still be closing, and counts against the cap until it is gone. */
  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#engine.deadlines.delete(this);
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
    const known = Object.entries(fields).filter(([, value]) => value !== undefined);
    logger[level]({ connectionId: this.#id, addressPrefix: this.#prefix, ...Object.fromEntries(known) }, message);
  }
}

/** Names a connection in the log; no secret, so a failing source of randomness is no reason to have none. */
function logId({ random }: ConnectionContext): string {
  try {
    return toHex(random(CONNECTION_ID_BYTES));
  } catch {
    return 'unknown';
  }
}

function peerFacts(peer: Peer): PeerFacts {
  let tlsExporter: Uint8Array | undefined;
  try {
    tlsExporter = peer.tlsExporter?.();
  } catch {
    // The connection is gone, or no TLS 1.3 after all: no channel binding is offered.
    tlsExporter = undefined;
  }
  const isPlainLoopback = peer.secure === 'loopback';
  return {
    origin: peer.origin,
    isPlainLoopback,
    tlsExporter: tlsExporter?.length === EXPORTER_BYTES ? tlsExporter : undefined,
  };
}
