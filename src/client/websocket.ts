import { isEscaped, isMarked } from '../../proto/codec.js';
import { CLOSE } from '../../proto/close-codes.js';
import { BlindsaltError } from '../../proto/errors.js';
import type { Welcome } from '../../proto/messages.js';
import { closeEvent, ExpiringEvent, nextTask, UserChangedEvent } from './events.js';
import { listenTo, type RawEvent, type RawSocket } from './raw-socket.js';
import { SendQueue } from './send-queue.js';
import { changedSession, sessionIdFromHex, sessionInfo, type OpenSession, type SessionInfo } from './session-info.js';
import { SessionRequests, type SessionLink } from './session-requests.js';
import { checkClose, SocketTarget } from './socket-target.js';

export type { SocketEventMap } from './socket-target.js';
export type { OpenSession, SessionInfo } from './session-info.js';

/** For what needs a proof of the password that is at most a minute old. */
export interface FreshProof {
  /** Proves it first. Without it the server answers `step-up-required`, unless `stepUp` was called just before. */
  readonly password?: string | Uint8Array | undefined;
}

export interface PasswordChange {
  /** The one in force. */
  readonly password: string | Uint8Array;
  readonly newPassword: string | Uint8Array;
  /** Whether all other sessions of the user end. Default true. */
  readonly endOtherSessions?: boolean | undefined;
}

/** Bytes of messages that are kept for a listener that is not there yet. */
const MAX_HELD_BYTES = 1024 * 1024;

/**
 * An authenticated connection with the interface of the platform's WebSocket (WHATWG WebSockets), in browsers and Node.
 * It is open when `login` or `signup` gives it out; `open` is fired once in the task after that.
 *
 * Messages that arrive before there is a listener for `message` wait for it, in order, up to 1 MiB; if more come, or the
 * connection closes, all are delivered as an ordinary WebSocket would. Errors in the application's listeners are the
 * application's. `close` events carry the codes of `blindsalt/proto` (`CLOSE`).
 */
export class BlindsaltSocket extends SocketTarget {
  #session: SessionInfo;
  readonly #requests: SessionRequests;
  readonly #raw: RawSocket;
  readonly #protocol: string;
  readonly #origin: string;
  readonly #queue: SendQueue;
  #binaryType: 'blob' | 'arraybuffer' = 'blob';
  #closing = false;
  #closed = false;
  /** Events that wait, those of the raw socket in order. */
  #waiting: RawEvent[];
  #heldBytes = 0;
  /** Waiting for the first listener; then delivering what waited; then passing on as it comes. */
  #phase: 'holding' | 'draining' | 'flowing' = 'holding';
  #started = false;

