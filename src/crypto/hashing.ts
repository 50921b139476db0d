import { checkCount, checkLength } from './checks.js';
import type { Core } from './core.js';
import type { Crypto, Sha512, Sha512Hash } from './types.js';

/** SHA-512 block; HMAC hashes longer keys. */
const BLOCK_LENGTH = 128;
/** 255 blocks: the most that HKDF-Expand and expand_message_xmd give. */
const MAX_EXPANDED = 16320;

type Hashing = Pick<
  Crypto,
  'sha512' | 'hmacSha512' | 'hkdfSha512' | 'expandMessageXmd' | 'hashToGroup' | 'hashToScalar'
>;

function createSha512(core: Core): Sha512 {
  const { exports } = core;

  /** A hash whose state is kept on this side: any number of them may be under way. */
  const hashFrom = (initial: Uint8Array): Sha512Hash => {
    let context: Uint8Array | undefined = initial;
    const state = (): Uint8Array => {
      if (!context) throw new TypeError('The hash was wiped.');
      return context;
    };
    return {
      update(bytes) {
        checkLength('bytes', bytes, 0, Infinity);
        const before = state();
        core.operation(() => {
          core.restoreHash(before);
          core.absorb(bytes);
          context = core.saveHash();
        });
        before.fill(0);
        return this;
      },
      digest: () =>
        core.operation(() => {
          core.restoreHash(state());
          exports.hashFinish();
          return core.take(64);
        }),
      clone: () => hashFrom(state().slice()),
      wipe() {
        context?.fill(0);
        context = undefined;
      },
    };
  };

  const digest = (bytes: Uint8Array): Uint8Array => {
    checkLength('bytes', bytes, 0, Infinity);
    return core.operation(() => {
      exports.hashStart();
      core.absorb(bytes);
      exports.hashFinish();
      return core.take(64);
    });
  };
  const create = (): Sha512Hash => {
    const context = core.operation(() => {
      exports.hashStart();
      return core.saveHash();
    });
    return hashFrom(context);
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
    return core.operation(() => {
      core.put(key);
      core.check(exports.hmacStart(key.length));
      core.absorb(message);
      exports.hmacFinish();
      return core.take(64);
    });
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
    return core.operation(() => {
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
