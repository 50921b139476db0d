import { BlindsaltError } from '../../proto/errors.js';
import type { Connector } from './connect.js';
import { asBlindsaltError } from './errors.js';
import { closeEvent, ExpiringEvent, nextTask, UserChangedEvent } from './events.js';
import { ABNORMAL, failureCode, LoginErrorEvent } from './login-failure.js';
import { Logins, type CredentialsSource } from './logins.js';
import { GIVE_CREDENTIALS, invalid, type ConnectOptions } from './options.js';
import { checkClose, SocketTarget } from './socket-target.js';
import { TicketPlaces, type TicketPlace } from './ticket-places.js';
import { memoryTickets, type TicketStore } from './tickets.js';
import type { BlindsaltSocket, SessionInfo } from './websocket.js';

/**
 * As for `connect`, and the credentials; the subprotocols are the constructor's. Of `tickets`, every socket that is open at
 * a time uses one of its own; the next socket goes on with the session of one that was closed, if it is the same user's.
 */
export type WebSocketClassOptions<O extends ConnectOptions> = Omit<O, 'protocols'> & {
  readonly credentials: CredentialsSource;
};

export { FAILURE_CLOSE, LoginErrorEvent } from './login-failure.js';

/** A constructor for libraries that take a WebSocket implementation. */
export interface WebSocketClass {
  readonly prototype: AuthenticatedWebSocket;
  new (url: string | URL, protocols?: string | readonly string[]): AuthenticatedWebSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
}

/** What a socket needs of its class. */
interface Opening {
  readonly url: string;
  readonly signal: AbortSignal | undefined;
  readonly logins: Logins;
  readonly place: TicketPlace;
  /** Opens nothing yet. */
  connect(signal: AbortSignal, tickets: TicketStore | false): Connector;
}

/** Answers to a ticket after which the password decides. */
const OVER: readonly string[] = ['resume-failed', 'session-expired', 'session-revoked'];

/**
 * A WebSocket that logs in while it is CONNECTING, made by the class that `webSocketClass` gave. From `open` on it is
 * what `login` would have given. Differs from the platform's in what it adds: messages that come before there is a listener
 * for them wait for it (up to 1 MiB), and `error` events of the login carry the reason.
 */
export class AuthenticatedWebSocket extends SocketTarget {
  readonly #url: string;
  readonly #ending = new AbortController();
  #socket: BlindsaltSocket | undefined;
  /** Until there is an open socket, which then knows better. */
  #state: 0 | 2 | 3 = 0;
  #isOpen = false;
  /** The other end may have closed already; that is told behind its messages. */
  #isTellingOpen = false;
  #isHeard = false;
  #isForwarding = false;
  #binaryType: 'blob' | 'arraybuffer' = 'blob';
  #discardedBytes = 0;
  readonly #place: TicketPlace;
  #forgetSignal: () => void = () => undefined;

  /** @internal */
  constructor(opening: Opening) {
    super();
    this.#url = opening.url;
    const { place } = opening;
    this.#place = place;
    let connector: Connector;
    try {
      connector = opening.connect(this.#ending.signal, place.tickets);
    } catch (error) {
      place.release();
      throw error;
    }
    this.#follow(opening.signal);
    void opening.logins
      .attempt(
        (credentials) => connector.login(credentials),
        this.#ending.signal,
        (username) => resumed(connector, place, username),
      )
      .then(
        (socket) => this.#loggedIn(socket),
        (error: unknown) => {
          place.release();
          this.#fail(asBlindsaltError(error, 'connection-failed'));
        },
      );
  }

  /** The application's signal ends the attempt too, and nothing holds on to it afterwards. */
  #follow(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const stop = (): void => this.#ending.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
    this.#forgetSignal = () => signal.removeEventListener('abort', stop);
  }

  /** Who is logged in here; undefined before `open`. */
  get session(): SessionInfo | undefined {
    return this.authenticated?.session;
  }

  /** The socket behind, for what the platform's WebSocket has no word for; undefined before `open`. */
  get authenticated(): BlindsaltSocket | undefined {
    return this.#isOpen ? this.#socket : undefined;
  }

