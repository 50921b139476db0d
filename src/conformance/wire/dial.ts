import { createHash, randomBytes } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { RawSocket } from './socket.js';

export interface DialOptions {
  readonly url: URL;
  /** PEM of the authorities to trust; default those of the platform. */
  readonly ca?: string | undefined;
  /** Subprotocols offered; an empty list sends no such header. */
  readonly subprotocols: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

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

const OPEN_TIMEOUT_MS = 10_000;

/** `Sec-WebSocket-Accept` for a key, RFC 6455, section 4.2.2. */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
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
      if (answer.get('sec-websocket-accept') !== acceptOf(key)) return fail('a wrong Sec-WebSocket-Accept', status);
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
