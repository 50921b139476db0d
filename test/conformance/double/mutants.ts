// Servers that break one rule each, named after it, and the case that has to find them.
import { encodeControl, escapeApplication, LABEL, len16, type SignupChallenge } from '../../../proto/index.js';
import type { Crypto } from '../../../src/crypto/index.js';
import type { Store } from '../../../src/server/index.js';
import type { Mutant, Taps, Wire } from './double-server.js';
import { ignoring, instead, leniently, read, sending } from './rewriting.js';

const ELEMENT = (crypto: Crypto): Uint8Array => crypto.ristretto255.fromUniformBytes(crypto.randomBytes(64));
const EMPTY: Uint8Array = new Uint8Array(0);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Everything may be the same for all connections. */
const wired = (name: string, caughtBy: string, wire: (wire: Wire) => Taps): Mutant => ({ name, caughtBy, wire });

/** A core whose verification of signatures is another. */
function verifying(
  name: string,
  caughtBy: string,
  verify: (crypto: Crypto, ...args: Parameters<Crypto['schnorr']['verify']>) => boolean,
): Mutant {
  return {
    name,
    caughtBy,
    options: ({ crypto }) => ({
      crypto: {
        ...crypto,
        schnorr: {
          ...crypto.schnorr,
          verify: (...args) => crypto.schnorr.verify(...args) || verify(crypto, ...args),
        },
      },
    }),
  };
}
const isUnder = (context: Uint8Array, label: string): boolean => Buffer.from(context).toString() === label;

/** A store one of whose questions is answered in another way. */
function storing(name: string, caughtBy: string, change: (store: Store) => Partial<Store>): Mutant {
  return {
    name,
    caughtBy,
    options: ({ store }) => {
      const changed = change(store);
      return {
        store: new Proxy(store, {
          get: (target, key) => {
            const own = (changed as Record<PropertyKey, unknown>)[key];
            if (own !== undefined) return own;
            const value: unknown = Reflect.get(target, key, target);
            return typeof value === 'function' ? (value.bind(target) as unknown) : value;
          },
        }),
      };
    },
  };
}

/** Swallows the frames and closes of one kind. */
const swallowing = (code: string): Taps => ({
  ...sending('error', (message) => (message.code === code ? null : {})),
  close: (_code, reason) => (reason === code ? null : undefined),
});

/** Remembers which usernames are registered here. */
function isUnknownTo(wire: Wire): (username: string) => Promise<boolean> {
  return async (username) => (await wire.engine.store.getUserOrDecoy(username)).exists === false;
}

const decoder: readonly Mutant[] = [
  wired('accepts-trailing-bytes', 'decode-login-start-frame', () => leniently((what) => what === 'trailing')),
  wired('accepts-extra-fields', 'decode-login-start-frame', () => leniently((what) => what === 'extra')),
  wired('accepts-longer-encodings', 'decode-login-start-device-label', () => leniently((what) => what === 'long')),
  wired('accepts-invalid-utf8', 'decode-login-start-device-label', () => leniently((what) => what === 'text')),
  wired('accepts-nil-for-text', 'decode-login-start-origin', () => leniently((what) => what === 'nil')),
  wired('accepts-trailing-bytes-after-welcome', 'decode-refresh-frame', () =>
    leniently((what, fields) => what === 'trailing' && fields.length === 0),
  ),
  wired('ignores-unknown-types', 'decode-unknown-types', () => ({
    input: (frame) =>
      frame[2] !== undefined && frame[2] > 76 && read(frame, 'client') === undefined ? null : undefined,
  })),
  wired('ignores-messages-of-servers', 'decode-server-messages', () => ({
    input: (frame) => (read(frame, 'server') === undefined ? undefined : null),
  })),
  wired('ignores-mark-alone', 'decode-no-array', () => ({ input: (frame) => (frame.length === 1 ? null : undefined) })),
  wired('large-frame-is-a-protocol-error', 'frame-too-large', () => instead('frame-too-large', 'protocol-error', 4400)),
  wired('limit-includes-4096', 'frame-of-4096', (wire) => ({
    input: (frame) => {
      if (frame.length < 4096) return undefined;
      wire.deliver(Buffer.concat([frame, Buffer.of(0)]));
      return null;
    },
  })),
  wired('label-is-ascii-only', 'decode-odd-text-accepted', (wire) => ({
    input: (frame) => {
      const message = read(frame, 'client');
      if (message?.kind !== 'loginStart' || /^[ -~é]*$/.test(message.deviceLabel)) return undefined;
      wire.deliver(Buffer.of(0xc1));
      return null;
    },
  })),
  wired('refuses-control-frame-in-fragments', 'decode-longest-accepted', (wire) => ({
    input: (frame) => {
      if (frame.length < 600) return undefined;
      wire.deliver(Buffer.of(0xc1));
      return null;
    },
  })),
];

