import { BlindsaltError } from '../../proto/errors.js';
import { Attempt } from './attempt.js';
import { invalid, isText, type Settings } from './options.js';
import { passwordBytes } from './password-bytes.js';
import type { Platform } from './platform.js';
import type { BlindsaltSocket } from './websocket.js';

export interface LoginCredentials {
  /** As typed; prepared by RFC 8265 before it is used. */
  readonly username: string;
  /** As typed, or its UTF-8 (which is copied, so the caller can wipe it). Strings cannot be wiped from memory. */
  readonly password: string | Uint8Array;
}

export interface SignupCredentials extends LoginCredentials {
  /** The invite or reset code, where the server asks for one. */
  readonly invite?: string | undefined;
}

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
}

/** The part of `connect` that all platforms share. */
export function createConnector(platform: Platform, settings: Settings): Connector {
  const run = (mode: 'login' | 'signup', credentials: SignupCredentials | undefined): Promise<BlindsaltSocket> =>
    // `async`, so that what is wrong with the arguments rejects too.
    (async () => {
      if (typeof credentials?.username !== 'string') invalid('username');
      const { username, password } = credentials;
      const invite = (mode === 'signup' ? credentials.invite : undefined) ?? '';
      if (!isText(invite, 0, 64)) throw new BlindsaltError('invite-invalid');
      const bytes = passwordBytes(password);
      return new Attempt(platform, settings, {
        mode,
        domain: settings.domain,
        target: settings.target,
        origin: platform.origin,
        username,
        password: bytes,
        invite,
        subprotocols: settings.subprotocols,
        deviceLabel: settings.deviceLabel,
        requireBinding: settings.requireBinding,
        ksfs: settings.ksfs,
        ksfFloors: settings.ksfFloors,
        ksfCeilings: settings.ksfCeilings,
        serverKeys: settings.serverKeys,
      }).run();
    })();
  return {
    login: (credentials) => run('login', credentials),
    signup: (credentials) => run('signup', credentials),
  };
}
