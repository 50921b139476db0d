import { encodeControl } from '../../proto/codec.js';
import {
  BYTES,
  LABEL,
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
  ProvenLifeFields,
  ReregisterChallenge,
  SignupChallenge,
  StepUpChallenge,
  Welcome,
} from '../../proto/messages.js';
import { NO_BINDING, proofMessage, withoutProof, type Binding, type Transcript } from '../../proto/transcript.js';
import type { Crypto } from '../crypto/types.js';
import { checkKsfBounds, recoverCredentials, serverKeyId, type Credentials, type KsfBounds } from '../opaque/index.js';

/** What a core wants done, in order. After `done` and `failed` it wants nothing more. */
export type Action =
  | { readonly kind: 'send'; readonly frame: Uint8Array }
  /** Stretch, then call `stretched`. `oprfOutput` (64 bytes) is secret and belongs to the receiver, who wipes it. */
  | { readonly kind: 'stretch'; readonly oprfOutput: Uint8Array; readonly ksf: KsfParameters }
  /** Of an exchange after `welcome`: what is left of the session, and its ticket and device from now on. */
  | { readonly kind: 'life'; readonly life: ProvenLifeFields }
  /** `welcome` is absent after an exchange. */
  | { readonly kind: 'done'; readonly welcome?: Welcome; readonly connection: Connection }
  /** If `fatal`: close with 4480, whatever the error. Otherwise an authenticated connection goes on. */
  | { readonly kind: 'failed'; readonly error: BlindsaltError; readonly fatal: boolean };

/** What later exchanges need to know of the connection that they take place on. Nothing of it is secret. */
export interface Connection {
  /** First entry of their transcripts, 80 bytes. */
  readonly head: Uint8Array;
  readonly binding: Binding;
  /** All that were seen so far. */
  readonly nonces: readonly Uint8Array[];
}

/** Who talks, and what the client accepts. */
export interface Peers {
  readonly domain: string;
  /** Prepared (RFC 8265). */
  readonly username: string;
  /** Key stretching functions that may be used. */
  readonly ksfs: readonly KsfName[];
  readonly ksfFloors: KsfBounds;
  readonly ksfCeilings: KsfBounds;
  /** Server public keys that are accepted; empty for any. */
  readonly serverKeys: readonly Uint8Array[];
}

/** Room for a proof. */
export const NO_PROOF: Uint8Array = new Uint8Array(BYTES.proof);

type Challenge = SignupChallenge | LoginChallenge | StepUpChallenge | ReregisterChallenge;

const SERVER_LABEL = {
  signupChallenge: LABEL.signupServer,
  loginChallenge: LABEL.loginServer,
  stepUpChallenge: LABEL.stepUpServer,
  reregisterChallenge: LABEL.reregistrationServer,
} as const;

/** The generator of ristretto255: stands in for the server's key when the envelope does not open. */
const STAND_IN_KEY = Uint8Array.from(
  'e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76'.match(/../g)!,
  (byte) => parseInt(byte, 16),
);
const utf8 = new TextEncoder();

/** Transcript, nonces, challenge and proofs of one attempt or exchange: what login, sign-up, step-up have in common. */
export class Conversation {
  readonly crypto: Crypto;
  readonly peers: Peers;
  readonly identities: { readonly server: Uint8Array; readonly client: Uint8Array };
  readonly transcript: Transcript;
  binding: Binding;
  readonly nonces: Uint8Array[];
  #challenge: Challenge | undefined;
  /** What the server's proof has to sign. */
  #serverMessage: Uint8Array = new Uint8Array(0);

  constructor(
    crypto: Crypto,
    peers: Peers,
    transcript: Transcript,
    binding: Binding = NO_BINDING,
    nonces: readonly Uint8Array[] = [],
  ) {
    this.crypto = crypto;
    this.peers = peers;
    this.identities = { server: utf8.encode(peers.domain), client: utf8.encode(peers.username) };
    this.transcript = transcript;
    this.binding = binding;
    this.nonces = [...nonces];
  }

  get challenge(): Challenge {
    return this.#challenge!;
  }

  send(message: ClientMessage): Action {
    const frame = encodeControl(message);
    this.transcript.append(frame);
    return { kind: 'send', frame };
  }

  freshNonce(): Uint8Array {
    const nonce = this.crypto.randomBytes(BYTES.nonce);
    this.#checkNonce(nonce);
    return nonce;
  }

  /** Checks a challenge but for its proof; returns how to stretch. */
  take(challenge: Challenge, frame: Uint8Array): KsfParameters {
    const { domain, username, ksfs, ksfFloors, ksfCeilings } = this.peers;
    this.#checkNonce(challenge.serverNonce);
    const ksf: KsfParameters = {
      name: challenge.ksf as KsfName,
      memoryKiB: challenge.ksfMemoryKiB,
      iterations: challenge.ksfIterations,
      parallelism: challenge.ksfParallelism,
    };
    if (!ksfs.includes(ksf.name)) throw new BlindsaltError('ksf-unsupported');
    checkKsfBounds(ksf, ksfFloors, ksfCeilings);
    const isLogin = challenge.kind === 'loginChallenge' || challenge.kind === 'stepUpChallenge';
    if (challenge.mechanismData.length !== (isLogin ? BYTES.credentialResponse : BYTES.registrationResponse)) {
      throw refusal('mechanism-data', 'mechanism data has a wrong length');
    }
    const hash = this.transcript.hash(SERVER_LABEL[challenge.kind], this.binding, withoutProof(frame));
    this.#serverMessage = proofMessage(domain, username, challenge.serverNonce, hash);
    this.transcript.append(frame);
    this.#challenge = challenge;
    return ksf;
  }

