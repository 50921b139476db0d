// A client of blindsalt.v1 reduced to its messages: each function makes one frame, so that tests can send them in any
// order, twice, or broken. It stretches keys with one hash instead of argon2id; the server cannot tell.
import {
  concat,
  decodeControl,
  encodeControl,
  LABEL,
  len16,
  MECHANISM_SCHNORR,
  oprfInput,
  proofMessage,
  Transcript,
  withoutProof,
  type Binding,
  type Hello,
  type LoginChallenge,
  type LoginStart,
  type Message,
  type ProofLabel,
  type ReregisterChallenge,
  type Resume,
  type SignupChallenge,
  type SignupStart,
  type StepUpChallenge,
  type StepUpStart,
  type Welcome,
} from '../../proto/index.js';
import type { Crypto } from '../../src/crypto/index.js';
import {
  createRequest,
  finalizeOprf,
  finalizeRegistration,
  randomizedPassword,
  recoverCredentials,
} from '../../src/opaque/index.js';

const utf8 = new TextEncoder();
const ZEROS = new Uint8Array(64);

export interface DriverOptions {
  readonly target?: string;
  readonly origin?: string;
  readonly subprotocols?: readonly string[];
  readonly binding?: Binding;
  readonly deviceLabel?: string;
}

export interface DriverTicket {
  readonly ticketId: Uint8Array;
  readonly ticketSecret: Uint8Array;
}

export interface DriverDevice {
  readonly deviceId: Uint8Array;
  readonly deviceSecret: Uint8Array;
}

export class ClientDriver {
  readonly transcript: Transcript;
  readonly received: Message[] = [];
  hello: Hello | undefined;
  #attempt: { username: string; input: Uint8Array; blind: Uint8Array } | undefined;

  constructor(
    readonly crypto: Crypto,
    readonly options: DriverOptions = {},
  ) {
    this.transcript = new Transcript(crypto.sha512);
  }

  /** Takes a frame of the server's into the transcript and decodes it. */
  take(frame: Uint8Array): Message {
    this.transcript.append(frame);
    const message = decodeControl(frame, 'server');
    if (message.kind === 'hello') this.hello = message;
    this.received.push(message);
    return message;
  }

  /** Enters a frame that is about to be sent into the transcript. */
  sent(frame: Uint8Array): Uint8Array {
    this.transcript.append(frame);
    return frame;
  }

