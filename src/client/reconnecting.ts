import { CLOSE, retryAfterClose, type Retry } from '../../proto/close-codes.js';
import { BlindsaltError } from '../../proto/errors.js';
import type { Attempts } from './attempts.js';
import { Backoff, pause } from './backoff.js';
import type { LoginCredentials } from './credentials.js';
import { asBlindsaltError, errorOfClose } from './errors.js';
import { closeEvent, ExpiringEvent, nextTask, UserChangedEvent, type SocketCloseEvent } from './events.js';
import { ABNORMAL, failureCode, LoginErrorEvent, retryAfterError } from './login-failure.js';
import { Logins } from './logins.js';
import { GIVE_CREDENTIALS, invalid } from './options.js';
import { Outbox, type OverflowPolicy } from './outbox.js';
import { ReconnectingEvent, SessionEndEvent, type ReconnectingEventMap } from './reconnecting-events.js';
import { checkClose, SocketTarget } from './socket-target.js';
import type { BlindsaltSocket, SessionInfo } from './websocket.js';

type Given = LoginCredentials | null | undefined;

export interface ReconnectingOptions {
  /**
   * Username and password, or who asks for them: called when there is no session to go on with, with the reason
   * (`login-failed`, `session-expired`, `session-revoked`, …; undefined the first time). What gives nothing ends the socket,
   * and so does giving again what was refused.
   */
  readonly credentials: LoginCredentials | ((reason: BlindsaltError | undefined) => Given | Promise<Given>);
  /** Bound of the first random wait, milliseconds; doubles with each failure. Default 500. */
  readonly initialDelayMs?: number | undefined;
  /** Highest bound. Default 30,000. */
  readonly maxDelayMs?: number | undefined;
  /** Bytes of messages that wait while there is no connection. Default 1 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  /** What happens to messages beyond that. Default `reject-new`: `send` throws. */
  readonly whenFull?: OverflowPolicy | undefined;
  /** What close codes allow, for those of the application's own. Default `retryAfterClose`; 1000 ends the socket. */
  readonly retry?: ((code: number) => Retry) | undefined;
}

/** Connections that lasted so long begin the waiting times anew. */
const STABLE_MS = 10_000;

/** What became of one connection or attempt. */
type Next = Retry | 'ended';

/**
 * A WebSocket that survives its connections. CONNECTING whenever there is none, `open` once. `authenticated` and
 * `resumed` say that there is one, by password and by ticket; `reconnecting` that there will be another attempt; `expired`
 * and `revoked` that the session is gone and the credentials are needed; `close` that it is over.
 *
 * Messages given to `send` meanwhile wait, to a bound, and go out in order; they are dropped if somebody else logs in.
 * Those that were on their way when a connection was lost may be lost: they are sent at most once.
 */
export class ReconnectingSocket extends SocketTarget {
  readonly #attempts: Attempts;
  readonly #options: ReconnectingOptions;
  readonly #logins: Logins;
  readonly #backoff: Backoff;
  readonly #outbox: Outbox;
  readonly #ending = new AbortController();
  #current: BlindsaltSocket | undefined;
  #session: SessionInfo | undefined;
  #state: 0 | 2 | 3 = 0;
  #binaryType: 'blob' | 'arraybuffer' = 'blob';
  #isHeard = false;
  #wasOpen = false;
  /** Why credentials are needed. */
  #why: BlindsaltError | undefined;
  /** The ticket is known to be dead. */
  #needsLogin = false;
  /** Another attempt would only repeat the last one. */
  #isPointless = false;

  /** @internal */
  constructor(attempts: Attempts, options: ReconnectingOptions) {
    super();
    // Without types it may be missing.
    const given: Partial<ReconnectingOptions> | undefined = options;
    const { credentials } = given ?? {};
    if (typeof credentials !== 'function' && typeof credentials?.username !== 'string') {
      invalid('credentials', GIVE_CREDENTIALS);
    }
    const { initialDelayMs = 500, maxDelayMs = 30_000, maxQueuedBytes = 1024 * 1024 } = options;
    const whenFull = options.whenFull ?? 'reject-new';
    for (const [name, value] of Object.entries({ initialDelayMs, maxDelayMs, maxQueuedBytes })) {
      if (!Number.isSafeInteger(value) || value < 0) invalid(name);
    }
    if (whenFull !== 'reject-new' && whenFull !== 'drop-oldest') invalid('whenFull');
    this.#attempts = attempts;
    this.#options = options;
    this.#logins = new Logins((refused) =>
      typeof credentials === 'function' ? credentials(refused ?? this.#why) : credentials,
    );
    this.#backoff = new Backoff(initialDelayMs, maxDelayMs);
    this.#outbox = new Outbox(maxQueuedBytes, whenFull);
    const { signal } = attempts;
    const stop = (): void => this.close();
    signal?.addEventListener('abort', stop);
    this.#ending.signal.addEventListener('abort', () => signal?.removeEventListener('abort', stop));
    if (signal?.aborted === true) nextTask(stop);
    void this.#run();
  }

