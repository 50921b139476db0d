import { BYTES, TYPE } from './constants.js';

/** One field of a message: its wire type and the bounds that the decoder enforces before it reads the value. */
export type Field =
  /** Unsigned integer, at most `max` (never above 2^32 − 1). */
  | { readonly kind: 'uint'; readonly max: number }
  /** Byte string whose length is one of `lengths`, or from `min` to `max`. */
  | { readonly kind: 'bin'; readonly lengths: readonly number[] }
  | { readonly kind: 'blob'; readonly min: number; readonly max: number }
  /** UTF-8 text, length in bytes. */
  | { readonly kind: 'str'; readonly min: number; readonly max: number }
  /** List of at most `items` texts or integers. */
  | { readonly kind: 'strs'; readonly items: number; readonly max: number }
  | { readonly kind: 'uints'; readonly items: number };

const U32 = 0xffff_ffff;
const uint = (max = U32): Field => ({ kind: 'uint', max });
const bin = (...lengths: number[]): Field => ({ kind: 'bin', lengths });
const blob = (min: number, max: number): Field => ({ kind: 'blob', min, max });
const str = (min: number, max: number): Field => ({ kind: 'str', min, max });
const strs = (items: number, max: number): Field => ({ kind: 'strs', items, max });
const uints = (items: number): Field => ({ kind: 'uints', items });

export type Sender = 'client' | 'server';

interface Shape {
  readonly type: number;
  readonly sender: Sender;
  /** Field names and types in wire order, after the type number. */
  readonly fields: readonly (readonly [name: string, field: Field])[];
}

/** Fields that every start message begins with. */
const START: Shape['fields'] = [
  ['username', str(1, 255)],
  ['clientNonce', bin(BYTES.nonce)],
  ['target', str(1, 262)],
  ['binding', str(0, 32)],
  ['origin', str(0, 300)],
  ['subprotocols', strs(8, 64)],
  ['deviceLabel', str(0, 64)],
  ['deviceProof', bin(0, BYTES.deviceProof)],
  ['puzzleAnswer', blob(0, 64)],
];

/** Key stretching parameters, as challenges carry them. */
const KSF: Shape['fields'] = [
  ['ksf', str(1, 32)],
  ['ksfMemoryKiB', uint()],
  ['ksfIterations', uint()],
  ['ksfParallelism', uint()],
];

/** What challenges consist of. */
const CHALLENGE: Shape['fields'] = [
  ['serverNonce', bin(BYTES.nonce)],
  ['serverKeyId', bin(BYTES.serverKeyId)],
  ...KSF,
  ['mechanismData', blob(0, 255)],
  ['proof', bin(BYTES.proof)],
];

/** What is left of a session, and its ticket from now on. */
const LIFE: Shape['fields'] = [
  ['idleSeconds', uint()],
  ['absoluteSeconds', uint()],
  ['ticketId', bin(0, BYTES.ticketId)],
  ['ticketSecret', bin(0, BYTES.ticketSecret)],
];

/** The same, and what makes a known device of the client: after a proof of the password. */
const PROVEN_LIFE: Shape['fields'] = [
  ...LIFE,
  ['deviceId', bin(0, BYTES.deviceId)],
  ['deviceSecret', bin(0, BYTES.deviceSecret)],
];

