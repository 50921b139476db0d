import { decodeControl, isEscaped, isMarked } from '../../proto/codec.js';
import { BYTES, LABEL, MECHANISM_SCHNORR, WELCOME_FLAG } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import type { Hello, LoginChallenge, SignupChallenge, StartFields, Welcome } from '../../proto/messages.js';
import { oprfInput, Transcript, type Binding } from '../../proto/transcript.js';
import type { Crypto } from '../crypto/types.js';
import { createRequest, finalizeOprf, finalizeRegistration, randomizedPassword } from '../opaque/index.js';
import {
  checkHello,
  checkSubprotocol,
  Conversation,
  NO_PROOF,
  refusal,
  type Action,
  type Connection,
  type Peers,
} from './conversation.js';
import { deviceProof, type Device } from './devices.js';
import { asProtocolError, errorOfFrame } from './errors.js';
import { Reregistration } from './exchange-core.js';

export type { Action } from './conversation.js';

export type Mode = 'login' | 'signup';

/** Everything that one attempt needs. Names and password are prepared already (RFC 8265). */
export interface CoreOptions extends Peers {
  readonly mode: Mode;
  /** What was dialled, `host:port`. */
  readonly target: string;
  /** The page's origin, or empty. */
  readonly origin: string;
  /** Prepared, UTF-8. Belongs to the core from here on, which wipes it. */
  readonly password: Uint8Array;
  /** Sign-up only: invite or reset code, or empty. */
  readonly invite: string;
  /** The application's subprotocols, in order of preference. */
  readonly subprotocols: readonly string[];
  readonly deviceLabel: string;
  /** Of this server, by which a login shows that its device is known. */
  readonly devices?: readonly Device[] | undefined;
  /** Channel bindings that this end can compute on this connection. */
  readonly bindings: readonly Binding[];
  readonly requireBinding: boolean;
}

type State = 'hello' | 'challenge' | 'stretching' | 'welcome' | 'renewing' | 'over';

const EMPTY = new Uint8Array(0);

/**
 * One attempt to log in or sign up, without I/O: frames in, actions out. PROTOCOL.md sections 7 and 8, client side. Where
 * `welcome` asks for re-registration, that belongs to it too, since the password is at hand.
 * Nothing throws; whatever is wrong gives one `failed` action, after which secrets are wiped.
 */
export class ClientCore {
  readonly #crypto: Crypto;
  readonly #options: CoreOptions;
  readonly #conversation: Conversation;
  #state: State = 'hello';
  #input: Uint8Array = EMPTY;
  #blind: Uint8Array = EMPTY;
  #oprfOutput: Uint8Array = EMPTY;
  /** Of a login, until it is known whether re-registration follows. */
  #clientPrivateKey: Uint8Array = EMPTY;
  #serverPublicKey: Uint8Array = EMPTY;
  #welcome: Welcome | undefined;
  #connection: Connection | undefined;
  #renewal: Reregistration | undefined;

  constructor(crypto: Crypto, options: CoreOptions) {
    this.#crypto = crypto;
    this.#options = options;
    this.#conversation = new Conversation(crypto, options, new Transcript(crypto.sha512));
  }

