import { isEscaped, isMarked } from '../../../proto/index.js';
import type { AcceptHandlers, ConnectionHandle, Engine } from '../api.js';
import type { Session, SessionChange } from '../session.js';
import type { Attributes } from '../store.js';
import type { Peer, Transport } from '../transport.js';
import { isFragmentUnderWay, prepareSocket, sendControl } from './uws-socket.js';
import { viewReceived } from './uws-topics.js';
import type { AuthenticatedSocket, NativeSocket } from './uws-types.js';

/** What `send` of uWebSockets.js returns when the peer reads too slowly. */
const DROPPED = 2;

/** What all sockets of one `app.ws` pattern share. */
export interface Route<A extends object> {
  readonly engine: Engine<A>;
  readonly protocols: readonly string[] | undefined;
  /** The application's `open`. */
  onOpen(ws: NativeSocket): void;
  onSessionChanged(ws: NativeSocket, change: SessionChange): void;
}

const CONNECTION = Symbol('connection');

/**
 * One socket between uWebSockets.js and the engine. A single object for transport, handlers and state, since there may be
 * a great many.
 */
export class UwsConnection<A extends object> implements Transport, AcceptHandlers<A> {
  readonly #ws: NativeSocket;
  readonly #route: Route<A>;
  #handle: ConnectionHandle | undefined;
  #isAuthenticated = false;
  #isGone = false;

  private constructor(ws: NativeSocket, route: Route<A>) {
    this.#ws = ws;
    this.#route = route;
  }

  /** Hands a fresh socket to the engine. */
  static accept<A extends object>(ws: NativeSocket, route: Route<A>, peer: Peer): void {
    const connection = new UwsConnection<A>(ws, route);
    Object.defineProperty(ws, CONNECTION, { value: connection });
    const handle = route.engine.accept(connection, peer, connection);
    connection.#handle = handle;
    // `end` of uWebSockets.js calls the close handler before it returns: refused at once, there was no handle yet.
    if (connection.#isGone) handle.closed();
  }

  static of(ws: object): UwsConnection<Attributes> {
    return (ws as { readonly [CONNECTION]: UwsConnection<Attributes> })[CONNECTION];
  }

  /** From `welcome` on, the close handler included. */
  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  send(frame: Uint8Array): void {
    if (this.#isGone) return;
    // Between the fragments of a message there is no place for another; the close code that follows says it too.
    if (isFragmentUnderWay(this.#ws)) return;
    // Later: this is called by the engine in the middle of its work, and closing reports back to it at once.
    if (sendControl(this.#ws, frame) === DROPPED) setImmediate(() => this.terminate());
  }

  close(code: number, reason: string): void {
    if (!this.#isGone) this.#ws.end(code, reason);
  }

  /** Ends the connection without a closing handshake. */
  terminate(): void {
    if (!this.#isGone) this.#ws.close();
  }

  onAuthenticated(session: Session<A>, subprotocol: string): void {
    if (this.#isGone) return;
    const ws = this.#ws;
    prepareSocket(ws);
    for (const [name, value] of [
      ['session', session],
      ['subprotocol', subprotocol],
    ] as const) {
      // All attributes, for data of the application's may have had that name.
      Object.defineProperty(ws, name, { value, enumerable: true, writable: false, configurable: false });
    }
    this.#isAuthenticated = true;
    // As uWebSockets.js calls it: what it sends leaves in one piece.
    ws.cork(() => this.#route.onOpen(ws));
  }

  onSessionChanged(change: SessionChange): void {
    if (!this.#isGone) this.#ws.cork(() => this.#route.onSessionChanged(this.#ws, change));
  }

  selectSubprotocol(offered: readonly string[]): string {
    const { protocols } = this.#route;
    return (protocols === undefined ? offered[0] : offered.find((name) => protocols.includes(name))) ?? '';
  }

  /** What the application is to get of a message, valid as long as `message` is; undefined for none of it. */
  receive(message: ArrayBuffer, isBinary: boolean): ArrayBuffer | undefined {
    const handle = this.#handle;
    if (handle === undefined || this.#isGone) return undefined;
    if (!isBinary) return handle.receiveText() ? message : undefined;
    const bytes = viewReceived(message);
    if (isMarked(bytes) && !isEscaped(bytes)) {
      // uWebSockets.js takes the buffer back when its callback returns; the engine may keep what it gets.
      handle.receive(bytes.slice());
      return undefined;
    }
    const payload = handle.receive(bytes);
    if (payload === undefined) return undefined;
    return payload.byteLength === message.byteLength ? message : message.slice(payload.byteOffset);
  }

  /** uWebSockets.js has let go of the socket. */
  gone(): void {
    this.#isGone = true;
    this.#handle?.closed();
  }
}

/** For handlers of the application's: the socket, if its other end has logged in. */
export function authenticatedOnly<UserData>(ws: object): AuthenticatedSocket<UserData> | undefined {
  return UwsConnection.of(ws).isAuthenticated ? (ws as AuthenticatedSocket<UserData>) : undefined;
}