  get readyState(): 0 | 1 | 2 | 3 {
    if (this.#isTellingOpen) return SocketTarget.OPEN;
    return this.authenticated?.readyState ?? this.#state;
  }

  get url(): string {
    return this.#url;
  }

  /** The application's subprotocol, chosen by the server; empty for none, and before `open`. */
  get protocol(): string {
    return this.authenticated?.protocol ?? '';
  }

  get extensions(): string {
    return this.authenticated?.extensions ?? '';
  }

  get binaryType(): 'blob' | 'arraybuffer' {
    return this.#binaryType;
  }

  set binaryType(value: 'blob' | 'arraybuffer') {
    if (value !== 'blob' && value !== 'arraybuffer') return;
    this.#binaryType = value;
    if (this.#socket !== undefined) this.#socket.binaryType = value;
  }

  get bufferedAmount(): number {
    return this.#discardedBytes + (this.#socket?.bufferedAmount ?? 0);
  }

  /**
   * As `WebSocket.send`. On a closing or closed socket the message is dropped silently.
   * @throws DOMException `InvalidStateError` before `open`
   */
  send(data: string | ArrayBufferLike | ArrayBufferView | Blob): void {
    if (arguments.length === 0) throw new TypeError('send needs an argument');
    if (this.authenticated !== undefined) this.authenticated.send(data);
    else if (this.#state === SocketTarget.CONNECTING) throw new DOMException('still connecting', 'InvalidStateError');
    else this.#discardedBytes += bytesOf(data);
  }

  /**
   * As `WebSocket.close`: before `open` it ends the attempt, and `error` and `close` (1006) follow.
   * @param code 1000 or 3000–4999; DOMException `InvalidAccessError` otherwise
   * @param reason at most 123 bytes of UTF-8; DOMException `SyntaxError` otherwise
   */
  close(code?: number, reason?: string): void {
    checkClose(code, reason);
    if (this.authenticated !== undefined) return this.authenticated.close(code, reason);
    if (this.#state !== SocketTarget.CONNECTING) return;
    this.#state = 2;
    this.#ending.abort();
    this.#leave();
    this.#end(new BlindsaltError('aborted', 'The socket was closed before it was open.', { closeCode: ABNORMAL }));
  }

  /** Logged in, but `open` was not told yet. */
  #leave(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    socket.onopen = socket.onerror = null;
    socket.onclose = () => this.#place.release();
    socket.close();
  }

  protected override listensForMessages(): void {
    this.#isHeard = true;
    this.#forward();
  }

  #loggedIn(socket: BlindsaltSocket): void {
    if (this.#state !== SocketTarget.CONNECTING) {
      socket.onclose = () => this.#place.release();
      socket.close();
      return;
    }
    this.#forgetSignal();
    this.#socket = socket;
    socket.binaryType = this.#binaryType;
    socket.onopen = () => this.#open();
    socket.addEventListener('expiring', ({ secondsLeft, limit }) =>
      this.dispatchEvent(new ExpiringEvent(secondsLeft, limit)),
    );
    socket.addEventListener('userchanged', ({ roles }) => this.dispatchEvent(new UserChangedEvent(roles)));
    socket.onerror = () => this.dispatchEvent(new Event('error'));
    socket.onclose = (event) => {
      this.#place.release();
      this.dispatchEvent(closeEvent(event));
    };
  }

  #open(): void {
    this.#isOpen = this.#isTellingOpen = true;
    this.dispatchEvent(new Event('open'));
    this.#isTellingOpen = false;
    this.#forward();
  }

  /** Not before there is somebody to hear them: the socket behind holds them so long. */
  #forward(): void {
    if (!this.#isOpen || !this.#isHeard || this.#isForwarding) return;
    this.#isForwarding = true;
    this.#socket?.addEventListener('message', ({ data, origin }) => {
      this.dispatchEvent(new MessageEvent('message', { data: data as unknown, origin }));
    });
  }

  #fail(error: BlindsaltError): void {
    if (this.#state !== SocketTarget.CONNECTING) return;
    this.#state = 2;
    this.#end(error);
  }

  /** In a task of its own, as the platform has it: who makes a socket can listen before. */
  #end(cause: BlindsaltError): void {
    this.#forgetSignal();
    const code = failureCode(cause);
    const { message, reason, retryAfterMs } = cause;
    const error = new BlindsaltError(cause.code, message, {
      cause: cause.cause,
      reason,
      retryAfterMs,
      closeCode: code,
    });
    nextTask(() => {
      this.#state = 3;
      this.dispatchEvent(new LoginErrorEvent(error));
      this.dispatchEvent(closeEvent({ code, reason: code === ABNORMAL ? '' : error.code, wasClean: false }));
    });
  }
}

