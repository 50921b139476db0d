import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { OPCODE, closePayload, encodeWebSocketFrame, FrameReader, type WebSocketFrame } from '../wire/framing.js';

// RFC 6455 from the server's side, by hand: what a library would never send can be sent too.

/** Certificate chain and key, PEM; the certificate is for the host of the URLs. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export type VisitEvent =
  | { readonly kind: 'binary' | 'text'; readonly data: Buffer }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'end' };

/** A client's connection, before the upgrade is answered. */
export interface Caller {
  readonly headers: IncomingMessage['headers'];
  readonly subprotocols: readonly string[];
  /** Answers 101. @param subprotocol the one selected; undefined: none */
  accept(subprotocol: string | undefined, headers?: Readonly<Record<string, string>>): Visit;
}

/** A client's WebSocket. */
export class Visit {
  readonly #socket: Duplex;
  readonly #reader = new FrameReader();
  readonly #events: VisitEvent[] = [];
  #waiting: ((event: VisitEvent) => void) | undefined;
  #fragments: { readonly opcode: number; readonly parts: Buffer[] } | undefined;
  #isOver = false;

  constructor(socket: Duplex, early: Uint8Array) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('error', () => this.#over({ kind: 'end' }));
    socket.on('close', () => this.#over({ kind: 'end' }));
    if (early.length > 0) this.#take(early);
  }

  sendFrame(opcode: number, payload: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(encodeWebSocketFrame(opcode, payload, { masked: false }));
  }

  /** The next event; undefined when none came in time. After `close` or `end` nothing more comes. */
  next(timeoutMs: number): Promise<VisitEvent | undefined> {
    const ready = this.#events.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting = undefined;
        resolve(undefined);
      }, timeoutMs);
      this.#waiting = (event) => {
        clearTimeout(timer);
        this.#waiting = undefined;
        resolve(event);
      };
    });
  }

  close(code: number, reason = ''): void {
    this.sendFrame(OPCODE.close, closePayload(code, reason));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(bytes: Uint8Array): void {
    try {
      for (const frame of this.#reader.push(bytes)) this.#frame(frame);
    } catch {
      this.#over({ kind: 'end' });
      this.destroy();
    }
  }

  #frame({ opcode, fin, payload }: WebSocketFrame): void {
    if (opcode === OPCODE.ping) return this.sendFrame(OPCODE.pong, payload);
    if (opcode === OPCODE.pong) return;
    if (opcode === OPCODE.close) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.#over({ kind: 'close', code, reason: payload.subarray(2).toString() });
      this.sendFrame(OPCODE.close, payload.subarray(0, 2));
      this.#socket.end();
      return;
    }
    if (opcode !== OPCODE.continuation) this.#fragments = { opcode, parts: [] };
    this.#fragments?.parts.push(payload);
    if (!fin || this.#fragments === undefined) return;
    const { opcode: kind, parts } = this.#fragments;
    this.#fragments = undefined;
    this.#emit({ kind: kind === OPCODE.text ? 'text' : 'binary', data: Buffer.concat(parts) });
  }

  #over(event: VisitEvent): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#emit(event);
  }

  #emit(event: VisitEvent): void {
    if (this.#waiting === undefined) this.#events.push(event);
    else this.#waiting(event);
  }
}

/** Waits for clients on one port. */
export class Listener {
  readonly #server: Server;
  readonly #callers: Caller[] = [];
  #waiting: ((caller: Caller) => void) | undefined;
  readonly #sockets = new Set<Duplex>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    server.on('tlsClientError', () => undefined);
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  static async open({ cert, key }: Identity, host: string, port: number): Promise<Listener> {
    const server = createServer({ cert, key, minVersion: 'TLSv1.2' });
    const listener = new Listener(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next client that asks for a WebSocket; undefined when none came in time. */
  caller(timeoutMs: number): Promise<Caller | undefined> {
    const ready = this.#callers.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting = undefined;
        resolve(undefined);
      }, timeoutMs);
      this.#waiting = (caller) => {
        clearTimeout(timer);
        this.#waiting = undefined;
        resolve(caller);
      };
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const list = request.headers['sec-websocket-protocol'] ?? '';
    const caller: Caller = {
      headers: request.headers,
      subprotocols: list
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
      accept: (subprotocol, headers = {}) => {
        const key = request.headers['sec-websocket-key'] ?? '';
        const digest = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        const lines = [
          'HTTP/1.1 101 Switching Protocols',
          'Upgrade: websocket',
          'Connection: Upgrade',
          `Sec-WebSocket-Accept: ${digest}`,
          ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
          ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        ];
        socket.write(`${lines.join('\r\n')}\r\n\r\n`);
        return new Visit(socket, head);
      },
    };
    if (this.#waiting === undefined) this.#callers.push(caller);
    else this.#waiting(caller);
  }
}
