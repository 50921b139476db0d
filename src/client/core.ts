import { decodeControl, encodeControl, isEscaped, isMarked } from '../../proto/codec.js';
import {
  BYTES,
  LABEL,
  MECHANISM_SCHNORR,
  PROTOCOL_VERSION,
  type KsfName,
  type KsfParameters,
  type ProofLabel,
} from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import type {
  ClientMessage,
  Hello,
  LoginChallenge,
  SignupChallenge,
  StartFields,
  Welcome,
} from '../../proto/messages.js';
import { NO_BINDING, oprfInput, proofMessage, Transcript, withoutProof, type Binding } from '../../proto/transcript.js';
import type { Crypto } from '../crypto/types.js';
import {
  checkKsfBounds,
  createRequest,
  finalizeOprf,
  finalizeRegistration,
  randomizedPassword,
  recoverCredentials,
  serverKeyId,
  type Credentials,
  type KsfBounds,
} from '../opaque/index.js';
import { asProtocolError, errorOfFrame } from './errors.js';

export type Mode = 'login' | 'signup';

/** Everything that one attempt needs. Names and password are prepared already (RFC 8265). */
export interface CoreOptions {
  readonly mode: Mode;
  readonly domain: string;
  /** What was dialled, `host:port`. */
  readonly target: string;
  /** The page's origin, or empty. */
  readonly origin: string;
  readonly username: string;
  /** Prepared, UTF-8. Belongs to the core from here on, which wipes it. */
  readonly password: Uint8Array;
  /** Sign-up only: invite or reset code, or empty. */
  readonly invite: string;
  /** The application's subprotocols, in order of preference. */
  readonly subprotocols: readonly string[];
  readonly deviceLabel: string;
  /** Channel bindings that this end can compute on this connection. */
  readonly bindings: readonly Binding[];
  readonly requireBinding: boolean;
  /** Key stretching functions that may be used. */
  readonly ksfs: readonly KsfName[];
  readonly ksfFloors: KsfBounds;
  readonly ksfCeilings: KsfBounds;
  /** Server public keys that are accepted; empty for any. */
  readonly serverKeys: readonly Uint8Array[];
}

/** What the core wants done, in order. After `done` and `failed` it wants nothing more. */
export type Action =
  | { readonly kind: 'send'; readonly frame: Uint8Array }
  /** Stretch, then call `stretched`. `oprfOutput` (64 bytes) is secret and belongs to the receiver, who wipes it. */
  | { readonly kind: 'stretch'; readonly oprfOutput: Uint8Array; readonly ksf: KsfParameters }
  | { readonly kind: 'done'; readonly welcome: Welcome }
  /** Close with 4480, whatever the error; forget the password. */
  | { readonly kind: 'failed'; readonly error: BlindsaltError };

type Challenge = SignupChallenge | LoginChallenge;
type State = 'hello' | 'challenge' | 'stretching' | 'welcome' | 'over';

/** The generator of ristretto255: stands in for the server's key when the envelope does not open. */
const STAND_IN_KEY = Uint8Array.from(
  'e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76'.match(/../g)!,
  (byte) => parseInt(byte, 16),
);
const EMPTY = new Uint8Array(0);
const utf8 = new TextEncoder();

/**
 * One attempt to log in or sign up, without I/O: frames in, actions out. PROTOCOL.md sections 7 and 8, client side.
 * Nothing throws; whatever is wrong gives one `failed` action, after which secrets are wiped.
 */
export class ClientCore {
  readonly #crypto: Crypto;
  readonly #options: CoreOptions;
  readonly #transcript: Transcript;
  readonly #identities: { readonly server: Uint8Array; readonly client: Uint8Array };
  #state: State = 'hello';
  #binding: Binding = NO_BINDING;
  /** Nonces seen on this connection: hello's, our own. */
  #nonces: Uint8Array[] = [];
  #input: Uint8Array = EMPTY;
  #blind: Uint8Array = EMPTY;
  #oprfOutput: Uint8Array = EMPTY;
  #challenge: Challenge | undefined;
  /** What the server's proof has to sign. */
  #serverMessage: Uint8Array = EMPTY;

  constructor(crypto: Crypto, options: CoreOptions) {
    this.#crypto = crypto;
    this.#options = options;
    this.#transcript = new Transcript(crypto.sha512);
    this.#identities = { server: utf8.encode(options.domain), client: utf8.encode(options.username) };
  }

