import type { AppOptions, RecognizedString, TemplatedApp, WebSocket, WebSocketBehavior } from 'uWebSockets.js';
import type { Engine } from '../api.js';
import type { Session, SessionChange } from '../session.js';
import type { Attributes } from '../store.js';

/** What `ws.getUserData()` gives: what the application's `upgrade` handed over, and who is at the other end. */
export type Authenticated<UserData = object, A extends object = Attributes> = Omit<
  UserData,
  'session' | 'subprotocol'
> & {
  readonly session: Session<A>;
  /** The application's subprotocol, agreed on inside the login; empty for none. Never `blindsalt.v1`. */
  readonly subprotocol: string;
};

/** A socket of uWebSockets.js whose other end has logged in. */
export type AuthenticatedSocket<UserData = object, A extends object = Attributes> = WebSocket<
  Authenticated<UserData, A>
>;

/**
 * The behaviour of `app.ws`, its handlers called for authenticated sockets only. Differences to uWebSockets.js:
 * `closeOnBackpressureLimit` is on unless set to false or 0, `maxBackpressure` is 1 MiB unless set, `maxPayloadLength` is
 * the engine's `maxMessageBytes`, `idleTimeout` must be 8 to 960, `compression` must stay off.
 */
export interface AuthenticatedBehavior<UserData = object, A extends object = Attributes> extends WebSocketBehavior<
  Authenticated<UserData, A>
> {
  /** The session has other roles or attributes (`user`), or the password was proved anew (`level`). */
  sessionChanged?: (ws: AuthenticatedSocket<UserData, A>, change: SessionChange) => void;
}

export interface AuthenticateOptions<A extends object = Attributes> {
  readonly engine: Engine<A>;
  /** Subprotocols of the application; the first one offered that is among them is taken. Without a list: the first. */
  readonly protocols?: readonly string[] | undefined;
  /** CIDRs of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. Default none. */
  readonly trustedProxies?: readonly string[] | undefined;
}

/** The options of `SSLApp` that are safe to give. */
export interface SslAppOptions {
  /** PEM file with the certificate and its chain. */
  readonly cert_file_name: string;
  /** PEM file with the private key. */
  readonly key_file_name: string;
  readonly passphrase?: string | undefined;
  /** Less memory for each connection, more work for each message. */
  readonly ssl_prefer_low_memory_usage?: boolean | undefined;
}

/** What this adapter uses of the module `uWebSockets.js`. */
export interface UwsModule {
  readonly SSLApp: (options: AppOptions) => TemplatedApp;
}

/** What binary messages may be given as. */
export type UwsData = RecognizedString;

/** Methods of sockets that uWebSockets.js has but does not declare. */
export interface NativeSocket extends WebSocket<object> {
  sendFirstFragment?(message: UwsData, isBinary?: boolean, compress?: boolean): number;
  sendFragment?(message: UwsData, compress?: boolean): number;
  sendLastFragment?(message: UwsData, compress?: boolean): number;
}
