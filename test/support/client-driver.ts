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
  type SignupChallenge,
  type SignupStart,
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

  #signed(frame: Uint8Array, serverNonce: Uint8Array, label: ProofLabel): Uint8Array {
    const binding = this.options.binding ?? { type: '', value: new Uint8Array(0) };
    const hash = this.transcript.hash(label, binding, withoutProof(frame));
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
    return this.#sign(finish, serverNonce, clientPrivateKey, LABEL.signupClient);
  }

  /** With a wrong password the envelope does not open: then signs with a random key, as a guesser would. */
  loginFinish(challenge: LoginChallenge): Uint8Array {
    const { mechanismData, serverNonce } = challenge;
    const randomized = this.#randomized(mechanismData.slice(0, 32));
    let privateKey: Uint8Array;
    try {
      privateKey = recoverCredentials(this.crypto, randomized, mechanismData, this.#identities()).clientPrivateKey;
    } catch {
      privateKey = this.crypto.scalar.reduce(randomized);
    }
    return this.#sign({ kind: 'loginFinish', proof: ZEROS }, serverNonce, privateKey, LABEL.loginClient);
  }
}
