import type { KsfName, KsfParameters } from '../../../proto/constants.js';
import type { Attributes, CredentialRecord, LoginRow, ProfileShare, User } from '../store.js';
import { storeFailed, type SqliteRow } from './sqlite-driver.js';

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

const viewOf = ({ buffer, byteOffset }: Uint8Array): DataView => new DataView(buffer, byteOffset);

/** Four bytes, big-endian: fixed size, and in the order of the numbers. */
export function encodeVersion(version: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, version);
  return out;
}

export function decodeVersion(row: SqliteRow): number {
  return viewOf(bytes(row, 'record_version', 4)).getUint32(0);
}

/** Function, memory in KiB, iterations, parallelism; 32 bits each, big-endian. */
export function encodeKsf({ name, memoryKiB, iterations, parallelism }: KsfParameters): Uint8Array {
  const out = new Uint8Array(16);
  const view = new DataView(out.buffer);
  [KSF_CODES[name], memoryKiB, iterations, parallelism].forEach((value, i) => view.setUint32(4 * i, value));
  return out;
}

function decodeKsf(row: SqliteRow): KsfParameters {
  const view = viewOf(bytes(row, 'ksf', 16));
  const code = view.getUint32(0);
  const name = code === 1 ? 'argon2id' : code === 2 ? 'pbkdf2-sha512' : undefined;
  if (!name) throw damaged('ksf');
  return { name, memoryKiB: view.getUint32(4), iterations: view.getUint32(8), parallelism: view.getUint32(12) };
}

/** The last five columns of `credentials`, in their order. */
export function encodeCredential(
  credential: CredentialRecord,
): [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array] {
  const { registrationRecord, credentialIdentifier, oprfSeedId, serverKeyId, ksf } = credential;
  return [registrationRecord, credentialIdentifier, oprfSeedId, serverKeyId, encodeKsf(ksf)];
}

export function decodeLoginRow(row: SqliteRow, exists: boolean): LoginRow {
  return {
    exists,
    status: integer(row, 'status') === 1 ? 'active' : 'disabled',
    userId: bytes(row, 'user_id', 16),
    recordVersion: decodeVersion(row),
    credential: {
      registrationRecord: bytes(row, 'registration_record', 192),
      credentialIdentifier: bytes(row, 'credential_identifier', 32),
      oprfSeedId: bytes(row, 'oprf_seed_id', 16),
      serverKeyId: bytes(row, 'server_key_id', 16),
      ksf: decodeKsf(row),
    },
  };
}

function json(row: SqliteRow, column: string): unknown {
  try {
    return JSON.parse(text(row, column));
  } catch {
    throw damaged(column);
  }
}

export function decodeRoles(row: SqliteRow): string[] {
  const roles = json(row, 'roles');
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === 'string')) throw damaged('roles');
  return roles;
}

/** What `decodeUser` reads, and from where. */
export const USER_COLUMNS = {
  columns: `u.number, u.user_id, u.username, c.status, c.record_version, u.roles, u.attributes, u.created_at_ms`,
  tables: 'users u JOIN credentials c ON c.number = u.number',
};

export function decodeUser(row: SqliteRow): User {
  const attributes = json(row, 'attributes');
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) throw damaged('attributes');
  return {
    userId: bytes(row, 'user_id', 16),
    username: text(row, 'username'),
    status: integer(row, 'status') === 1 ? 'active' : 'disabled',
    recordVersion: decodeVersion(row),
    roles: decodeRoles(row),
    attributes: attributes as Attributes,
    createdAtMs: integer(row, 'created_at_ms'),
  };
}

export function decodeShare(row: SqliteRow): ProfileShare {
  return {
    oprfSeedId: bytes(row, 'oprf_seed_id', 16),
    serverKeyId: bytes(row, 'server_key_id', 16),
    ksf: decodeKsf(row),
    count: integer(row, 'users'),
  };
}
