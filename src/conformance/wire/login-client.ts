import { randomBytes } from 'node:crypto';
import type { Trial } from '../case.js';
import type { Crypto } from '../../crypto/index.js';
import { Conversation, type Change, type ConversationOptions } from './conversation.js';
import { Attempt, isRegistration, quickStretch, type Identity, type Keys, type Stretch } from './credentials.js';
import { openLink, targetOf, type Link, type Place } from './link.js';
import { bytesOf, encodeMessage, type Received, type WireMessage } from './schema.js';
import { beforeProof, hmacSha512, keyIdOf, LABELS, putProof, sameBytes, signedMessage } from './transcript.js';

export interface Ticket {
  readonly ticketId: Buffer;
  readonly ticketSecret: Buffer;
}

export interface ClientOptions extends ConversationOptions {
  readonly stretch?: Stretch;
}

export interface Challenge extends Received {
  /** Whether key id and proof are valid, seen from this end. */
  readonly isProven: boolean;
  /** Undefined when the envelope did not open. */
  readonly keys: Keys | undefined;
  /** For `signup-finish` and `re-register-finish`. */
  readonly record: Uint8Array | undefined;
}

export const MECHANISM = 'SCHNORR-RISTRETTO255';

/** Key stretching that this suite offers. */
export const KSFS: readonly string[] = ['argon2id', 'pbkdf2-sha512'];

const utf8 = new TextEncoder();

/** A client of blindsalt.v1 that can be told to do everything wrong. */
export class LoginClient extends Conversation {
  #attempt: Attempt | undefined;
  /** Given out last. */
  ticket: Ticket | undefined;
  readonly #stretch: Stretch;

  private constructor(
    link: Link,
    readonly crypto: Crypto,
    options: ClientOptions,
  ) {
    super(link, options);
    this.#stretch = options.stretch ?? quickStretch;
  }

  /** Opens a connection and takes `hello`. @throws Failure, Throttled */
  static async open(place: Place, trial: Trial, crypto: Crypto, options: ClientOptions): Promise<LoginClient> {
    const client = new LoginClient(await openLink(place, trial, options.rule, options), crypto, options);
    client.hello = await client.expect('hello', 'Section 3: "The server sends `hello` at once."');
    return client;
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
    this.#attempt = new Attempt(this.crypto, this.domain, identity);
    return this.#attempt.request;
  }

  loginStart(identity: Identity, change: Change = {}): Change {
    const mechanismData = this.blind(identity);
    return this.startFields(identity.username, { mechanism: MECHANISM, mechanismData, ...change });
  }

  signupStart(identity: Identity, invite: string, change: Change = {}): Change {
    const mechanismData = this.blind(identity);
    return this.startFields(identity.username, { invite, ksfs: KSFS, mechanismData, ...change });
  }

  /** A `resume` frame with its proof, not sent. */
  resumeFrame({ ticketId, ticketSecret }: Ticket, change: Change = {}, label: string = LABELS.resumeClient): Buffer {
    const frame = encodeMessage('resume', this.startFields('', { ticketId, proof: Buffer.alloc(64), ...change }));
    return putProof(frame, hmacSha512(ticketSecret, this.transcript.hash(label, this.binding, beforeProof(frame))));
  }

  // Challenges.

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
    const length = isRegistration(challenge) ? 64 : 192;
    if (data.length !== length) {
      this.link.fail(
        `mechanismData of ${length} bytes`,
        `${data.length} bytes`,
        'Sections 5.4 and 5.7: mechanismData.',
      );
    }
    const opened = await this.#attempt!.open(challenge, this.#stretch);
    if (opened === undefined) return { isProven: false, keys: undefined, record: undefined };
    const { keys, record } = opened;
    const message = this.signed(challenge, this.current.hashOfLast(label, this.binding));
    const isProven =
      (serverKeyInForce !== undefined || sameBytes(keyIdOf(keys.serverPublicKey), bytesOf(challenge, 'serverKeyId'))) &&
      crypto.schnorr.verify(
        bytesOf(challenge, 'proof'),
        message,
        serverKeyInForce ?? keys.serverPublicKey,
        utf8.encode(label),
      );
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
    return putProof(frame, this.#sign(challenge, key ?? this.crypto.scalar.reduce(randomBytes(64)), used, frame));
  }

