import { createHash, randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import {
  closePayload,
  encodeWebSocketFrame,
  FrameReader,
  OPCODE,
  type FrameOptions,
  type WebSocketFrame,
} from './framing.js';

export interface DialOptions {
  readonly url: URL;
  /** PEM of the authorities to trust; default those of the platform. */
  readonly ca?: string | undefined;
  /** Subprotocols offered; an empty list sends no such header. */
  readonly subprotocols: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** What comes from the other end. */
export type SocketEvent =
  | { readonly kind: 'text' | 'binary'; readonly data: Buffer }
  /** A close frame; 1005 for one without a code. */
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  /** The connection is over without a (further) close frame. */
  | { readonly kind: 'end'; readonly error?: string };

/** The upgrade was answered with something else than 101, or not at all. */
export class DialError extends Error {
  constructor(
    message: string,
    readonly status: number | undefined,
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
  }
}

const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const OPEN_TIMEOUT_MS = 10_000;

/** A WebSocket client made of frames: it sends what it is told, and hides nothing that comes but pings. */
export class RawSocket {
  readonly #socket: Socket | TLSSocket;
  readonly #reader = new FrameReader();
  readonly #events: SocketEvent[] = [];
  readonly #waiting: ((event: SocketEvent) => void)[] = [];
  #message: { readonly kind: 'text' | 'binary'; readonly parts: Buffer[] } | undefined;
  #isClosing = false;
  #isOver = false;
  /** Extensions and subprotocol that the server selected, and all other headers of its answer; names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Payloads of the pongs that came. */
  readonly pongs: Buffer[] = [];
  /** Defects of the other end's framing, in words. */
  readonly framingFaults: string[] = [];

  constructor(socket: Socket | TLSSocket, headers: ReadonlyMap<string, string>, first: Buffer) {
    this.#socket = socket;
    this.headers = headers;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('error', (error: Error) => this.#end(error.message));
    socket.on('close', () => this.#end());
    socket.on('end', () => this.#end());
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

  get isOver(): boolean {
    return this.#isOver;
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
    this.#isOver = true;
    this.#socket.destroy();
  }

  /** The next event; undefined when none came in time. After `end`, `end` again. */
  next(timeoutMs: number): Promise<SocketEvent | undefined> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve(event);
    if (this.#isOver) return Promise.resolve({ kind: 'end' });
    return new Promise((resolve) => {
      const take = (taken: SocketEvent): void => {
        clearTimeout(timer);
        resolve(taken);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        resolve(undefined);
      }, timeoutMs);
      this.#waiting.push(take);
    });
  }

  #emit(event: SocketEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#events.push(event);
    else waiting(event);
  }

  #end(error?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.destroy();
    do this.#emit({ kind: 'end', ...(error !== undefined && { error }) });
    while (this.#waiting.length > 0);
  }

  #read(bytes: Buffer): void {
    try {
      for (const frame of this.#reader.push(bytes)) this.#take(frame);
    } catch (error) {
      this.#end(error instanceof Error ? error.message : String(error));
    }
  }

  #take({ fin, rsv, opcode, masked, payload }: WebSocketFrame): void {
    if (masked) this.framingFaults.push('a masked frame from the server (RFC 6455, 5.1)');
    if (rsv !== 0) this.framingFaults.push(`reserved bits ${rsv} set without an extension (RFC 6455, 5.2)`);
    if (opcode === OPCODE.ping) return this.sendFrame(OPCODE.pong, payload);
    if (opcode === OPCODE.pong) return void this.pongs.push(payload);
    if (opcode === OPCODE.close) {
      const code = payload.length >= 2 ? payload.readUInt16BE() : 1005;
      if (!this.#isClosing) this.close(code === 1005 ? undefined : code);
      return this.#emit({ kind: 'close', code, reason: payload.subarray(2).toString() });
    }
    if (opcode === OPCODE.text || opcode === OPCODE.binary) {
      this.#message = { kind: opcode === OPCODE.text ? 'text' : 'binary', parts: [] };
    }
    if (this.#message === undefined) return void this.framingFaults.push(`a frame with opcode ${opcode}`);
    this.#message.parts.push(payload);
    if (!fin) return;
    const { kind, parts } = this.#message;
    this.#message = undefined;
    this.#emit({ kind, data: Buffer.concat(parts) });
  }
}

/** Opens a connection and makes the opening handshake of RFC 6455. @throws DialError */
export function dial(options: DialOptions): Promise<RawSocket> {
  const { url, ca, subprotocols, headers = {}, timeoutMs = OPEN_TIMEOUT_MS } = options;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isTls = url.protocol === 'wss:';
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  return new Promise((resolve, reject) => {
    const isName = !/^[\d.]+$|:/.test(host);
    const socket = isTls
      ? connectTls({ host, port, ...(ca !== undefined && { ca }), ...(isName && { servername: host }) })
      : connectTcp({ host, port });
    const fail = (message: string, status?: number, retryAfterSeconds?: number): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new DialError(message, status, retryAfterSeconds));
    };
    const timer = setTimeout(() => fail(`no answer to the opening handshake in ${timeoutMs} ms`), timeoutMs);
    const key = randomBytes(16).toString('base64');
    socket.setNoDelay(true);
    socket.on('error', (error: Error) =>
      fail(error.message === '' ? String((error as { code?: unknown }).code) : error.message),
    );
    socket.on('close', () => fail('the connection was closed during the opening handshake'));
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      const lines = [
        `GET ${url.pathname}${url.search} HTTP/1.1`,
        `Host: ${url.host}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        `Sec-WebSocket-Key: ${key}`,
        ...(subprotocols.length > 0 ? [`Sec-WebSocket-Protocol: ${subprotocols.join(', ')}`] : []),
        ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      ];
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    });
    let head = Buffer.alloc(0);
    const onData = (bytes: Buffer): void => {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return head.length > 65_536 ? fail('an endless answer to the opening handshake') : undefined;
      const [statusLine = '', ...rest] = head.subarray(0, end).toString('latin1').split('\r\n');
      const answer = new Map(rest.map((line) => split(line)));
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
      const retryAfter = Number(answer.get('retry-after') ?? Number.NaN);
      if (status !== 101) {
        return fail(`the opening handshake was answered with ${statusLine}`, status, retryAfter >= 0 ? retryAfter : 1);
      }
      const accept = createHash('sha1')
        .update(key + ACCEPT_GUID)
        .digest('base64');
      if (answer.get('sec-websocket-accept') !== accept) return fail('a wrong Sec-WebSocket-Accept', status);
      clearTimeout(timer);
      socket.removeAllListeners('data').removeAllListeners('error').removeAllListeners('close');
      resolve(new RawSocket(socket, answer, head.subarray(end + 4)));
    };
    socket.on('data', onData);
  });
}

function split(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
