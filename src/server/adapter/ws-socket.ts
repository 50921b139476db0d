import { errorMonitor } from 'node:events';
import { types } from 'node:util';
import { WebSocket } from 'ws';
import { CONTROL_MARK, escapeApplication } from '../../../proto/index.js';
import type { Session } from '../session.js';
import type { Attributes } from '../store.js';

type SendData = Parameters<WebSocket['send']>[0];
type SendCallback = (error?: Error) => void;
interface SendOptions {
  readonly mask?: boolean | undefined;
  readonly binary?: boolean | undefined;
  readonly compress?: boolean | undefined;
  readonly fin?: boolean | undefined;
}
type BinaryType = 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob';
const BINARY_TYPES: readonly string[] = ['nodebuffer', 'arraybuffer', 'fragments', 'blob'] satisfies BinaryType[];

/** What stands between a socket and the engine. */
export interface SocketConnection<A extends object> {
  /** Undefined before the login. */
  readonly session: Session<A> | undefined;
  readonly subprotocol: string;
  /** What the application is to get of a binary message; undefined for none of it. */
  receive(data: Buffer): Buffer | undefined;
  /** A message that no part of is ours has come; true when the application is to get it. */
  receiveText(): boolean;
  /** True when the ping is to be answered. */
  pinged(): boolean;
  ponged(): void;
  /** The socket is closed. */
  gone(): void;
}

/** What the adapter does with a socket that the application cannot. */
export interface SocketControl {
  /** Puts a connection, and so the engine, in front of every message. */
  attach<A extends object>(socket: AuthenticatedWebSocket<A>, connection: SocketConnection<A>): void;
  /** Sends a control frame as it is. */
  sendControl<A extends object>(socket: AuthenticatedWebSocket<A>, frame: Uint8Array): void;
}
export let socketControl: SocketControl;

/** Answers to a peer's requests that it has not read; beyond that the connection ends. */
const MAX_UNSENT_CONTROL_BYTES = 256 * 1024;

/** How far a message of the application's is that goes out in fragments. */
const BETWEEN_MESSAGES = 0;
/** A binary one, of which no byte has been sent yet. */
const BINARY_START = 1;
const UNDER_WAY = 2;

/**
 * A WebSocket of `ws` whose other end has logged in. Messages pass as if there were no protocol of ours in between. One
 * more event: `session-changed`, with `user` (the session has other roles or attributes) or `level` (the password was
 * proved anew).
 */
export class AuthenticatedWebSocket<A extends object = Attributes> extends WebSocket {
  /** The application's subprotocol, agreed on inside the login; empty for none. Never `blindsalt.v1`. */
  declare readonly protocol: string;

  #connection: SocketConnection<A> | undefined;
  #binaryType: BinaryType = 'nodebuffer';
  #outgoing: typeof BETWEEN_MESSAGES | typeof BINARY_START | typeof UNDER_WAY = BETWEEN_MESSAGES;
  /** Those that were sent while others waited. */
  #unsentControlBytes = 0;
  /** The payload of the last ping, while the pong to one before is not out; null: there was none since. */
  #pingToAnswer: Buffer | null | undefined;

  static {
    socketControl = {
      attach(socket, connection) {
        socket.#connection = connection;
      },
      sendControl(socket, frame) {
        socket.#sendControl(frame);
      },
    };
    // Accessors at run time, but fields in the types of `ws`, which a subclass must not turn into accessors.
    Object.defineProperties(this.prototype, {
      protocol: {
        enumerable: true,
        get(this: AuthenticatedWebSocket): string {
          return this.#connection?.subprotocol ?? '';
        },
      },
      // The receiver of `ws` stays with Buffers, which the engine looks into; we convert behind it.
      binaryType: {
        enumerable: true,
        get(this: AuthenticatedWebSocket): BinaryType {
          return this.#binaryType;
        },
        set(this: AuthenticatedWebSocket, type: BinaryType) {
          if (BINARY_TYPES.includes(type)) this.#binaryType = type;
        },
      },
    });
  }

  /** Who is at the other end. */
  get session(): Session<A> {
    const session = this.#connection?.session;
    if (session === undefined) throw new Error('the socket has not authenticated');
    return session;
  }

  /**
   * Sends an application message; everything that `ws` takes. A binary message that begins with 0xC1 travels with one
   * more 0xC1 in front, which the other end takes off.
   */
  override send(data: SendData, cb?: SendCallback): void;
  override send(data: SendData, options: SendOptions, cb?: SendCallback): void;
  override send(data: SendData, options?: SendOptions | SendCallback, cb?: SendCallback): void {
    const settings = typeof options === 'function' ? undefined : options;
    const callback = typeof options === 'function' ? options : cb;
    const before = this.#outgoing;
    const isStart = before !== UNDER_WAY;
    const isBinary =
      before === BETWEEN_MESSAGES
        ? (settings?.binary ?? (typeof data !== 'string' && typeof data !== 'number'))
        : before === BINARY_START;
    const escaped = isStart && isBinary ? escape(data) : data;
    if ((before !== BETWEEN_MESSAGES || settings?.fin === false) && this.readyState === WebSocket.OPEN) {
      if (settings?.fin !== false) this.#outgoing = BETWEEN_MESSAGES;
      else if (isStart) this.#outgoing = isBinary && isEmpty(data) ? BINARY_START : UNDER_WAY;
    }
    super.send(escaped, settings ?? {}, callback);
  }

