import { createServer, type Server } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { acceptOf } from '../wire/dial.js';
import { closePayload, encodeWebSocketFrame, OPCODE } from '../wire/framing.js';
import { Mailbox } from '../wire/mailbox.js';
import { MessageReader, type SocketEvent, type WebSocketMessage } from '../wire/messages.js';

// RFC 6455 from the server's side, by hand: what a library would never send can be sent too.

/** Certificate chain and key, PEM; the certificate is for the host of the URLs. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

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
  readonly #reader = new MessageReader('client');
  readonly #events = new Mailbox<SocketEvent>();

  constructor(socket: Duplex, early: Uint8Array) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    for (const event of ['error', 'close']) socket.on(event, () => this.#events.end({ kind: 'end' }));
    if (early.length > 0) this.#read(early);
  }

  sendFrame(opcode: number, payload: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(encodeWebSocketFrame(opcode, payload, { masked: false }));
  }

  /** The next event; undefined when none came in time. After `close` or `end` the same again. */
  next(timeoutMs: number): Promise<SocketEvent | undefined> {
    return this.#events.take(timeoutMs);
  }

  close(code?: number, reason = ''): void {
    this.sendFrame(OPCODE.close, closePayload(code, reason));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(bytes: Uint8Array): void {
    try {
      for (const message of this.#reader.push(bytes)) this.#take(message);
    } catch {
      this.#events.end({ kind: 'end' });
      this.destroy();
    }
  }

  #take(message: WebSocketMessage): void {
    switch (message.kind) {
      case 'ping':
        return this.sendFrame(OPCODE.pong, message.payload);
      case 'pong':
        return;
      case 'close':
        this.#events.end(message);
        this.close(message.code === 1005 ? undefined : message.code);
        this.#socket.end();
        return;
      default:
        this.#events.put(message);
    }
  }
}

/** Waits for clients on one port. */
export class Listener {
  readonly #server: Server;
  readonly #callers = new Mailbox<Caller>();
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
    return this.#callers.take(timeoutMs);
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
        const lines = [
          'HTTP/1.1 101 Switching Protocols',
          'Upgrade: websocket',
          'Connection: Upgrade',
          `Sec-WebSocket-Accept: ${acceptOf(request.headers['sec-websocket-key'] ?? '')}`,
          ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
          ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        ];
        socket.write(`${lines.join('\r\n')}\r\n\r\n`);
        return new Visit(socket, head);
      },
    };
    this.#callers.put(caller);
  }
}
