import type { Crypto } from '../../crypto/index.js';
import {
  createRequest,
  finalizeOprf,
  finalizeRegistration,
  randomizedPassword,
  recoverCredentials,
} from '../../opaque/index.js';
import { bytesOf, type WireMessage } from './schema.js';
import { oprfInput, sha512 } from './transcript.js';

// What a password gives a client: the client's part of OPAQUE, sections 7 and 8.

/** How this suite stretches; what a server cannot tell apart. */
export type Stretch = (oprfOutput: Uint8Array, challenge: WireMessage) => Promise<Uint8Array>;

/** Random passwords need no stretching. */
export const quickStretch: Stretch = async (oprfOutput) => sha512(oprfOutput);

export interface Identity {
  readonly username: string;
  readonly password: Uint8Array;
}

export interface Keys {
  readonly clientPrivateKey: Uint8Array;
  readonly serverPublicKey: Uint8Array;
}

/** One use of a password, from the blinded element to the keys. */
export class Attempt {
  readonly #input: Buffer;
  readonly #blind: Uint8Array;
  /** The blinded element, 32 bytes. */
  readonly request: Uint8Array;

  constructor(
    readonly crypto: Crypto,
    readonly domain: string,
    readonly identity: Identity,
  ) {
    this.#input = oprfInput(domain, identity.username, identity.password);
    const { blind, request } = createRequest(crypto, this.#input);
    this.#blind = blind;
    this.request = request;
  }

  /**
   * What the challenge makes of it, and for a registration the record; undefined when the envelope does not open, or what
   * came is no element.
   */
  async open(challenge: WireMessage, stretch: Stretch): Promise<Opened | undefined> {
    const { crypto, domain, identity } = this;
    const data = bytesOf(challenge, 'mechanismData');
    const identities = { server: utf8.encode(domain), client: utf8.encode(identity.username) };
    try {
      const output = finalizeOprf(crypto, this.#input, this.#blind, data.subarray(0, 32));
      const secret = randomizedPassword(crypto, output, await stretch(output, challenge));
      if (!isRegistration(challenge)) return { keys: recoverCredentials(crypto, secret, data, identities) };
      const serverPublicKey = data.subarray(32);
      const { clientPrivateKey, record } = finalizeRegistration(crypto, secret, serverPublicKey, identities);
      return { keys: { clientPrivateKey, serverPublicKey }, record };
    } catch {
      return undefined;
    }
  }
}

export interface Opened {
  readonly keys: Keys;
  /** For `signup-finish` and `re-register-finish`. */
  readonly record?: Uint8Array;
}

/** Whether a challenge answers a request for a new record, and not one for the record in force. */
export const isRegistration = ({ name }: WireMessage): boolean =>
  name === 'signup-challenge' || name === 're-register-challenge';

const utf8 = new TextEncoder();
