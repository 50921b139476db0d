import type { Admin } from './admin.js';
import type { Session, SessionChange } from './session.js';
import type { Attributes, Store } from './store.js';
import type { Peer, Transport } from './transport.js';

/** What an adapter wants to hear about one connection. */
export interface AcceptHandlers<A extends object = Attributes> {
  /**
   * `welcome` was sent; from now on application messages may pass in both directions.
   * @param subprotocol the application's subprotocol, or empty
   */
  onAuthenticated(session: Session<A>, subprotocol: string): void;
  /**
   * Chooses the application's subprotocol among those offered; empty (or one that was not offered) for none. Without it
   * the first one offered is taken. When it throws, the connection closes with `server-error`.
   */
  selectSubprotocol?(offered: readonly string[]): string;
  /** The session is another than it was: `user`: roles or attributes; `level`: the password was proved anew. */
  onSessionChanged?(change: SessionChange): void;
  /** The engine has let go of the connection, for whatever reason; called once. */
  onClosed?(): void;
}

/** One connection as its adapter drives it. All methods are safe at any time and never throw. */
export interface ConnectionHandle {
  /**
   * A whole binary message. Returns what the application is to get of it: after `welcome` the message itself (a view
   * without its first byte when it was escaped), undefined when the engine kept it.
   */
  receive(data: Uint8Array): Uint8Array | undefined;
  /** A text message has come; true when the application is to get it. */
  receiveText(): boolean;
  /** The socket is gone. */
  closed(): void;
}

/** Limits in force; see `LIMITS` in `blindsalt/proto`. */
export interface Limits {
  readonly maxMessageBytes: number;
  readonly handshakeTimeoutMs: number;
  readonly maxAttempts: number;
  readonly maxUnauthenticated: number;
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
  /** Notice before a session ends, seconds; 0: none. */
  readonly expiryWarningSeconds: number;
  /** How old a password proof may be for a password change or the deletion of an account, 1–60 seconds. */
  readonly freshPasswordSeconds: number;
  /** Open sessions of one user. */
  readonly maxSessionsPerUser: number;
  /** Requests on one connection after `welcome`; a minute's worth may come at once. */
  readonly requestsPerMinute: number;
  /**
   * Messages of all connections that wait for their computing: while there are so many, logins, sign-ups and resumptions
   * that begin are answered with `try-later`. Those that have begun go on.
   */
  readonly maxWaitingWork: number;
}

export interface DrainOptions {
  /** The moments lie within so long, milliseconds; default 5000. */
  readonly windowMs?: number | undefined;
  /** So long a login under way may still take, milliseconds, after which it is cut off; default 10000. */
  readonly patienceMs?: number | undefined;
}

/** The server without its sockets: give one to an adapter, for example `blindsalt/server/ws`. */
export interface Engine<A extends object = Attributes> {
  readonly domain: string;
  readonly limits: Limits;
  readonly store: Store;
  /** Users, sessions and codes, for administrators. */
  readonly admin: Admin;
  /** False when the cap on unauthenticated connections is reached: adapters answer HTTP 503 before the upgrade. */
  readonly hasRoom: boolean;
  /** Messages that wait for their computing. */
  readonly waitingWork: number;
  /** Takes over a fresh connection. May close it at once. */
  accept(transport: Transport, peer: Peer, handlers: AcceptHandlers<A>): ConnectionHandle;
  /**
   * Takes no new connections, lets logins under way finish, and closes the open connections with 1001 at random moments of a
   * window, so that clients do not all come back at once; then `close`. A second call changes nothing.
   */
  drain(options?: DrainOptions): Promise<void>;
  /** Closes all connections with 1001, then the store if the engine opened it. */
  close(): Promise<void>;
}
