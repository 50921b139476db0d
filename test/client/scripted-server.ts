// A server made of the building blocks, honest unless told to lie: what the client's core is tested against.
import { decodeControl, encodeControl } from '../../proto/codec.js';
import { LABEL, MECHANISM_SCHNORR, type KsfParameters } from '../../proto/constants.js';
import type {
  Hello,
  LoginChallenge,
  LoginFinish,
  LoginStart,
  Message,
  Resume,
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

/** A session: its user, and the serials of its two tickets. */
export interface ScriptedSession {
  readonly username: string;
  readonly userId: Uint8Array;
  current: string;
  successor: string | undefined;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Ways to lie: each replaces a part of an honest answer. */
export interface Lies {
  readonly hello?: Partial<Hello>;
  readonly signupChallenge?: Partial<SignupChallenge>;
  readonly loginChallenge?: Partial<LoginChallenge>;
  readonly welcome?: Partial<Welcome>;
  /** Proves a resume with this secret instead. */
  readonly ticketSecret?: Uint8Array;
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
  readonly sessions = new Map<string, ScriptedSession>();
  readonly ticketKey = crypto.randomBytes(64);
  ksf = KSF;
  /** Of every `welcome` after a login. */
  flags = 0;

  ticketSecret(ticketId: Uint8Array): Uint8Array {
    return crypto.hmacSha512(this.ticketKey, ticketId);
  }

  begin(username: string): { sessionId: Uint8Array; ticketId: Uint8Array; userId: Uint8Array } {
    const ticketId = crypto.randomBytes(32);
    const sessionId = ticketId.slice(0, 16);
    const userId = crypto.sha512(utf8(username)).slice(0, 16);
    this.sessions.set(hex(sessionId), { username, userId, current: hex(ticketId.slice(16)), successor: undefined });
    return { sessionId, ticketId, userId };
  }

  /** PROTOCOL.md 9.1. @returns the new ticket, or the code of the error */
  rotate(ticketId: Uint8Array): Uint8Array | string {
    const sessionId = ticketId.slice(0, 16);
    const serial = hex(ticketId.slice(16));
    const session = this.sessions.get(hex(sessionId));
    if (session === undefined) return 'session-revoked';
    if (serial !== session.current && serial !== session.successor) {
      this.sessions.delete(hex(sessionId));
      return 'session-revoked';
    }
    session.current = serial;
    const fresh = crypto.randomBytes(16);
    session.successor = hex(fresh);
    return Uint8Array.of(...sessionId, ...fresh);
  }

  connect(lies: Lies = {}, binding: Binding = NO_BINDING): ScriptedConnection {
    return new ScriptedConnection(this, lies, binding);
  }
}

export class ScriptedConnection {
  readonly transcript = new Transcript(crypto.sha512);
  readonly nonce = crypto.randomBytes(32);
  readonly received: Message[] = [];
  username = '';
  sessionId = EMPTY as Uint8Array;
  #start: SignupStart | LoginStart | Resume | undefined;
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
      case 'resume':
        return this.#resume(message, frame);
      default:
        throw new Error(`unexpected ${message.kind}`);
    }
  }

  #challenge(start: SignupStart | LoginStart): Uint8Array {
    const { server, lies } = this;
    const login = start.kind === 'loginStart';
    this.#start = start;
    this.username = start.username;
    this.#challengeNonce = crypto.randomBytes(32);
    const account = server.accounts.get(start.username);
    this.#credentialIdentifier = login && account ? account.credentialIdentifier : crypto.randomBytes(32);
    const record = account?.record ?? new Uint8Array(192).fill(7);
    const common = {
      serverNonce: this.#challengeNonce,
      serverKeyId: serverKeyId(crypto, server.key.publicKey),
      ksf: server.ksf.name,
      ksfMemoryKiB: server.ksf.memoryKiB,
      ksfIterations: server.ksf.iterations,
      ksfParallelism: server.ksf.parallelism,
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
    const { username } = this;
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

  #resume(message: Resume, frame: Uint8Array): Uint8Array {
    const { server, lies } = this;
    this.#start = message;
    const secret = server.ticketSecret(message.ticketId);
    const hash = this.transcript.hash(LABEL.resumeClient, this.binding, withoutProof(frame));
    this.transcript.append(frame);
    if (!crypto.equal(crypto.hmacSha512(secret, hash), message.proof)) return this.error('resume-failed');
    const ticketId = server.rotate(message.ticketId);
    if (typeof ticketId === 'string') return this.error(ticketId);
    const sessionId = ticketId.slice(0, 16);
    const { username, userId } = server.sessions.get(hex(sessionId))!;
    this.username = username;
    this.sessionId = sessionId;
    const proof = new Uint8Array(64);
    const draft = encodeControl({ ...this.#welcome(ticketId, userId), proof, ...lies.welcome });
    const answer = this.transcript.hash(lies.label ?? LABEL.resumeServer, this.binding, withoutProof(draft));
    draft.set(lies.welcome?.proof ?? crypto.hmacSha512(lies.ticketSecret ?? secret, answer), draft.length - 64);
    this.transcript.append(draft);
    return draft;
  }

  welcome(): Uint8Array {
    const { sessionId, ticketId, userId } = this.server.begin(this.username || 'alice');
    this.sessionId = sessionId;
    return this.#send({ ...this.#welcome(ticketId, userId), flags: this.server.flags, ...this.lies.welcome });
  }

  #welcome(ticketId: Uint8Array, userId: Uint8Array): Welcome {
    return {
      kind: 'welcome',
      sessionId: this.sessionId,
      userId,
      username: this.username || 'alice',
      subprotocol: this.#start?.subprotocols[0] ?? '',
      idleSeconds: 3600,
      absoluteSeconds: 86_400,
      roles: ['member'],
      ticketId,
      ticketSecret: this.server.ticketSecret(ticketId),
      deviceId: EMPTY,
      deviceSecret: EMPTY,
      flags: 0,
      proof: EMPTY,
    };
  }

  #send(message: Message): Uint8Array {
    const frame = encodeControl(message);
    this.transcript.append(frame);
    return frame;
  }
}
