import { BYTES, LABEL, MAX_CONTROL_BYTES, type ProofLabel } from './constants.js';

/** An incremental SHA-512, as `blindsalt/crypto` provides it; the protocol layer imports no crypto. */
export interface IncrementalHash {
  update(bytes: Uint8Array): unknown;
  /** 64 bytes: of what was absorbed so far and `last`. Does not change the state. */
  digest(last?: Uint8Array): Uint8Array;
  clone(): IncrementalHash;
}

/** The pieces of SHA-512 that the transcript needs. */
export interface TranscriptHash {
  (bytes: Uint8Array): Uint8Array;
  create(): IncrementalHash;
}

/** Channel binding in use: type and value, both empty for none. */
export interface Binding {
  readonly type: string;
  readonly value: Uint8Array;
}
export const NO_BINDING: Binding = { type: '', value: new Uint8Array(0) };

const utf8 = new TextEncoder();

/** `x` behind its length in two bytes, big-endian. Texts in UTF-8. */
export function len16(x: Uint8Array | string): Uint8Array {
  const { length } = x;
  if (length > 0xffff) throw new RangeError('over 65535 bytes');
  const out = new Uint8Array(length + 2);
  out[0] = length >> 8;
  out[1] = length & 0xff;
  if (typeof x !== 'string') out.set(x, 2);
  else {
    for (let i = 0; i < length; i++) {
      const unit = x.charCodeAt(i);
      // Most texts are plain ASCII, for which an encoder takes longer than this.
      if (unit > 0x7f) return len16(utf8.encode(x));
      out[i + 2] = unit;
    }
  }
  return out;
}

/** Byte strings behind each other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** `x` behind its length in four bytes, big-endian: how frames enter the transcript. */
export function framed(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(FRAME_HEAD_BYTES + bytes.length);
  putFramed(out, bytes);
  return out;
}

const FRAME_HEAD_BYTES = 4;

function putFramed(out: Uint8Array, bytes: Uint8Array): void {
  const { length } = bytes;
  out[0] = length >>> 24;
  out[1] = length >>> 16;
  out[2] = length >>> 8;
  out[3] = length;
  out.set(bytes, FRAME_HEAD_BYTES);
}

/** Where frames are put together for the hash, one after the other: memory of its own for each would cost more. */
const scratch = new Uint8Array(FRAME_HEAD_BYTES + MAX_CONTROL_BYTES);

/** Calls `take` with the frame behind its length. */
function withFramed<T>(frame: Uint8Array, take: (bytes: Uint8Array) => T): T {
  const length = FRAME_HEAD_BYTES + frame.length;
  if (length > scratch.length) return take(framed(frame));
  putFramed(scratch, frame);
  try {
    return take(scratch.subarray(0, length));
  } finally {
    // Some frames carry secrets.
    scratch.fill(0, 0, length);
  }
}

/** `len16` of each label. */
const LABEL_HEADS: ReadonlyMap<ProofLabel, Uint8Array> = new Map(
  Object.values(LABEL).map((label) => [label, len16(label)]),
);
const NO_BINDING_HEAD = new Uint8Array(4);

function bindingHead({ type, value }: Binding): Uint8Array {
  return type === '' && value.length === 0 ? NO_BINDING_HEAD : concat(len16(type), len16(value));
}

/**
 * Running hash over every control frame of a connection, both directions, `hello` first.
 * Proofs sign `hash(label, binding, partial)`, where `partial` is the frame that carries the proof, without it.
 */
export class Transcript {
  #frames: IncrementalHash;
  readonly #sha512: TranscriptHash;

  constructor(sha512: TranscriptHash) {
    this.#sha512 = sha512;
    this.#frames = sha512.create();
  }

  /** Appends a whole control frame, 0xC1 included. */
  append(frame: Uint8Array): void {
    withFramed(frame, (bytes) => this.#frames.update(bytes));
  }

  /** The transcript as it is now; both go on by themselves. */
  fork(): Transcript {
    const fork = new Transcript(this.#sha512);
    fork.#frames = this.#frames.clone();
    return fork;
  }

  /** SHA-512 of the frames so far, 64 bytes. */
  digest(): Uint8Array {
    return this.#frames.digest();
  }

  /** Begins the transcript of an exchange after `welcome`, which is the last frame of this one. */
  exchange(sessionId: Uint8Array): Transcript {
    return exchangeTranscript(this.#sha512, this.digest(), sessionId);
  }

  /** The first entry of such a transcript, 80 bytes, for ends that keep no more of the connection's. */
  exchangeHead(sessionId: Uint8Array): Uint8Array {
    return concat(this.digest(), sessionId);
  }

  /**
   * SHA-512(len16(label) ‖ len16(binding type) ‖ len16(binding value) ‖ SHA-512(frames so far)), 64 bytes.
   * @param partial the beginning of the frame under way, up to and without its proof; hashed like a frame
   */
  hash(label: ProofLabel, binding: Binding, partial?: Uint8Array): Uint8Array {
    const frames = this.#frames;
    const soFar = partial === undefined ? frames.digest() : withFramed(partial, (bytes) => frames.digest(bytes));
    const head = LABEL_HEADS.get(label) ?? len16(label);
    return this.#sha512(concat(head, bindingHead(binding), soFar));
  }
}

/**
 * Begins the transcript of an exchange after `welcome`: its first entry is the hash of all frames up to and including
 * `welcome`, 64 bytes, then the session id (16 bytes).
 */
export function exchangeTranscript(sha512: TranscriptHash, welcomed: Uint8Array, sessionId: Uint8Array): Transcript {
  const transcript = new Transcript(sha512);
  transcript.append(concat(welcomed, sessionId));
  return transcript;
}

/** The frame without its last `proofs` fields, each a 64-byte proof with its two header bytes. */
export function withoutProof(frame: Uint8Array, proofs = 1): Uint8Array {
  return frame.subarray(0, frame.length - proofs * (BYTES.proof + BYTES.proofHeader));
}

/** What a proof of login or sign-up signs (the label is the Schnorr context). */
export function proofMessage(
  domain: string,
  username: string,
  serverNonce: Uint8Array,
  transcriptHash: Uint8Array,
): Uint8Array {
  return concat(len16(domain), len16(username), serverNonce, transcriptHash);
}

/** The OPRF input of RFC 9497: domain, username and prepared password, each with its length. */
export function oprfInput(domain: string, username: string, password: Uint8Array): Uint8Array {
  return concat(len16(domain), len16(username), len16(password));
}
