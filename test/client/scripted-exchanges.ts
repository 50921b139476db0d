// The scripted server after `welcome`: PROTOCOL.md 9.2, honest unless told to lie.
import { concat } from '../../proto/transcript.js';
import { decodeControl, encodeControl } from '../../proto/codec.js';
import { LABEL } from '../../proto/constants.js';
import type {
  ProvenLifeFields,
  ReregisterChallenge,
  ReregisterFinish,
  ReregisterStart,
  ServerMessage,
  StepUpChallenge,
  StepUpFinish,
  StepUpStart,
} from '../../proto/messages.js';
import { proofMessage, withoutProof, type Transcript } from '../../proto/transcript.js';
import type { KeyPair } from '../../src/crypto/types.js';
import { createCredentialResponse, createRegistrationResponse, serverKeyId } from '../../src/opaque/index.js';
import { crypto, type ScriptedConnection } from './scripted-server.js';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const EMPTY = new Uint8Array(0);

export interface ExchangeLies {
  readonly stepUpChallenge?: Partial<StepUpChallenge>;
  readonly reregisterChallenge?: Partial<ReregisterChallenge>;
  readonly signWith?: KeyPair;
  /** The code that answers a request of this kind. */
  readonly errors?: Readonly<Record<string, string>>;
  readonly retryAfterSeconds?: number;
}

export class ScriptedExchanges {
  readonly received: string[] = [];
  #transcript: Transcript | undefined;
  #nonce = EMPTY as Uint8Array;
  #credentialIdentifier = EMPTY as Uint8Array;
  lies: ExchangeLies = {};
  /** The server key that new registrations get. */
  nextKey: KeyPair;

  constructor(readonly connection: ScriptedConnection) {
    this.nextKey = connection.server.key;
  }

