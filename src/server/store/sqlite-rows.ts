import type { KsfName, KsfParameters } from '../../../proto/constants.js';
import type { Attributes, CredentialRecord, ProfileShare, User } from '../store.js';
import { storeFailed, type SqliteRow, type SqliteTuple } from './sqlite-driver.js';

// How values stand in columns. What is read is checked again: a damaged or edited file must not become a wrong answer.

const KSF_CODES: Readonly<Record<KsfName, number>> = { argon2id: 1, 'pbkdf2-sha512': 2 };

export const damaged = (column: string): Error => storeFailed(`The store is damaged: ${column}.`, undefined, 'damaged');

export function bytes(row: SqliteRow, column: string, length: number): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array) || value.length !== length) throw damaged(column);
  return value;
}

export function text(row: SqliteRow, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw damaged(column);
  return value;
}

export function integer(row: SqliteRow | undefined, column: string): number {
  const value = row?.[column];
  if (typeof value !== 'number') throw damaged(column);
  return value;
}

/** The same of a column by its place. */
export function textAt(tuple: SqliteTuple, at: number, column: string): string {
  const value = tuple[at];
  if (typeof value !== 'string') throw damaged(column);
  return value;
}

export function integerAt(tuple: SqliteTuple, at: number, column: string): number {
  const value = tuple[at];
  if (typeof value !== 'number') throw damaged(column);
  return value;
}

export const optionalIntegerAt = (tuple: SqliteTuple, at: number, column: string): number | undefined =>
  tuple[at] === null ? undefined : integerAt(tuple, at, column);

export function bytesAt(tuple: SqliteTuple, at: number, column: string): Uint8Array {
  const value = tuple[at];
  if (!(value instanceof Uint8Array)) throw damaged(column);
  return value;
}

/** Several blobs as one: each blob of a row is memory of its own. */
export const joined = (...columns: readonly string[]): string => `CAST(${columns.join(' || ')} AS BLOB)`;

/** 32 bits, big-endian. */
export const readU32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

/** Four bytes, big-endian: fixed size, and in the order of the numbers. */
export function encodeVersion(version: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, version);
  return out;
}

/** Function, memory in KiB, iterations, parallelism; 32 bits each, big-endian. */
export function encodeKsf({ name, memoryKiB, iterations, parallelism }: KsfParameters): Uint8Array {
  const out = new Uint8Array(16);
  const view = new DataView(out.buffer);
  [KSF_CODES[name], memoryKiB, iterations, parallelism].forEach((value, i) => view.setUint32(4 * i, value));
  return out;
}

/** 16 bytes from there on. */
export function decodeKsf(bytes: Uint8Array, at = 0): KsfParameters {
  const code = readU32(bytes, at);
  const name = code === 1 ? 'argon2id' : code === 2 ? 'pbkdf2-sha512' : undefined;
  if (!name) throw damaged('ksf');
  const [memoryKiB, iterations] = [readU32(bytes, at + 4), readU32(bytes, at + 8)];
  return { name, memoryKiB, iterations, parallelism: readU32(bytes, at + 12) };
}

/** The last five columns of `credentials`, in their order. */
export function encodeCredential(
  credential: CredentialRecord,
): [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array] {
  const { registrationRecord, credentialIdentifier, oprfSeedId, serverKeyId, ksf } = credential;
  return [registrationRecord, credentialIdentifier, oprfSeedId, serverKeyId, encodeKsf(ksf)];
}

function json(text: string, column: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(column);
  }
}

export function decodeRoles(text: string): string[] {
  if (text === '[]') return [];
  const roles = json(text, 'roles');
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === 'string')) throw damaged('roles');
  return roles;
}

function decodeAttributes(text: string): Attributes {
  if (text === '{}') return {};
  const attributes = json(text, 'attributes');
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) throw damaged('attributes');
  return attributes as Attributes;
}

/** What `decodeUser` reads, in its order, and from where; the version as text, since it is kept as a blob. */
export const USER_COLUMNS =
  'u.username, c.status, hex(c.record_version) AS version, u.roles, u.attributes, u.created_at_ms AS user_created_at_ms';
export const USER_TABLES = 'users u JOIN credentials c ON c.number = u.number';

/** @param userId kept by the user: not to be that of another object which leaves the store */
export function decodeUser(tuple: SqliteTuple, at: number, userId: Uint8Array): User {
  if (userId.length !== 16) throw damaged('user_id');
  const version = textAt(tuple, at + 2, 'record_version');
  if (version.length !== 8) throw damaged('record_version');
  return {
    userId,
    username: textAt(tuple, at, 'username'),
    status: integerAt(tuple, at + 1, 'status') === 1 ? 'active' : 'disabled',
    recordVersion: Number.parseInt(version, 16),
    roles: decodeRoles(textAt(tuple, at + 3, 'roles')),
    attributes: decodeAttributes(textAt(tuple, at + 4, 'attributes')),
    createdAtMs: integerAt(tuple, at + 5, 'created_at_ms'),
  };
}

export function decodeShare(row: SqliteRow): ProfileShare {
  return {
    oprfSeedId: bytes(row, 'oprf_seed_id', 16),
    serverKeyId: bytes(row, 'server_key_id', 16),
    ksf: decodeKsf(bytes(row, 'ksf', 16)),
    count: integer(row, 'users'),
  };
}