const hello: readonly Mutant[] = [
  wired('hello-twice', 'hello-once', (wire) => {
    let isFirst = true;
    return {
      output: (frame) => {
        if (isFirst) setTimeout(() => wire.send(frame), 20);
        isFirst = false;
        return undefined;
      },
    };
  }),
  wired('hello-without-version-1', 'hello-versions', () => sending('hello', () => ({ versions: [2] }))),
  wired('hello-of-another-domain', 'hello-domain', () => sending('hello', () => ({ domain: 'example.org' }))),
  wired('hello-without-mechanism', 'hello-mechanisms', () => sending('hello', () => ({ mechanisms: ['PLAIN'] }))),
  wired('hello-with-unknown-policy', 'hello-registration', () => sending('hello', () => ({ registration: 'maybe' }))),
  wired('hello-with-puzzle', 'hello-puzzle-empty', () => sending('hello', () => ({ puzzle: new Uint8Array(8) }))),
  { name: 'serves-without-subprotocol', caughtBy: 'subprotocol-missing', isPeerRight: true },
  { name: 'skips-origin-header', caughtBy: 'origin-stranger', isPeerRight: true },
  {
    name: 'selects-the-first-subprotocol',
    caughtBy: 'subprotocol-among-others',
    sockets: { handleProtocols: (offered) => [...offered][0] ?? false },
  },
  { name: 'negotiates-deflate', caughtBy: 'no-extensions', sockets: { perMessageDeflate: { threshold: 0 } } },
  { name: 'takes-messages-over-the-limit', caughtBy: 'message-too-long', sockets: { maxPayload: 1 << 24 } },
  wired('reuses-nonce', 'hello-nonces', () =>
    sending('hello', ({ serverNonce }) => ({ serverNonce: serverNonce.fill(0, 0, 31) })),
  ),
  (() => {
    let count = 0;
    return wired('nonce-is-a-counter', 'hello-nonces', () =>
      sending('hello', ({ serverNonce }) => {
        const nonce = Buffer.alloc(serverNonce.length, 7);
        nonce.writeUInt32BE((count += 1));
        return { serverNonce: nonce };
      }),
    );
  })(),
  wired('challenge-reuses-nonce-of-hello', 'challenge-nonces', () => {
    let first: Uint8Array = EMPTY;
    return {
      output: (frame) => {
        const message = read(frame, 'server');
        if (message?.kind === 'hello') first = message.serverNonce;
        return message?.kind === 'loginChallenge' ? encodeControl({ ...message, serverNonce: first }) : undefined;
      },
    };
  }),
  {
    name: 'no-handshake-timeout',
    caughtBy: 'handshake-timeout',
    options: () => ({ limits: { handshakeTimeoutMs: 600_000 } }),
    wire: () => sending('hello', ({ limits }) => ({ limits: [limits[0]!, 1_000, ...limits.slice(2)] })),
  },
];