  /** @internal `early`: events that came between `welcome` and now. */
  constructor(raw: RawSocket, welcome: Welcome, early: readonly RawEvent[], link: SessionLink) {
    super();
    this.#session = sessionInfo(welcome);
    this.#requests = new SessionRequests(
      {
        get isOpen() {
          return raw.readyState === BlindsaltSocket.OPEN;
        },
        send: (frame) => raw.send(frame as Uint8Array<ArrayBuffer>),
        leave: () => this.#breakOff(),
        change: (change) => (this.#session = changedSession(this.#session, change)),
        // Behind `open`, and each in a task of its own as every event.
        userChanged: () => nextTask(() => this.dispatchEvent(new UserChangedEvent(this.#session.roles))),
        expiring: (secondsLeft, limit) => nextTask(() => this.dispatchEvent(new ExpiringEvent(secondsLeft, limit))),
      },
      link,
    );
    this.#raw = raw;
    this.#protocol = welcome.subprotocol;
    this.#origin = new URL(raw.url).origin;
    this.#queue = new SendQueue({
      get open() {
        return raw.readyState === BlindsaltSocket.OPEN;
      },
      send: (data) => raw.send(data as string | Uint8Array<ArrayBuffer>),
      broken: () => this.#breakOff(),
    });
    this.#waiting = [];
    nextTask(() => {
      this.#started = true;
      if (!this.#closed) this.dispatchEvent(new Event('open'));
      if (this.#phase === 'draining') this.#drain();
    });
    for (const event of early) this.#receive(event);
    listenTo(raw, (event) => this.#receive(event));
  }

  /** Who is logged in here. */
  get session(): SessionInfo {
    return this.#session;
  }

  get readyState(): 0 | 1 | 2 | 3 {
    if (this.#closed) return BlindsaltSocket.CLOSED;
    if (this.#closing || this.#raw.readyState !== BlindsaltSocket.OPEN) return BlindsaltSocket.CLOSING;
    return BlindsaltSocket.OPEN;
  }

  get url(): string {
    return this.#raw.url;
  }

  /** The application's subprotocol, chosen by the server among `protocols`; empty for none. */
  get protocol(): string {
    return this.#protocol;
  }

  get extensions(): string {
    return this.#raw.extensions;
  }

  /** How binary messages are given out; `blob` at first, as the platform has it. Other values are ignored. */
  get binaryType(): 'blob' | 'arraybuffer' {
    return this.#binaryType;
  }

  set binaryType(value: 'blob' | 'arraybuffer') {
    if (value === 'blob' || value === 'arraybuffer') this.#binaryType = value;
  }

  /** Bytes taken by `send` that are not on the network yet, Blobs that are still being read included. */
  get bufferedAmount(): number {
    return this.#queue.bytes + this.#raw.bufferedAmount;
  }

  /** Sends one message; order is kept, among Blobs too. On a closing or closed socket it is dropped silently. */
  send(data: string | ArrayBufferLike | ArrayBufferView | Blob): void {
    if (arguments.length === 0) throw new TypeError('send needs an argument');
    if (typeof data === 'string' || data instanceof Blob) this.#queue.send(data);
    else if (ArrayBuffer.isView(data)) this.#queue.send(unshared(data.buffer, data.byteOffset, data.byteLength));
    else if (isBuffer(data)) this.#queue.send(unshared(data, 0, data.byteLength));
    else this.#queue.send(String(data));
  }

  /**
   * Starts the closing handshake after what was sent before.
   * @param code 1000 or 3000–4999; DOMException `InvalidAccessError` otherwise
   * @param reason at most 123 bytes of UTF-8; DOMException `SyntaxError` otherwise
   */
  close(code?: number, reason?: string): void {
    const given = checkClose(code, reason);
    if (this.#closing) return;
    this.#closing = true;
    this.#queue.close(() => {
      if (given.code === undefined && given.reason === undefined) this.#raw.close();
      else this.#raw.close(given.code ?? CLOSE.normal, given.reason ?? '');
    });
  }

  // Sessions. Requests wait for each other; each rejects with a BlindsaltError: `connection-closed` or what the connection
  // was closed with, `timeout`, and those that are named.

  /** Begins the idle limit anew, and replaces the ticket. */
  refresh(): Promise<void> {
    return this.#requests.refresh();
  }

  /**
   * Proves the password again: for a minute the server takes it for what is sensitive; the absolute limit begins anew.
   * @throws BlindsaltError `login-failed` (the connection goes on), `password-invalid`, `too-many-attempts` (it does not)
   */
  async stepUp({ password }: { readonly password: string | Uint8Array }): Promise<void> {
    await this.#requests.prove(password);
  }

  /**
   * Proves the old password, then replaces it.
   * @throws BlindsaltError as `stepUp`, and `record-changed`
   */
  async changePassword({ password, newPassword, endOtherSessions = true }: PasswordChange): Promise<void> {
    if (newPassword === undefined) throw new BlindsaltError('password-invalid', undefined, { reason: 'empty' });
    await this.#requests.prove(password, newPassword, endOtherSessions);
  }

  /** The user's sessions, this one among them. */
  sessions(): Promise<OpenSession[]> {
    return this.#requests.sessions();
  }

  /**
   * Ends one session of the user.
   * @param sessionId as in `sessions`
   * @throws BlindsaltError `session-unknown`, `step-up-required`
   */
  async revokeSession(sessionId: string, proof: FreshProof = {}): Promise<void> {
    const id = sessionIdFromHex(sessionId);
    if (id === undefined) throw new BlindsaltError('session-unknown');
    await this.#prove(proof);
    await this.#requests.revoke(id);
  }

  /** Ends all sessions of the user but this one. @returns how many there were. @throws BlindsaltError `step-up-required` */
  async revokeOtherSessions(proof: FreshProof = {}): Promise<number> {
    await this.#prove(proof);
    return this.#requests.revoke();
  }

  /**
   * Ends the session, or all of the user's, at the server; forgets the ticket; resolves when the connection is closed.
   * @throws BlindsaltError with `everywhere`: `step-up-required`
   */
  async logout({ everywhere = false, ...proof }: FreshProof & { readonly everywhere?: boolean } = {}): Promise<void> {
    await this.#prove(proof);
    await this.#requests.logout(everywhere);
  }

  /** Proves the password and deletes the user's account for good; the server closes then. @throws as `stepUp` */
  async deleteAccount({ password }: { readonly password: string | Uint8Array }): Promise<void> {
    await this.#requests.prove(password);
    await this.#requests.deleteAccount();
  }

  async #prove({ password }: FreshProof): Promise<void> {
    if (password !== undefined) await this.#requests.prove(password);
  }

  #receive(event: RawEvent): void {
    if (event.type === 'close') this.#requests.closed(event.code);
    const seen = event.type === 'message' ? this.#unwrap(event.data) : event;
    if (seen === undefined) return;
    if (this.#phase === 'flowing') {
      this.#deliver(seen);
      return;
    }
    this.#waiting.push(seen);
    if (seen.type === 'message') {
      this.#heldBytes += typeof seen.data === 'string' ? seen.data.length : seen.data.byteLength;
    }
    if (seen.type === 'close' || this.#heldBytes > MAX_HELD_BYTES) this.#release();
  }

  /** Takes control frames out, and the escape off. */
  #unwrap(data: string | ArrayBuffer): RawEvent | undefined {
    if (typeof data === 'string') return { type: 'message', data };
    const bytes = new Uint8Array(data);
    if (!isMarked(bytes)) return { type: 'message', data };
    if (isEscaped(bytes)) return { type: 'message', data: bytes.slice(1).buffer };
    this.#requests.take(bytes);
    return undefined;
  }

  #breakOff(): void {
    this.#closing = true;
    this.#receive({ type: 'error' });
    this.#raw.close(CLOSE.clientLeft);
  }

  protected override listensForMessages(): void {
    this.#release();
  }

  #release(): void {
    if (this.#phase !== 'holding') return;
    this.#phase = 'draining';
    if (this.#started) nextTask(() => this.#drain());
  }

  #drain(): void {
    const event = this.#waiting.shift();
    if (event === undefined) {
      this.#phase = 'flowing';
      return;
    }
    nextTask(() => this.#drain());
    this.#deliver(event);
  }

  #deliver(event: RawEvent): void {
    switch (event.type) {
      case 'message': {
        const { data } = event;
        const binary = typeof data !== 'string' && this.#binaryType === 'blob' ? new Blob([data]) : data;
        this.dispatchEvent(new MessageEvent('message', { data: binary, origin: this.#origin }));
        break;
      }
      case 'error':
        this.dispatchEvent(new Event('error'));
        break;
      case 'close':
        this.#closed = true;
        this.dispatchEvent(closeEvent(event));
        break;
    }
  }
}

function isBuffer(data: unknown): data is ArrayBufferLike {
  return tagOf(data) === 'ArrayBuffer' || tagOf(data) === 'SharedArrayBuffer';
}

/** Instead of `instanceof`: buffers come from other realms too. */
function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** A view; a copy of shared memory, which browsers refuse to send. */
function unshared(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(buffer, offset, length);
  return tagOf(buffer) === 'SharedArrayBuffer' ? bytes.slice() : bytes;
}
