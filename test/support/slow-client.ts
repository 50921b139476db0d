// A hostile client that keeps a connection busy with as few bytes as it can, at each stage.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { SUBPROTOCOL } from '../../proto/index.js';

export const STAGES = [
  'tcp: silent',
  'tls: ClientHello in drops',
  'http: silent',
  'http: header in drops',
  'http: body in drops',
  'ws: silent',
  'ws: frame in drops',
  'ws: fragments in drops',
  'ws: pings',
] as const;
export type Stage = (typeof STAGES)[number];

export interface Held {
  /** Milliseconds from the opening of the TCP connection until the server had ended it. */
  readonly heldMs: number;
  /** Pieces that were sent meanwhile. */
  readonly pieces: number;
  /** Bytes that the server sent last, decrypted from the TLS handshake on. */
  readonly received: Buffer;
}

/** Goes to this stage as fast as it can, then sends a piece each `everyMs` until the server ends the connection. */
export async function holdOpen(port: number, stage: Stage, everyMs: number): Promise<Held> {
  const began = performance.now();
  const tcp = net.connect({ port, host: 'localhost', noDelay: true });
  tcp.on('error', () => {});
  // Not `once`, which rejects on an error: a reset is one way for the server to end it.
  const ended = new Promise<number>((resolve) => tcp.on('close', () => resolve(performance.now() - began)));
  await once(tcp, 'connect');
  const received: Buffer[] = [];
  const [stream, pieces] = await enter(tcp, stage, received);
  let sent = 0;
  const timer = setInterval(() => {
    const next = pieces.next();
    if (next.done === true || stream.destroyed) return;
    sent += 1;
    stream.write(next.value);
  }, everyMs);
  const heldMs = await ended;
  clearInterval(timer);
  return { heldMs, pieces: sent, received: Buffer.concat(received) };
}

async function enter(
  tcp: net.Socket,
  stage: Stage,
  received: Buffer[],
): Promise<readonly [Duplex, Iterator<Uint8Array>]> {
  if (stage.startsWith('tcp')) return [tcp, each([])];
  if (stage.startsWith('tls')) return [tcp, each(bytesOf(await clientHello()))];
  const secure = tls.connect({ socket: tcp, servername: 'localhost', rejectUnauthorized: false });
  secure.on('error', () => {});
  secure.on('data', (bytes: Buffer) => received.push(bytes));
  await once(secure, 'secureConnect');
  switch (stage) {
    case 'http: header in drops':
      return [secure, each(bytesOf(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(10_000)}`))];
    case 'http: body in drops':
      secure.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n');
      return [secure, each(bytesOf('x'.repeat(9_999)))];
    case 'http: silent':
      return [secure, each([])];
    default:
      break;
  }
  const key = randomBytes(16).toString('base64');
  secure.write(
    `GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n\r\n`,
  );
  await once(secure, 'data');
  const mask = [0, 0, 0, 0];
  switch (stage) {
    case 'ws: frame in drops':
      // A binary message of 4096 bytes that begins like one of ours.
      return [
        secure,
        each(bytesOf(Buffer.concat([Buffer.from([0x82, 0xfe, 0x10, 0x00, ...mask]), Buffer.alloc(4095)]))),
      ];
    case 'ws: fragments in drops':
      return [secure, each(repeat(Buffer.from([0x00, 0x81, ...mask, 0xc1]), Buffer.from([0x02, 0x81, ...mask, 0xc1])))];
    case 'ws: pings':
      return [secure, each(repeat(Buffer.from([0x89, 0x80, ...mask])))];
    default:
      return [secure, each([])];
  }
}

const each = <T>(items: Iterable<T>): Iterator<T> => items[Symbol.iterator]();

function* bytesOf(text: string | Uint8Array): Generator<Uint8Array> {
  for (const byte of Buffer.from(text as string)) yield Uint8Array.of(byte);
}

function* repeat(piece: Uint8Array, first = piece): Generator<Uint8Array> {
  yield first;
  for (;;) yield piece;
}

/** The first bytes that a TLS client sends. */
async function clientHello(): Promise<Buffer> {
  const listener = net.createServer();
  listener.listen(0, 'localhost');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection') as Promise<[net.Socket]>;
  const client = tls.connect((listener.address() as net.AddressInfo).port, 'localhost', { servername: 'localhost' });
  client.on('error', () => {});
  const [socket] = await accepted;
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  listener.close();
  return bytes;
}
