import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

// PROTOCOL.md, sections 2 and 6, with the hash of the platform.

export const sha512 = (bytes: Uint8Array): Buffer => createHash('sha512').update(bytes).digest();
export const hmacSha512 = (key: Uint8Array, bytes: Uint8Array): Buffer =>
  createHmac('sha512', key).update(bytes).digest();

/** `x` behind its length in two bytes; text in UTF-8. */
export function len16(x: Uint8Array | string): Buffer {
  const bytes = Buffer.from(x as string);
  const head = Buffer.alloc(2);
  head.writeUInt16BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

function u32framed(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

export interface ChannelBinding {
  readonly type: string;
  readonly value: Uint8Array;
}
export const UNBOUND: ChannelBinding = { type: '', value: new Uint8Array(0) };

export const LABELS = {
  signupServer: 'blindsalt.v1 signup server',
  signupClient: 'blindsalt.v1 signup client',
  loginServer: 'blindsalt.v1 login server',
  loginClient: 'blindsalt.v1 login client',
  device: 'blindsalt.v1 device',
  resumeServer: 'blindsalt.v1 resume server',
  resumeClient: 'blindsalt.v1 resume client',
  stepUpServer: 'blindsalt.v1 step-up server',
  stepUpClient: 'blindsalt.v1 step-up client',
  reregistrationServer: 'blindsalt.v1 re-registration server',
  reregistrationClientOld: 'blindsalt.v1 re-registration client old',
  reregistrationClientNew: 'blindsalt.v1 re-registration client new',
} as const;

/** A proof and its header, at the end of a frame. */
const PROOF_TAIL = 66;

/** A frame up to the proof at its end, or up to its last proofs: what they sign. */
export const beforeProof = (frame: Buffer, proofs = 1): Buffer => frame.subarray(0, frame.length - proofs * PROOF_TAIL);

/** Writes a proof of 64 bytes over the one at the end of a frame. */
export function putProof(frame: Buffer, proof: Uint8Array): Buffer {
  frame.set(proof, frame.length - 64);
  return frame;
}

/** `serverKeyId` of a server public key. */
export const keyIdOf = (publicKey: Uint8Array): Buffer =>
  sha512(Buffer.concat([len16('blindsalt.v1 server key id'), publicKey])).subarray(0, 16);

/** Every control frame of a connection or exchange, kept whole. */
export class Transcript {
  readonly #frames: Buffer[] = [];

  append(frame: Uint8Array): void {
    this.#frames.push(Buffer.from(frame));
  }

  /** `frames` of section 6. */
  frames(partial?: Uint8Array): Buffer {
    const all = partial === undefined ? this.#frames : [...this.#frames, partial];
    return sha512(Buffer.concat(all.map(u32framed)));
  }

  /** @param partial the frame under way without its proofs */
  hash(label: string, binding: ChannelBinding, partial?: Uint8Array): Buffer {
    return sha512(Buffer.concat([len16(label), len16(binding.type), len16(binding.value), this.frames(partial)]));
  }

  /** The same for the last frame of those that are in it, whose proof is to be checked. */
  hashOfLast(label: string, binding: ChannelBinding): Buffer {
    const last = this.#frames.at(-1)!;
    const cut = new Transcript();
    cut.#frames.push(...this.#frames.slice(0, -1));
    return cut.hash(label, binding, beforeProof(last));
  }

  /** That of an exchange after `welcome`. */
  exchange(sessionId: Uint8Array): Transcript {
    const transcript = new Transcript();
    transcript.append(Buffer.concat([this.frames(), sessionId]));
    return transcript;
  }
}

/** What a Schnorr proof signs. */
export function signedMessage(domain: string, username: string, nonce: Uint8Array, transcriptHash: Uint8Array): Buffer {
  return Buffer.concat([len16(domain), len16(username), nonce, transcriptHash]);
}

/** Input of the OPRF, section 2.3. */
export function oprfInput(domain: string, username: string, password: Uint8Array): Buffer {
  return Buffer.concat([len16(domain), len16(username), len16(password)]);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