  /** Who is logged in, or was last; undefined before. */
  get session(): SessionInfo | undefined {
    return this.#current?.session ?? this.#session;
  }

  /** The connection of the moment, for `stepUp`, `changePassword`, `sessions` and so on; undefined while there is none. */
  get connection(): BlindsaltSocket | undefined {
    return this.#current;
  }

  get readyState(): 0 | 1 | 2 | 3 {
    if (this.#state !== SocketTarget.CONNECTING) return this.#state;
    return this.#current === undefined ? SocketTarget.CONNECTING : SocketTarget.OPEN;
  }

  get url(): string {
    return this.#attempts.url;
  }

  get protocol(): string {
    return this.#current?.protocol ?? '';
  }

  get extensions(): string {
    return this.#current?.extensions ?? '';
  }

  get binaryType(): 'blob' | 'arraybuffer' {
    return this.#binaryType;
  }

  set binaryType(value: 'blob' | 'arraybuffer') {
    if (value !== 'blob' && value !== 'arraybuffer') return;
    this.#binaryType = value;
    if (this.#current !== undefined) this.#current.binaryType = value;
  }

  /** Bytes that wait for a connection, and those that the connection has not sent yet. */
  get bufferedAmount(): number {
    return this.#outbox.bytes + (this.#current?.bufferedAmount ?? 0);
  }

  /**
   * Sends, or lets the message wait for the next connection. Dropped silently once the socket is closed.
   * @throws DOMException `QuotaExceededError` when too much waits already
   */
  send(data: string | ArrayBufferLike | ArrayBufferView | Blob): void {
    if (arguments.length === 0) throw new TypeError('send needs an argument');
    if (this.#state !== SocketTarget.CONNECTING) return;
    if (this.#current?.readyState === SocketTarget.OPEN) this.#current.send(data);
    else this.#outbox.push(data);
  }

  /** As `WebSocket.close`, for good. The session and its ticket stay: see `logout`. */
  close(code?: number, reason?: string): void {
    checkClose(code, reason);
    if (this.#state !== SocketTarget.CONNECTING) return;
    this.#state = 2;
    this.#ending.abort();
    this.#current?.close(code, reason);
  }

  /**
   * Ends session and socket; see `BlindsaltSocket.logout`. Without a connection the ticket is forgotten, and the session
   * stays at the server until it expires.
   */
  async logout(options: Parameters<BlindsaltSocket['logout']>[0] = {}): Promise<void> {
    const current = this.#current;
    if (current === undefined) {
      if (options.everywhere === true) throw new BlindsaltError('connection-closed');
      this.close();
      await this.#attempts.forget();
      return;
    }
    await current.logout(options);
    this.close();
  }

  override addEventListener<K extends keyof ReconnectingEventMap>(
    type: K,
    listener: (event: ReconnectingEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: ((event: Event) => void) | { handleEvent(event: Event): void } | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(type: string, listener: unknown, options?: boolean | AddEventListenerOptions): void {
    super.addEventListener(type, listener as (event: Event) => void, options);
  }

  protected override listensForMessages(): void {
    this.#isHeard = true;
    if (this.#current !== undefined) this.#forward(this.#current);
  }

  async #run(): Promise<void> {
    // Who makes the socket can listen before.
    await new Promise<void>((resolve) => nextTask(resolve));
    let end: { readonly error?: BlindsaltError; readonly event?: SocketCloseEvent } = {};
    while (this.#state === SocketTarget.CONNECTING) {
      let error: BlindsaltError;
      let next: Next;
      try {
        const event = await this.#live(await this.#obtain());
        error = errorOfClose(event.code);
        next = this.#afterClose(event.code);
        end = { event };
      } catch (cause) {
        error = asBlindsaltError(cause, 'connection-failed');
        next = this.#afterError(error);
        end = { error };
      }
      if (next === 'ended' || next === 'never' || this.#state !== SocketTarget.CONNECTING) break;
      if (next === 'login') this.#why = error;
      // Who mistyped need not wait; the refused password is not sent again anyway.
      const delayMs = error.code === 'login-failed' ? 0 : this.#backoff.next(error.retryAfterMs);
      this.dispatchEvent(new ReconnectingEvent(error, this.#backoff.failures, delayMs));
      await pause(delayMs, this.#ending.signal);
    }
    this.#finish(end);
  }

  /** Ticket first; then the credentials. */
  async #obtain(): Promise<BlindsaltSocket> {
    const { signal } = this.#ending;
    if (!this.#needsLogin) {
      try {
        return await this.#attempts.byTicket(signal);
      } catch (error) {
        if (!(error instanceof BlindsaltError) || !this.#isSessionOver(error)) throw error;
      }
    }
    this.#needsLogin = true;
    let isSent = false;
    try {
      return await this.#logins.attempt((credentials) => {
        isSent = true;
        return this.#attempts.byPassword('login', credentials, signal);
      }, signal);
    } catch (error) {
      // Given again although refused, or unchangeable: nobody is there to type.
      const isFixed = !isSent || typeof this.#options.credentials !== 'function';
      this.#isPointless = isFixed && this.#afterError(asBlindsaltError(error, 'connection-failed')) === 'login';
      throw error;
    }
  }

  /** Tells why a session cannot be resumed, if that is so. */
  #isSessionOver(error: BlindsaltError): boolean {
    if (error.code === 'resume-failed') {
      if (error.reason !== 'no-ticket') this.#why = error;
      return true;
    }
    const isOver = ['session-expired', 'session-revoked', 'account-disabled'].includes(error.code);
    if (isOver) this.#tellEnd(error);
    return isOver;
  }

  #tellEnd(error: BlindsaltError): void {
    this.#why = error;
    this.dispatchEvent(new SessionEndEvent(error.code === 'session-expired' ? 'expired' : 'revoked', error));
  }

  /** Passes everything on until the connection has ended. */
  #live(socket: BlindsaltSocket): Promise<SocketCloseEvent> {
    const since = performance.now();
    return new Promise((resolve) => {
      socket.binaryType = this.#binaryType;
      socket.addEventListener('expiring', ({ secondsLeft, limit }) =>
        this.dispatchEvent(new ExpiringEvent(secondsLeft, limit)),
      );
      socket.addEventListener('userchanged', ({ roles }) => this.dispatchEvent(new UserChangedEvent(roles)));
      socket.addEventListener('close', (event) => {
        this.#session = socket.session;
        this.#current = undefined;
        if (performance.now() - since > STABLE_MS) this.#backoff.reset();
        resolve(event);
      });
      if (this.#state !== SocketTarget.CONNECTING) {
        socket.close();
        return;
      }
      // Messages of one person are not sent in another's name.
      if (this.#session !== undefined && this.#session.userId !== socket.session.userId) this.#outbox.clear();
      this.#current = socket;
      this.#session = socket.session;
      this.#why = undefined;
      this.#needsLogin = false;
      this.#outbox.drain((data) => socket.send(data));
      if (!this.#wasOpen) this.dispatchEvent(new Event('open'));
      this.#wasOpen = true;
      this.dispatchEvent(new Event(socket.session.level === 'resumed' ? 'resumed' : 'authenticated'));
      if (this.#isHeard) this.#forward(socket);
    });
  }

  /** Not before there is somebody to hear them: the socket behind holds them so long. */
  #forward(socket: BlindsaltSocket): void {
    socket.onmessage ??= ({ data, origin }) => {
      this.dispatchEvent(new MessageEvent('message', { data: data as unknown, origin }));
    };
  }

  #afterClose(code: number): Next {
    if (code === CLOSE.normal && this.#options.retry === undefined) return 'ended';
    if (code === CLOSE.sessionReplaced) return 'never';
    const next = (this.#options.retry ?? retryAfterClose)(code);
    if (next === 'login') {
      this.#needsLogin = true;
      const error = errorOfClose(code);
      if (code === CLOSE.sessionExpired || code === CLOSE.sessionRevoked || code === CLOSE.accountDisabled) {
        this.#tellEnd(error);
      }
    }
    return next;
  }

  #afterError(error: BlindsaltError): Next {
    return this.#isPointless ? 'never' : retryAfterError(error);
  }

  #finish({ error, event }: { readonly error?: BlindsaltError; readonly event?: SocketCloseEvent }): void {
    const isAsked = this.#state === 2;
    this.#state = 3;
    this.#ending.abort();
    this.#outbox.clear();
    if (event !== undefined) {
      this.dispatchEvent(closeEvent(event));
      return;
    }
    if (error === undefined || isAsked) {
      this.dispatchEvent(closeEvent({ code: ABNORMAL, reason: '', wasClean: false }));
      return;
    }
    const code = failureCode(error);
    this.dispatchEvent(new LoginErrorEvent(error));
    this.dispatchEvent(closeEvent({ code, reason: code === ABNORMAL ? '' : error.code, wasClean: false }));
  }
}
