import { BlindsaltError } from '../../proto/errors.js';
import { Attempt, type AttemptJob } from './attempt.js';
import { invalid, isText, type Settings } from './options.js';
import { passwordBytes } from './password-bytes.js';
import type { Platform } from './platform.js';
import { TicketKeeper } from './ticket-keeper.js';
import { BlindsaltSocket } from './websocket.js';

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
  /**
   * Goes on with the session whose ticket is in the store (`tickets`), without the password and without stretching keys.
   * An earlier connection of that session is closed by the server with 4435.
   * @throws BlindsaltError `resume-failed` (reason `no-ticket`: there is none, and nothing was opened), `session-expired`,
   * `session-revoked`, `account-disabled`: log in, the ticket is forgotten; `connection-failed`, `try-later`, `aborted`,
   * `timeout`: it is still good
   */
  resume(): Promise<BlindsaltSocket>;
}

/** Answers of the server after which a ticket is of no use. */
const DEAD_TICKET: readonly string[] = ['resume-failed', 'session-expired', 'session-revoked', 'account-disabled'];

/** Attempts at one server, with signals of their own. */
export class Attempts {
  readonly #platform: Platform;
  readonly #settings: Settings;
  readonly #keeper: TicketKeeper;

  constructor(platform: Platform, settings: Settings) {
    this.#platform = platform;
    this.#settings = settings;
    const { tickets, domain, target, onTicketsUnavailable } = settings;
    this.#keeper = new TicketKeeper(tickets, `${domain} ${target}`, onTicketsUnavailable);
  }

  get url(): string {
    return this.#settings.url;
  }

  /** Of the application, for attempts. */
  get signal(): AbortSignal | undefined {
    return this.#settings.signal;
  }

  async byPassword(
    mode: 'login' | 'signup',
    credentials: SignupCredentials | undefined,
    signal = this.signal,
  ): Promise<BlindsaltSocket> {
    if (typeof credentials?.username !== 'string') invalid('username');
    const { username, password } = credentials;
    const invite = (mode === 'signup' ? credentials.invite : undefined) ?? '';
    if (!isText(invite, 0, 64)) throw new BlindsaltError('invite-invalid');
    const bytes = passwordBytes(password);
    return this.#run({ mode, ...this.#peers(), ...this.#start(), username, password: bytes, invite }, signal);
  }

  byTicket(signal = this.signal): Promise<BlindsaltSocket> {
    return this.#keeper.exclusive(async () => {
      const ticket = await this.#keeper.load();
      if (ticket === undefined) {
        throw new BlindsaltError('resume-failed', 'There is no ticket.', { reason: 'no-ticket' });
      }
      try {
        return await this.#run({ mode: 'resume', ...this.#start(), ticket }, signal);
      } catch (error) {
        if (error instanceof BlindsaltError && DEAD_TICKET.includes(error.code)) {
          await this.#keeper.remove(ticket.id.subarray(0, 16));
        }
        throw error;
      }
    });
  }

  async #run(job: AttemptJob, signal: AbortSignal | undefined): Promise<BlindsaltSocket> {
    const { raw, welcome, connection, early } = await new Attempt(
      this.#platform,
      { ...this.#settings, signal },
      job,
    ).run();
    const keeper = this.#keeper;
    // Before anything is made of it. A resume has the store to itself already.
    if (job.mode === 'resume') await keeper.keep(welcome, welcome, false);
    else await keeper.exclusive(() => keeper.keep(welcome, welcome, true));
    return new BlindsaltSocket(raw, welcome, early, {
      connection,
      request: { ...this.#peers(), username: welcome.username },
      timeoutMs: this.#settings.timeoutMs,
      createRunner: (sink) => this.#platform.createRunner(sink),
      keep: (ticket, isOnlyOne) => keeper.exclusive(() => keeper.keep(welcome, ticket, isOnlyOne)),
      forget: () => keeper.exclusive(() => keeper.remove(welcome.sessionId)),
    });
  }

  #peers(): Pick<Settings, 'domain' | 'ksfs' | 'ksfFloors' | 'ksfCeilings' | 'serverKeys'> {
    const { domain, ksfs, ksfFloors, ksfCeilings, serverKeys } = this.#settings;
    return { domain, ksfs, ksfFloors, ksfCeilings, serverKeys };
  }

  #start(): Pick<Settings, 'domain' | 'target' | 'subprotocols' | 'deviceLabel' | 'requireBinding'> & {
    readonly origin: string;
  } {
    const { domain, target, subprotocols, deviceLabel, requireBinding } = this.#settings;
    return { domain, target, origin: this.#platform.origin, subprotocols, deviceLabel, requireBinding };
  }
}

/** The part of `connect` that all platforms share. */
export function createConnector(platform: Platform, settings: Settings): Connector {
  const attempts = new Attempts(platform, settings);
  return {
    login: (credentials) => attempts.byPassword('login', credentials),
    signup: (credentials) => attempts.byPassword('signup', credentials),
    resume: () => attempts.byTicket(),
  };
}
