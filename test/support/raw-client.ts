// A `ws` client that speaks blindsalt.v1 through the driver, for tests of adapters.
import { once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';
import {
  isEscaped,
  isMarked,
  SUBPROTOCOL,
  type LoginChallenge,
  type Message,
  type SignupChallenge,
  type Welcome,
} from '../../proto/index.js';
import type { Crypto } from '../../src/crypto/index.js';
import { ClientDriver, type DriverOptions } from './client-driver.js';

export interface RawMessage {
  readonly data: Buffer;
  readonly isBinary: boolean;
}

export class RawClient {
  readonly driver: ClientDriver;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #queue: RawMessage[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(
    readonly socket: WebSocket,
    crypto: Crypto,
    options: DriverOptions,
  ) {
    this.driver = new ClientDriver(crypto, options);
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => {
      this.#queue.push({ data: data as Buffer, isBinary });
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#isClosed = true;
        this.#wake?.();
        resolve({ code, reason: String(reason) });
      });
    });
  }

  /** The next message of any kind; rejects when the connection ends first. */
  async next(): Promise<RawMessage> {
    for (;;) {
      const message = this.#queue.shift();
      if (message !== undefined) return message;
      if (this.#isClosed) throw new Error(`closed with ${JSON.stringify(await this.closed)}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async nextControl(): Promise<Message> {
    return this.driver.take((await this.next()).data);
  }

  send(frame: Uint8Array): void {
    this.socket.send(frame);
  }

  async signup(username: string, password: string, invite = ''): Promise<Message> {
    this.send(this.driver.signupStart(username, password, { invite }));
    const { data } = await this.next();
    const kind = data[2];
    if (kind !== 11) return this.driver.take(data);
    const { message, isProven } = this.driver.takeChallenge(data);
    if (!isProven) throw new Error('the server did not prove itself');
    this.send(this.driver.signupFinish(message as SignupChallenge));
    return this.nextControl();
  }

  /** Goes on even when the server does not prove itself: the wrong password is then the server's to find out. */
  async login(username: string, password: string): Promise<Message> {
    this.send(this.driver.loginStart(username, password));
    const { data } = await this.next();
    if (data[2] !== 21) return this.driver.take(data);
    const { message } = this.driver.takeChallenge(data);
    this.send(this.driver.loginFinish(message as LoginChallenge));
    return this.nextControl();
  }

  /** The next application message, its escape taken off. */
  async nextApplication(): Promise<string | Buffer> {
    const { data, isBinary } = await this.next();
    if (!isBinary) return data.toString();
    if (isMarked(data) && !isEscaped(data)) throw new Error('a control frame where an application message was due');
    return isEscaped(data) ? data.subarray(1) : data;
  }
}

export interface OpenOptions extends DriverOptions {
  /** Offered in the opening handshake; default blindsalt.v1. */
  readonly offered?: readonly string[];
  readonly headers?: Record<string, string>;
  readonly ws?: ClientOptions;
}

/** Opens a connection; the server's hello may be under way. Rejects when the upgrade is refused. */
export async function openRaw(url: string, crypto: Crypto, options: OpenOptions = {}): Promise<RawClient> {
  const socket = new WebSocket(url, [...(options.offered ?? [SUBPROTOCOL])], {
    rejectUnauthorized: false,
    handshakeTimeout: 5_000,
    ...(options.headers && { headers: options.headers }),
    ...options.ws,
  });
  const client = new RawClient(socket, crypto, options);
  await once(socket, 'open');
  return client;
}

/** Opens a connection, waits for hello, and signs up. */
export async function signedUp(
  url: string,
  crypto: Crypto,
  username: string,
  options: OpenOptions = {},
): Promise<RawClient & { welcome: Welcome }> {
  const client = await openRaw(url, crypto, options);
  await client.nextControl();
  const welcome = await client.signup(username, 'correct horse');
  if (welcome.kind !== 'welcome') throw new Error(`not welcome: ${JSON.stringify(welcome)}`);
  return Object.assign(client, { welcome });
}