/** The closed schema of blindsalt.v1: whatever is not in here is refused. */
export const SHAPES = {
  hello: {
    type: TYPE.hello,
    sender: 'server',
    fields: [
      ['serverNonce', bin(BYTES.nonce)],
      ['domain', str(1, 253)],
      ['versions', uints(8)],
      ['mechanisms', strs(8, 64)],
      ['bindings', strs(8, 32)],
      ['registration', str(1, 16)],
      ['limits', uints(15)],
      ['puzzle', blob(0, 64)],
    ],
  },
  error: {
    type: TYPE.error,
    sender: 'server',
    fields: [
      ['code', str(1, 32)],
      ['retryAfterSeconds', uint()],
    ],
  },
  welcome: {
    type: TYPE.welcome,
    sender: 'server',
    fields: [
      ['sessionId', bin(BYTES.sessionId)],
      ['userId', bin(BYTES.userId)],
      ['username', str(1, 255)],
      ['subprotocol', str(0, 64)],
      ['idleSeconds', uint()],
      ['absoluteSeconds', uint()],
      ['roles', strs(15, 64)],
      ['ticketId', bin(0, BYTES.ticketId)],
      ['ticketSecret', bin(0, BYTES.ticketSecret)],
      ['deviceId', bin(0, BYTES.deviceId)],
      ['deviceSecret', bin(0, BYTES.deviceSecret)],
      ['flags', uint()],
      ['proof', bin(0, BYTES.proof)],
    ],
  },
  signupStart: {
    type: TYPE.signupStart,
    sender: 'client',
    fields: [...START, ['invite', str(0, 64)], ['ksfs', strs(8, 32)], ['mechanismData', blob(0, 255)]],
  },
  signupChallenge: {
    type: TYPE.signupChallenge,
    sender: 'server',
    fields: CHALLENGE,
  },
  signupFinish: {
    type: TYPE.signupFinish,
    sender: 'client',
    fields: [
      ['record', bin(BYTES.registrationRecord)],
      ['proof', bin(BYTES.proof)],
    ],
  },
  loginStart: {
    type: TYPE.loginStart,
    sender: 'client',
    fields: [...START, ['mechanism', str(1, 64)], ['mechanismData', blob(0, 255)]],
  },
  loginChallenge: {
    type: TYPE.loginChallenge,
    sender: 'server',
    fields: CHALLENGE,
  },
  loginFinish: {
    type: TYPE.loginFinish,
    sender: 'client',
    fields: [['proof', bin(BYTES.proof)]],
  },
  resume: {
    type: TYPE.resume,
    sender: 'client',
    // A start message without a username; the ticket names the session.
    fields: [...START.slice(1), ['ticketId', bin(BYTES.ticketId)], ['proof', bin(BYTES.proof)]],
  },
  refresh: { type: TYPE.refresh, sender: 'client', fields: [] },
  refreshed: { type: TYPE.refreshed, sender: 'server', fields: LIFE },
  stepUpStart: {
    type: TYPE.stepUpStart,
    sender: 'client',
    fields: [
      ['clientNonce', bin(BYTES.nonce)],
      ['mechanism', str(1, 64)],
      ['mechanismData', blob(0, 255)],
    ],
  },
  stepUpChallenge: { type: TYPE.stepUpChallenge, sender: 'server', fields: CHALLENGE },
  stepUpFinish: { type: TYPE.stepUpFinish, sender: 'client', fields: [['proof', bin(BYTES.proof)]] },
  steppedUp: { type: TYPE.steppedUp, sender: 'server', fields: PROVEN_LIFE },
  reregisterStart: {
    type: TYPE.reregisterStart,
    sender: 'client',
    fields: [
      ['clientNonce', bin(BYTES.nonce)],
      ['ksfs', strs(8, 32)],
      ['mechanismData', blob(0, 255)],
    ],
  },
  reregisterChallenge: { type: TYPE.reregisterChallenge, sender: 'server', fields: CHALLENGE },
  reregisterFinish: {
    type: TYPE.reregisterFinish,
    sender: 'client',
    fields: [
      ['record', bin(BYTES.registrationRecord)],
      ['endOthers', uint(1)],
      ['oldProof', bin(BYTES.proof)],
      ['newProof', bin(BYTES.proof)],
    ],
  },
  reregistered: { type: TYPE.reregistered, sender: 'server', fields: PROVEN_LIFE },
  sessionsList: { type: TYPE.sessionsList, sender: 'client', fields: [] },
  sessionEntry: {
    type: TYPE.sessionEntry,
    sender: 'server',
    fields: [
      ['sessionId', bin(0, BYTES.sessionId)],
      ['deviceLabel', str(0, 64)],
      ['createdAtSeconds', uint()],
      ['lastSeenAtSeconds', uint()],
      ['addressPrefix', str(0, 64)],
      ['current', uint(1)],
    ],
  },
  revoke: {
    type: TYPE.revoke,
    sender: 'client',
    fields: [
      ['sessionId', bin(0, BYTES.sessionId)],
      ['scope', uint(2)],
    ],
  },
  logout: { type: TYPE.logout, sender: 'client', fields: [['everywhere', uint(1)]] },
  deleteAccount: { type: TYPE.deleteAccount, sender: 'client', fields: [] },
  done: { type: TYPE.done, sender: 'server', fields: [['count', uint()]] },
  expiring: {
    type: TYPE.expiring,
    sender: 'server',
    fields: [
      ['secondsLeft', uint()],
      ['limit', uint(1)],
    ],
  },
  userChanged: { type: TYPE.userChanged, sender: 'server', fields: [['roles', strs(15, 64)]] },
} as const satisfies Record<string, Shape>;

export type MessageName = keyof typeof SHAPES;
