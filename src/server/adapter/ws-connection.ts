import type { IncomingMessage } from 'node:http';
import { CONTROL_MARK } from '../../../proto/index.js';
import type { AcceptHandlers, ConnectionHandle, Engine } from '../api.js';
import type { Session, SessionChange } from '../session.js';
import type { Peer, Transport } from '../transport.js';
import { socketControl, type AuthenticatedWebSocket, type SocketConnection } from './ws-socket.js';

/** Pings and pongs before login. More of them would pad fragments, each of which keeps the chunk that it came in. */
const MAX_EARLY_PINGS = 32;

/** What all sockets of one server share. */
export interface WsHost<A extends object> {
  readonly engine: Engine<A>;
  /** The application leaves pongs to us. */
  readonly answersPings: boolean;
  /** Like the option of `ws`, about subprotocols inside the login; undefined: the first one offered. */
  selectSubprotocol(offered: readonly string[], request: IncomingMessage): string | undefined;
  /** The other end has logged in. */
  authenticated(connection: WsConnection<A>): void;
  /** The socket is gone. */
  gone(connection: WsConnection<A>): void;
}

/** What is needed until the other end has logged in. */
interface Opening<A extends object> {
  readonly request: IncomingMessage;
  readonly callback: (client: AuthenticatedWebSocket<A>, request: IncomingMessage) => void;
  pings: number;
}

/**
 * One socket between `ws` and the engine. A single object for transport, handlers and state, and no listeners, since there
 * may be a great many; of the request nothing stays.
 */
export class WsConnection<A extends object> implements Transport, AcceptHandlers<A>, SocketConnection<A> {
  readonly #host: WsHost<A>;
  readonly socket: AuthenticatedWebSocket<A>;
  #opening: Opening<A> | undefined;
  #handle: ConnectionHandle | undefined;
  #session: Session<A> | undefined;
  #subprotocol = '';
  /** The last ping was answered, or none was sent. */
  isAlive = true;

  /** @param callback called when, and only if, the other end has logged in */
  constructor(
    host: WsHost<A>,
    socket: AuthenticatedWebSocket<A>,
    request: IncomingMessage,
    callback: (client: AuthenticatedWebSocket<A>, request: IncomingMessage) => void,
  ) {
    this.#host = host;
    this.socket = socket;
    this.#opening = { request, callback, pings: 0 };
    socketControl.attach(socket, this);
  }

  /** Hands the fresh socket to the engine. */
  start(peer: Peer): void {
    this.#handle = this.#host.engine.accept(this, peer, this);
  }

  get session(): Session<A> | undefined {
    return this.#session;
  }

  get subprotocol(): string {
    return this.#subprotocol;
  }

  send(frame: Uint8Array): void {
    socketControl.sendControl(this.socket, frame);
  }

  close(code: number, reason: string): void {
    this.socket.close(code, reason);
  }

  onAuthenticated(session: Session<A>, subprotocol: string): void {
    const { request, callback } = this.#opening!;
    this.#opening = undefined;
    this.#session = session;
    this.#subprotocol = subprotocol;
    this.#host.authenticated(this);
    callback(this.socket, request);
  }

  onSessionChanged(change: SessionChange): void {
    this.socket.emit('session-changed', change);
  }

  selectSubprotocol(offered: readonly string[]): string {
    return this.#host.selectSubprotocol(offered, this.#opening!.request) ?? '';
  }

  receive(data: Buffer): Buffer | undefined {
    // Nearly all messages: one byte is looked at, and nothing made.
    if (data[0] !== CONTROL_MARK) return this.receiveText() ? data : undefined;
    const payload = this.#handle?.receive(data);
    return payload && Buffer.from(payload.buffer as ArrayBuffer, payload.byteOffset, payload.byteLength);
  }

  receiveText(): boolean {
    return this.#handle?.receiveText() === true;
  }

  pinged(): boolean {
    this.#countEarly();
    return this.#host.answersPings;
  }

  ponged(): void {
    this.#countEarly();
    this.isAlive = true;
  }

  #countEarly(): void {
    if (this.#opening !== undefined && ++this.#opening.pings > MAX_EARLY_PINGS) this.socket.terminate();
  }

  gone(): void {
    this.#host.gone(this);
    this.#handle?.closed();
  }
}
