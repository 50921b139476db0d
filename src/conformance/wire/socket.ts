import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { closePayload, encodeWebSocketFrame, OPCODE, type FrameOptions } from './framing.js';
import { Mailbox } from './mailbox.js';
import { MessageReader, type SocketEvent, type WebSocketMessage } from './messages.js';

/** A WebSocket client made of frames: it sends what it is told, and hides nothing that comes but pings. */
export class RawSocket {
  readonly #socket: Socket | TLSSocket;
  readonly #reader = new MessageReader('server');
  readonly #events = new Mailbox<SocketEvent>();
  #isClosing = false;
  /** Extensions and subprotocol that the server selected, and all other headers of its answer; names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Payloads of the pongs that came. */
  readonly pongs: Buffer[] = [];

  constructor(socket: Socket | TLSSocket, headers: ReadonlyMap<string, string>, first: Buffer) {
    this.#socket = socket;
    this.headers = headers;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    for (const event of ['error', 'close', 'end']) socket.on(event, () => this.destroy());
    if (first.length > 0) this.#read(first);
  }

  /** Negotiated, for example `TLSv1.3`; undefined without TLS. */
  get tlsVersion(): string | null | undefined {
    return 'getProtocol' in this.#socket ? this.#socket.getProtocol() : undefined;
  }

  /** RFC 9266, 32 bytes; undefined where there is no TLS 1.3. */
  tlsExporter(): Buffer | undefined {
    if (!('exportKeyingMaterial' in this.#socket) || this.tlsVersion !== 'TLSv1.3') return undefined;
    return this.#socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  }

  /** Defects of the server's framing, in words. */
  get framingFaults(): readonly string[] {
    return this.#reader.faults;
  }

  sendFrame(opcode: number, payload: Uint8Array, options: FrameOptions = {}): void {
    this.sendBytes(encodeWebSocketFrame(opcode, payload, options));
  }

  /** Bytes as they are. */
  sendBytes(bytes: Uint8Array): void {
    if (!this.#socket.destroyed && this.#socket.writable) this.#socket.write(bytes);
  }

  close(code?: number, reason = ''): void {
    this.#isClosing = true;
    this.sendFrame(OPCODE.close, closePayload(code, reason));
  }

  destroy(): void {
    this.#events.end({ kind: 'end' });
    this.#socket.destroy();
  }

  /** The next event; undefined when none came in time. After `end`, `end` again. */
  next(timeoutMs: number): Promise<SocketEvent | undefined> {
    return this.#events.take(timeoutMs);
  }

  #read(bytes: Buffer): void {
    try {
      for (const message of this.#reader.push(bytes)) this.#take(message);
    } catch {
      this.destroy();
    }
  }

  #take(message: WebSocketMessage): void {
    switch (message.kind) {
      case 'ping':
        return this.sendFrame(OPCODE.pong, message.payload);
      case 'pong':
        return void this.pongs.push(message.payload);
      case 'close':
        if (!this.#isClosing) this.close(message.code === 1005 ? undefined : message.code);
        return this.#events.put(message);
      default:
        this.#events.put(message);
    }
  }
}
