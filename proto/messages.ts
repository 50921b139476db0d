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
    fields: [
      ['serverNonce', bin(BYTES.nonce)],
      ['serverKeyId', bin(BYTES.serverKeyId)],
      ...KSF,
      ['mechanismData', blob(0, 255)],
      ['proof', bin(BYTES.proof)],
    ],
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
    fields: [
      ['serverNonce', bin(BYTES.nonce)],
      ['serverKeyId', bin(BYTES.serverKeyId)],
      ...KSF,
      ['mechanismData', blob(0, 255)],
      ['proof', bin(BYTES.proof)],
    ],
  },
  loginFinish: {
    type: TYPE.loginFinish,
    sender: 'client',
    fields: [['proof', bin(BYTES.proof)]],
  },
} as const satisfies Record<string, Shape>;

export type MessageName = keyof typeof SHAPES;

/** The server speaks first. `limits`: maxMessageBytes, handshakeTimeoutMs, maxAttempts; later entries are ignored. */
export interface Hello {
  readonly kind: 'hello';
  readonly serverNonce: Uint8Array;
  readonly domain: string;
  readonly versions: readonly number[];
  readonly mechanisms: readonly string[];
  readonly bindings: readonly string[];
  readonly registration: string;
  readonly limits: readonly number[];
  readonly puzzle: Uint8Array;
}

export interface ErrorMessage {
  readonly kind: 'error';
  readonly code: string;
  readonly retryAfterSeconds: number;
}

export interface Welcome {
  readonly kind: 'welcome';
  readonly sessionId: Uint8Array;
  readonly userId: Uint8Array;
  readonly username: string;
  /** The application's subprotocol, chosen among those offered; empty for none. */
  readonly subprotocol: string;
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
  readonly roles: readonly string[];
  readonly ticketId: Uint8Array;
  readonly ticketSecret: Uint8Array;
  readonly deviceId: Uint8Array;
  readonly deviceSecret: Uint8Array;
  /** Bit field; unknown bits are ignored. None is defined yet. */
  readonly flags: number;
  readonly proof: Uint8Array;
}

/** What every start message carries. */
export interface StartFields {
  readonly username: string;
  readonly clientNonce: Uint8Array;
  /** Host and port that the client dialled, `host:port`. */
  readonly target: string;
  /** Channel binding used, or empty. */
  readonly binding: string;
  /** `location.origin` in browsers, empty elsewhere. */
  readonly origin: string;
  readonly subprotocols: readonly string[];
  readonly deviceLabel: string;
  readonly deviceProof: Uint8Array;
  readonly puzzleAnswer: Uint8Array;
}

export interface SignupStart extends StartFields {
  readonly kind: 'signupStart';
  readonly invite: string;
  readonly ksfs: readonly string[];
  /** RFC 9807 RegistrationRequest, 32 bytes. */
  readonly mechanismData: Uint8Array;
}

export interface LoginStart extends StartFields {
  readonly kind: 'loginStart';
  readonly mechanism: string;
  /** SCHNORR-RISTRETTO255: RFC 9807 CredentialRequest, 32 bytes. */
  readonly mechanismData: Uint8Array;
}

export interface ChallengeFields {
  readonly serverNonce: Uint8Array;
  readonly serverKeyId: Uint8Array;
  readonly ksf: string;
  readonly ksfMemoryKiB: number;
  readonly ksfIterations: number;
  readonly ksfParallelism: number;
  readonly proof: Uint8Array;
}

export interface SignupChallenge extends ChallengeFields {
  readonly kind: 'signupChallenge';
  /** RFC 9807 RegistrationResponse, 64 bytes. */
  readonly mechanismData: Uint8Array;
}

export interface LoginChallenge extends ChallengeFields {
  readonly kind: 'loginChallenge';
  /** SCHNORR-RISTRETTO255: RFC 9807 CredentialResponse, 192 bytes. */
  readonly mechanismData: Uint8Array;
}

export interface SignupFinish {
  readonly kind: 'signupFinish';
  /** RFC 9807 RegistrationRecord, 192 bytes. */
  readonly record: Uint8Array;
  readonly proof: Uint8Array;
}

export interface LoginFinish {
  readonly kind: 'loginFinish';
  readonly proof: Uint8Array;
}

export type ClientMessage = SignupStart | SignupFinish | LoginStart | LoginFinish;
export type ServerMessage = Hello | ErrorMessage | Welcome | SignupChallenge | LoginChallenge;
export type Message = ClientMessage | ServerMessage;
