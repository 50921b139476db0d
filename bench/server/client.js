// A WebSocket client with as little of its own as possible, so that the server and not the load is what is seen. Each
// connection makes a full TLS 1.3 handshake: nothing is resumed.
import { once } from 'node:events';
import { connect, createSecureContext } from 'node:tls';

const secureContext = createSecureContext({ minVersion: 'TLSv1.3' });
const MASK = Buffer.from([0x5a, 0xc3, 0x3c, 0xa5]);
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** A masked frame, which may be sent again and again. */
export function maskedFrame(payload, isBinary, opcode = isBinary ? BINARY : TEXT) {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const head = bytes.length < 126 ? 2 : bytes.length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + 4 + bytes.length);
  frame[0] = 0x80 | opcode;
  if (head === 2) frame[1] = 0x80 | bytes.length;
  else if (head === 4) frame[1] = 0x80 | 126;
  else frame[1] = 0x80 | 127;
  if (head === 4) frame.writeUInt16BE(bytes.length, 2);
  if (head === 10) frame.writeBigUInt64BE(BigInt(bytes.length), 2);
  MASK.copy(frame, head);
  for (let i = 0; i < bytes.length; i++) frame[head + 4 + i] = bytes[i] ^ MASK[i & 3];
  return frame;
}

export function connectTls(port, localAddress) {
  const place = { host: '127.0.0.1', port, localAddress };
  return connect({ ...place, servername: 'localhost', secureContext, rejectUnauthorized: false });
}

/** Of the loopback net, one for each of 62,500 clients: they share no ports, and no network that is counted together. */
export const addressOf = (i) => `127.${1 + (i % 250)}.${1 + (Math.floor(i / 250) % 250)}.1`;

/** The server answered the upgrade with another status than 101. */
export class Refused extends Error {
  constructor(status, head) {
    super(`the upgrade was answered with ${status}`);
    this.status = status;
    this.retryAfterSeconds = Number(/retry-after: *(\d+)/i.exec(head)?.[1] ?? 0);
  }
}

export class Client {
  #socket;
  #input = Buffer.alloc(0);
  #isOpen = false;
  #messages = [];
  #waiting;
  #error;
  #closed;
  /** Called with each message in the place of `next`. */
  onMessage;
  /** Code of the server's close frame. */
  closeCode;

  static async open(port, { protocol = '', path = '/', localAddress } = {}) {
    const client = new Client();
    await client.#open(port, protocol, path, localAddress);
    return client;
  }

  async #open(port, protocol, path, localAddress) {
    const socket = (this.#socket = connectTls(port, localAddress));
    socket.setNoDelay(true);
    this.#closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error(`the connection ended, code ${this.closeCode ?? 'none'}`)));
    socket.on('data', (chunk) => this.#take(chunk));
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        (protocol && `Sec-WebSocket-Protocol: ${protocol}\r\n`) +
        '\r\n',
    );
    await new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  #fail(error) {
    this.#error ??= error;
    this.#waiting?.reject(this.#error);
    this.#waiting = undefined;
  }

  #settle(value) {
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(value);
  }

  #take(chunk) {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    if (!this.#isOpen && !this.#takeAnswer()) return;
    while (this.#takeFrame());
  }

  #takeAnswer() {
    const end = this.#input.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const head = this.#input.toString('latin1', 0, end);
    this.#input = this.#input.subarray(end + 4);
    if (!head.startsWith('HTTP/1.1 101')) {
      this.#fail(new Refused(Number(head.slice(9, 12)), head));
      this.#socket.destroy();
      return false;
    }
    this.#isOpen = true;
    this.#settle();
    return true;
  }

  /** Servers send whole, unmasked messages here. */
  #takeFrame() {
    const input = this.#input;
    if (input.length < 2) return false;
    let length = input[1];
    let head = 2;
    if (length === 126) {
      if (input.length < 4) return false;
      length = input.readUInt16BE(2);
      head = 4;
    } else if (length === 127) {
      if (input.length < 10) return false;
      length = Number(input.readBigUInt64BE(2));
      head = 10;
    }
    if (input.length < head + length) return false;
    const opcode = input[0] & 15;
    const payload = input.subarray(head, head + length);
    this.#input = input.subarray(head + length);
    if (opcode === TEXT || opcode === BINARY) this.#deliver(payload);
    else if (opcode === PING) this.#socket.write(maskedFrame(payload, true, PONG));
    else if (opcode === CLOSE) {
      this.closeCode = length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.#socket.end(maskedFrame(payload.subarray(0, 2), true, CLOSE));
    }
    return true;
  }

  #deliver(payload) {
    if (this.onMessage) this.onMessage(payload);
    else if (this.#waiting) this.#settle(payload);
    else this.#messages.push(payload);
  }

  /** The next message, as bytes; rejects when the connection ends first. */
  next() {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift());
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  send(payload, isBinary) {
    this.#socket.write(maskedFrame(payload, isBinary));
  }

  sendFrame(frame) {
    this.#socket.write(frame);
  }

  /** Sends and takes the answer; with text, as an object in JSON. */
  async exchange(message) {
    this.send(JSON.stringify(message), false);
    return JSON.parse(String(await this.next()));
  }

  /** One message there and back. */
  async echo(payload = ECHO) {
    this.send(payload, true);
    const answer = await this.next();
    if (answer.length !== payload.length) throw new Error('that is no echo');
  }

  /** Closing handshake, until the connection is gone. */
  async close() {
    this.#socket.write(CLOSE_FRAME);
    await this.#closed;
  }

  destroy() {
    this.#socket.destroy();
  }

  get gone() {
    return this.#closed;
  }
}

const ECHO = Buffer.alloc(32, 7);
const CLOSE_FRAME = maskedFrame(Buffer.from([3, 232]), true, CLOSE);

/** Requests on one connection of HTTPS. */
export class HttpClient {
  #socket;
  #input = '';
  #answer;

  static async open(port) {
    const client = new HttpClient();
    const socket = (client.#socket = connectTls(port));
    socket.setNoDelay(true).setEncoding('utf8');
    socket.on('error', (error) => client.#answer?.reject(error));
    socket.on('data', (chunk) => client.#take(chunk));
    await once(socket, 'secureConnect');
    return client;
  }

  #take(chunk) {
    this.#input += chunk;
    const end = this.#input.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/content-length: *(\d+)/i.exec(this.#input)[1]);
    const body = this.#input.slice(end + 4);
    if (body.length < length) return;
    const status = Number(this.#input.slice(9, 12));
    this.#input = '';
    if (status === 200) this.#answer.resolve(JSON.parse(body));
    else this.#answer.reject(new Error(`answered with ${status}`));
  }

  post(path, value) {
    const body = JSON.stringify(value);
    this.#socket.write(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    return new Promise((resolve, reject) => (this.#answer = { resolve, reject }));
  }

  async close() {
    // A reset at this point is an end too.
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.end();
    await closed;
  }
}
