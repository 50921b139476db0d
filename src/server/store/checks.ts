import { BlindsaltError } from '../../../proto/errors.js';
import type { KsfName, KsfParameters } from '../../../proto/constants.js';
import type {
  Attributes,
  CodeUse,
  CredentialRecord,
  NewUser,
  ProfileShare,
  RegistrationCode,
  UserStatus,
} from '../store.js';

// What every store refuses before it keeps it, so that all stores refuse alike: `option-invalid`, with the name of the
// argument in `reason`, never its value. Byte strings come back as copies.

/** Longest JSON text of a user's attributes, UTF-8 bytes. */
export const MAX_ATTRIBUTES_BYTES = 16_384;
/** Roles of one user: `welcome` carries no more. */
export const MAX_ROLES = 15;
/** Longest role, UTF-8 bytes. */
export const MAX_ROLE_BYTES = 64;
/** Longest username, UTF-8 bytes. */
export const MAX_USERNAME_BYTES = 255;
/** Users on one page of `listUsers`. */
export const MAX_PAGE = 1000;

export const U32 = 0xffff_ffff;
const KSF_NAMES: readonly KsfName[] = ['argon2id', 'pbkdf2-sha512'];
const LONE_SURROGATE = /\p{Surrogate}/u;

export function refuse(argument: string, rule: string): BlindsaltError {
  return new BlindsaltError('option-invalid', `${argument} must be ${rule}`, { reason: argument });
}

/** A copy of `bytes`, which must be a Uint8Array of exactly `length` bytes. */
export function copyBytes(argument: string, bytes: Uint8Array, length: number): Uint8Array {
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) throw refuse(argument, `${length} bytes`);
  return new Uint8Array(bytes);
}

export const copyUserId = (userId: Uint8Array): Uint8Array => copyBytes('userId', userId, 16);
export const copyCodeHash = (codeHash: Uint8Array): Uint8Array => copyBytes('codeHash', codeHash, 32);

export function checkInteger(argument: string, value: number, min: number, max: number): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw refuse(argument, `an integer from ${min} to ${max}`);
  }
  return value;
}

export const checkTimeMs = (argument: string, value: number): number =>
  checkInteger(argument, value, 0, Number.MAX_SAFE_INTEGER);

export function checkText(argument: string, text: string, min: number, max: number): string {
  if (
    typeof text !== 'string' ||
    LONE_SURROGATE.test(text) ||
    text.includes('\0') ||
    // As frames refuse it: some decoders drop it.
    text.startsWith('\ufeff') ||
    Buffer.byteLength(text) < min ||
    Buffer.byteLength(text) > max
  ) {
    throw refuse(argument, `well-formed text of ${min} to ${max} UTF-8 bytes`);
  }
  return text;
}

export const checkUsername = (username: string): string => checkText('username', username, 1, MAX_USERNAME_BYTES);

export function checkPage(options: { readonly after?: string; readonly limit?: number }): {
  readonly after: string;
  readonly limit: number;
} {
  return {
    after: checkText('after', options.after ?? '', 0, MAX_USERNAME_BYTES),
    limit: checkInteger('limit', options.limit ?? MAX_PAGE, 1, MAX_PAGE),
  };
}

export const checkVersion = (version: number): number => checkInteger('version', version, 1, U32);

export const checkDay = (day: number): number => checkInteger('day', day, 0, 100_000_000);

export function checkStatus(status: UserStatus): UserStatus {
  if (status !== 'active' && status !== 'disabled') throw refuse('status', 'active or disabled');
  return status;
}

/** The roles without repetition, in the given order. */
export function checkRoles(roles: readonly string[]): readonly string[] {
  if (!Array.isArray(roles)) throw refuse('roles', 'an array');
  const unique = [...new Set(roles as readonly string[])];
  if (unique.length > MAX_ROLES) throw refuse('roles', `at most ${MAX_ROLES}`);
  for (const role of unique) checkText('roles', role, 1, MAX_ROLE_BYTES);
  return unique;
}