  #sendControl(frame: Uint8Array): void {
    // Between the fragments of a message there is no place for another; the close code that follows says it too.
    if (this.#outgoing !== BETWEEN_MESSAGES) return;
    const options = { binary: true };
    if (this.bufferedAmount + frame.length <= MAX_UNSENT_CONTROL_BYTES) return super.send(frame, options);
    // A peer that asks and never reads would make us keep the answers.
    this.#unsentControlBytes += frame.length;
    if (this.#unsentControlBytes > MAX_UNSENT_CONTROL_BYTES) return this.terminate();
    super.send(frame, options, () => (this.#unsentControlBytes -= frame.length));
  }

  /** What `ws` tells goes by the engine first; what that hands on reaches the application's listeners. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    const connection = this.#connection;
    if (connection === undefined) return super.emit(event, ...args);
    switch (event) {
      case 'message': {
        const data = args[0] as Buffer;
        if (args[1] !== true) return connection.receiveText() && super.emit('message', data, false);
        const payload = connection.receive(data);
        if (payload === undefined) return false;
        return super.emit('message', this.#binaryType === 'nodebuffer' ? payload : this.#convert(payload), true);
      }
      case 'ping':
        if (connection.pinged()) this.#answerPing(args[0] as Buffer);
        break;
      case 'pong':
        connection.ponged();
        break;
      case 'close':
        connection.gone();
        break;
      case 'error':
        // A malformed frame from anybody must not end the process for want of a listener.
        if (this.listenerCount('error') === 0) return super.emit(errorMonitor, ...args);
    }
    return super.emit(event, ...args);
  }

  /**
   * At most one pong is under way and one ping waits: RFC 6455, 5.5.3, lets us answer the most recent one only. So who pings
   * and does not read costs no memory, and who reads late is not ended, as `ws` would do by itself.
   */
  #answerPing(payload: Buffer): void {
    if (this.readyState !== WebSocket.OPEN) return;
    if (this.#pingToAnswer !== undefined) {
      // It came in a chunk that would stay with it.
      this.#pingToAnswer = Buffer.from(payload);
      return;
    }
    this.#pingToAnswer = null;
    this.pong(payload, false, () => {
      const next = this.#pingToAnswer;
      this.#pingToAnswer = undefined;
      if (next) this.#answerPing(next);
    });
  }

  #convert(payload: Buffer): Buffer | ArrayBuffer | Buffer[] | Blob {
    switch (this.#binaryType) {
      case 'nodebuffer':
        return payload;
      case 'arraybuffer':
        return Uint8Array.from(payload).buffer;
      case 'fragments':
        return [payload];
      case 'blob':
        return new Blob([Uint8Array.from(payload)]);
    }
  }
}

/** What `send` accepts, with the escape where it is needed; texts and Blobs keep their form. */
function escape(data: SendData): SendData {
  if (data instanceof Uint8Array) return data[0] === CONTROL_MARK ? escapeApplication(data) : data;
  // UTF-8 never begins with 0xC1.
  if (data === undefined || data === null || typeof data === 'string' || typeof data === 'number') return data;
  if (data instanceof Blob) return escapedBlob(data);
  const bytes = toBytes(data);
  return bytes[0] === CONTROL_MARK ? escapeApplication(bytes) : data;
}

/** Of what is sent as a fragment. */
function isEmpty(data: SendData): boolean {
  if (data === undefined || data === null) return true;
  if (typeof data === 'number') return false;
  if (typeof data === 'string') return data === '';
  return data instanceof Blob ? data.size === 0 : toBytes(data).length === 0;
}

/** The bytes that `ws` would send. */
function toBytes(data: Exclude<SendData, string | number | Blob>): Uint8Array {
  if (types.isAnyArrayBuffer(data)) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data as Uint8Array);
}

/** `ws` reads a Blob when its turn comes, and keeps the order; the bytes are looked at then. */
function escapedBlob(blob: Blob): Blob {
  return {
    size: blob.size,
    type: blob.type,
    stream: () => blob.stream(),
    arrayBuffer: async () => escapeApplication(new Uint8Array(await blob.arrayBuffer())),
    [Symbol.toStringTag]: 'Blob',
  } as unknown as Blob;
}