  answers(frame: Uint8Array): Uint8Array[] {
    const message = decodeControl(frame, 'client');
    this.received.push(message.kind);
    const code = this.lies.errors?.[message.kind];
    const { retryAfterSeconds = 0 } = this.lies;
    if (code !== undefined) return [encodeControl({ kind: 'error', code, retryAfterSeconds })];
    switch (message.kind) {
      case 'refresh':
        return [encodeControl({ kind: 'refreshed', ...this.#life(false) })];
      case 'stepUpStart':
        return [this.#challengeStepUp(message, frame)];
      case 'stepUpFinish':
        return [this.#steppedUp(message, frame)];
      case 'reregisterStart':
        return [this.#challengeReregistration(message, frame)];
      case 'reregisterFinish':
        return [this.#reregistered(message, frame)];
      case 'sessionsList':
        return [this.#entry('phone', 0), this.#entry('this', 1), this.#entry('', 0)];
      case 'revoke':
      case 'deleteAccount':
        return [encodeControl({ kind: 'done', count: message.kind === 'revoke' && message.scope === 0 ? 1 : 7 })];
      default:
        throw new Error(`unexpected ${message.kind}`);
    }
  }

  #entry(deviceLabel: string, current: number): Uint8Array {
    const { sessionId } = this.connection;
    return encodeControl({
      kind: 'sessionEntry',
      sessionId: deviceLabel === '' ? EMPTY : current === 1 ? sessionId : new Uint8Array(16).fill(1),
      deviceLabel,
      createdAtSeconds: deviceLabel === '' ? 0 : 1_700_000_000,
      lastSeenAtSeconds: deviceLabel === '' ? 0 : 1_700_000_060,
      addressPrefix: deviceLabel === '' ? '' : '192.0.2.0/24',
      current,
    });
  }

  /** A fresh ticket; `proven`: all earlier ones are dead. */
  #life(proven: boolean): ProvenLifeFields {
    const { server, sessionId } = this.connection;
    const session = server.sessions.get(Buffer.from(sessionId).toString('hex'))!;
    const fresh = crypto.randomBytes(16);
    const serial = Buffer.from(fresh).toString('hex');
    if (proven) session.current = serial;
    else if (session.successor !== undefined) session.current = session.successor;
    session.successor = proven ? undefined : serial;
    const ticketId = concat(sessionId, fresh);
    const ticketSecret = server.ticketSecret(ticketId);
    return { idleSeconds: 1800, absoluteSeconds: 7200, ticketId, ticketSecret, deviceId: EMPTY, deviceSecret: EMPTY };
  }

  #common(): Omit<StepUpChallenge, 'kind' | 'mechanismData'> {
    const { ksf, key } = this.connection.server;
    this.#nonce = crypto.randomBytes(32);
    return {
      serverNonce: this.#nonce,
      serverKeyId: serverKeyId(crypto, key.publicKey),
      ksf: ksf.name,
      ksfMemoryKiB: ksf.memoryKiB,
      ksfIterations: ksf.iterations,
      ksfParallelism: ksf.parallelism,
      proof: new Uint8Array(64),
    };
  }

  #begin(frame: Uint8Array): void {
    this.#transcript = this.connection.transcript.exchange(this.connection.sessionId);
    this.#transcript.append(frame);
  }

  #challengeStepUp({ mechanismData }: StepUpStart, frame: Uint8Array): Uint8Array {
    const { server, username } = this.connection;
    this.#begin(frame);
    const { record, credentialIdentifier } = server.accounts.get(username)!;
    const response = createCredentialResponse(
      crypto,
      mechanismData,
      server.key.publicKey,
      record,
      credentialIdentifier,
      server.oprfSeed,
    );
    return this.#sign(
      { kind: 'stepUpChallenge', ...this.#common(), mechanismData: response, ...this.lies.stepUpChallenge },
      LABEL.stepUpServer,
    );
  }

  #steppedUp({ proof }: StepUpFinish, frame: Uint8Array): Uint8Array {
    this.#verify(proof, frame, this.#record(), LABEL.stepUpClient, 1);
    return encodeControl({ kind: 'steppedUp', ...this.#life(true) });
  }

  #challengeReregistration({ mechanismData }: ReregisterStart, frame: Uint8Array): Uint8Array {
    const { oprfSeed } = this.connection.server;
    this.#begin(frame);
    this.#credentialIdentifier = crypto.randomBytes(32);
    const { publicKey } = this.nextKey;
    const response = createRegistrationResponse(crypto, mechanismData, publicKey, this.#credentialIdentifier, oprfSeed);
    const fields = { ...this.#common(), serverKeyId: serverKeyId(crypto, publicKey), mechanismData: response };
    return this.#sign(
      { kind: 'reregisterChallenge', ...fields, ...this.lies.reregisterChallenge },
      LABEL.reregistrationServer,
    );
  }

  #reregistered(message: ReregisterFinish, frame: Uint8Array): Uint8Array {
    const { server, username } = this.connection;
    this.#verify(message.oldProof, frame, this.#record(), LABEL.reregistrationClientOld, 2);
    this.#verify(message.newProof, frame, message.record, LABEL.reregistrationClientNew, 2);
    server.accounts.set(username, { record: message.record, credentialIdentifier: this.#credentialIdentifier });
    server.key = this.nextKey;
    return encodeControl({ kind: 'reregistered', ...this.#life(true) });
  }

  #record(): Uint8Array {
    const { server, username } = this.connection;
    return server.accounts.get(username)!.record;
  }

  #sign(challenge: StepUpChallenge | ReregisterChallenge, label: (typeof LABEL)[keyof typeof LABEL]): Uint8Array {
    const { server } = this.connection;
    const message = this.#message(challenge, label);
    const { privateKey } = this.lies.signWith ?? server.key;
    const frame = encodeControl({ ...challenge, proof: crypto.schnorr.sign(message, privateKey, utf8(label)) });
    this.#transcript!.append(frame);
    return frame;
  }

  #message(challenge: ServerMessage, label: (typeof LABEL)[keyof typeof LABEL]): Uint8Array {
    const { server, username, binding } = this.connection;
    const hash = this.#transcript!.hash(label, binding, withoutProof(encodeControl(challenge)));
    return proofMessage(server.domain, username, this.#nonce, hash);
  }

  #verify(
    proof: Uint8Array,
    frame: Uint8Array,
    record: Uint8Array,
    label: (typeof LABEL)[keyof typeof LABEL],
    proofs: number,
  ): void {
    const { server, username, binding } = this.connection;
    const hash = this.#transcript!.hash(label, binding, withoutProof(frame, proofs));
    const signed = proofMessage(server.domain, username, this.#nonce, hash);
    if (!crypto.schnorr.verify(proof, signed, record.subarray(0, 32), utf8(label))) {
      throw new Error(`the proof for ${label} is wrong`);
    }
  }
}
