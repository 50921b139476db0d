import { checkCount, checkLength } from './checks.js';
import { HASH_CONTEXT_LENGTH, type Core } from './core.js';
import type { Crypto, HmacKey, Sha512, Sha512Hash } from './types.js';

/** SHA-512 block; HMAC hashes longer keys. */
const BLOCK_LENGTH = 128;
/** 255 blocks: the most that HKDF-Expand and expand_message_xmd give. */
const MAX_EXPANDED = 16320;

type Hashing = Pick<
  Crypto,
  'sha512' | 'hmacSha512' | 'createHmacKey' | 'hkdfSha512' | 'expandMessageXmd' | 'hashToGroup' | 'hashToScalar'
>;

/** A hash whose state is kept on this side: any number of them may be under way. */
class HashUnderWay implements Sha512Hash {
  readonly #core: Core;
  #context: Uint8Array | undefined;

  constructor(core: Core, context: Uint8Array) {
    this.#core = core;
    this.#context = context;
  }

  #state(): Uint8Array {
    if (!this.#context) throw new TypeError('The hash was wiped.');
    return this.#context;
  }

  update(bytes: Uint8Array): this {
    checkLength('bytes', bytes, 0, Infinity);
    const core = this.#core;
    const context = this.#state();
    core.hashing(() => {
      core.restoreHash(context);
      core.absorb(bytes);
      core.saveHash(context);
    });
    return this;
  }

  digest(last?: Uint8Array): Uint8Array {
    if (last !== undefined) checkLength('last', last, 0, Infinity);
    const core = this.#core;
    const context = this.#state();
    return core.hashing(() => {
      core.restoreHash(context);
      if (last !== undefined) core.absorb(last);
      core.exports.hashFinish();
      return core.take(64);
    });
  }

  clone(): Sha512Hash {
    return new HashUnderWay(this.#core, this.#state().slice());
  }

  wipe(): void {
    this.#context?.fill(0);
    this.#context = undefined;
  }
}

function createSha512(core: Core): Sha512 {
  const { exports } = core;

  const digest = (bytes: Uint8Array): Uint8Array => {
    checkLength('bytes', bytes, 0, Infinity);
    return core.hashing(() => {
      exports.hashStart();
      core.absorb(bytes);
      exports.hashFinish();
      return core.take(64);
    });
  };
  const create = (): Sha512Hash => {
    const context = new Uint8Array(HASH_CONTEXT_LENGTH);
    core.hashing(() => {
      exports.hashStart();
      core.saveHash(context);
    });
    return new HashUnderWay(core, context);
  };
  return Object.assign(digest, { create });
}

export function createHashing(core: Core): Hashing {
  const { exports } = core;
  const sha512 = createSha512(core);

  const hmac = (key: Uint8Array, message: Uint8Array): Uint8Array => {
    if (key.length > BLOCK_LENGTH) {
      const short = sha512(key);
      try {
        return hmac(short, message);
      } finally {
        short.fill(0);
      }
    }
    return core.hashing(() => {
      core.put(key);
      core.check(exports.hmacStart(key.length));
      core.absorb(message);
      exports.hmacFinish();
      return core.take(64);
    });
  };

  const createHmacKey = (key: Uint8Array): HmacKey => {
    if (key.length > BLOCK_LENGTH) {
      const short = sha512(key);
      try {
        return createHmacKey(short);
      } finally {
        short.fill(0);
      }
    }
    // Of the inner and the outer hash, after the padded key.
    let states: Uint8Array | undefined = core.hashing(() => {
      core.put(key);
      core.check(exports.hmacStates(key.length));
      return core.take(128);
    });
    return {
      hmac(message) {
        const own = states;
        if (!own) throw new TypeError('The key was wiped.');
        checkLength('message', message, 0, core.messageSize);
        return core.hashing(() => {
          core.put(own);
          core.putMessage(message);
          core.check(exports.hmacByStates(message.length));
          return core.take(64);
        });
      },
      wipe() {
        states?.fill(0);
        states = undefined;
      },
    };
  };

  const expand = (prk: Uint8Array, info: Uint8Array, length: number): Uint8Array => {
    if (prk.length > BLOCK_LENGTH) {
      const short = sha512(prk);
      try {
        return expand(short, info, length);
      } finally {
        short.fill(0);
      }
    }
    return core.hashing(() => {
      core.put(prk);
      core.putMessage(info);
      core.check(exports.hkdfExpand(prk.length, info.length, length));
      return core.take(length);
    });
  };

  /** expand_message_xmd up to the point where `finish` decides what comes out. */
  const expandMessage = (message: Uint8Array, dst: Uint8Array, length: number, finish: () => void): Uint8Array => {
    checkLength('message', message, 0, Infinity);
    checkLength('dst', dst, 1, 255);
    return core.operation(() => {
      core.put(dst);
      exports.expandStart();
      core.absorb(message);
      finish();
      return core.take(length);
    });
  };

  return {
    sha512,
    hmacSha512(key, message) {
      checkLength('key', key, 0, Infinity);
      checkLength('message', message, 0, Infinity);
      return hmac(key, message);
    },
    createHmacKey(key) {
      checkLength('key', key, 0, Infinity);
      return createHmacKey(key);
    },
    hkdfSha512: {
      extract(salt, ikm) {
        checkLength('salt', salt, 0, Infinity);
        checkLength('ikm', ikm, 0, Infinity);
        return hmac(salt, ikm);
      },
      expand(prk, info, length) {
        checkLength('prk', prk, 64, 65535);
        checkLength('info', info, 0, 65535);
        checkCount('length', length, 1, MAX_EXPANDED);
        return expand(prk, info, length);
      },
    },
    expandMessageXmd(message, dst, length) {
      checkCount('length', length, 1, MAX_EXPANDED);
      return expandMessage(message, dst, length, () => core.check(exports.expandFinish(dst.length, length)));
    },
    hashToGroup: (message, dst) =>
      expandMessage(message, dst, 32, () => core.check(exports.hashToGroupFinish(dst.length))),
    hashToScalar: (message, dst) =>
      expandMessage(message, dst, 32, () => core.check(exports.hashToScalarFinish(dst.length))),
  };
}