  /** Takes one binary message of the server's. */
  receive(frame: Uint8Array): Action[] {
    return this.#guarded(() => {
      if (this.#state === 'renewing') return this.#renewed(this.#renewal!.receive(frame));
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
          if (message.kind === 'welcome') return this.#welcomed(message, frame);
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
      if (this.#state === 'renewing') return this.#renewed(this.#renewal!.stretched(result));
      if (this.#state !== 'stretching') throw refusal('unexpected-message', 'nothing was to be stretched');
      const secret = randomizedPassword(this.#crypto, this.#oprfOutput, result);
      this.#crypto.wipe(result, this.#oprfOutput);
      try {
        this.#state = 'welcome';
        return this.#options.mode === 'login' ? this.#finishLogin(secret) : this.#finishSignup(secret);
      } finally {
        this.#crypto.wipe(secret);
      }
    });
  }

  /** Ends the attempt from outside: failure of the stretching, an early text message, loss of the connection. */
  fail(error: BlindsaltError): Action[] {
    return this.#guarded(() => {
      if (this.#state === 'renewing') return this.#renewed(this.#renewal!.fail(error));
      throw error;
    });
  }

  /** Ends the attempt without a word and wipes all secrets. */
  dispose(): void {
    this.#state = 'over';
    this.#renewal?.dispose();
    this.#crypto.wipe(this.#options.password, this.#input, this.#blind, this.#oprfOutput, this.#clientPrivateKey);
  }

  #guarded(step: () => Action[]): Action[] {
    if (this.#state === 'over') return [];
    try {
      return step();
    } catch (error) {
      this.dispose();
      return [{ kind: 'failed', error: asProtocolError(error), fatal: true }];
    }
  }

  #start(hello: Hello, frame: Uint8Array): Action[] {
    const options = this.#options;
    const conversation = this.#conversation;
    conversation.binding = checkHello(hello, options);
    if (options.mode === 'login' && !hello.mechanisms.includes(MECHANISM_SCHNORR)) {
      throw new BlindsaltError('mechanism-unsupported');
    }
    conversation.see(hello.serverNonce);
    const clientNonce = conversation.freshNonce();
    this.#input = oprfInput(options.domain, options.username, options.password);
    this.#crypto.wipe(options.password);
    const { blind, request } = createRequest(this.#crypto, this.#input);
    this.#blind = blind;
    conversation.transcript.append(frame);
    const { binding, transcript } = conversation;
    const { domain, username, devices = [] } = options;
    const fields: StartFields = {
      username,
      clientNonce,
      target: options.target,
      binding: binding.type,
      origin: options.origin,
      subprotocols: options.subprotocols,
      deviceLabel: options.deviceLabel,
      deviceProof:
        options.mode === 'login'
          ? deviceProof(this.#crypto, { devices, domain, username, clientNonce, binding, transcript })
          : EMPTY,
      puzzleAnswer: EMPTY,
    };
    this.#state = 'challenge';
    return [
      conversation.send(
        options.mode === 'login'
          ? { kind: 'loginStart', ...fields, mechanism: MECHANISM_SCHNORR, mechanismData: request }
          : { kind: 'signupStart', ...fields, invite: options.invite, ksfs: options.ksfs, mechanismData: request },
      ),
    ];
  }

  #challenged(challenge: SignupChallenge | LoginChallenge, frame: Uint8Array): Action[] {
    const ksf = this.#conversation.take(challenge, frame);
    if (challenge.kind === 'signupChallenge') {
      const problem = this.#conversation.serverProblem(challenge.mechanismData.subarray(BYTES.element));
      if (problem !== undefined) throw problem;
    }
    const evaluated = challenge.mechanismData.subarray(0, BYTES.element);
    this.#oprfOutput = finalizeOprf(this.#crypto, this.#input, this.#blind, evaluated);
    this.#crypto.wipe(this.#blind);
    if (challenge.kind === 'signupChallenge') this.#crypto.wipe(this.#input);
    this.#state = 'stretching';
    return [{ kind: 'stretch', oprfOutput: this.#oprfOutput.slice(), ksf }];
  }

  #finishLogin(secret: Uint8Array): Action[] {
    const conversation = this.#conversation;
    const { clientPrivateKey, serverPublicKey } = conversation.recover(secret);
    this.#clientPrivateKey = clientPrivateKey;
    this.#serverPublicKey = serverPublicKey;
    const draft = { kind: 'loginFinish', proof: NO_PROOF } as const;
    const proof = conversation.prove(LABEL.loginClient, clientPrivateKey, draft);
    return [conversation.send({ ...draft, proof })];
  }

  #finishSignup(secret: Uint8Array): Action[] {
    const conversation = this.#conversation;
    const serverPublicKey = conversation.challenge.mechanismData.subarray(BYTES.element);
    const made = finalizeRegistration(this.#crypto, secret, serverPublicKey, conversation.identities);
    try {
      const draft = { kind: 'signupFinish', record: made.record, proof: NO_PROOF } as const;
      const proof = conversation.prove(LABEL.signupClient, made.clientPrivateKey, draft);
      return [conversation.send({ ...draft, proof })];
    } finally {
      this.#crypto.wipe(made.clientPrivateKey, made.exportKey);
    }
  }

  #welcomed(welcome: Welcome, frame: Uint8Array): Action[] {
    const { username, subprotocols, mode } = this.#options;
    const conversation = this.#conversation;
    if (welcome.username !== username) throw refusal('username', 'the server welcomes somebody else');
    checkSubprotocol(welcome, subprotocols);
    conversation.transcript.append(frame);
    const { binding, nonces } = conversation;
    const head = conversation.transcript.exchangeHead(welcome.sessionId);
    this.#welcome = welcome;
    this.#connection = { head, binding, nonces };
    if ((welcome.flags & WELCOME_FLAG.reregister) === 0 || mode !== 'login') return this.#done();
    this.#renewal = new Reregistration(this.#crypto, this.#options, this.#connection, {
      input: this.#input.slice(),
      clientPrivateKey: this.#clientPrivateKey.slice(),
      serverPublicKey: this.#serverPublicKey,
      endOthers: false,
    });
    this.#state = 'renewing';
    return this.#renewed(this.#renewal.open());
  }

  /** Nobody asked for it, so the login succeeds without it too, unless the server is not what it claims to be. */
  #renewed(actions: readonly Action[]): Action[] {
    return actions.flatMap((action) => {
      switch (action.kind) {
        case 'life':
          this.#welcome = { ...this.#welcome!, ...action.life };
          return [];
        case 'done':
          this.#connection = action.connection;
          return this.#done();
        case 'failed':
          if (action.fatal) throw action.error;
          return this.#done();
        default:
          return [action];
      }
    });
  }

  #done(): Action[] {
    this.dispose();
    return [{ kind: 'done', welcome: this.#welcome!, connection: this.#connection! }];
  }
}
