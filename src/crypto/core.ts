import { BlindsaltError } from '../../proto/errors.js';

/** What assembly/index.ts exports; see there for what each function reads and writes. */
export interface CoreExports extends Record<string, unknown> {
  readonly memory: WebAssembly.Memory;
  readonly IN: WebAssembly.Global;
  readonly MESSAGE: WebAssembly.Global;
  readonly MESSAGE_SIZE: WebAssembly.Global;
  readonly OUT: WebAssembly.Global;
  readonly init: () => void;
  readonly wipe: (inLength: number, messageLength: number, outLength: number) => void;
  readonly wipeHashing: (inLength: number, messageLength: number, outLength: number) => void;
  readonly equal: (length: number) => number;
  readonly hashContext: () => number;
  readonly hashStart: () => void;
  readonly hashUpdate: (length: number) => number;
  readonly hashFinish: () => void;
  readonly hmacStart: (keyLength: number) => number;
  readonly hmacFinish: () => void;
  readonly hmacStates: (keyLength: number) => number;
  readonly hmacByStates: (messageLength: number) => number;
  readonly hkdfExpand: (prkLength: number, infoLength: number, length: number) => number;
  readonly expandStart: () => void;
  readonly expandFinish: (dstLength: number, length: number) => number;
  readonly hashToGroupFinish: (dstLength: number) => number;
  readonly hashToScalarFinish: (dstLength: number) => number;
  readonly scalarIsCanonical: () => number;
  readonly scalarReduce: () => void;
  readonly scalarAdd: () => number;
  readonly scalarSubtract: () => number;
  readonly scalarMultiply: () => number;
  readonly scalarInvert: () => number;
  readonly ristrettoIsValid: () => number;
  readonly ristrettoDecode: () => number;
  readonly ristrettoFromUniformBytes: () => void;
  readonly ristrettoAdd: (minus: number) => number;
  readonly ristrettoMultiply: () => number;
  readonly ristrettoMultiplyBase: () => number;
  readonly oprfBlind: (inputLength: number) => number;
  readonly oprfBlindRandom: (inputLength: number) => number;
  readonly oprfBlindEvaluate: () => number;
  readonly oprfFinalize: (inputLength: number) => number;
  readonly oprfDeriveKeyPair: (infoLength: number) => number;
  readonly opaqueEvaluate: (isDecoded: number, identifierLength: number) => number;
  readonly opaqueSeal: (serverLength: number, clientLength: number) => number;
  readonly opaqueOpen: (serverLength: number, clientLength: number) => number;
  readonly schnorrPublicKey: () => number;
  readonly schnorrSign: (keyGiven: number, contextLength: number, messageLength: number) => number;
  readonly schnorrSignStart: (keyGiven: number, contextLength: number) => number;
  readonly schnorrSignNonce: (contextLength: number) => number;
  readonly schnorrSignFinish: () => void;
  readonly schnorrVerify: (contextLength: number, messageLength: number) => number;
  readonly schnorrVerifyStart: (contextLength: number) => number;
  readonly schnorrVerifyFinish: () => number;
  readonly ed25519PublicKey: () => void;
  readonly ed25519Sign: (keyGiven: number, messageLength: number) => number;
  readonly ed25519SignStart: () => void;
  readonly ed25519SignNonce: (keyGiven: number) => void;
  readonly ed25519SignFinish: () => void;
  readonly ed25519Verify: (messageLength: number) => number;
  readonly ed25519VerifyStart: () => number;
  readonly ed25519VerifyFinish: () => number;
}

/** Bytes of a hash context, assembly/sha512.ts. */
export const HASH_CONTEXT_LENGTH = 208;

/**
 * One instance of the core and its memory. Each operation is `put…`, one call, `take…`, all inside `operation`, which
 * wipes what was written whether the operation succeeds or throws. Nothing here is asynchronous: operations never mix.
 */
export class Core {
  readonly exports: CoreExports;
  readonly messageSize: number;
  readonly #bytes: Uint8Array;
  readonly #in: number;
  readonly #message: number;
  readonly #out: number;
  readonly #hash: Uint8Array;
  #inLength = 0;
  #messageLength = 0;
  #outLength = 0;

  constructor(exports: CoreExports) {
    this.exports = exports;
    this.#in = exports.IN.value as number;
    this.#message = exports.MESSAGE.value as number;
    this.#out = exports.OUT.value as number;
    this.messageSize = exports.MESSAGE_SIZE.value as number;
    exports.init();
    // The memory never grows, so the view stays valid.
    this.#bytes = new Uint8Array(exports.memory.buffer);
    const hash = exports.hashContext();
    this.#hash = this.#bytes.subarray(hash, hash + HASH_CONTEXT_LENGTH);
  }

  /** Runs `body` and wipes. */
  operation<T>(body: () => T): T {
    try {
      return body();
    } finally {
      this.exports.wipe(this.#inLength, this.#messageLength, this.#outLength);
      this.#forget();
    }
  }

  /** As `operation`, for SHA-512, HMAC and HKDF: wipes what these write. */
  hashing<T>(body: () => T): T {
    try {
      return body();
    } finally {
      this.exports.wipeHashing(this.#inLength, this.#messageLength, this.#outLength);
      this.#forget();
    }
  }

  #forget(): void {
    this.#inLength = 0;
    this.#messageLength = 0;
    this.#outLength = 0;
  }

  /** Appends an argument. */
  put(argument: Uint8Array): void {
    this.#bytes.set(argument, this.#in + this.#inLength);
    this.#inLength += argument.length;
  }

  /** Leaves room for an argument that is not given. */
  skip(length: number): void {
    this.#inLength += length;
  }

  /** Writes a message, or a part of one; with `offset` no more than `messageSize` bytes. */
  putMessage(message: Uint8Array, offset = 0): void {
    this.#bytes.set(message, this.#message + offset);
    this.#messageLength = Math.max(this.#messageLength, offset + message.length);
  }

  /** Feeds a message of any length to the hash that is under way. */
  absorb(message: Uint8Array): void {
    for (let offset = 0; offset < message.length; offset += this.messageSize) {
      const isShort = message.length <= this.messageSize;
      const part = isShort ? message : message.subarray(offset, offset + this.messageSize);
      this.putMessage(part);
      this.check(this.exports.hashUpdate(part.length));
    }
  }

  /** Says how many bytes of results an operation writes, where a failure leaves them untaken. */
  reserve(length: number): void {
    this.#outLength = Math.max(this.#outLength, length);
  }

  /** Copies `length` bytes of the result, from `offset`. */
  take(length: number, offset = 0): Uint8Array {
    this.#outLength = Math.max(this.#outLength, offset + length);
    return this.#bytes.slice(this.#out + offset, this.#out + offset + length);
  }

  /** Throws what a status other than 0 stands for, assembly/status.ts. */
  check(status: number): void {
    if (status === 0) return;
    if (status === 1) throw new BlindsaltError('crypto-encoding');
    if (status === 4) throw new BlindsaltError('crypto-length');
    throw new BlindsaltError(status === 2 ? 'crypto-identity' : 'envelope-invalid');
  }

  /** Copies the state of the hash that is under way. */
  saveHash(context: Uint8Array): void {
    context.set(this.#hash);
  }

  restoreHash(context: Uint8Array): void {
    this.#hash.set(context);
  }
}