/** The attributes as JSON text: what a store keeps. */
export function attributesToJson(attributes: Attributes): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(attributes);
  } catch {
    // Cycles and BigInt. The engine's message may name keys, so it is not passed on.
  }
  if (json === undefined || !json.startsWith('{')) throw refuse('attributes', 'an object that JSON can express');
  if (Buffer.byteLength(json) > MAX_ATTRIBUTES_BYTES) {
    throw refuse('attributes', `at most ${MAX_ATTRIBUTES_BYTES} bytes of JSON`);
  }
  return json;
}

export function copyKsf(ksf: KsfParameters): KsfParameters {
  if (typeof ksf !== 'object' || ksf === null || !KSF_NAMES.includes(ksf.name)) throw refuse('ksf', 'a known function');
  return {
    name: ksf.name,
    memoryKiB: checkInteger('ksf', ksf.memoryKiB, 0, U32),
    iterations: checkInteger('ksf', ksf.iterations, 1, U32),
    parallelism: checkInteger('ksf', ksf.parallelism, 0, U32),
  };
}

export function copyCredential(credential: CredentialRecord): CredentialRecord {
  if (typeof credential !== 'object' || credential === null) throw refuse('credential', 'an object');
  return {
    registrationRecord: copyBytes('registrationRecord', credential.registrationRecord, 192),
    credentialIdentifier: copyBytes('credentialIdentifier', credential.credentialIdentifier, 32),
    oprfSeedId: copyBytes('oprfSeedId', credential.oprfSeedId, 16),
    serverKeyId: copyBytes('serverKeyId', credential.serverKeyId, 16),
    ksf: copyKsf(credential.ksf),
  };
}

export const copyShare = ({ oprfSeedId, serverKeyId, ksf, count }: ProfileShare): ProfileShare => ({
  oprfSeedId: Uint8Array.from(oprfSeedId),
  serverKeyId: Uint8Array.from(serverKeyId),
  ksf: { ...ksf },
  count,
});

/** A new user as it is kept: copied, and with the attributes as JSON text. */
export interface CheckedUser extends Omit<NewUser, 'attributes'> {
  readonly attributesJson: string;
}

export function checkNewUser(user: NewUser): CheckedUser {
  return {
    userId: copyUserId(user.userId),
    username: checkUsername(user.username),
    credential: copyCredential(user.credential),
    roles: checkRoles(user.roles),
    attributesJson: attributesToJson(user.attributes),
    createdAtMs: checkTimeMs('createdAtMs', user.createdAtMs),
  };
}

export function checkCodeUse(use: CodeUse): CodeUse {
  return { codeHash: copyCodeHash(use.codeHash), nowMs: checkTimeMs('nowMs', use.nowMs) };
}

/** An invite has no user; a reset has one, and no roles: it changes a credential and nothing else. */
export function checkCode(code: RegistrationCode): RegistrationCode {
  if (code.kind !== 'invite' && code.kind !== 'reset') throw refuse('kind', 'invite or reset');
  if ((code.kind === 'reset') !== (code.userId !== undefined))
    throw refuse('userId', 'given for resets, and only then');
  const roles = checkRoles(code.roles);
  if (code.kind === 'reset' && roles.length > 0) throw refuse('roles', 'empty for resets');
  return {
    codeHash: copyCodeHash(code.codeHash),
    kind: code.kind,
    userId: code.userId === undefined ? undefined : copyUserId(code.userId),
    roles,
    expiresAtMs: checkTimeMs('expiresAtMs', code.expiresAtMs),
  };
}

/** Order of code points, which is the order of UTF-8 bytes (and not JavaScript's order of UTF-16 units). */
export const compareCodePoints = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** For short ones that are no secrets: calling the runtime for them costs more than all the rest. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
