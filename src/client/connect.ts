import { Attempts } from './attempts.js';
import type { LoginCredentials, SignupCredentials } from './credentials.js';
import type { Settings } from './options.js';
import type { Platform } from './platform.js';
import { ReconnectingSocket, type ReconnectingOptions } from './reconnecting.js';
import type { BlindsaltSocket } from './websocket.js';

export type { LoginCredentials, SignupCredentials } from './credentials.js';

/** What `connect` gives: a server that is known by its URL. Nothing is open yet. */
export interface Connector {
  /**
   * Opens a connection, makes one attempt to log in, and resolves with the authenticated socket.
   * @throws BlindsaltError; most often `login-failed`, `connection-failed`, `try-later` (see `retryAfterMs`),
   * `username-invalid`, `password-invalid`, `aborted`, `timeout`
   */
  login(credentials: LoginCredentials): Promise<BlindsaltSocket>;
  /**
   * Opens a connection, makes one attempt to sign up, and resolves with the socket of the new account.
   * @throws BlindsaltError; most often `username-taken`, `username-invalid`, `password-invalid`, `invite-invalid`,
   * `registration-closed`, `connection-failed`, `try-later`, `aborted`, `timeout`
   */
  signup(credentials: SignupCredentials): Promise<BlindsaltSocket>;
  /**
   * Goes on with the session whose ticket is in the store (`tickets`), without the password and without stretching keys.
   * An earlier connection of that session is closed by the server with 4435.
   * @throws BlindsaltError `resume-failed` (reason `no-ticket`: there is none, and nothing was opened), `session-expired`,
   * `session-revoked`, `account-disabled`: log in, the ticket is forgotten; `connection-failed`, `try-later`, `aborted`,
   * `timeout`: it is still good
   */
  resume(): Promise<BlindsaltSocket>;
  /**
   * A socket that connects by itself, now and whenever the connection was lost: by ticket if there is one, else with the
   * credentials.
   * @throws BlindsaltError `option-invalid`
   */
  reconnecting(options: ReconnectingOptions): ReconnectingSocket;
}

/** The part of `connect` that all platforms share. */
export function createConnector(platform: Platform, settings: Settings): Connector {
  const attempts = new Attempts(platform, settings);
  return {
    login: (credentials) => attempts.byPassword('login', credentials),
    signup: (credentials) => attempts.byPassword('signup', credentials),
    resume: () => attempts.byTicket(),
    reconnecting: (options) => new ReconnectingSocket(attempts, options),
  };
}