  /**
   * Checks key id, pin and proof, all three whatever the others say.
   * @param named the key that the id belongs to, if that is another one
   */
  serverProblem(publicKey: Uint8Array, named: Uint8Array = publicKey): BlindsaltError | undefined {
    const { crypto, challenge } = this;
    const label = SERVER_LABEL[challenge.kind];
    const proven = crypto.schnorr.verify(challenge.proof, this.#serverMessage, publicKey, utf8.encode(label));
    const identified = crypto.equal(serverKeyId(crypto, named), challenge.serverKeyId);
    if (!this.accepts(publicKey)) return new BlindsaltError('server-key-mismatch');
    if (!identified) return refusal('server-key-id', 'the server key id does not fit the server key');
    if (!proven) return refusal('server-proof', 'the server did not prove that it holds its key');
    return undefined;
  }

  /** Whether a server key is one of those that are pinned, if any are. */
  accepts(publicKey: Uint8Array): boolean {
    const { serverKeys } = this.peers;
    return serverKeys.length === 0 || serverKeys.some((pin) => this.crypto.equal(pin, publicKey));
  }

  /**
   * Opens the envelope and verifies the server's proof, the latter with a stand-in if the former fails.
   * @throws BlindsaltError `login-failed` (the cause says which, for those who may know), `server-key-mismatch`
   */
  recover(randomizedPassword: Uint8Array): Credentials {
    let credentials: Credentials | undefined;
    let cause: unknown;
    try {
      credentials = recoverCredentials(this.crypto, randomizedPassword, this.challenge.mechanismData, this.identities);
    } catch (error) {
      cause = error;
    }
    const problem = this.serverProblem(credentials?.serverPublicKey ?? STAND_IN_KEY);
    if (credentials === undefined) throw new BlindsaltError('login-failed', undefined, { cause });
    this.crypto.wipe(credentials.exportKey);
    if (problem === undefined) return credentials;
    this.crypto.wipe(credentials.clientPrivateKey);
    if (problem.code === 'server-key-mismatch') throw problem;
    throw new BlindsaltError('login-failed', undefined, { cause: problem });
  }

  /**
   * The proof over the frame under way.
   * @param draft the message with zeros for its proofs, of which there are `proofs`
   */
  prove(label: ProofLabel, privateKey: Uint8Array, draft: ClientMessage, proofs = 1): Uint8Array {
    const { domain, username } = this.peers;
    const hash = this.transcript.hash(label, this.binding, withoutProof(encodeControl(draft), proofs));
    const signed = proofMessage(domain, username, this.challenge.serverNonce, hash);
    return this.crypto.schnorr.sign(signed, privateKey, utf8.encode(label));
  }

  /** @throws BlindsaltError when a nonce was seen before */
  see(nonce: Uint8Array): void {
    this.#checkNonce(nonce);
  }

  #checkNonce(nonce: Uint8Array): void {
    if (this.nonces.some((seen) => this.crypto.equal(seen, nonce))) throw refusal('nonce', 'a nonce was used before');
    this.nonces.push(nonce);
  }
}

function domainMismatch(said: string, expected: string): BlindsaltError {
  // What is no host name is not repeated: it may be made for a terminal.
  const domain = /^[a-z0-9.:[\]-]{1,253}$/.test(said) ? `"${said}"` : 'another';
  const message = `The server says that its domain is ${domain}, not "${expected}". Correct the domain or the URL, or do not go on.`;
  return new BlindsaltError('domain-mismatch', message);
}

/**
 * What every start message depends on: the right domain, version 1, and a channel binding where one is wanted.
 * @returns the binding to use
 */
export function checkHello(
  hello: Hello,
  options: { readonly domain: string; readonly bindings: readonly Binding[]; readonly requireBinding: boolean },
): Binding {
  if (hello.domain !== options.domain) throw domainMismatch(hello.domain, options.domain);
  if (!hello.versions.includes(PROTOCOL_VERSION)) throw refusal('version', 'the server lacks version 1');
  for (const offered of hello.bindings) {
    const binding = options.bindings.find(({ type }) => type === offered);
    if (binding !== undefined) return binding;
  }
  if (options.requireBinding) throw new BlindsaltError('binding-refused');
  return NO_BINDING;
}

/** @throws BlindsaltError when the server chose what was not offered */
export function checkSubprotocol(welcome: Welcome, offered: readonly string[]): void {
  if (welcome.subprotocol !== '' && !offered.includes(welcome.subprotocol)) {
    throw refusal('subprotocol', 'the server chose a subprotocol that was not offered');
  }
}

export function refusal(reason: string, message: string): BlindsaltError {
  return new BlindsaltError('protocol-error', message, { reason });
}
