import { randomBytes } from 'node:crypto';
import type { Trial } from '../case.js';
import type { Crypto } from '../../crypto/index.js';
import {
  createRequest,
  finalizeOprf,
  finalizeRegistration,
  randomizedPassword,
  recoverCredentials,
} from '../../opaque/index.js';
import { NOTICES, openLink, type Incoming, type Link, type OpenOptions, type Place } from './link.js';
import type { Value } from './msgpack.js';
import { encodeMessage, type WireMessage } from './schema.js';
import {
  hmacSha512,
  LABELS,
  len16,
  oprfInput,
  PROOF_TAIL,
  sameBytes,
  sha512,
  signedMessage,
  Transcript,
  UNBOUND,
  type ChannelBinding,
} from './transcript.js';

/** How this suite stretches; what a server cannot tell apart. */
export type Stretch = (oprfOutput: Uint8Array, challenge: WireMessage) => Promise<Uint8Array>;

/** Random passwords need no stretching. */
export const quickStretch: Stretch = async (oprfOutput) => sha512(oprfOutput);

export interface Identity {
  readonly username: string;
  readonly password: Uint8Array;
}

export interface Ticket {
  readonly ticketId: Buffer;
  readonly ticketSecret: Buffer;
}

/** Changes messages on their way, so that the transcripts of the two ends differ. */
export interface Tamper {
  /** What the server gets instead of what this end has sent. */
  outgoing?(frame: Buffer, name: string): Buffer;
  /** What this end enters into its transcript instead of what the server has sent; it goes on with the original. */
  incoming?(frame: Buffer, name: string): Buffer;
}

export interface ClientOptions extends OpenOptions {
  readonly rule: string;
  readonly tamper?: Tamper;
  readonly stretch?: Stretch;
  /** `tls-exporter` instead of none. */
  readonly binding?: ChannelBinding;
}

export interface Keys {
  readonly clientPrivateKey: Uint8Array;
  readonly serverPublicKey: Uint8Array;
}

export interface Challenge extends WireMessage {
  readonly frame: Buffer;
  /** Whether key id and proof are valid, seen from this end. */
  readonly isProven: boolean;
  /** Undefined when the envelope did not open. */
  readonly keys: Keys | undefined;
  /** For `signup-finish` and `re-register-finish`. */
  readonly record: Uint8Array | undefined;
}

interface Attempt {
  readonly identity: Identity;
  readonly input: Buffer;
  readonly blind: Uint8Array;
}

export type Change = Readonly<Record<string, Value>>;

export const bytesOf = (message: WireMessage, field: string): Buffer => message.fields[field] as Buffer;
export const textOf = (message: WireMessage, field: string): string => message.fields[field] as string;
export const numberOf = (message: WireMessage, field: string): number => message.fields[field] as number;

const utf8 = new TextEncoder();

/** `target` of section 2.1 for a URL. */
export function targetOf(url: URL): string {
  const port = url.port === '' ? (url.protocol === 'wss:' ? '443' : '80') : url.port;
  return `${url.hostname.replace(/\.$/, '')}:${port}`;
}

/** A client of blindsalt.v1 that can be told to do everything wrong. */
export class LoginClient {
  readonly transcript = new Transcript();
  #exchange: Transcript | undefined;
  #attempt: Attempt | undefined;
  hello!: WireMessage;
  welcome: WireMessage | undefined;
  /** Given out last. */
  ticket: Ticket | undefined;
  binding: ChannelBinding;

  private constructor(
    readonly link: Link,
    readonly crypto: Crypto,
    readonly options: ClientOptions,
  ) {
    this.binding = options.binding ?? UNBOUND;
  }

  /** Opens a connection and takes `hello`. @throws Failure, Throttled */
  static async open(place: Place, trial: Trial, crypto: Crypto, options: ClientOptions): Promise<LoginClient> {
    const client = new LoginClient(await openLink(place, trial, options.rule, options), crypto, options);
    client.hello = await client.expect('hello', 'Section 3: "The server sends `hello` at once."');
    return client;
  }

  get domain(): string {
    return textOf(this.hello, 'domain');
  }

  get sessionId(): Buffer {
    return bytesOf(this.welcome!, 'sessionId');
  }

  /** Where frames are entered now. */
  get current(): Transcript {
    return this.#exchange ?? this.transcript;
  }

  // Messages.

