import { decodeControl } from '../../proto/codec.js';
import { BYTES, LABEL, MECHANISM_SCHNORR } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import type { ProvenLifeFields, ReregisterChallenge, StepUpChallenge } from '../../proto/messages.js';
import { oprfInput, Transcript } from '../../proto/transcript.js';
import type { Crypto } from '../crypto/types.js';
import { createRequest, finalizeOprf, finalizeRegistration, randomizedPassword } from '../opaque/index.js';
import { Conversation, NO_PROOF, refusal, type Action, type Connection, type Peers } from './conversation.js';
import { asProtocolError, errorOfFrame } from './errors.js';

const EMPTY = new Uint8Array(0);

/** Ends an exchange, not the connection: the server is honest, the person was wrong or late. */
class Declined extends Error {
  constructor(readonly error: BlindsaltError) {
    super(error.message);
  }
}

type ExchangeState = 'start' | 'challenge' | 'stretching' | 'answer' | 'over';

/** An exchange about the password on an authenticated connection, without I/O. Ends like `ClientCore`. */
abstract class PasswordExchange {
  protected readonly crypto: Crypto;
  protected readonly conversation: Conversation;
  readonly #connection: Connection;
  #state: ExchangeState = 'start';
  #input: Uint8Array;
  #blind: Uint8Array = EMPTY;
  #oprfOutput: Uint8Array = EMPTY;

  /** @param input of the OPRF (2.3); wiped in the end */
  constructor(crypto: Crypto, peers: Peers, connection: Connection, input: Uint8Array) {
    this.crypto = crypto;
    this.#connection = connection;
    this.#input = input;
    const transcript = new Transcript(crypto.sha512);
    transcript.append(connection.head);
    this.conversation = new Conversation(crypto, peers, transcript, connection.binding, connection.nonces);
  }

  protected abstract readonly challengeKind: 'stepUpChallenge' | 'reregisterChallenge';
  protected abstract readonly answerKind: 'steppedUp' | 'reregistered';
  protected abstract start(request: Uint8Array): Action;
  protected abstract check(challenge: StepUpChallenge | ReregisterChallenge): void;
  protected abstract finish(randomizedPassword: Uint8Array): Action;