  #start(username: string, password: string): LoginStart {
    const { target = 'localhost:443', origin = '', subprotocols = [], binding, deviceLabel = '' } = this.options;
    const input = oprfInput(this.hello!.domain, username, utf8.encode(password));
    const { blind, request } = createRequest(this.crypto, input);
    this.#attempt = { username, input, blind };
    return {
      kind: 'loginStart',
      username,
      clientNonce: this.crypto.randomBytes(32),
      target,
      binding: binding?.type ?? '',
      origin,
      subprotocols,
      deviceLabel,
      deviceProof: new Uint8Array(0),
      puzzleAnswer: new Uint8Array(0),
      mechanism: MECHANISM_SCHNORR,
      mechanismData: request,
    };
  }

  /** The field `deviceProof` for a `loginStart` with this nonce; to be made before it. */
  deviceProof({ deviceId, deviceSecret }: DriverDevice, username: string, clientNonce: Uint8Array): Uint8Array {
    const hash = this.transcript.hash(LABEL.device, this.#binding);
    const message = proofMessage(this.hello!.domain, username, clientNonce, hash);
    return concat(deviceId, this.crypto.hmacSha512(deviceSecret, message));
  }

  /** A `loginStart` from a known device. */
  loginStartFrom(device: DriverDevice, username: string, password: string): Uint8Array {
    const clientNonce = this.crypto.randomBytes(32);
    return this.loginStart(username, password, {
      clientNonce,
      deviceProof: this.deviceProof(device, username, clientNonce),
    });
  }

  loginStart(username: string, password: string, change: Partial<LoginStart> = {}): Uint8Array {
    return this.sent(encodeControl({ ...this.#start(username, password), ...change }));
  }

  signupStart(username: string, password: string, change: Partial<SignupStart> = {}): Uint8Array {
    const { mechanism: _, ...start } = this.#start(username, password);
    return this.sent(
      encodeControl({ ...start, kind: 'signupStart', invite: '', ksfs: ['argon2id', 'pbkdf2-sha512'], ...change }),
    );
  }

  #randomized(evaluated: Uint8Array): Uint8Array {
    const { input, blind } = this.#attempt!;
    const output = finalizeOprf(this.crypto, input, blind, evaluated);
    return randomizedPassword(this.crypto, output, this.crypto.sha512(output));
  }

  #identities(): { server: Uint8Array; client: Uint8Array } {
    return { server: utf8.encode(this.hello!.domain), client: utf8.encode(this.#attempt!.username) };
  }

  get #binding(): Binding {
    return this.options.binding ?? { type: '', value: new Uint8Array(0) };
  }

  #signed(
    frame: Uint8Array,
    serverNonce: Uint8Array,
    label: ProofLabel,
    transcript = this.transcript,
    proofs = 1,
  ): Uint8Array {
    const hash = transcript.hash(label, this.#binding, withoutProof(frame, proofs));
    return proofMessage(this.hello!.domain, this.#attempt!.username, serverNonce, hash);
  }

  #sign(message: Message, serverNonce: Uint8Array, privateKey: Uint8Array, label: ProofLabel): Uint8Array {
    const frame = encodeControl(message);
    const proof = this.crypto.schnorr.sign(this.#signed(frame, serverNonce, label), privateKey, utf8.encode(label));
    frame.set(proof, frame.length - 64);
    return this.sent(frame);
  }

  /**
   * Takes a challenge frame; answers whether its proof and key id are valid under the key that it should be.
   * Call instead of `take`.
   */
  takeChallenge(frame: Uint8Array): { message: SignupChallenge | LoginChallenge; isProven: boolean } {
    const message = decodeControl(frame, 'server') as SignupChallenge | LoginChallenge;
    const label = message.kind === 'signupChallenge' ? LABEL.signupServer : LABEL.loginServer;
    let isProven = false;
    try {
      const publicKey =
        message.kind === 'signupChallenge'
          ? message.mechanismData.slice(32)
          : recoverCredentials(
              this.crypto,
              this.#randomized(message.mechanismData.slice(0, 32)),
              message.mechanismData,
              this.#identities(),
            ).serverPublicKey;
      const keyId = this.crypto.sha512(concat(len16('blindsalt.v1 server key id'), publicKey)).subarray(0, 16);
      isProven =
        this.crypto.equal(keyId, message.serverKeyId) &&
        this.crypto.schnorr.verify(
          message.proof,
          this.#signed(frame, message.serverNonce, label),
          publicKey,
          utf8.encode(label),
        );
    } catch {
      isProven = false;
    }
    this.transcript.append(frame);
    this.received.push(message);
    return { message, isProven };
  }

  signupFinish(challenge: SignupChallenge): Uint8Array {
    const { mechanismData, serverNonce } = challenge;
    const { record, clientPrivateKey } = finalizeRegistration(
      this.crypto,
      this.#randomized(mechanismData.slice(0, 32)),
      mechanismData.slice(32),
      this.#identities(),
    );
    const finish = { kind: 'signupFinish', record, proof: ZEROS } as const;
    this.#privateKey = clientPrivateKey;
    return this.#sign(finish, serverNonce, clientPrivateKey, LABEL.signupClient);
  }

  /** With a wrong password the envelope does not open: then signs with a random key, as a guesser would. */
  loginFinish(challenge: LoginChallenge): Uint8Array {
    const { mechanismData, serverNonce } = challenge;
    const privateKey = this.#recover(mechanismData);
    return this.#sign({ kind: 'loginFinish', proof: ZEROS }, serverNonce, privateKey, LABEL.loginClient);
  }

  #recover(mechanismData: Uint8Array): Uint8Array {
    const randomized = this.#randomized(mechanismData.slice(0, 32));
    try {
      this.#privateKey = recoverCredentials(
        this.crypto,
        randomized,
        mechanismData,
        this.#identities(),
      ).clientPrivateKey;
    } catch {
      this.#privateKey = this.crypto.scalar.reduce(randomized);
    }
    return this.#privateKey;
  }

  /** Of the credential in force, as far as this client knows. */
  #privateKey: Uint8Array | undefined;

  resume({ ticketId, ticketSecret }: DriverTicket, change: Partial<Resume> = {}): Uint8Array {
    const { username: _, mechanism: __, mechanismData: ___, ...start } = this.#start('none', '');
    const frame = encodeControl({ ...start, kind: 'resume', ticketId, proof: ZEROS, ...change });
    const hash = this.transcript.hash(LABEL.resumeClient, this.#binding, withoutProof(frame));
    frame.set(change.proof ?? this.crypto.hmacSha512(ticketSecret, hash), frame.length - 64);
    return this.sent(frame);
  }

  /** Whether the server has proved with this ticket; before `take`. */
  isWelcomeProven(frame: Uint8Array, { ticketSecret }: DriverTicket): boolean {
    const hash = this.transcript.hash(LABEL.resumeServer, this.#binding, withoutProof(frame));
    return this.crypto.equal(this.crypto.hmacSha512(ticketSecret, hash), frame.slice(-64));
  }

  // Requests after welcome: transcripts of their own.

  #exchange: Transcript | undefined;

  #beginExchange(username: string, password: string, sessionId: Uint8Array): Uint8Array {
    const input = oprfInput(this.hello!.domain, username, utf8.encode(password));
    const { blind, request } = createRequest(this.crypto, input);
    this.#attempt = { username, input, blind };
    this.#exchange = this.transcript.exchange(sessionId);
    return request;
  }

  #sentInExchange(frame: Uint8Array): Uint8Array {
    this.#exchange!.append(frame);
    return frame;
  }

  stepUpStart({ username, sessionId }: Welcome, password: string, change: Partial<StepUpStart> = {}): Uint8Array {
    const mechanismData = this.#beginExchange(username, password, sessionId);
    const clientNonce = this.crypto.randomBytes(32);
    const start = { kind: 'stepUpStart', clientNonce, mechanism: MECHANISM_SCHNORR, mechanismData } as const;
    return this.#sentInExchange(encodeControl({ ...start, ...change }));
  }

  /** Takes the challenge; answers the finish, and whether the server has proved itself. */
  stepUpFinish(challengeFrame: Uint8Array): { finish: Uint8Array; isProven: boolean } {
    const { mechanismData, serverNonce, proof } = decodeControl(challengeFrame, 'server') as StepUpChallenge;
    const clientPrivateKey = this.#recover(mechanismData);
    let isProven = false;
    try {
      const randomized = this.#randomized(mechanismData.slice(0, 32));
      const key = recoverCredentials(this.crypto, randomized, mechanismData, this.#identities()).serverPublicKey;
      const message = this.#signed(challengeFrame, serverNonce, LABEL.stepUpServer, this.#exchange);
      isProven = this.crypto.schnorr.verify(proof, message, key, utf8.encode(LABEL.stepUpServer));
    } catch {
      isProven = false;
    }
    this.#exchange!.append(challengeFrame);
    const finish = encodeControl({ kind: 'stepUpFinish', proof: ZEROS });
    const signed = this.#signed(finish, serverNonce, LABEL.stepUpClient, this.#exchange);
    finish.set(this.crypto.schnorr.sign(signed, clientPrivateKey, utf8.encode(LABEL.stepUpClient)), finish.length - 64);
    return { finish: this.#sentInExchange(finish), isProven };
  }

  reregisterStart({ username, sessionId }: Welcome, password: string): Uint8Array {
    const mechanismData = this.#beginExchange(username, password, sessionId);
    const clientNonce = this.crypto.randomBytes(32);
    const ksfs = ['argon2id', 'pbkdf2-sha512'];
    return this.#sentInExchange(encodeControl({ kind: 'reregisterStart', clientNonce, ksfs, mechanismData }));
  }

  /** @param serverKey the one in force, whose proof the challenge must carry */
  reregisterFinish(
    challengeFrame: Uint8Array,
    serverKey: Uint8Array,
    { endOthers = 0, wrong }: { endOthers?: number; wrong?: 'old' | 'new' } = {},
  ): { finish: Uint8Array; isProven: boolean } {
    const { crypto } = this;
    const { mechanismData, serverNonce, proof } = decodeControl(challengeFrame, 'server') as ReregisterChallenge;
    const message = this.#signed(challengeFrame, serverNonce, LABEL.reregistrationServer, this.#exchange);
    const isProven = crypto.schnorr.verify(proof, message, serverKey, utf8.encode(LABEL.reregistrationServer));
    this.#exchange!.append(challengeFrame);
    const { record, clientPrivateKey } = finalizeRegistration(
      crypto,
      this.#randomized(mechanismData.slice(0, 32)),
      mechanismData.slice(32),
      this.#identities(),
    );
    const empty = { kind: 'reregisterFinish', record, endOthers, oldProof: ZEROS, newProof: ZEROS } as const;
    const finish = encodeControl(empty);
    const prove = (label: ProofLabel, key: Uint8Array): Uint8Array =>
      crypto.schnorr.sign(this.#signed(finish, serverNonce, label, this.#exchange, 2), key, utf8.encode(label));
    const old = prove(LABEL.reregistrationClientOld, wrong === 'old' ? clientPrivateKey : this.#privateKey!);
    const anew = prove(LABEL.reregistrationClientNew, wrong === 'new' ? this.#privateKey! : clientPrivateKey);
    finish.set(old, finish.length - 130);
    finish.set(anew, finish.length - 64);
    this.#privateKey = clientPrivateKey;
    return { finish: this.#sentInExchange(finish), isProven };
  }
}
