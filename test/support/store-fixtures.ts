// Users, credentials and codes to fill stores with; every byte differs from call to call unless it is given.
import { createHash, randomBytes } from 'node:crypto';
import type { KsfParameters } from '../../proto/constants.js';
import type { BlindsaltError } from '../../proto/errors.js';
import type {
  CreateUserResult,
  CredentialRecord,
  NewUser,
  RegistrationCode,
  Store,
  User,
} from '../../src/server/store.js';

export interface OpenedStore {
  readonly store: Store;
  /** Closes and opens anew on the same data; absent for stores that forget. */
  readonly reopen?: () => Promise<Store>;
  /** Closes and removes what was made. */
  readonly close: () => Promise<void>;
}

export type OpenFresh = () => Promise<OpenedStore>;

export const bytes = (length: number): Uint8Array => Uint8Array.from(randomBytes(length));

export const ARGON2ID: KsfParameters = { name: 'argon2id', memoryKiB: 65_536, iterations: 3, parallelism: 1 };
export const PBKDF2: KsfParameters = { name: 'pbkdf2-sha512', memoryKiB: 0, iterations: 210_000, parallelism: 0 };

export function newCredential(changes: Partial<CredentialRecord> = {}): CredentialRecord {
  return {
    registrationRecord: bytes(192),
    credentialIdentifier: bytes(32),
    oprfSeedId: bytes(16),
    serverKeyId: bytes(16),
    ksf: ARGON2ID,
    ...changes,
  };
}

export function newUser(username: string, changes: Partial<NewUser> = {}): NewUser {
  return {
    userId: bytes(16),
    username,
    credential: newCredential(),
    roles: [],
    attributes: {},
    createdAtMs: 1_700_000_000_000,
    ...changes,
  };
}

export const hashOf = (code: string): Uint8Array => Uint8Array.from(createHash('sha256').update(code).digest());

export function newInvite(code: string, changes: Partial<RegistrationCode> = {}): RegistrationCode {
  return { codeHash: hashOf(code), kind: 'invite', roles: [], expiresAtMs: 2000, ...changes };
}

export function newReset(code: string, userId: Uint8Array, expiresAtMs = 2000): RegistrationCode {
  return { codeHash: hashOf(code), kind: 'reset', userId, roles: [], expiresAtMs };
}

export const useOf = (code: string, nowMs = 1000): { codeHash: Uint8Array; nowMs: number } => ({
  codeHash: hashOf(code),
  nowMs,
});

/** What the parts of the suite share: a fresh store, closed after the test, and a user in it. */
export interface StoreTools {
  readonly open: () => Promise<Store>;
  readonly create: (store: Store, user: NewUser) => Promise<User>;
}

export function created(outcome: CreateUserResult): User {
  if (outcome.result !== 'created') throw new Error(`expected a created user, got ${outcome.result}`);
  return outcome.user;
}

export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: BlindsaltError) => error.code,
  );