const starts: readonly Mutant[] = [
  {
    name: 'skips-target-check',
    caughtBy: 'target-refused',
    settings: () => ({ targets: { has: () => true } as never }),
  },
  wired('target-refused-with-wrong-close', 'target-refused', () => instead('target-refused', 'target-refused', 4405)),
  wired('skips-origin-field', 'origin-differs', () => ignoring(() => ({ origin: '' }))),
  wired('skips-binding-check', 'binding-unoffered', () => ignoring(() => ({ binding: '' }))),
  wired('skips-puzzle-answer', 'puzzle-answer-unasked', () => ignoring(() => ({ puzzleAnswer: EMPTY }))),
  wired('skips-username-preparation', 'username-unprepared', (wire) =>
    ignoring((start) =>
      'username' in start && !/^[a-z0-9-]+$/.test(start.username)
        ? { username: `u${hex(wire.crypto.randomBytes(8))}` }
        : {},
    ),
  ),
  wired('usernames-in-ascii-only', 'username-prepared', () =>
    ignoring((start) => ('username' in start && !/^[!-~]+$/.test(start.username) ? { username: 'Alice' } : {})),
  ),
  wired('accepts-identity-element', 'element-invalid', ({ crypto }) =>
    ignoring((start) =>
      'mechanismData' in start && start.mechanismData.every((byte) => byte === 0)
        ? { mechanismData: ELEMENT(crypto) }
        : {},
    ),
  ),
  wired('accepts-non-canonical-element', 'element-invalid', ({ crypto }) =>
    ignoring((start) =>
      'mechanismData' in start && start.mechanismData[31]! > 0x7e ? { mechanismData: ELEMENT(crypto) } : {},
    ),
  ),
  wired('accepts-longer-mechanism-data', 'element-length', () =>
    ignoring((start) => ('mechanismData' in start ? { mechanismData: start.mechanismData.slice(0, 32) } : {})),
  ),
  wired('accepts-nonce-of-hello', 'nonce-of-hello', ({ crypto }) => {
    let first = '';
    const taps = ignoring(({ clientNonce }) =>
      hex(clientNonce) === first ? { clientNonce: crypto.randomBytes(32) } : {},
    );
    return {
      ...taps,
      output: (frame) => {
        const message = read(frame, 'server');
        if (message?.kind === 'hello') first = hex(message.serverNonce);
        return undefined;
      },
    };
  }),
  wired('accepts-repeated-nonce', 'nonce-repeated', ({ crypto }) => {
    const seen = new Set<string>();
    return ignoring(({ clientNonce }) => {
      if (seen.has(hex(clientNonce))) return { clientNonce: crypto.randomBytes(32) };
      seen.add(hex(clientNonce));
      return {};
    });
  }),
  {
    name: 'no-limit-of-starts',
    caughtBy: 'start-limit',
    options: () => ({ limits: { maxAttempts: 100 } }),
    wire: () => sending('hello', ({ limits }) => ({ limits: [...limits.slice(0, 2), 5] })),
  },
  wired('checks-username-first', 'check-order', () =>
    ignoring((start) =>
      'username' in start && start.username === 'Alice' ? { target: 'x', ...{ origin: '', binding: '' } } : {},
    ),
  ),
  wired('closes-on-unsupported-mechanism', 'mechanism-unsupported', (wire) => ({
    ...sending('error', (message) => {
      if (message.code === 'mechanism-unsupported') setTimeout(() => wire.close(4400, 'protocol-error'));
      return {};
    }),
  })),
  wired('device-proof-that-is-wrong-is-refused', 'device-unknown', (wire) => ({
    input: (frame) => {
      const message = read(frame, 'client');
      if (message?.kind !== 'loginStart' || message.deviceProof.length === 0) return undefined;
      wire.deliver(Buffer.of(0xc1));
      return null;
    },
  })),
  wired('skips-device-proof-of-resume', 'device-elsewhere', () => ignoring(() => ({ deviceProof: EMPTY }))),
];

/** The transcript hash is the last thing that a proof signs; which input gave it is remembered. */
function acceptsOtherLabels(): Mutant {
  return {
    name: 'signature-without-label',
    caughtBy: 'login-label',
    options: ({ crypto }) => {
      const inputs = new Map<string, Uint8Array>();
      const sha512 = Object.assign(
        (bytes: Uint8Array) => {
          const digest = crypto.sha512(bytes);
          if (bytes.length < 400) inputs.set(hex(digest), bytes.slice());
          return digest;
        },
        { create: () => crypto.sha512.create() },
      );
      const verify: Crypto['schnorr']['verify'] = (signature, message, key, context) => {
        if (crypto.schnorr.verify(signature, message, key, context)) return true;
        const input = inputs.get(hex(message.subarray(-64)));
        if (input === undefined) return false;
        const rest = input.subarray(2 + input[0]! * 256 + input[1]!);
        return [...Object.values(LABEL), ''].some((label) => {
          const hash = crypto.sha512(Buffer.concat([len16(label), rest]));
          const other = Buffer.concat([message.subarray(0, -64), hash]);
          return crypto.schnorr.verify(signature, other, key, Buffer.from(label));
        });
      };
      return { crypto: { ...crypto, sha512, schnorr: { ...crypto.schnorr, verify } } };
    },
  };
}

const ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
function reduced(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${hex(signature.slice(32).reverse())}`) % ORDER;
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()]);
}

const passwords: readonly Mutant[] = [
  verifying('accepts-any-proof-of-login', 'login-wrong-proof', (_crypto, _s, _m, _key, context) =>
    isUnder(context, LABEL.loginClient),
  ),
  verifying('proof-of-login-ignores-transcript', 'transcript-login-hello', (_crypto, _s, _m, _key, context) =>
    isUnder(context, LABEL.loginClient),
  ),
  verifying('accepts-any-proof-of-sign-up', 'signup-wrong-proof', (_crypto, _s, _m, _key, context) =>
    isUnder(context, LABEL.signupClient),
  ),
  verifying('proof-of-sign-up-ignores-transcript', 'transcript-signup-signup-start', (_crypto, _s, _m, _key, context) =>
    isUnder(context, LABEL.signupClient),
  ),
  verifying('accepts-the-identity-as-key', 'signup-identity-forgery', (_crypto, _s, _m, key) =>
    key.every((byte) => byte === 0),
  ),
  verifying('accepts-s-above-the-order', 'login-malleable', (crypto, signature, message, key, context) =>
    crypto.schnorr.verify(reduced(signature), message, key, context),
  ),
  verifying('step-up-skips-the-proof', 'step-up-wrong', (_crypto, _s, _m, _key, context) =>
    isUnder(context, LABEL.stepUpClient),
  ),
  verifying('re-register-skips-the-old-proof', 're-register-wrong-old-proof', (_crypto, _s, _m, _key, context) =>
    isUnder(context, LABEL.reregistrationClientOld),
  ),
  verifying('re-register-skips-the-new-proof', 're-register-wrong-new-proof', (_crypto, _s, _m, _key, context) =>
    isUnder(context, LABEL.reregistrationClientNew),
  ),
  acceptsOtherLabels(),
  wired('wrong-server-key-id', 'login-honest', () =>
    sending('loginChallenge', ({ serverKeyId }) => ({ serverKeyId: serverKeyId.fill(7) })),
  ),
  wired('masking-nonce-is-constant', 'login-element-answer', () =>
    sending('loginChallenge', ({ mechanismData }) => ({ mechanismData: mechanismData.fill(7, 32, 64) })),
  ),
  wired('challenge-takes-two-finishes', 'login-finish-once', (wire) => {
    let hasFailed = false;
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind !== 'loginFinish') return undefined;
        if (hasFailed) wire.send(encodeControl({ kind: 'error', code: 'login-failed', retryAfterSeconds: 0 }));
        return hasFailed ? null : ((hasFailed = true), undefined);
      },
    };
  }),
  wired('challenge-outlives-new-start', 'orders-login-signup', (wire) => {
    // The sign-up is answered by nobody who could forget the login.
    let isChallenged = false;
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind === 'loginStart') isChallenged = true;
        if (message?.kind !== 'signupStart' || !isChallenged) return undefined;
        const { crypto } = wire;
        const challenge: SignupChallenge = {
          kind: 'signupChallenge',
          serverNonce: crypto.randomBytes(32),
          serverKeyId: new Uint8Array(16),
          ksf: 'pbkdf2-sha512',
          ksfMemoryKiB: 0,
          ksfIterations: 210_000,
          ksfParallelism: 0,
          mechanismData: Buffer.concat([ELEMENT(crypto), ELEMENT(crypto)]),
          proof: crypto.randomBytes(64),
        };
        wire.send(encodeControl(challenge));
        return null;
      },
    };
  }),
  wired('tells-taken-names-at-start', 'signup-taken', (wire) => {
    const isUnknown = isUnknownTo(wire);
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind !== 'signupStart') return undefined;
        void isUnknown(message.username).then((isFree) => {
          if (isFree) wire.deliver(frame);
          else wire.send(encodeControl({ kind: 'error', code: 'username-taken', retryAfterSeconds: 0 }));
        });
        return null;
      },
    };
  }),
  wired('one-salt-for-all-sign-ups', 'signup-fresh-salt', () => {
    let first: Uint8Array | undefined;
    return sending('signupChallenge', ({ mechanismData }) => ({ mechanismData: (first ??= mechanismData) }));
  }),
  wired('ignores-offered-key-stretching', 'signup-ksf-unsupported', () =>
    ignoring((start) => ('ksfs' in start ? { ksfs: ['pbkdf2-sha512'] } : {})),
  ),
  wired('ignores-invites', 'signup-unknown-invite', () =>
    ignoring((start) => ('invite' in start ? { invite: '' } : {})),
  ),
  wired('early-application-is-ignored', 'early-application', () => ({
    text: () => null,
    ...swallowing('early-frame'),
  })),
  wired('early-application-is-a-protocol-error', 'early-application', () =>
    instead('early-frame', 'protocol-error', 4400),
  ),
  wired('errors-without-close', 'orders-that-close', () => ({ close: () => null })),
  wired('close-reasons-with-details', 'target-refused', () => ({
    close: (code, reason) => [code, `${reason}: not on the list`],
  })),
  wired('unknown-user-is-told-at-once', 'unknown-user-answered', (wire) => {
    const isUnknown = isUnknownTo(wire);
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind !== 'loginStart') return undefined;
        void isUnknown(message.username).then((isFree) => {
          if (isFree) wire.send(encodeControl({ kind: 'error', code: 'login-failed', retryAfterSeconds: 0 }));
          else wire.deliver(frame);
        });
        return null;
      },
    };
  }),
  wired('unknown-user-different-length', 'unknown-user-answered', (wire) => {
    const isUnknown = isUnknownTo(wire);
    let isFree = false;
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind !== 'loginStart') return undefined;
        void isUnknown(message.username).then((is) => {
          isFree = is;
          wire.deliver(frame);
        });
        return null;
      },
      ...sending('loginChallenge', ({ mechanismData }) =>
        isFree ? { mechanismData: mechanismData.slice(0, 160) } : {},
      ),
    };
  }),
  wired('unknown-user-other-error', 'unknown-user-answered', (wire) => {
    const isUnknown = isUnknownTo(wire);
    let isFree = false;
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind !== 'loginStart') return undefined;
        void isUnknown(message.username).then((is) => {
          isFree = is;
          wire.deliver(frame);
        });
        return null;
      },
      ...sending('error', () => (isFree ? { retryAfterSeconds: 1 } : {})),
    };
  }),
  wired('unknown-user-answered-at-random', 'unknown-user-stable', ({ crypto }) =>
    sending('loginChallenge', ({ mechanismData }) => ({
      mechanismData: Buffer.concat([ELEMENT(crypto), mechanismData.subarray(32)]),
    })),
  ),
];

const sessions: readonly Mutant[] = [
  wired('resume-gives-no-new-ticket', 'resume-honest', () => {
    let used: Uint8Array = EMPTY;
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind === 'resume') used = message.ticketId;
        return undefined;
      },
      ...sending('welcome', () => (used.length > 0 ? { ticketId: used } : {})),
    };
  }),
  wired('resume-without-proof-of-the-server', 'resume-honest', () =>
    sending('welcome', ({ proof }) => ({ proof: proof.fill(0) })),
  ),
  {
    name: 'resume-skips-the-proof',
    caughtBy: 'resume-wrong-proof',
    options: ({ crypto }) => ({
      crypto: { ...crypto, equal: (a, b) => (a.length === 64 && b.length === 64) || crypto.equal(a, b) },
    }),
  },
  wired('wrong-proof-ends-the-session', 'resume-wrong-proof', (wire) => {
    let sessionId: Uint8Array = EMPTY;
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind === 'resume') sessionId = message.ticketId.slice(0, 16);
        return undefined;
      },
      ...sending('error', ({ code }) => {
        if (code === 'resume-failed')
          void wire.engine.store.endSessions({ sessionId, reason: 'revoked', nowMs: Date.now() });
        return {};
      }),
    };
  }),
  (() => {
    const dead = new Set<string>();
    const lastOf = new Map<string, string>();
    return wired('dead-ticket-is-refused-only', 'resume-dead-ticket', (wire) => ({
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind !== 'resume') return undefined;
        const id = hex(message.ticketId);
        if (dead.has(id)) {
          wire.send(encodeControl({ kind: 'error', code: 'session-revoked', retryAfterSeconds: 0 }));
          wire.close(4432, 'session-revoked');
          return null;
        }
        // Everything of this session but what is used now, as soon as something is used.
        if (lastOf.has(id.slice(0, 32))) dead.add(lastOf.get(id.slice(0, 32))!);
        lastOf.set(id.slice(0, 32), id);
        return undefined;
      },
    }));
  })(),
  storing('accepts-old-ticket-twice', 'resume-dead-ticket', (store) => {
    const last = new Map<string, Uint8Array>();
    return {
      async rotateTicket(rotation, note) {
        const key = hex(rotation.sessionId);
        const before = last.get(key);
        last.set(key, rotation.newSerial);
        if (rotation.mode !== 'resume' || before === undefined) return store.rotateTicket(rotation, note);
        return store.rotateTicket({ ...rotation, serial: before }, note);
      },
    };
  }),
  wired('does-not-close-replaced-connection', 'resume-replaces-connection', () => swallowing('session-replaced')),
  wired('does-not-close-on-revoke', 'revoke-one', () => swallowing('session-revoked')),
  wired('closes-late-on-revoke', 'revoke-one', (wire) => ({
    ...sending('error', ({ code }) => (code === 'session-revoked' ? null : {})),
    close: (code, reason) => {
      if (reason !== 'session-revoked') return undefined;
      setTimeout(() => wire.close(code, reason), 2_500).unref();
      return null;
    },
  })),
  storing('revokes-sessions-of-others', 'revoke-foreign', (store) => ({
    endSessions: ({ sessionId, reason, nowMs, ...rest }, note) =>
      store.endSessions(sessionId === undefined ? { ...rest, reason, nowMs } : { sessionId, reason, nowMs }, note),
  })),
  storing('logout-keeps-the-ticket', 'logout', (store) => ({
    endSessions: async (which, note) => (which.reason === 'logout' ? [] : store.endSessions(which, note)),
  })),
  storing('delete-keeps-the-account', 'delete-account', () => ({ deleteUser: async () => true })),
  storing('swaps-records-unconditionally', 're-register-record-changed', (store) => ({
    async replaceRecordAndRenew(replacement, note) {
      const result = await store.replaceRecordAndRenew(replacement, note);
      if (result.result !== 'record-changed') return result;
      const version = replacement.version + 1;
      const rotation = { ...replacement.rotation, recordVersion: version + 1 };
      return store.replaceRecordAndRenew({ ...replacement, version, rotation }, note);
    },
  })),
  wired('revokes-without-fresh-proof', 'resume-nothing-fresh', () => instead('step-up-required', 'session-unknown')),
  wired('sessions-list-without-end', 'sessions-list', () =>
    sending('sessionEntry', ({ sessionId }) => (sessionId.length === 0 ? null : {})),
  ),
  storing('sessions-list-of-nobody-else', 'sessions-list', (store) => ({
    listSessions: async (userId, nowMs) => (await store.listSessions(userId, nowMs)).slice(0, 1),
  })),
  wired('answers-in-longer-encodings', 'hello-first', () => ({
    output: (frame) =>
      read(frame, 'server')?.kind === 'hello'
        ? Buffer.concat([frame.subarray(0, 1), Buffer.of(0xdc, 0, 9), frame.subarray(2)])
        : undefined,
  })),
  storing('disabled-account-stays-connected', 'disabled-account', (store) => ({
    setUserStatus: async () => true,
    getUserOrDecoy: (username) => store.getUserOrDecoy(username),
  })),
  { ...wired('application-not-escaped', 'application-escape', () => ({ application: (data) => data })) },
  wired('application-escape-not-stripped', 'application-escape', () => ({
    application: (data) => escapeApplication(data[0] === 0xc1 ? Buffer.concat([Buffer.of(0xc1), data]) : data),
  })),
  wired('control-frames-as-text', 'control-text', () => ({
    text: (data) => Buffer.concat([Buffer.of(0xc1), data]),
  })),
  wired('device-by-resume', 'device-not-by-resume', () =>
    sending('welcome', () => ({ deviceId: new Uint8Array(16), deviceSecret: new Uint8Array(32) })),
  ),
];

export const MUTANTS: readonly Mutant[] = [...hello, ...decoder, ...starts, ...passwords, ...sessions];
