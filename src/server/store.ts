import type { KsfParameters } from '../../proto/index.js';
import type { Note } from './audit/events.js';
import type { AuditStore } from './audit/store.js';
import type { ThrottleStore } from './throttle/store.js';

/** What the server keeps of a password: RFC 9807's RegistrationRecord and what is needed to use it. */
export interface CredentialRecord {
  /** RFC 9807 RegistrationRecord: client public key 32, masking key 64, envelope 96; 192 bytes. */
  readonly registrationRecord: Uint8Array;
  /** Random, 32 bytes, drawn for this registration; input of the OPRF key derivation. */
  readonly credentialIdentifier: Uint8Array;
  /** Which OPRF seed and which server key pair the record was made with; 16 bytes each. */
  readonly oprfSeedId: Uint8Array;
  readonly serverKeyId: Uint8Array;
  readonly ksf: KsfParameters;
}

export type UserStatus = 'active' | 'disabled';

/** A JSON object of the application's, at most 16 KiB as JSON text. */
export type Attributes = Record<string, unknown>;

export interface User<A extends Attributes = Attributes> {
  /** Random, 16 bytes, never used again for another person; everything hangs on it, never on the name. */
  readonly userId: Uint8Array;
  /** As RFC 8265 prepares it. */
  readonly username: string;
  readonly status: UserStatus;
  /** Grows by one with each change of the credential. */
  readonly recordVersion: number;
  readonly roles: readonly string[];
  readonly attributes: A;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

/**
 * The answer to a login's question. For a name that does not exist it is a real row too, read by the same steps and of
 * the same size, and `exists` is false: the engine then works on with the decoy's bytes and fails at the end.
 */
export interface LoginRow {
  readonly exists: boolean;
  readonly status: UserStatus;
  readonly userId: Uint8Array;
  readonly recordVersion: number;
  readonly credential: CredentialRecord;
}

export interface NewUser {
  readonly userId: Uint8Array;
  readonly username: string;
  readonly credential: CredentialRecord;
  readonly roles: readonly string[];
  readonly attributes: Attributes;
  readonly createdAtMs: number;
}

/**
 * A code that allows one registration. `invite`: for any new username. `reset`: for the named existing user, whose
 * credential it replaces (same user id). Only the SHA-256 of the code is stored.
 */
export interface RegistrationCode {
  /** SHA-256 of the code's canonical text, 32 bytes. */
  readonly codeHash: Uint8Array;
  readonly kind: 'invite' | 'reset';
  /** The user whose credential a reset replaces; 16 bytes; absent for invites. */
  readonly userId?: Uint8Array | undefined;
  readonly roles: readonly string[];
  readonly expiresAtMs: number;
}

export interface CodeUse {
  readonly codeHash: Uint8Array;
  readonly nowMs: number;
}

/** `taken`: the name belongs to somebody. `code-invalid`: unknown, used, expired, or a reset of another user. */
export type CreateUserResult =
  | { readonly result: 'created' | 'reset'; readonly user: User }
  | { readonly result: 'taken' }
  | { readonly result: 'code-invalid' };

/** How many active users share a way of registration; decoys are drawn after these shares. */
export interface ProfileShare {
  readonly oprfSeedId: Uint8Array;
  readonly serverKeyId: Uint8Array;
  readonly ksf: KsfParameters;
  readonly count: number;
}

/** Why a session was ended before its limits. */
export type SessionEndReason =
  'logout' | 'revoked' | 'password-changed' | 'user-disabled' | 'user-deleted' | 'ticket-reused' | 'too-many-sessions';

/**
 * A session, which is a family of tickets (PROTOCOL.md 9.1). It is _open_ until it is ended or one of its limits is
 * reached: expired at `nowMs` if `nowMs >= absoluteExpiresAtMs` or `nowMs >= lastSeenAtMs + 1000 * idleSeconds`.
 */
export interface SessionRow {
  /** 16 bytes. */
  readonly sessionId: Uint8Array;
  /** 16 bytes. */
  readonly userId: Uint8Array;
  /** Serial of the ticket that surely reached the client, 16 bytes. */
  readonly currentSerial: Uint8Array;
  /** Serial of the ticket given out last, 16 bytes; undefined until the first rotation, and after `renew`. */
  readonly successorSerial: Uint8Array | undefined;
  /** 0 at first, one more with each resume: the connection with the highest is the session's. */
  readonly epoch: number;
  /** Version of the record that the latest password proof was made with. */
  readonly recordVersion: number;
  readonly createdAtMs: number;
  /** When the password was proved last. */
  readonly passwordProvenAtMs: number;
  readonly lastSeenAtMs: number;
  /** Undefined: no such limit. */
  readonly absoluteExpiresAtMs: number | undefined;
  /** 0: no such limit. */
  readonly idleSeconds: number;
  /** As the client gave it, 0–64 UTF-8 bytes. */
  readonly deviceLabel: string;
  /** For people, 0–64 UTF-8 bytes. */
  readonly addressPrefix: string;
}

/** A session to begin: epoch 0, no successor, seen and password proved at `createdAtMs`. */
export interface NewSession extends Omit<
  SessionRow,
  'currentSerial' | 'successorSerial' | 'epoch' | 'passwordProvenAtMs' | 'lastSeenAtMs'
> {
  /** Fresh random, never used before. */
  readonly sessionId: Uint8Array;
  /** Serial of the first ticket, fresh random, 16 bytes. */
  readonly serial: Uint8Array;
  /** Version of the record that the login was checked with. */
  readonly recordVersion: number;
  /** The time now; what is expired at this time does not count for the policy. */
  readonly createdAtMs: number;
}

export interface SessionPolicy {
  /** Open sessions of one user, 1–10000. */
  readonly max: number;
  readonly whenFull: 'refuse' | 'end-oldest';
}

/** `record-changed`: the user's record is of another version than the one that the login was checked with. */
export type BeginSessionResult =
  | {
      readonly result: 'created';
      readonly session: SessionRow;
      readonly user: User;
      /** Ids of the sessions that the policy ended for it (reason `too-many-sessions`). */
      readonly ended: readonly Uint8Array[];
    }
  | { readonly result: 'user-unknown' | 'disabled' | 'record-changed' | 'too-many-sessions' };

interface Rotation {
  readonly sessionId: Uint8Array;
  /** Serial of the ticket to give out, fresh random, 16 bytes. */
  readonly newSerial: Uint8Array;
  /** The time now; becomes `lastSeenAtMs`. */
  readonly nowMs: number;
}

/** A client came with a ticket; the caller has verified the proof of its possession. */
export interface ResumeRotation extends Rotation {
  readonly mode: 'resume';
  /** Serial of that ticket, 16 bytes. */
  readonly serial: Uint8Array;
  /** What the list of sessions shows from now on; unchanged if undefined. */
  readonly deviceLabel?: string | undefined;
  readonly addressPrefix?: string | undefined;
}

/** The session's connection asks for a new ticket: the one given out last is replaced as if it had been used. */
export interface RefreshRotation extends Rotation {
  readonly mode: 'refresh';
  /** That of the connection. */
  readonly epoch: number;
}

/** The session's connection has proved the password: all serials so far die, the limits begin anew. */
export interface RenewRotation extends Rotation {
  readonly mode: 'renew';
  /** That of the connection. */
  readonly epoch: number;
  /** Version of the record that the password was proved with; with a new record (`RecordReplacement`), of that. */
  readonly recordVersion: number;
  readonly absoluteExpiresAtMs: number | undefined;
}

export type TicketRotation = ResumeRotation | RefreshRotation | RenewRotation;

/**
 * - `unknown`: no such session, or the store has forgotten it: it is gone for long, or one of very many of its user's that are;
 * - `disabled`: the user is disabled or deleted; `revoked`: the session was ended; `expired`: it has reached a limit;
 * - `reused`: the serial is dead: somebody has a copy. The session was ended in the same step;
 * - `retired` (resume): the serial was replaced by `renew`, and the session was not resumed since: the client may have missed
 *   the answer. Nothing was changed;
 * - `replaced` (refresh, renew): the session was resumed elsewhere, this connection is not the session's any more;
 * - `record-changed` (renew): the user's record is of another version.
 */
export type RotateTicketResult =
  | { readonly result: 'rotated'; readonly session: SessionRow; readonly user: User }
  | { readonly result: 'reused'; readonly userId: Uint8Array }
  | { readonly result: 'unknown' | 'disabled' | 'revoked' | 'expired' | 'retired' | 'replaced' | 'record-changed' };

export interface EndSessions {
  /** All sessions of this user, or the condition that `sessionId` is one of them. At least one of both is given. */
  readonly userId?: Uint8Array | undefined;
  readonly sessionId?: Uint8Array | undefined;
  /** With `userId` alone: not this one. */
  readonly exceptSessionId?: Uint8Array | undefined;
  readonly reason: SessionEndReason;
  readonly nowMs: number;
}

export interface SessionTouch {
  readonly sessionId: Uint8Array;
  /** When the client's latest message came. */
  readonly lastSeenAtMs: number;
}

/** A password change on a session's connection. */
export interface RecordReplacement {
  /** Whose record; the session has to be this user's. */
  readonly userId: Uint8Array;
  /** Of the record that is to be replaced. */
  readonly version: number;
  readonly credential: CredentialRecord;
  /** Ends the user's other sessions (reason `password-changed`). */
  readonly endOthers: boolean;
  /** Of the session that asks; its `recordVersion` is `version + 1`, that of the new record. */
  readonly rotation: Omit<RenewRotation, 'absoluteExpiresAtMs'>;
}

/**
 * - `session-ended`: its connections have to close;
 * - `session-epoch`: it was resumed; connections of lower epochs have to close;
 * - `user-changed`: roles, attributes or status changed, or the user was deleted;
 * - `gap`: changes were missed, whatever was concluded from earlier ones has to be read anew.
 */
export type StoreChange =
  | {
      readonly kind: 'session-ended';
      readonly sessionId: Uint8Array;
      readonly userId: Uint8Array;
      readonly reason: SessionEndReason;
    }
  | { readonly kind: 'session-epoch'; readonly sessionId: Uint8Array; readonly epoch: number }
  | { readonly kind: 'user-changed'; readonly userId: Uint8Array }
  | { readonly kind: 'gap' };

/**
 * What the engine needs kept of sessions. Atomic each, like the methods of `Store`, together with the user's status and
 * record version. Times come with the calls; a store asks no clock. Tickets' secrets never come here.
 */
export interface SessionStore {
  /** Begins a session for a user who has just proved the password; answers the user too. */
  beginSession(
    session: NewSession,
    policy: SessionPolicy,
    note?: Note<BeginSessionResult>,
  ): Promise<BeginSessionResult>;
  /**
   * Gives out a ticket of the session by the rules of PROTOCOL.md 9.1:
   * - `resume` with the current serial: a fresh successor replaces the one before. With the successor: it becomes current, and
   *   a fresh one succeeds it. With any other: `reused`, or `retired`. `epoch` rises by one;
   * - `refresh`: the same, with the serial given out last;
   * - `renew`: `newSerial` is current, nothing succeeds it; password proved and absolute limit as given. The serials before
   *   are dead; at least the last four of them are remembered as retired until the next resume.
   *
   * Of calls at the same time each sees what the one before left. `refresh` and `renew` do not check the idle limit: who
   * holds the connection knows better than `lastSeenAtMs` when the client was heard last.
   */
  rotateTicket(rotation: TicketRotation, note?: Note<RotateTicketResult>): Promise<RotateTicketResult>;
  /** Ends sessions, expired ones as well; answers the ids of those that were open at `nowMs`. */
  endSessions(which: EndSessions, note?: Note<readonly Uint8Array[]>): Promise<readonly Uint8Array[]>;
  /** The session unless it was ended; its limits are for the caller to look at. */
  getSession(sessionId: Uint8Array): Promise<SessionRow | undefined>;
  /** The user's open sessions, the newest first. */
  listSessions(userId: Uint8Array, nowMs: number): Promise<readonly SessionRow[]>;
  /**
   * Notes when clients were heard last, unless later news is there; at most 1000 at once. Answers the epoch of each in order,
   * undefined for a session that was ended or does not exist: with it a connection learns whether it is still the
   * session's. To be called before `idleSeconds` pass on a living connection, and when it closes.
   */
  touchSessions(touches: readonly SessionTouch[]): Promise<readonly (number | undefined)[]>;
  /**
   * Tells changes from now on, by whatever process, in the order in which they happened, until the answered function is
   * called or the store closed. Those made through this store are told before the promise of the call that made them
   * resolves; others within 250 ms and what it takes to read them. The listener gets copies of its own, and must not throw.
   */
  watch(listener: (change: StoreChange) => void): () => void;
}

/**
 * What the engine needs kept. Each method is atomic; a resolved promise of a writing method means that the change
 * survives a crash (in `memory`: that it is done). Methods reject with BlindsaltError `store-failed` and have then
 * changed nothing. Byte strings are copied in and out. Names come prepared (RFC 8265) and are compared byte by byte.
 * Where a method takes a `note`, it is called with the outcome, and what it answers is appended to the audit trail in the
 * same commit. One exported suite, `test/suites/store.ts`, defines the contract in detail.
 */
export interface Store extends SessionStore {
  /** The audit trail, where the store keeps one; without, what notes answer is dropped. */
  readonly audit?: AuditStore | undefined;
  /** Counters of attempts, where the store keeps them; without, each process counts for itself. */
  readonly throttle?: ThrottleStore | undefined;
  /** One real row for a login, whether or not the name exists; see LoginRow. */
  getUserOrDecoy(username: string): Promise<LoginRow>;
  /** The user with roles and attributes, after a proof; undefined when deleted meanwhile. */
  getUser(userId: Uint8Array): Promise<User | undefined>;
  findUser(username: string): Promise<User | undefined>;
  /**
   * Creates the user unless the name is taken, and uses up `code` in the same step. With a reset code for this name's
   * user: replaces that user's credential instead, raises its record version, ends all its sessions (reason
   * `password-changed`), and answers `reset`.
   */
  createUserIfAbsent(user: NewUser, code?: CodeUse, note?: Note<CreateUserResult>): Promise<CreateUserResult>;
  /**
   * The kind of an unused, unexpired code; a reset is found with the name of its user only. A question only,
   * `createUserIfAbsent` decides.
   */
  findCode(code: CodeUse, username: string): Promise<RegistrationCode['kind'] | undefined>;
  /**
   * Swaps the credential, ends the user's other sessions if asked, and renews the session that asks, all in one step:
   * no ticket from before survives a password change, wherever the connection breaks. The rules are those of `renew`, but
   * `passwordProvenAtMs` and `absoluteExpiresAtMs` stay. With any result other than `rotated` nothing was changed:
   * `record-changed` when the record is not of `version`, `unknown` for a session of another user; never `reused` or
   * `retired`.
   */
  replaceRecordAndRenew(replacement: RecordReplacement, note?: Note<RotateTicketResult>): Promise<RotateTicketResult>;
  /** Answers false when there is no such user. `disabled` ends all sessions of the user in the same step. */
  setUserStatus(userId: Uint8Array, status: UserStatus, note?: Note<boolean>): Promise<boolean>;
  setUserRoles(userId: Uint8Array, roles: readonly string[], note?: Note<boolean>): Promise<boolean>;
  setUserAttributes(userId: Uint8Array, attributes: Attributes, note?: Note<boolean>): Promise<boolean>;
  /** With all sessions of the user. */
  deleteUser(userId: Uint8Array, note?: Note<boolean>): Promise<boolean>;
  /** Users by name in code-point order, those after `after` (exclusive), at most `limit` (1–1000). */
  listUsers(options?: { readonly after?: string; readonly limit?: number }): Promise<readonly User[]>;
  createCode(code: RegistrationCode, note?: Note<void>): Promise<void>;
  /**
   * Shares of the active users' seeds, server keys and KSF parameters as they stood when this day (days since 1970,
   * UTC) was first asked for; the same answer for the rest of that day, across restarts and processes. Empty for no users.
   */
  profileShares(day: number): Promise<readonly ProfileShare[]>;
  close(): Promise<void>;
}