  /** Sends a finish; see `finishFrame`. */
  sendFinish(name: string, challenge: WireMessage, key?: Uint8Array, fields: Change = {}, label?: string): void {
    this.sendFrame(this.finishFrame(name, challenge, key, fields, label), name);
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
    const oldProof = this.#sign(challenge, oldKey, LABELS.reregistrationClientOld, frame, 2);
    const newProof = this.#sign(challenge, newKey, LABELS.reregistrationClientNew, frame, 2);
    putProof(beforeProof(frame), oldProof);
    return putProof(frame, newProof);
  }

  /** The proof for a finish, which signs it up to its proofs. */
  #sign(challenge: WireMessage, privateKey: Uint8Array, label: string, frame: Buffer, proofs = 1): Uint8Array {
    const hash = this.current.hash(label, this.binding, beforeProof(frame, proofs));
    return this.crypto.schnorr.sign(this.signed(challenge, hash), privateKey, utf8.encode(label));
  }

  // Whole exchanges, honestly.

  async login(identity: Identity, change: Change = {}): Promise<WireMessage> {
    const challenge = await this.challengeToLogin(identity, change);
    this.sendFinish('login-finish', challenge, challenge.keys?.clientPrivateKey);
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

  /** `login-start` and its challenge, not looked into. @throws Failure */
  startLogin(identity: Identity, change: Change = {}, rule?: string): Promise<Received> {
    this.send('login-start', this.loginStart(identity, change));
    return this.expect('login-challenge', rule);
  }

  async signup(identity: Identity, invite: string, change: Change = {}): Promise<WireMessage> {
    const challenge = await this.challengeToSignup(identity, invite, change);
    const { record, keys } = challenge;
    this.sendFinish('signup-finish', challenge, keys?.clientPrivateKey, { record: record! });
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
  override entered(welcome: WireMessage): void {
    super.entered(welcome);
    this.keepTicket(welcome);
  }

  /** Of `welcome` or a life. */
  keepTicket(message: WireMessage): void {
    const ticketId = bytesOf(message, 'ticketId');
    if (ticketId.length > 0) this.ticket = { ticketId, ticketSecret: bytesOf(message, 'ticketSecret') };
  }

  /** Asks for a fresh ticket, as long as the session goes on. @throws Failure */
  async refresh(rule?: string): Promise<void> {
    this.link.send('refresh');
    this.keepTicket(await this.link.expect('refreshed', rule));
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

  async challengeToStepUp(identity: Identity, change: Change = {}): Promise<Challenge> {
    this.beginExchange();
    const mechanismData = this.blind(identity);
    this.send('step-up-start', { clientNonce: randomBytes(32), mechanism: MECHANISM, mechanismData, ...change });
    const challenge = await this.takeChallenge('step-up-challenge');
    this.#checkProven(challenge, 'Section 9.2: step-up: the checks of section 8 on both ends.');
    return challenge;
  }

  /** Gives the keys of the credential in force. */
  async stepUp(identity: Identity): Promise<Keys> {
    const challenge = await this.challengeToStepUp(identity);
    this.sendFinish('step-up-finish', challenge, challenge.keys!.clientPrivateKey);
    this.keepTicket(await this.expect('stepped-up'));
    return challenge.keys!;
  }

  /** @param serverKey in force */
  async challengeToReregister(identity: Identity, serverKey: Uint8Array, change: Change = {}): Promise<Challenge> {
    this.beginExchange();
    const mechanismData = this.blind(identity);
    this.send('re-register-start', { clientNonce: randomBytes(32), ksfs: KSFS, mechanismData, ...change });
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
