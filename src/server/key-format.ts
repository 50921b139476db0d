import { BlindsaltError } from '../../proto/errors.js';
import type { Crypto } from '../crypto/types.js';
import { serverKeyId } from '../opaque/key-id.js';
import type { OprfSeed, ServerKeyPair, ServerKeys } from './keys.js';

interface Dated {
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

/** The server's keys, with the dates that the key file has for them. */
export interface StoredServerKeys extends ServerKeys {
  readonly oprfSeeds: readonly (OprfSeed & Dated)[];
  readonly serverKeys: readonly (ServerKeyPair & Dated)[];
  readonly ticketKeys: readonly (Dated & { readonly id: Uint8Array; readonly key: Uint8Array })[];
  readonly auditKeys?: readonly (Dated & { readonly id: Uint8Array; readonly seed: Uint8Array })[] | undefined;
}

const FORMAT = 'blindsalt-keys';
const VERSION = 1;
const MAX_KEYS = 1000;
const MEMBERS: readonly string[] = [
  'format',
  'version',
  'domain',
  'oprfSeeds',
  'serverKeys',
  'fakeKey',
  'ticketKeys',
  'auditKeys',
];

export type KeysInvalidReason = 'domain' | 'mode' | 'owner' | 'damaged' | 'version' | 'unreadable' | 'unwritable';

export function keysInvalid(reason: KeysInvalidReason, message: string, cause?: unknown): BlindsaltError {
  return new BlindsaltError('keys-invalid', message, { reason, cause });
}

const base64url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');

const isoDate = (ms: number): string => new Date(ms).toISOString();

/** The key file's text: JSON, bytes in base64url without padding, dates in ISO 8601. */
export function encodeKeys(keys: StoredServerKeys): string {
  const file = {
    format: FORMAT,
    version: VERSION,
    domain: keys.domain,
    oprfSeeds: keys.oprfSeeds.map(({ id, seed, createdAtMs }) => ({
      id: base64url(id),
      createdAt: isoDate(createdAtMs),
      seed: base64url(seed),
    })),
    serverKeys: keys.serverKeys.map(({ id, publicKey, privateKey, createdAtMs }) => ({
      id: base64url(id),
      createdAt: isoDate(createdAtMs),
      publicKey: base64url(publicKey),
      privateKey: base64url(privateKey),
    })),
    fakeKey: base64url(keys.fakeKey),
    ticketKeys: keys.ticketKeys.map(({ id, key, createdAtMs }) => ({
      id: base64url(id),
      createdAt: isoDate(createdAtMs),
      key: base64url(key),
    })),
    ...(keys.auditKeys && {
      auditKeys: keys.auditKeys.map(({ id, seed, createdAtMs }) => ({
        id: base64url(id),
        createdAt: isoDate(createdAtMs),
        seed: base64url(seed),
      })),
    }),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

type Fields = Readonly<Record<string, unknown>>;

interface Reader {
  readonly fail: (field: string, rule: string) => BlindsaltError;
}

function toFields({ fail }: Reader, field: string, value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail(field, 'must be an object');
  return value as Fields;
}

function toBytes({ fail }: Reader, field: string, value: unknown, length: number): Uint8Array {
  const bytes = typeof value === 'string' ? Uint8Array.from(Buffer.from(value, 'base64url')) : undefined;
  // Buffer skips what is no base64url; the way back shows it.
  if (bytes?.length !== length || base64url(bytes) !== value) throw fail(field, `must be ${length} bytes in base64url`);
  return bytes;
}

function toDateMs({ fail }: Reader, field: string, value: unknown): number {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (!Number.isSafeInteger(ms) || isoDate(ms) !== value)
    throw fail(field, 'must be a date as in 2030-12-31T23:59:59.000Z');
  return ms;
}

/** A list of keys with dates and distinct ids. */
function toKeys<T extends { readonly id: Uint8Array }>(
  reader: Reader,
  field: string,
  value: unknown,
  decode: (fields: Fields, at: string) => T,
): (T & Dated)[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_KEYS) {
    throw reader.fail(field, `must be a list of 1 to ${MAX_KEYS} keys`);
  }
  const keys = value.map((entry: unknown, index) => {
    const at = `${field}[${index}]`;
    const fields = toFields(reader, at, entry);
    return { ...decode(fields, at), createdAtMs: toDateMs(reader, `${at}.createdAt`, fields['createdAt']) };
  });
  if (new Set(keys.map(({ id }) => base64url(id))).size < keys.length) throw reader.fail(field, 'has an id twice');
  return keys;
}

function toServerKey(reader: Reader, crypto: Crypto, fields: Fields, at: string): ServerKeyPair {
  const id = toBytes(reader, `${at}.id`, fields['id'], 16);
  const publicKey = toBytes(reader, `${at}.publicKey`, fields['publicKey'], 32);
  const privateKey = toBytes(reader, `${at}.privateKey`, fields['privateKey'], 32);
  let computed: Uint8Array;
  try {
    computed = crypto.schnorr.publicKey(privateKey);
  } catch {
    throw reader.fail(`${at}.privateKey`, 'must be a non-zero canonical scalar');
  }
  if (!crypto.equal(computed, publicKey)) throw reader.fail(at, 'has a public key that is not the private key’s');
  if (!crypto.equal(serverKeyId(crypto, publicKey), id)) throw reader.fail(`${at}.id`, 'is not the public key’s id');
  return { id, privateKey, publicKey };
}

/** Reads the key file's text; throws `keys-invalid`. Messages name fields, never what is in them. */
export function decodeKeys(text: string, expected: { domain: string; crypto: Crypto; path: string }): StoredServerKeys {
  const { domain, crypto, path } = expected;
  const reader: Reader = {
    fail: (field, rule) => keysInvalid('damaged', `The key file ${path} is damaged: ${field} ${rule}.`),
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Without its cause: the engine's message quotes the text.
    throw reader.fail('it', 'is not JSON');
  }
  const file = toFields(reader, 'it', parsed);
  if (file['format'] !== FORMAT) throw reader.fail('format', `must be "${FORMAT}"`);
  const version = file['version'];
  if (version !== VERSION) {
    if (typeof version !== 'number' || !(version > VERSION)) throw reader.fail('version', `must be ${VERSION}`);
    throw keysInvalid('version', `The key file ${path} was written by a newer release. Update the software.`);
  }
  // A list under a misspelt name must not pass for one that is not there.
  if (Object.keys(file).some((name) => !MEMBERS.includes(name)))
    throw reader.fail('it', 'has a member that is not known');
  if (typeof file['domain'] !== 'string') throw reader.fail('domain', 'must be text');
  if (file['domain'] !== domain) {
    // In a damaged file anything may stand there.
    const other = /^[a-z0-9.:[\]-]{1,253}$/.test(file['domain']) ? `the domain "${file['domain']}"` : 'another domain';
    throw keysInvalid(
      'domain',
      `The key file ${path} was made for ${other}, not for "${domain}"; accounts cannot move.`,
    );
  }
  return {
    domain,
    oprfSeeds: toKeys(reader, 'oprfSeeds', file['oprfSeeds'], (fields, at) => ({
      id: toBytes(reader, `${at}.id`, fields['id'], 16),
      seed: toBytes(reader, `${at}.seed`, fields['seed'], 64),
    })),
    serverKeys: toKeys(reader, 'serverKeys', file['serverKeys'], (fields, at) =>
      toServerKey(reader, crypto, fields, at),
    ),
    fakeKey: toBytes(reader, 'fakeKey', file['fakeKey'], 64),
    ticketKeys: toKeys(reader, 'ticketKeys', file['ticketKeys'], (fields, at) => ({
      id: toBytes(reader, `${at}.id`, fields['id'], 16),
      key: toBytes(reader, `${at}.key`, fields['key'], 64),
    })),
    // Files of earlier releases have none.
    ...(file['auditKeys'] !== undefined && {
      auditKeys: toKeys(reader, 'auditKeys', file['auditKeys'], (fields, at) => ({
        id: toBytes(reader, `${at}.id`, fields['id'], 16),
        seed: toBytes(reader, `${at}.seed`, fields['seed'], 32),
      })),
    }),
  };
}
