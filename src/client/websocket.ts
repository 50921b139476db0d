import { decodeControl, isEscaped, isMarked } from '../../proto/codec.js';
import { CLOSE } from '../../proto/close-codes.js';
import type { Welcome } from '../../proto/messages.js';
import { closeEvent, nextTask } from './events.js';
import { SendQueue } from './send-queue.js';
import { checkClose, SocketTarget } from './socket-target.js';

export type { SocketEventMap } from './socket-target.js';

/** What is used of the platform's WebSocket, and of `ws`. */
export interface RawSocket {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  readonly url: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** An event of the raw socket, reduced to what matters. */
export type RawEvent =
  | { readonly type: 'message'; readonly data: string | ArrayBuffer }
  | { readonly type: 'close'; readonly code: number; readonly reason: string; readonly wasClean: boolean }
  | { readonly type: 'error' };

/** Sends the events of a raw socket to one function. */
export function listenTo(raw: RawSocket, listener: (event: RawEvent) => void): void {
  raw.onmessage = ({ data }: { data: string | ArrayBuffer }) => listener({ type: 'message', data });
  raw.onclose = ({ code, reason, wasClean }: { code: number; reason: string; wasClean: boolean }) =>
    listener({ type: 'close', code, reason, wasClean });
  raw.onerror = () => listener({ type: 'error' });
}

/** Who is logged in on this connection, as the server said it in `welcome`. */
export interface SessionInfo {
  /** 16 random bytes in hexadecimal. */
  readonly sessionId: string;
  /** 16 bytes in hexadecimal; stays with the person when the username changes hands. */
  readonly userId: string;
  /** As RFC 8265 prepares it: may differ from what was typed, in case for example. */
  readonly username: string;
  readonly roles: readonly string[];
  /** The session ends after so many seconds without a message from this client; 0: no such limit. */
  readonly idleSeconds: number;
  /** The session ends after so many seconds from login on; 0: no such limit. */
  readonly absoluteSeconds: number;
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
  /** Who is logged in here. */
  readonly session: SessionInfo;
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
  constructor(raw: RawSocket, welcome: Welcome, early: readonly RawEvent[] = []) {
    super();
    this.session = Object.freeze({
      sessionId: toHex(welcome.sessionId),
      userId: toHex(welcome.userId),
      username: welcome.username,
      roles: Object.freeze([...welcome.roles]),
      idleSeconds: welcome.idleSeconds,
      absoluteSeconds: welcome.absoluteSeconds,
    });
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
    for (const event of early) this.#receive(event);
    listenTo(raw, (event) => this.#receive(event));
    nextTask(() => {
      this.#started = true;
      if (!this.#closed) this.dispatchEvent(new Event('open'));
      if (this.#phase === 'draining') this.#drain();
    });
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

  #receive(event: RawEvent): void {
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
    try {
      // The only one that a server may send after `welcome`; the close that follows says the same.
      if (decodeControl(bytes, 'server').kind === 'error') return undefined;
    } catch {
      // As below.
    }
    this.#breakOff();
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

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