  /** Sends a control frame and enters it. */
  sendFrame(frame: Buffer, name: string): void {
    if (this.welcome === undefined || this.#exchange !== undefined) this.current.append(frame);
    this.link.sendBinary(this.options.tamper?.outgoing?.(frame, name) ?? frame);
  }

  send(name: string, fields: Change = {}): void {
    this.sendFrame(encodeMessage(name, fields), name);
  }

  /** The next message, which has to be this one; entered. @throws Failure, Throttled */
  async expect(name: string, rule?: string): Promise<WireMessage & { readonly frame: Buffer }> {
    const came = await this.receive();
    if (came.kind === 'message' && came.message.name === name) return { ...came.message, frame: came.frame };
    return this.link.fail(name, came, rule);
  }

  /** The next message; notices, and after `welcome` what the application sends, are passed over. Entered. */
  async receive(timeoutMs?: number): Promise<Incoming> {
    for (;;) {
      const came = await this.link.next(timeoutMs);
      if (came.kind === 'application' && this.welcome !== undefined) continue;
      if (came.kind !== 'message') return came;
      if (NOTICES.has(came.message.name)) continue;
      const frame = this.options.tamper?.incoming?.(came.frame, came.message.name) ?? came.frame;
      if (this.welcome === undefined || this.#exchange !== undefined) this.current.append(frame);
      return came;
    }
  }

  /** See `Link.expectRefusal`; what comes does not enter the transcript, so the connection is of no more use. */
  expectRefusal(codes: string | readonly string[], rule?: string): Promise<string> {
    return this.link.expectRefusal(codes, rule);
  }

  /** As `expectRefusal` for a code without a close; entered, so that another attempt may follow. @throws Failure */
  async expectError(code: string, rule?: string): Promise<void> {
    const came = await this.receive();
    const isIt = came.kind === 'message' && came.message.name === 'error' && textOf(came.message, 'code') === code;
    if (!isIt) this.link.fail(`error ${code}, and no close`, came, rule);
  }

  // Starts.

  startFields(username: string, change: Change = {}): Change {
    const { link } = this;
    return {
      username,
      clientNonce: randomBytes(32),
      target: targetOf(link.place.url),
      binding: this.binding.type,
      origin: this.options.origin ?? link.place.origin,
      subprotocols: [],
      deviceLabel: '',
      deviceProof: Buffer.alloc(0),
      puzzleAnswer: Buffer.alloc(0),
      ...change,
    };
  }

  /** Begins an attempt; gives the blinded element. */
  blind(identity: Identity): Uint8Array {
    const input = oprfInput(this.domain, identity.username, identity.password);
    const { blind, request } = createRequest(this.crypto, input);
    this.#attempt = { identity, input, blind };
    return request;
  }

  loginStart(identity: Identity, change: Change = {}): Change {
    const mechanismData = this.blind(identity);
    return this.startFields(identity.username, { mechanism: 'SCHNORR-RISTRETTO255', mechanismData, ...change });
  }

  signupStart(identity: Identity, invite: string, change: Change = {}): Change {
    const mechanismData = this.blind(identity);
    const ksfs = ['argon2id', 'pbkdf2-sha512'];
    return this.startFields(identity.username, { invite, ksfs, mechanismData, ...change });
  }

  /** A `resume` frame with its proof, not sent. */
  resumeFrame({ ticketId, ticketSecret }: Ticket, change: Change = {}, label: string = LABELS.resumeClient): Buffer {
    const frame = encodeMessage('resume', this.startFields('', { ticketId, proof: Buffer.alloc(64), ...change }));
    const hash = this.transcript.hash(label, this.binding, frame.subarray(0, frame.length - PROOF_TAIL));
    hmacSha512(ticketSecret, hash).copy(frame, frame.length - 64);
    return frame;
  }

  // Challenges.

  async #randomized(evaluated: Uint8Array, challenge: WireMessage): Promise<Uint8Array> {
    const { input, blind } = this.#attempt!;
    const output = finalizeOprf(this.crypto, input, blind, evaluated);
    const stretched = await (this.options.stretch ?? quickStretch)(output, challenge);
    return randomizedPassword(this.crypto, output, stretched);
  }

  get #identities(): { server: Uint8Array; client: Uint8Array } {
    return { server: utf8.encode(this.domain), client: utf8.encode(this.#attempt!.identity.username) };
  }

  /** Takes a challenge and judges it, without ever leaving. @throws Failure when something else comes */
  async takeChallenge(name: string, rule?: string, serverKeyInForce?: Uint8Array): Promise<Challenge> {
    const challenge = await this.expect(name, rule);
    return { ...challenge, ...(await this.judgeChallenge(challenge, serverKeyInForce)) };
  }

  async judgeChallenge(
    challenge: WireMessage,
    serverKeyInForce?: Uint8Array,
  ): Promise<Pick<Challenge, 'isProven' | 'keys' | 'record'>> {
    const { crypto } = this;
    const label = SERVER_LABEL[challenge.name]!;
    const data = bytesOf(challenge, 'mechanismData');
    const isSignup = challenge.name === 'signup-challenge' || challenge.name === 're-register-challenge';
    const length = isSignup ? 64 : 192;
    if (data.length !== length) {
      this.link.fail(
        `mechanismData of ${length} bytes`,
        `${data.length} bytes`,
        'Sections 5.4 and 5.7: mechanismData.',
      );
    }
    let keys: Keys | undefined;
    let record: Uint8Array | undefined;
    try {
      const secret = await this.#randomized(data.subarray(0, 32), challenge);
      if (isSignup) {
        const made = finalizeRegistration(crypto, secret, data.subarray(32), this.#identities);
        keys = { clientPrivateKey: made.clientPrivateKey, serverPublicKey: data.subarray(32) };
        record = made.record;
      } else {
        keys = recoverCredentials(crypto, secret, data, this.#identities);
      }
    } catch {
      return { isProven: false, keys: undefined, record: undefined };
    }
    const key = serverKeyInForce ?? keys.serverPublicKey;
    const id = sha512(Buffer.concat([len16('blindsalt.v1 server key id'), keys.serverPublicKey])).subarray(0, 16);
    const message = this.signed(challenge, this.current.hashOfLast(label, this.binding));
    const isProven =
      (serverKeyInForce !== undefined || sameBytes(id, bytesOf(challenge, 'serverKeyId'))) &&
      crypto.schnorr.verify(bytesOf(challenge, 'proof'), message, key, utf8.encode(label));
    return { isProven, keys, record };
  }

  signed(challenge: WireMessage, transcriptHash: Uint8Array): Buffer {
    const { username } = this.#attempt!.identity;
    return signedMessage(this.domain, username, bytesOf(challenge, 'serverNonce'), transcriptHash);
  }

  // Finishes.

  /** A finish with one proof at its end, signed; not sent. Without `key`, a key of nobody. */
  finishFrame(name: string, challenge: WireMessage, key?: Uint8Array, fields: Change = {}, label?: string): Buffer {
    const frame = encodeMessage(name, { ...fields, proof: Buffer.alloc(64) });
    const used = label ?? CLIENT_LABEL[name]!;
    const hash = this.current.hash(used, this.binding, frame.subarray(0, frame.length - PROOF_TAIL));
    const privateKey = key ?? this.crypto.scalar.reduce(randomBytes(64));
    Buffer.from(this.crypto.schnorr.sign(this.signed(challenge, hash), privateKey, utf8.encode(used))).copy(
      frame,
      frame.length - 64,
    );
    return frame;
  }

  /** `re-register-finish`, whose two proofs are left out of both. */
  reregisterFinishFrame(
    challenge: Challenge,
    oldKey: Uint8Array,
    { endOthers = 0, newKey = challenge.keys!.clientPrivateKey } = {},
  ): Buffer {
    const empty = Buffer.alloc(64);
    const record = challenge.record!;
    const frame = encodeMessage('re-register-finish', { record, endOthers, oldProof: empty, newProof: empty });
    const head = frame.subarray(0, frame.length - 2 * PROOF_TAIL);
    const prove = (label: string, key: Uint8Array): Buffer => {
      const message = this.signed(challenge, this.current.hash(label, this.binding, head));
      return Buffer.from(this.crypto.schnorr.sign(message, key, utf8.encode(label)));
    };
    prove(LABELS.reregistrationClientOld, oldKey).copy(frame, frame.length - PROOF_TAIL - 64);
    prove(LABELS.reregistrationClientNew, newKey).copy(frame, frame.length - 64);
    return frame;
  }

  // Whole exchanges, honestly.

  async login(identity: Identity, change: Change = {}): Promise<WireMessage> {
    const challenge = await this.challengeToLogin(identity, change);
    this.sendFrame(this.finishFrame('login-finish', challenge, challenge.keys?.clientPrivateKey), 'login-finish');
    return this.takeWelcome();
  }

  /** `login-start` and a challenge that proves the server. @throws Failure */
  async challengeToLogin(identity: Identity, change: Change = {}): Promise<Challenge> {
    this.send('login-start', this.loginStart(identity, change));
    const challenge = await this.takeChallenge('login-challenge');
    this.#checkProven(challenge, 'Section 8, 3: the proof under the server public key found in the envelope.');
    return challenge;
  }

  /** `login-start` and its challenge, whether or not it proves the server. */
  challengeToLoginUnchecked(identity: Identity): Promise<Challenge> {
    this.send('login-start', this.loginStart(identity));
    return this.takeChallenge('login-challenge');
  }

  async signup(identity: Identity, invite: string, change: Change = {}): Promise<WireMessage> {
    const challenge = await this.challengeToSignup(identity, invite, change);
    const { record, keys } = challenge;
    const frame = this.finishFrame('signup-finish', challenge, keys?.clientPrivateKey, { record: record! });
    this.sendFrame(frame, 'signup-finish');
    return this.takeWelcome();
  }

  async challengeToSignup(identity: Identity, invite: string, change: Change = {}): Promise<Challenge> {
    this.send('signup-start', this.signupStart(identity, invite, change));
    const challenge = await this.takeChallenge('signup-challenge');
    this.#checkProven(challenge, 'Section 7, 3: the proof under the server public key.');
    return challenge;
  }

  #checkProven({ isProven, keys }: Challenge, rule: string): void {
    if (isProven) return;
    const why =
      keys === undefined ? 'the envelope does not open' : 'serverKeyId or proof do not fit the server public key';
    this.link.fail('a challenge that proves the server', why, rule);
  }

  async takeWelcome(rule?: string): Promise<WireMessage> {
    const welcome = await this.expect('welcome', rule);
    this.entered(welcome);
    return welcome;
  }

  /** From now on authenticated. */
  entered(welcome: WireMessage): void {
    this.welcome = welcome;
    this.link.isOpen = true;
    this.keepTicket(welcome);
  }

  /** Of `welcome` or a life. */
  keepTicket(message: WireMessage): void {
    const ticketId = bytesOf(message, 'ticketId');
    if (ticketId.length > 0) this.ticket = { ticketId, ticketSecret: bytesOf(message, 'ticketSecret') };
  }

  /** Resumes; checks the server's proof. @throws Failure */
  async resume(ticket: Ticket, change: Change = {}): Promise<WireMessage> {
    this.sendFrame(this.resumeFrame(ticket, change), 'resume');
    const welcome = await this.expect('welcome');
    const hash = this.transcript.hashOfLast(LABELS.resumeServer, this.binding);
    const isProven = sameBytes(hmacSha512(ticket.ticketSecret, hash), bytesOf(welcome, 'proof'));
    this.link.check(
      isProven,
      'welcome with the proof of the ticket named in resume',
      'another proof',
      'Section 9.1: welcome.proof = HMAC(ticketSecret, transcriptHash("blindsalt.v1 resume server"))',
    );
    this.entered(welcome);
    return welcome;
  }

  /** Begins the transcript of an exchange after `welcome`. */
  beginExchange(): void {
    this.#exchange = this.transcript.exchange(this.sessionId);
  }

  async challengeToStepUp(identity: Identity, change: Change = {}): Promise<Challenge> {
    this.beginExchange();
    const mechanismData = this.blind(identity);
    this.send('step-up-start', {
      clientNonce: randomBytes(32),
      mechanism: 'SCHNORR-RISTRETTO255',
      mechanismData,
      ...change,
    });
    const challenge = await this.takeChallenge('step-up-challenge');
    this.#checkProven(challenge, 'Section 9.2: step-up: the checks of section 8 on both ends.');
    return challenge;
  }

  /** Gives the keys of the credential in force. */
  async stepUp(identity: Identity): Promise<Keys> {
    const challenge = await this.challengeToStepUp(identity);
    this.sendFrame(this.finishFrame('step-up-finish', challenge, challenge.keys!.clientPrivateKey), 'step-up-finish');
    this.keepTicket(await this.expect('stepped-up'));
    return challenge.keys!;
  }

  /** @param serverKey in force */
  async challengeToReregister(identity: Identity, serverKey: Uint8Array, change: Change = {}): Promise<Challenge> {
    this.beginExchange();
    const mechanismData = this.blind(identity);
    const ksfs = ['argon2id', 'pbkdf2-sha512'];
    this.send('re-register-start', { clientNonce: randomBytes(32), ksfs, mechanismData, ...change });
    const challenge = await this.takeChallenge('re-register-challenge', undefined, serverKey);
    this.#checkProven(challenge, 'Section 5.15: the proof is made with the server key of the record in force.');
    return challenge;
  }

  async reregister(identity: Identity, inForce: Keys, endOthers = 0): Promise<Keys> {
    const challenge = await this.challengeToReregister(identity, inForce.serverPublicKey);
    const frame = this.reregisterFinishFrame(challenge, inForce.clientPrivateKey, { endOthers });
    this.sendFrame(frame, 're-register-finish');
    this.keepTicket(await this.expect('re-registered'));
    return challenge.keys!;
  }
}

const SERVER_LABEL: Readonly<Record<string, string>> = {
  'signup-challenge': LABELS.signupServer,
  'login-challenge': LABELS.loginServer,
  'step-up-challenge': LABELS.stepUpServer,
  're-register-challenge': LABELS.reregistrationServer,
};
const CLIENT_LABEL: Readonly<Record<string, string>> = {
  'signup-finish': LABELS.signupClient,
  'login-finish': LABELS.loginClient,
  'step-up-finish': LABELS.stepUpClient,
};