  /** Takes one binary message of the server's. */
  receive(frame: Uint8Array): Action[] {
    return this.#guarded(() => {
      if (!isMarked(frame) || isEscaped(frame)) throw new BlindsaltError('early-frame');
      const message = decodeControl(frame, 'server');
      if (message.kind === 'error') throw errorOfFrame(message);
      switch (this.#state) {
        case 'hello':
          if (message.kind === 'hello') return this.#start(message, frame);
          break;
        case 'challenge':
          if (message.kind === (this.#options.mode === 'login' ? 'loginChallenge' : 'signupChallenge')) {
            return this.#challenged(message, frame);
          }
          break;
        case 'welcome':
          if (message.kind === 'welcome') return this.#welcomed(message);
          break;
        case 'stretching':
        case 'over':
          break;
      }
      throw refusal('unexpected-message', `unexpected ${message.kind}`);
    });
  }

  /** Takes the result of a `stretch` action, 64 bytes; wipes it. */
  stretched(result: Uint8Array): Action[] {
    return this.#guarded(() => {
      if (this.#state !== 'stretching') throw refusal('unexpected-message', 'nothing was to be stretched');
      const secret = randomizedPassword(this.#crypto, this.#oprfOutput, result);
      this.#crypto.wipe(result, this.#oprfOutput);
      try {
        return this.#options.mode === 'login' ? this.#finishLogin(secret) : this.#finishSignup(secret);
      } finally {
        this.#crypto.wipe(secret);
      }
    });
  }

  /** Ends the attempt from outside: failure of the stretching, an early text message, loss of the connection. */
  fail(error: BlindsaltError): Action[] {
    return this.#guarded(() => {
      throw error;
    });
  }

  /** Ends the attempt without a word and wipes all secrets. */
  dispose(): void {
    this.#state = 'over';
    this.#crypto.wipe(this.#options.password, this.#input, this.#blind, this.#oprfOutput);
  }

  #guarded(step: () => Action[]): Action[] {
    if (this.#state === 'over') return [];
    try {
      return step();
    } catch (error) {
      this.dispose();
      return [{ kind: 'failed', error: asProtocolError(error) }];
    }
  }

  #start(hello: Hello, frame: Uint8Array): Action[] {
    const options = this.#options;
    if (hello.domain !== options.domain) throw new BlindsaltError('domain-mismatch');
    if (!hello.versions.includes(PROTOCOL_VERSION)) throw refusal('version', 'the server lacks version 1');
    if (options.mode === 'login' && !hello.mechanisms.includes(MECHANISM_SCHNORR)) {
      throw new BlindsaltError('mechanism-unsupported');
    }
    for (const offered of hello.bindings) {
      const binding = options.bindings.find((candidate) => candidate.type === offered);
      if (binding !== undefined) {
        this.#binding = binding;
        break;
      }
    }
    if (options.requireBinding && this.#binding === NO_BINDING) throw new BlindsaltError('binding-refused');

    const clientNonce = this.#crypto.randomBytes(BYTES.nonce);
    this.#nonces = [hello.serverNonce];
    this.#checkNonce(clientNonce);
    this.#input = oprfInput(options.domain, options.username, options.password);
    this.#crypto.wipe(options.password);
    const { blind, request } = createRequest(this.#crypto, this.#input);
    this.#blind = blind;
    const fields: StartFields = {
      username: options.username,
      clientNonce,
      target: options.target,
      binding: this.#binding.type,
      origin: options.origin,
      subprotocols: options.subprotocols,
      deviceLabel: options.deviceLabel,
      deviceProof: EMPTY,
      puzzleAnswer: EMPTY,
    };
    this.#transcript.append(frame);
    this.#state = 'challenge';
    return [
      this.#send(
        options.mode === 'login'
          ? { kind: 'loginStart', ...fields, mechanism: MECHANISM_SCHNORR, mechanismData: request }
          : { kind: 'signupStart', ...fields, invite: options.invite, ksfs: options.ksfs, mechanismData: request },
      ),
    ];
  }

  #challenged(challenge: Challenge, frame: Uint8Array): Action[] {
    const { domain, username, ksfs, ksfFloors, ksfCeilings } = this.#options;
    this.#checkNonce(challenge.serverNonce);
    const ksf: KsfParameters = {
      name: challenge.ksf as KsfName,
      memoryKiB: challenge.ksfMemoryKiB,
      iterations: challenge.ksfIterations,
      parallelism: challenge.ksfParallelism,
    };
    if (!ksfs.includes(ksf.name)) throw new BlindsaltError('ksf-unsupported');
    checkKsfBounds(ksf, ksfFloors, ksfCeilings);
    const login = challenge.kind === 'loginChallenge';
    if (challenge.mechanismData.length !== (login ? BYTES.credentialResponse : BYTES.registrationResponse)) {
      throw refusal('mechanism-data', 'mechanism data has a wrong length');
    }

    const label = login ? LABEL.loginServer : LABEL.signupServer;
    const hash = this.#transcript.hash(label, this.#binding, withoutProof(frame));
    this.#serverMessage = proofMessage(domain, username, challenge.serverNonce, hash);
    this.#transcript.append(frame);
    this.#challenge = challenge;
    if (!login) {
      const problem = this.#serverProblem(challenge.mechanismData.subarray(BYTES.element));
      if (problem !== undefined) throw problem;
    }

    const evaluated = challenge.mechanismData.subarray(0, BYTES.element);
    this.#oprfOutput = finalizeOprf(this.#crypto, this.#input, this.#blind, evaluated);
    this.#crypto.wipe(this.#input, this.#blind);
    this.#state = 'stretching';
    return [{ kind: 'stretch', oprfOutput: this.#oprfOutput.slice(), ksf }];
  }

  /** Opens the envelope and verifies the server's proof, the latter with a stand-in if the former fails. */
  #finishLogin(secret: Uint8Array): Action[] {
    const response = this.#challenge!.mechanismData;
    let credentials: Credentials | undefined;
    let cause: unknown;
    try {
      credentials = recoverCredentials(this.#crypto, secret, response, this.#identities);
    } catch (error) {
      cause = error;
    }
    const problem = this.#serverProblem(credentials?.serverPublicKey ?? STAND_IN_KEY);
    if (credentials === undefined) throw new BlindsaltError('login-failed', undefined, { cause });
    this.#crypto.wipe(credentials.exportKey);
    try {
      if (problem?.code === 'server-key-mismatch') throw problem;
      if (problem !== undefined) throw new BlindsaltError('login-failed', undefined, { cause: problem });
      return this.#prove(LABEL.loginClient, credentials.clientPrivateKey, (proof) => ({ kind: 'loginFinish', proof }));
    } finally {
      this.#crypto.wipe(credentials.clientPrivateKey);
    }
  }

  #finishSignup(secret: Uint8Array): Action[] {
    const serverPublicKey = this.#challenge!.mechanismData.subarray(BYTES.element);
    const made = finalizeRegistration(this.#crypto, secret, serverPublicKey, this.#identities);
    const { record } = made;
    try {
      return this.#prove(LABEL.signupClient, made.clientPrivateKey, (proof) => ({
        kind: 'signupFinish',
        record,
        proof,
      }));
    } finally {
      this.#crypto.wipe(made.clientPrivateKey, made.exportKey);
    }
  }

  /** Checks key id, pin and proof, all three whatever the others say. */
  #serverProblem(publicKey: Uint8Array): BlindsaltError | undefined {
    const { serverKeyId: expectedId, proof, kind } = this.#challenge!;
    const label = kind === 'loginChallenge' ? LABEL.loginServer : LABEL.signupServer;
    const proven = this.#crypto.schnorr.verify(proof, this.#serverMessage, publicKey, utf8.encode(label));
    const identified = this.#crypto.equal(serverKeyId(this.#crypto, publicKey), expectedId);
    const pins = this.#options.serverKeys;
    const accepted = pins.length === 0 || pins.some((pin) => this.#crypto.equal(pin, publicKey));
    if (!accepted) return new BlindsaltError('server-key-mismatch');
    if (!identified) return refusal('server-key-id', 'the server key id does not fit the server key');
    if (!proven) return refusal('server-proof', 'the server did not prove that it holds its key');
    return undefined;
  }

  #prove(label: ProofLabel, privateKey: Uint8Array, message: (proof: Uint8Array) => ClientMessage): Action[] {
    const { domain, username } = this.#options;
    const draft = encodeControl(message(new Uint8Array(BYTES.proof)));
    const hash = this.#transcript.hash(label, this.#binding, withoutProof(draft));
    const signed = proofMessage(domain, username, this.#challenge!.serverNonce, hash);
    const proof = this.#crypto.schnorr.sign(signed, privateKey, utf8.encode(label));
    this.#state = 'welcome';
    return [this.#send(message(proof))];
  }

  #welcomed(welcome: Welcome): Action[] {
    const { username, subprotocols } = this.#options;
    if (welcome.username !== username) throw refusal('username', 'the server welcomes somebody else');
    if (welcome.subprotocol !== '' && !subprotocols.includes(welcome.subprotocol)) {
      throw refusal('subprotocol', 'the server chose a subprotocol that was not offered');
    }
    this.dispose();
    return [{ kind: 'done', welcome }];
  }

  #send(message: ClientMessage): Action {
    const frame = encodeControl(message);
    this.#transcript.append(frame);
    return { kind: 'send', frame };
  }

  #checkNonce(nonce: Uint8Array): void {
    if (this.#nonces.some((seen) => this.#crypto.equal(seen, nonce))) throw refusal('nonce', 'a nonce was used before');
    this.#nonces.push(nonce);
  }
}

function refusal(reason: string, message: string): BlindsaltError {
  return new BlindsaltError('protocol-error', message, { reason });
}
