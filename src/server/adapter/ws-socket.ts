import { types } from 'node:util';
import { WebSocket } from 'ws';
import { escapeApplication, isMarked } from '../../../proto/index.js';
import type { ConnectionHandle } from '../api.js';
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

/** What the adapter does with a socket before the application knows of it. */
export interface SocketControl {
  /** Puts the engine in front of every message. */
  attach<A extends Attributes>(socket: AuthenticatedWebSocket<A>, handle: ConnectionHandle): void;
  /** From now on the application's. */
  authenticate<A extends Attributes>(socket: AuthenticatedWebSocket<A>, session: Session<A>, subprotocol: string): void;
  /** Sends a control frame as it is. */
  sendControl<A extends Attributes>(socket: AuthenticatedWebSocket<A>, frame: Uint8Array): void;
}
export let socketControl: SocketControl;

/** Answers to a peer's requests that it has not read; beyond that the connection ends. */
const MAX_UNSENT_CONTROL_BYTES = 256 * 1024;

/**
 * A WebSocket of `ws` whose other end has logged in. Messages pass as if there were no protocol of ours in between. One
 * more event: `session-changed`, with `user` (the session has other roles or attributes) or `level` (the password was
 * proved anew).
 */
export class AuthenticatedWebSocket<A extends Attributes = Attributes> extends WebSocket {
  /** The application's subprotocol, agreed on inside the login; empty for none. Never `blindsalt.v1`. */
  declare readonly protocol: string;

  #handle: ConnectionHandle | undefined;
  #unsentControlBytes = 0;
  #session: Session<A> | undefined;
  #subprotocol = '';
  #binaryType: BinaryType = 'nodebuffer';
  /** No byte of the message under way has been sent yet. */
  #atMessageStart = true;
  #isBinaryUnderWay = false;
  #isFragmentUnderWay = false;

  static {
    socketControl = {
      attach(socket, handle) {
        socket.#handle = handle;
      },
      authenticate(socket, session, subprotocol) {
        socket.#session = session;
        socket.#subprotocol = subprotocol;
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
          return this.#subprotocol;
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
    if (this.#session === undefined) throw new Error('the socket has not authenticated');
    return this.#session;
  }

  /**
   * Sends an application message; everything that `ws` takes. A binary message that begins with 0xC1 travels with one
   * more 0xC1 in front, which the other end takes off.
   */
  override send(data: SendData, cb?: SendCallback): void;
  override send(data: SendData, options: SendOptions, cb?: SendCallback): void;
  override send(data: SendData, options?: SendOptions | SendCallback, cb?: SendCallback): void {
    const settings = typeof options === 'function' ? {} : (options ?? {});
    const callback = typeof options === 'function' ? options : cb;
    if (!this.#isFragmentUnderWay) {
      this.#atMessageStart = true;
      this.#isBinaryUnderWay = settings.binary ?? (typeof data !== 'string' && typeof data !== 'number');
    }
    const mayNeedEscape = this.#atMessageStart && this.#isBinaryUnderWay;
    const [escaped, isEmpty] = mayNeedEscape ? escape(data) : [data, false];
    if (this.readyState === WebSocket.OPEN) {
      if (!isEmpty) this.#atMessageStart = false;
      this.#isFragmentUnderWay = settings.fin === false;
    }
    super.send(escaped, settings, callback);
  }

  #sendControl(frame: Uint8Array): void {
    // Between the fragments of a message there is no place for another; the close code that follows says it too.
    if (this.#isFragmentUnderWay) return;
    // A peer that asks and never reads would make us keep the answers.
    this.#unsentControlBytes += frame.length;
    if (this.#unsentControlBytes > MAX_UNSENT_CONTROL_BYTES) return this.terminate();
    super.send(frame, { binary: true }, () => (this.#unsentControlBytes -= frame.length));
  }

  /** Messages go to the engine first; what it hands on reaches the application's listeners. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event !== 'message' || this.#handle === undefined) return super.emit(event, ...args);
    const [data, isBinary] = args as [Buffer, boolean];
    if (!isBinary) return this.#handle.receiveText() && super.emit('message', data, false);
    const payload = this.#handle.receive(data);
    return payload !== undefined && super.emit('message', this.#toBinaryType(payload), true);
  }

  #toBinaryType(payload: Uint8Array): Buffer | ArrayBuffer | Buffer[] | Blob {
    const buffer = Buffer.from(payload.buffer as ArrayBuffer, payload.byteOffset, payload.byteLength);
    switch (this.#binaryType) {
      case 'nodebuffer':
        return buffer;
      case 'arraybuffer':
        return Uint8Array.from(buffer).buffer;
      case 'fragments':
        return [buffer];
      case 'blob':
        return new Blob([Uint8Array.from(buffer)]);
    }
  }
}

/** What `send` accepts, as bytes that may need the escape; texts and Blobs keep their form. */
function escape(data: SendData): readonly [data: SendData, isEmpty: boolean] {
  if (data === undefined || data === null) return [data, true];
  // UTF-8 never begins with 0xC1.
  if (typeof data === 'string') return [data, data === ''];
  if (typeof data === 'number') return [data, false];
  if (data instanceof Blob) return [escapedBlob(data), data.size === 0];
  const bytes = toBytes(data);
  return [isMarked(bytes) ? escapeApplication(bytes) : data, bytes.length === 0];
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
