import { randomBytes } from 'node:crypto';
import type { Crypto, KeyPair } from '../../crypto/index.js';
import { createCredentialResponse, createRegistrationResponse } from '../../opaque/index.js';
import { Failure, type Trial } from '../case.js';
import { describeMessage } from '../wire/describe.js';
import { OPCODE } from '../wire/framing.js';
import { WireFault, type Value } from '../wire/msgpack.js';
import { decodeMessage, encodeMessage, type Received, type WireMessage } from '../wire/schema.js';
import {
  beforeProof,
  hmacSha512,
  keyIdOf,
  LABELS,
  putProof,
  signedMessage,
  Transcript,
  UNBOUND,
} from '../wire/transcript.js';
import type { SocketEvent } from '../wire/messages.js';
import type { Visit } from './listener.js';

export type Fields = Readonly<Record<string, Value>>;
type Label = (typeof LABELS)[keyof typeof LABELS];

export interface Ksf {
  readonly name: string;
  readonly memoryKiB: number;
  readonly iterations: number;
  readonly parallelism: number;
}

/** What the played server has: one account at most. */
export interface World {
  readonly crypto: Crypto;
  readonly domain: string;
  readonly oprfSeed: Uint8Array;
  readonly credentialIdentifier: Uint8Array;
  readonly serverKey: KeyPair;
  readonly username: string;
  readonly userId: Buffer;
  /** Of new accounts. */
  readonly ksf: Ksf;
  /** Nonces and blinded elements of all attempts, in hex: none may come twice. */
  readonly seen: Set<string>;
  /** After a sign-up. */
  account?: { readonly record: Uint8Array; readonly ksf: Ksf };
}

/** How a signed message departs from the truth; everything else about it stays right. */
export interface Lie {
  /** Changes fields before they are signed. */
  readonly fields?: (honest: Fields) => Fields;
  readonly key?: KeyPair;
  readonly label?: Label;
  readonly domain?: string;
  readonly username?: string;
  /** Signs for another transcript. */
  readonly transcript?: Transcript;
  /** Changes the signed frame. */
  readonly frame?: (signed: Buffer) => Buffer;
}

const utf8 = new TextEncoder();
const EMPTY = Buffer.alloc(0);
const MAX_LOGGED = 4;

/** The server's end of one connection, played step by step. */
export class PlayedServer {
  readonly transcript = new Transcript();
  readonly helloNonce = randomBytes(32);
  readonly #log: string[] = [];
  rule: string;
  /** The client's last start message. */
  start!: Received;
  /** Sent last. */
  challenge!: { readonly nonce: Uint8Array; readonly frame: Buffer };

  constructor(
    readonly visit: Visit,
    readonly world: World,
    readonly trial: Trial,
    rule: string,
    readonly timeoutMs: number,
  ) {
    this.rule = rule;
  }

  // Out.

  sendFrame(frame: Uint8Array): void {
    this.transcript.append(frame);
    this.#note(describeMessage(frame, 'server'));
    this.visit.sendFrame(OPCODE.binary, frame);
  }

  sendApplication(data: Uint8Array | string): void {
    const isText = typeof data === 'string';
    const bytes = Buffer.from(data as string);
    this.#note(describeMessage(bytes, 'server', isText));
    this.visit.sendFrame(isText ? OPCODE.text : OPCODE.binary, bytes);
  }

  helloFields(): Fields {
    return {
      serverNonce: this.helloNonce,
      domain: this.world.domain,
      versions: [1],
      mechanisms: ['SCHNORR-RISTRETTO255'],
      bindings: [],
      registration: 'open',
      limits: [65_536, 20_000, 5],
      puzzle: EMPTY,
    };
  }

  sendHello(change: Fields = {}): void {
    this.sendFrame(encodeMessage('hello', { ...this.helloFields(), ...change }));
  }

  sendError(code: string, retryAfterSeconds = 0): void {
    this.sendFrame(encodeMessage('error', { code, retryAfterSeconds }));
  }

  /** A challenge for the start message that came, true but for the lie. */
  sendChallenge(name: 'login-challenge' | 'signup-challenge', lie: Lie = {}): void {
    const { crypto, serverKey, oprfSeed, credentialIdentifier, account, ksf: newKsf } = this.world;
    const { key = serverKey } = lie;
    const request = this.start.fields['mechanismData'] as Buffer;
    const isLogin = name === 'login-challenge';
    if (isLogin && account === undefined) throw new Error('nobody has signed up');
    const ksf = isLogin ? account!.ksf : newKsf;
    const mechanismData = isLogin
      ? createCredentialResponse(crypto, request, key.publicKey, account!.record, credentialIdentifier, oprfSeed)
      : createRegistrationResponse(crypto, request, key.publicKey, credentialIdentifier, oprfSeed);
    const honest: Fields = {
      serverNonce: randomBytes(32),
      serverKeyId: keyIdOf(key.publicKey),
      ksf: ksf.name,
      ksfMemoryKiB: ksf.memoryKiB,
      ksfIterations: ksf.iterations,
      ksfParallelism: ksf.parallelism,
      mechanismData,
      proof: Buffer.alloc(64),
    };
    const fields = lie.fields?.(honest) ?? honest;
    const frame = encodeMessage(name, fields);
    const label = lie.label ?? (isLogin ? LABELS.loginServer : LABELS.signupServer);
    const hash = (lie.transcript ?? this.transcript).hash(label, UNBOUND, beforeProof(frame));
    const username = lie.username ?? (this.start.fields['username'] as string);
    const message = signedMessage(lie.domain ?? this.world.domain, username, fields['serverNonce'] as Uint8Array, hash);
    putProof(frame, crypto.schnorr.sign(message, key.privateKey, utf8.encode(label)));
    const sent = lie.frame?.(frame) ?? frame;
    this.challenge = { nonce: fields['serverNonce'] as Uint8Array, frame: sent };
    this.sendFrame(sent);
  }