  open(): Action[] {
    return this.#guarded(() => {
      const { blind, request } = createRequest(this.crypto, this.#input);
      this.#blind = blind;
      this.#state = 'challenge';
      return [this.start(request)];
    });
  }

  /** Takes one control frame of the server's; notices are not among them. */
  receive(frame: Uint8Array): Action[] {
    return this.#guarded(() => {
      const message = decodeControl(frame, 'server');
      if (message.kind === 'error') {
        const error = errorOfFrame(message, true);
        // A close follows.
        if (error.closeCode !== undefined) throw error;
        throw new Declined(error);
      }
      if (this.#state === 'challenge' && message.kind === this.challengeKind) {
        return this.#challenged(message, frame);
      }
      if (this.#state === 'answer' && message.kind === this.answerKind) {
        const life = message as unknown as ProvenLifeFields;
        const { idleSeconds, absoluteSeconds, ticketId, ticketSecret, deviceId, deviceSecret } = life;
        this.#state = 'over';
        this.#wipe();
        const { head, binding } = this.#connection;
        return [
          { kind: 'life', life: { idleSeconds, absoluteSeconds, ticketId, ticketSecret, deviceId, deviceSecret } },
          { kind: 'done', connection: { head, binding, nonces: this.conversation.nonces } },
        ];
      }
      throw refusal('unexpected-message', `unexpected ${message.kind}`);
    });
  }

  stretched(result: Uint8Array): Action[] {
    return this.#guarded(() => {
      if (this.#state !== 'stretching') throw refusal('unexpected-message', 'nothing was to be stretched');
      const secret = randomizedPassword(this.crypto, this.#oprfOutput, result);
      this.crypto.wipe(result, this.#oprfOutput);
      this.#state = 'answer';
      try {
        return [this.finish(secret)];
      } finally {
        this.crypto.wipe(secret);
      }
    });
  }

  fail(error: BlindsaltError): Action[] {
    return this.#guarded(() => {
      // The server waits for nothing but a new start.
      throw this.#state === 'stretching' ? new Declined(error) : error;
    });
  }

  dispose(): void {
    this.#state = 'over';
    this.#wipe();
  }

  #wipe(): void {
    this.crypto.wipe(this.#input, this.#blind, this.#oprfOutput);
    this.forget();
  }

  /** Wipes what the kind of exchange keeps. */
  protected forget(): void {
    // Nothing by itself.
  }

  #challenged(challenge: StepUpChallenge | ReregisterChallenge, frame: Uint8Array): Action[] {
    const ksf = this.conversation.take(challenge, frame);
    this.check(challenge);
    const evaluated = challenge.mechanismData.subarray(0, BYTES.element);
    this.#oprfOutput = finalizeOprf(this.crypto, this.#input, this.#blind, evaluated);
    this.crypto.wipe(this.#input, this.#blind);
    this.#state = 'stretching';
    return [{ kind: 'stretch', oprfOutput: this.#oprfOutput.slice(), ksf }];
  }

  #guarded(step: () => Action[]): Action[] {
    if (this.#state === 'over') return [];
    try {
      return step();
    } catch (error) {
      this.dispose();
      if (error instanceof Declined) return [{ kind: 'failed', error: error.error, fatal: false }];
      return [{ kind: 'failed', error: asProtocolError(error), fatal: true }];
    }
  }
}

/** A login on the living connection, PROTOCOL.md 9.2. A wrong password ends it with `login-failed` and sends nothing. */
export class StepUp extends PasswordExchange {
  protected readonly challengeKind = 'stepUpChallenge';
  protected readonly answerKind = 'steppedUp';
  #clientPrivateKey: Uint8Array = EMPTY;
  #serverPublicKey: Uint8Array = EMPTY;

  protected start(request: Uint8Array): Action {
    return this.conversation.send({
      kind: 'stepUpStart',
      clientNonce: this.conversation.freshNonce(),
      mechanism: MECHANISM_SCHNORR,
      mechanismData: request,
    });
  }

  protected check(): void {
    // Only the envelope tells which key the server has to prove.
  }

  protected finish(secret: Uint8Array): Action {
    try {
      const { clientPrivateKey, serverPublicKey } = this.conversation.recover(secret);
      this.#clientPrivateKey = clientPrivateKey;
      this.#serverPublicKey = serverPublicKey;
    } catch (error) {
      // Whether the envelope opened is nobody's business: the other end sees the same in every case.
      throw new Declined(asProtocolError(error));
    }
    const draft = { kind: 'stepUpFinish', proof: NO_PROOF } as const;
    const proof = this.conversation.prove(LABEL.stepUpClient, this.#clientPrivateKey, draft);
    return this.conversation.send({ ...draft, proof });
  }

  /** After success: what re-registration needs; the private key is the caller's to wipe. */
  takeKeys(): { readonly clientPrivateKey: Uint8Array; readonly serverPublicKey: Uint8Array } {
    const taken = { clientPrivateKey: this.#clientPrivateKey, serverPublicKey: this.#serverPublicKey };
    this.#clientPrivateKey = EMPTY;
    return taken;
  }

  override dispose(): void {
    super.dispose();
    this.crypto.wipe(this.#clientPrivateKey);
  }
}

export interface ReregistrationSecrets {
  /** OPRF input with the new password. */
  readonly input: Uint8Array;
  /** In force; 32 bytes. */
  readonly clientPrivateKey: Uint8Array;
  /** From the envelope in force; 32 bytes. */
  readonly serverPublicKey: Uint8Array;
  readonly endOthers: boolean;
}

/** A new credential in place of the one in force, PROTOCOL.md 9.2. */
export class Reregistration extends PasswordExchange {
  protected readonly challengeKind = 'reregisterChallenge';
  protected readonly answerKind = 'reregistered';
  readonly #secrets: ReregistrationSecrets;

  /** The secrets belong to it, and are wiped in the end. */
  constructor(crypto: Crypto, peers: Peers, connection: Connection, secrets: ReregistrationSecrets) {
    super(crypto, peers, connection, secrets.input);
    this.#secrets = secrets;
  }

  protected start(request: Uint8Array): Action {
    return this.conversation.send({
      kind: 'reregisterStart',
      clientNonce: this.conversation.freshNonce(),
      ksfs: this.conversation.peers.ksfs,
      mechanismData: request,
    });
  }

  protected check(challenge: ReregisterChallenge): void {
    const newKey = challenge.mechanismData.subarray(BYTES.element);
    // The proof is by the key that is known, the id that of the key to come.
    const problem = this.conversation.serverProblem(this.#secrets.serverPublicKey, newKey);
    if (problem !== undefined) throw problem;
    if (!this.conversation.accepts(newKey)) throw new Declined(new BlindsaltError('server-key-mismatch'));
  }

  protected finish(secret: Uint8Array): Action {
    const { conversation, crypto } = this;
    const newKey = conversation.challenge.mechanismData.subarray(BYTES.element);
    const made = finalizeRegistration(crypto, secret, newKey, conversation.identities);
    const draft = {
      kind: 'reregisterFinish',
      record: made.record,
      endOthers: this.#secrets.endOthers ? 1 : 0,
      oldProof: NO_PROOF,
      newProof: NO_PROOF,
    } as const;
    const oldProof = conversation.prove(LABEL.reregistrationClientOld, this.#secrets.clientPrivateKey, draft, 2);
    const newProof = conversation.prove(LABEL.reregistrationClientNew, made.clientPrivateKey, draft, 2);
    crypto.wipe(made.clientPrivateKey, made.exportKey, this.#secrets.clientPrivateKey);
    return conversation.send({ ...draft, oldProof, newProof });
  }

  protected override forget(): void {
    this.crypto.wipe(this.#secrets.clientPrivateKey);
  }
}

/** Everything for a step-up, with a password change behind it or not. Names and passwords are prepared. */
export interface ExchangeOptions extends Peers {
  readonly connection: Connection;
  /** UTF-8; belongs to the core, which wipes it. */
  readonly password: Uint8Array;
  /** For a password change: the new one; belongs to the core too. */
  readonly newPassword: Uint8Array | undefined;
  readonly endOthers: boolean;
}

/** Step-up, and if there is a new password, its registration. */
export class ExchangeCore {
  readonly #crypto: Crypto;
  readonly #options: ExchangeOptions;
  readonly #stepUp: StepUp;
  #reregistration: Reregistration | undefined;

  constructor(crypto: Crypto, options: ExchangeOptions) {
    const { domain, username, password } = options;
    this.#crypto = crypto;
    this.#options = options;
    this.#stepUp = new StepUp(crypto, options, options.connection, oprfInput(domain, username, password));
    crypto.wipe(password);
  }

  get #current(): PasswordExchange {
    return this.#reregistration ?? this.#stepUp;
  }

  open(): Action[] {
    return this.#stepUp.open();
  }

  receive(frame: Uint8Array): Action[] {
    const actions = this.#current.receive(frame);
    const { newPassword } = this.#options;
    const last = actions.at(-1);
    if (newPassword === undefined || this.#reregistration !== undefined || last?.kind !== 'done') return actions;
    const { domain, username, endOthers } = this.#options;
    this.#reregistration = new Reregistration(this.#crypto, this.#options, last.connection, {
      ...this.#stepUp.takeKeys(),
      input: oprfInput(domain, username, newPassword),
      endOthers,
    });
    this.#crypto.wipe(newPassword);
    return [...actions.slice(0, -1), ...this.#reregistration.open()];
  }

  stretched(result: Uint8Array): Action[] {
    return this.#current.stretched(result);
  }

  fail(error: BlindsaltError): Action[] {
    return this.#current.fail(error);
  }

  dispose(): void {
    this.#stepUp.dispose();
    this.#reregistration?.dispose();
    const { password, newPassword } = this.#options;
    this.#crypto.wipe(password, ...(newPassword === undefined ? [] : [newPassword]));
  }
}
