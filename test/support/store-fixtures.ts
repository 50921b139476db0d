// Users, credentials and codes to fill stores with; every byte differs from call to call unless it is given.
import { createHash, randomBytes } from 'node:crypto';
import type { KsfParameters } from '../../proto/constants.js';
import type { BlindsaltError } from '../../proto/errors.js';
import type {
  CreateUserResult,
  CredentialRecord,
  NewSession,
  NewUser,
  RecordReplacement,
  RefreshRotation,
  RegistrationCode,
  RenewRotation,
  ResumeRotation,
  RotateTicketResult,
  SessionPolicy,
  SessionRow,
  Store,
  StoreChange,
  User,
} from '../../src/server/store.js';

export interface OpenedStore {
  readonly store: Store;
  /** Closes and opens anew on the same data; absent for stores that forget. */
  readonly reopen?: () => Promise<Store>;
  /** Opens the same data a second time, as another process would. */
  readonly another?: () => Promise<Store>;
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

/** When the sessions of the suite begin. */
export const NOW = 1_700_000_000_000;
export const POLICY: SessionPolicy = { max: 100, whenFull: 'refuse' };

/** A session of an hour's idle and a day's absolute life. */
export function newSession(userId: Uint8Array, changes: Partial<NewSession> = {}): NewSession {
  return {
    sessionId: bytes(16),
    userId,
    serial: bytes(16),
    recordVersion: 1,
    createdAtMs: NOW,
    absoluteExpiresAtMs: NOW + 86_400_000,
    idleSeconds: 3600,
    deviceLabel: 'tablet',
    addressPrefix: '192.0.2.0/24',
    ...changes,
  };
}

export async function begun(store: Store, session: NewSession, policy = POLICY): Promise<SessionRow> {
  const outcome = await store.beginSession(session, policy);
  if (outcome.result !== 'created') throw new Error(`expected a session, got ${outcome.result}`);
  return outcome.session;
}

/** A password change on a session that is begun for it and ended afterwards; the user's other sessions stay. */
export async function replaceRecord(
  store: Store,
  userId: Uint8Array,
  version: number,
  credential = newCredential(),
): Promise<string> {
  const user = await store.getUser(userId);
  const session = newSession(userId, { recordVersion: user?.recordVersion ?? version });
  const { result } = await store.beginSession(session, POLICY);
  if (result !== 'created') return result;
  const outcome = await store.replaceRecordAndRenew(replacementOn(session, version, { credential }));
  await store.endSessions({ sessionId: session.sessionId, reason: 'logout', nowMs: NOW });
  return outcome.result;
}

/** A password change on the first connection of a session. */
export function replacementOn(
  { sessionId, userId }: { readonly sessionId: Uint8Array; readonly userId: Uint8Array },
  version: number,
  changes: Partial<RecordReplacement> = {},
): RecordReplacement {
  return {
    userId,
    version,
    credential: newCredential(),
    endOthers: false,
    rotation: { mode: 'renew', sessionId, epoch: 0, newSerial: bytes(16), nowMs: NOW, recordVersion: version + 1 },
    ...changes,
  };
}

export function resumption(
  { sessionId }: { readonly sessionId: Uint8Array },
  serial: Uint8Array,
  changes: Partial<ResumeRotation> = {},
): ResumeRotation {
  return { mode: 'resume', sessionId, serial, newSerial: bytes(16), nowMs: NOW, ...changes };
}

/** The changes that a store tells from now on. */
export function changesOf(store: Store): StoreChange[] {
  const told: StoreChange[] = [];
  store.watch((change) => told.push(change));
  return told;
}

/** What the parts of the suite share: a fresh store, closed after the test, and a user in it. */
export interface StoreTools {
  readonly open: () => Promise<Store>;
  /** Closes what `open` opened last, before the end of the test. */
  readonly close: () => Promise<void>;
  /** A fresh store and a second one on the same data; undefined for stores of one process. */
  readonly openTwo: (() => Promise<readonly [Store, Store]>) | undefined;
  readonly create: (store: Store, user: NewUser) => Promise<User>;
}

/** What `rotateTicket` answered, which must be a rotation. */
export function rotated(outcome: RotateTicketResult): SessionRow {
  if (outcome.result !== 'rotated') throw new Error(`expected a rotation, got ${outcome.result}`);
  return outcome.session;
}

/** A session of a fresh user in a fresh store, and ways to rotate its tickets. */
export async function openSession({ open, create }: StoreTools, changes: Partial<NewSession> = {}) {
  const store = await open();
  const user = await create(store, newUser('anna', { roles: ['admin'], attributes: { n: 1 } }));
  const { userId } = user;
  const row = await begun(store, newSession(userId, changes));
  const { sessionId } = row;
  return {
    store,
    user,
    userId,
    row,
    sessionId,
    /** Resumes with a serial, and answers that of the new ticket. */
    async resume(serial: Uint8Array, more: Partial<ResumeRotation> = {}): Promise<Uint8Array> {
      return rotated(await store.rotateTicket(resumption({ sessionId }, serial, more))).successorSerial!;
    },
    async outcome(serial: Uint8Array, more: Partial<ResumeRotation> = {}): Promise<string> {
      return (await store.rotateTicket(resumption({ sessionId }, serial, more))).result;
    },
    refreshing: (epoch: number, more: Partial<RefreshRotation> = {}): RefreshRotation => ({
      mode: 'refresh',
      sessionId,
      epoch,
      newSerial: bytes(16),
      nowMs: NOW,
      ...more,
    }),
    renewing: (epoch: number, more: Partial<RenewRotation> = {}): RenewRotation => ({
      mode: 'renew',
      sessionId,
      epoch,
      newSerial: bytes(16),
      nowMs: NOW,
      recordVersion: 1,
      absoluteExpiresAtMs: NOW + 86_400_000,
      ...more,
    }),
  };
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