async function resumed(
  connector: Connector,
  place: TicketPlace,
  username: string,
): Promise<BlindsaltSocket | undefined> {
  place.reserve(username);
  try {
    return await connector.resume();
  } catch (error) {
    if (error instanceof BlindsaltError && OVER.includes(error.code)) return undefined;
    throw error;
  }
}

/** The part of `webSocketClass` that all platforms share. */
export function createWebSocketClass<O extends ConnectOptions>(
  connect: (url: string, options: O) => Connector,
  options: WebSocketClassOptions<O>,
  base?: string,
): WebSocketClass {
  // Without types they may be missing.
  const given: WebSocketClassOptions<O> | undefined = options;
  const { credentials, ...rest } = given ?? {};
  if (typeof credentials !== 'function' && (typeof credentials !== 'object' || credentials === null)) {
    return invalid('credentials', GIVE_CREDENTIALS);
  }
  if ('protocols' in rest) return invalid('protocols', 'protocols are given to the constructor');
  const connectOptions = rest as unknown as O;
  // Opens nothing; complains of options here rather than in the midst of a library.
  connect('wss://localhost/', connectOptions);
  const logins = new Logins(credentials);
  const places = new TicketPlaces(connectOptions.tickets ?? memoryTickets());
  return class extends AuthenticatedWebSocket {
    constructor(url: string | URL, protocols: string | readonly string[] = []) {
      if (arguments.length === 0) throw new TypeError('WebSocket needs a URL');
      const resolved = resolveUrl(url, base);
      const names = checkProtocols(protocols);
      super({
        url: resolved,
        signal: connectOptions.signal,
        logins,
        place: places.take(),
        connect: (signal, tickets) =>
          orDomException(() => connect(resolved, { ...connectOptions, protocols: names, signal, tickets })),
      });
    }
  };
}

/** WHATWG WebSockets, section 3.1, steps 1 to 8 of the constructor. */
function resolveUrl(url: string | URL, base: string | undefined): string {
  let resolved: URL;
  try {
    resolved = new URL(url, base);
  } catch {
    throw new DOMException('the URL is not valid', 'SyntaxError');
  }
  if (resolved.protocol === 'http:') resolved.protocol = 'ws:';
  if (resolved.protocol === 'https:') resolved.protocol = 'wss:';
  if (resolved.protocol !== 'ws:' && resolved.protocol !== 'wss:') {
    throw new DOMException('the URL must begin with wss://', 'SyntaxError');
  }
  if (resolved.href.includes('#')) throw new DOMException('the URL must have no fragment', 'SyntaxError');
  return resolved.href;
}

/** Tokens of RFC 9110, none twice. */
function checkProtocols(protocols: string | readonly string[]): readonly string[] {
  const names = typeof protocols === 'string' ? [protocols] : Array.from(protocols, String);
  if (new Set(names).size < names.length || !names.every((name) => /^[\w!#$%&'*+\-.^`|~]+$/.test(name))) {
    throw new DOMException('a subprotocol is not valid, or given twice', 'SyntaxError');
  }
  return names;
}

/** What the platform's constructor throws, where it has something to say about the case. */
function orDomException(open: () => Connector): Connector {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof BlindsaltError)) throw error;
    if (error.code === 'insecure-url') throw new DOMException(error.message, 'SecurityError');
    if (error.reason === 'url' || error.reason === 'protocols') throw new DOMException(error.message, 'SyntaxError');
    throw error;
  }
}

function bytesOf(data: string | ArrayBufferLike | ArrayBufferView | Blob): number {
  if (data instanceof Blob) return data.size;
  if (typeof data === 'object' && data !== null && 'byteLength' in data) return data.byteLength;
  return new TextEncoder().encode(String(data)).length;
}