  welcomeFields(): Fields {
    return {
      sessionId: randomBytes(16),
      userId: this.world.userId,
      username: this.world.username,
      subprotocol: '',
      idleSeconds: 0,
      absoluteSeconds: 3600,
      roles: [],
      ticketId: EMPTY,
      ticketSecret: EMPTY,
      deviceId: EMPTY,
      deviceSecret: EMPTY,
      flags: 0,
      proof: EMPTY,
    };
  }

  sendWelcome(change: Fields = {}): void {
    this.sendFrame(encodeMessage('welcome', { ...this.welcomeFields(), ...change }));
  }

  /** `welcome` after `resume`, with the proof under this secret. */
  sendResumed(secret: Uint8Array, change: Fields = {}): void {
    const frame = encodeMessage('welcome', { ...this.welcomeFields(), proof: Buffer.alloc(64), ...change });
    const hash = this.transcript.hash(LABELS.resumeServer, UNBOUND, beforeProof(frame));
    this.sendFrame(putProof(frame, hmacSha512(secret, hash)));
  }

  // In.

  next(timeoutMs = this.timeoutMs): Promise<SocketEvent | undefined> {
    return this.visit.next(timeoutMs);
  }

  /** The client's next message, which has to be this one; entered. @throws Failure */
  async expect(name: string): Promise<Received> {
    const came = await this.next();
    if (came?.kind !== 'binary') return this.fail(name, came);
    let message: WireMessage;
    try {
      message = decodeMessage(came.data, 'client');
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      return this.fail(`a valid ${name}`, `${describeMessage(came.data, 'client')}: ${error.message}`);
    }
    this.transcript.append(came.data);
    if (message.name !== name) return this.fail(name, came);
    return { ...message, frame: came.data };
  }

  async expectStart(name: 'login-start' | 'signup-start'): Promise<Received> {
    this.start = await this.expect(name);
    for (const field of ['clientNonce', 'mechanismData']) {
      const value = (this.start.fields[field] as Buffer).toString('hex');
      const rule = 'Sections 2 and 5.2: clientNonce is "fresh random", and so is the blind of each request.';
      this.check(
        !this.world.seen.has(value),
        `another ${field} than in any attempt before`,
        'the same one again',
        rule,
      );
      this.world.seen.add(value);
    }
    return this.start;
  }

  /** Whether the finish that came is signed by this key. */
  isSigned(finish: Received, publicKey: Uint8Array): boolean {
    const label = finish.name === 'login-finish' ? LABELS.loginClient : LABELS.signupClient;
    const hash = this.transcript.hashOfLast(label, UNBOUND);
    const username = this.start.fields['username'] as string;
    const message = signedMessage(this.world.domain, username, this.challenge.nonce, hash);
    return this.world.crypto.schnorr.verify(finish.fields['proof'] as Buffer, message, publicKey, utf8.encode(label));
  }

  /**
   * The client sends nothing more and closes with 4480. @throws Failure
   * @param timeoutMs for clients that have to notice that nothing comes
   */
  async expectLeave(timeoutMs = this.timeoutMs): Promise<void> {
    const expected = 'that the client leaves: close 4480, and nothing before it';
    const came = await this.next(timeoutMs);
    if (came?.kind !== 'close' || came.code !== 4480) this.fail(expected, came);
  }

  /** Whatever the client does, it does not leave with 4480, and sends no control message. @throws Failure */
  async expectStay(timeoutMs: number): Promise<void> {
    const expected = 'that the client stays, or closes for reasons of its own, and sends no control message';
    for (let left = timeoutMs; ; left = 0) {
      const came = await this.next(left);
      if (came === undefined || came.kind === 'end') return;
      if (came.kind === 'close' && came.code === 4480) this.fail(expected, came);
      if (came.kind === 'close') return;
      if (came.kind === 'binary' && came.data[0] === 0xc1 && came.data[1] !== 0xc1) this.fail(expected, came);
    }
  }

  /** @throws Failure */
  fail(expected: string, came: SocketEvent | undefined | string, rule = this.rule): never {
    const text = typeof came === 'string' ? came : describeEvent(came, this.timeoutMs);
    throw new Failure({ rule, sent: this.#log.length === 0 ? ['(nothing)'] : [...this.#log], expected, came: text });
  }

  check(holds: boolean, expected: string, came: string, rule?: string): void {
    if (!holds) this.fail(expected, came, rule);
  }

  #note(line: string): void {
    this.#log.push(line);
    if (this.#log.length > MAX_LOGGED) this.#log.shift();
  }
}

function describeEvent(event: SocketEvent | undefined, timeoutMs: number): string {
  if (event === undefined) return `nothing in ${timeoutMs} ms`;
  switch (event.kind) {
    case 'close':
      return `close ${event.code}${event.reason === '' ? '' : ` (${event.reason})`}`;
    case 'end':
      return 'the end of the connection, without a close frame';
    default:
      return describeMessage(event.data, 'client', event.kind === 'text');
  }
}
