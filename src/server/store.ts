import type { KsfParameters } from '../../proto/index.js';

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

/**
 * What the engine needs kept. Each method is atomic; a resolved promise of a writing method means that the change
 * survives a crash (in `memory`: that it is done). Methods reject with BlindsaltError `store-failed` and have then
 * changed nothing. Byte strings are copied in and out. Names come prepared (RFC 8265) and are compared byte by byte.
 * One exported suite, `test/suites/store.ts`, defines the contract in detail.
 */
export interface Store {
  /** One real row for a login, whether or not the name exists; see LoginRow. */
  getUserOrDecoy(username: string): Promise<LoginRow>;
  /** The user with roles and attributes, after a proof; undefined when deleted meanwhile. */
  getUser(userId: Uint8Array): Promise<User | undefined>;
  findUser(username: string): Promise<User | undefined>;
  /**
   * Creates the user unless the name is taken, and uses up `code` in the same step. With a reset code for this name's
   * user: replaces that user's credential instead, raises its record version, and answers `reset`.
   */
  createUserIfAbsent(user: NewUser, code?: CodeUse): Promise<CreateUserResult>;
  /** True for an unused, unexpired code; a question only, `createUserIfAbsent` decides. */
  isCodeValid(code: CodeUse): Promise<boolean>;
  /** Swaps the credential if the record version is still `version`; answers whether it did. */
  replaceRecordIfVersion(userId: Uint8Array, version: number, credential: CredentialRecord): Promise<boolean>;
  /** Answers false when there is no such user. */
  setUserStatus(userId: Uint8Array, status: UserStatus): Promise<boolean>;
  setUserRoles(userId: Uint8Array, roles: readonly string[]): Promise<boolean>;
  setUserAttributes(userId: Uint8Array, attributes: Attributes): Promise<boolean>;
  deleteUser(userId: Uint8Array): Promise<boolean>;
  /** Users by name in code-point order, those after `after` (exclusive), at most `limit` (1–1000). */
  listUsers(options?: { readonly after?: string; readonly limit?: number }): Promise<readonly User[]>;
  createCode(code: RegistrationCode): Promise<void>;
  /**
   * Shares of the active users' seeds, server keys and KSF parameters as they stood when this day (days since 1970,
   * UTC) was first asked for; the same answer for the rest of that day, across restarts and processes. Empty for no users.
   */
  profileShares(day: number): Promise<readonly ProfileShare[]>;
  close(): Promise<void>;
}
