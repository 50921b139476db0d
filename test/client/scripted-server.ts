// A server made of the building blocks, honest unless told to lie: what the client's core is tested against.
import { decodeControl, encodeControl } from '../../proto/codec.js';
import { LABEL, MECHANISM_SCHNORR, type KsfParameters } from '../../proto/constants.js';
import type {
  Hello,
  LoginChallenge,
  LoginFinish,
  LoginStart,
  Message,
  SignupChallenge,
  SignupFinish,
  SignupStart,
  Welcome,
} from '../../proto/messages.js';
import { NO_BINDING, proofMessage, Transcript, withoutProof, type Binding } from '../../proto/transcript.js';
import type { KeyPair } from '../../src/crypto/types.js';
import { createCredentialResponse, createRegistrationResponse, serverKeyId } from '../../src/opaque/index.js';
import { nobleCrypto } from '../support/noble-crypto.js';

export const crypto = nobleCrypto();
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const EMPTY = new Uint8Array(0);

export const KSF: KsfParameters = { name: 'argon2id', memoryKiB: 65_536, iterations: 3, parallelism: 1 };

/** Fast, and different for each input. */
export const fastStretch = (oprfOutput: Uint8Array): Uint8Array => crypto.sha512(oprfOutput);

export interface Account {
  readonly record: Uint8Array;
  readonly credentialIdentifier: Uint8Array;
}

/** Ways to lie: each replaces a part of an honest answer. */
export interface Lies {
  readonly hello?: Partial<Hello>;
  readonly signupChallenge?: Partial<SignupChallenge>;
  readonly loginChallenge?: Partial<LoginChallenge>;
  readonly welcome?: Partial<Welcome>;
  /** Signs with this key instead, whatever it says of itself. */
  readonly signWith?: KeyPair;
  /** Signs for this label or binding instead. */
  readonly label?: (typeof LABEL)[keyof typeof LABEL];
  readonly binding?: Binding;
}

export class ScriptedServer {
  readonly domain = 'chat.example';
  readonly oprfSeed = crypto.randomBytes(64);
  key = crypto.oprf.deriveKeyPair(crypto.randomBytes(32), utf8('key'));
  readonly accounts = new Map<string, Account>();

  connect(lies: Lies = {}, binding: Binding = NO_BINDING): ScriptedConnection {
    return new ScriptedConnection(this, lies, binding);
  }
}

export class ScriptedConnection {
  readonly transcript = new Transcript(crypto.sha512);
  readonly nonce = crypto.randomBytes(32);
  readonly received: Message[] = [];
  #start: SignupStart | LoginStart | undefined;
  #challengeNonce = EMPTY as Uint8Array;
  #credentialIdentifier = EMPTY as Uint8Array;

  constructor(
    readonly server: ScriptedServer,
    readonly lies: Lies,
    readonly binding: Binding,
  ) {}

  hello(): Uint8Array {
    return this.#send({
      kind: 'hello',
      serverNonce: this.nonce,
      domain: this.server.domain,
      versions: [1],
      mechanisms: [MECHANISM_SCHNORR],
      bindings: this.binding.type === '' ? [] : [this.binding.type],
      registration: 'open',
      limits: [65_536, 20_000, 5],
      puzzle: EMPTY,
      ...this.lies.hello,
    });
  }

  error(code: string, retryAfterSeconds = 0): Uint8Array {
    return this.#send({ kind: 'error', code, retryAfterSeconds });
  }

  /** Answers a frame of the client's as an honest server would, but for the lies. */
  answer(frame: Uint8Array): Uint8Array {
    const message = decodeControl(frame, 'client');
    this.received.push(message);
    switch (message.kind) {
      case 'signupStart':
      case 'loginStart':
        this.transcript.append(frame);
        return this.#challenge(message);
      case 'signupFinish':
      case 'loginFinish':
        return this.#finish(message, frame);
      default:
        throw new Error(`unexpected ${message.kind}`);
    }
  }

  #challenge(start: SignupStart | LoginStart): Uint8Array {
    const { server, lies } = this;
    const login = start.kind === 'loginStart';
    this.#start = start;
    this.#challengeNonce = crypto.randomBytes(32);
    const account = server.accounts.get(start.username);
    this.#credentialIdentifier = login && account ? account.credentialIdentifier : crypto.randomBytes(32);
    const record = account?.record ?? new Uint8Array(192).fill(7);
    const common = {
      serverNonce: this.#challengeNonce,
      serverKeyId: serverKeyId(crypto, server.key.publicKey),
      ksf: KSF.name,
      ksfMemoryKiB: KSF.memoryKiB,
      ksfIterations: KSF.iterations,
      ksfParallelism: KSF.parallelism,
      proof: new Uint8Array(64),
    };
    const request = [crypto, start.mechanismData, server.key.publicKey] as const;
    const keys = [this.#credentialIdentifier, server.oprfSeed] as const;
    const challenge: SignupChallenge | LoginChallenge = login
      ? {
          kind: 'loginChallenge',
          ...common,
          mechanismData: createCredentialResponse(...request, record, ...keys),
          ...lies.loginChallenge,
        }
      : {
          kind: 'signupChallenge',
          ...common,
          mechanismData: createRegistrationResponse(...request, ...keys),
          ...lies.signupChallenge,
        };
    const label = lies.label ?? (login ? LABEL.loginServer : LABEL.signupServer);
    const hash = this.transcript.hash(label, lies.binding ?? this.binding, withoutProof(encodeControl(challenge)));
    const message = proofMessage(server.domain, start.username, challenge.serverNonce, hash);
    const key = lies.signWith ?? server.key;
    const own = login ? lies.loginChallenge?.proof : lies.signupChallenge?.proof;
    return this.#send({ ...challenge, proof: own ?? crypto.schnorr.sign(message, key.privateKey, utf8(label)) });
  }

  #finish(message: SignupFinish | LoginFinish, frame: Uint8Array): Uint8Array {
    const { username } = this.#start!;
    const login = message.kind === 'loginFinish';
    const label = login ? LABEL.loginClient : LABEL.signupClient;
    const record = login ? this.server.accounts.get(username)!.record : message.record;
    const hash = this.transcript.hash(label, this.binding, withoutProof(frame));
    const signed = proofMessage(this.server.domain, username, this.#challengeNonce, hash);
    if (!crypto.schnorr.verify(message.proof, signed, record.subarray(0, 32), utf8(label))) {
      throw new Error('the proof of the client is wrong');
    }
    this.transcript.append(frame);
    if (!login) this.server.accounts.set(username, { record, credentialIdentifier: this.#credentialIdentifier });
    return this.welcome();
  }

  welcome(): Uint8Array {
    return this.#send({
      kind: 'welcome',
      sessionId: crypto.randomBytes(16),
      userId: crypto.randomBytes(16),
      username: this.#start?.username ?? 'alice',
      subprotocol: this.#start?.subprotocols[0] ?? '',
      idleSeconds: 3600,
      absoluteSeconds: 86_400,
      roles: ['member'],
      ticketId: EMPTY,
      ticketSecret: EMPTY,
      deviceId: EMPTY,
      deviceSecret: EMPTY,
      flags: 0,
      proof: EMPTY,
      ...this.lies.welcome,
    });
  }

  #send(message: Message): Uint8Array {
    const frame = encodeControl(message);
    this.transcript.append(frame);
    return frame;
  }
}
