import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, stat as statOf, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { BlindsaltError } from '../../proto/errors.js';
import { drawRandom } from '../crypto/checks.js';
import type { Crypto, RandomSource } from '../crypto/types.js';
import { serverKeyId } from '../opaque/key-id.js';
import { toHex } from './hex.js';
import { decodeKeys, encodeKeys, keysInvalid, type StoredServerKeys } from './key-format.js';

export type { StoredServerKeys } from './key-format.js';

export interface KeyFileOptions {
  /** The domain that the keys are for, in canonical form. */
  readonly domain: string;
  readonly crypto: Crypto;
  /** Source of the new keys' randomness; the platform's by default. */
  readonly random?: RandomSource | undefined;
  /** When new keys are created, milliseconds since 1970; now by default. */
  readonly nowMs?: number | undefined;
}

const MAX_FILE_BYTES = 1 << 20;
const SERVER_KEY_INFO = new TextEncoder().encode('blindsalt.v1 server key');

const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/**
 * Draws fresh keys. The server's key pair is RFC 9497's DeriveKeyPair from a random 32-byte seed (not kept) with the
 * info "blindsalt.v1 server key".
 */
export function generateKeys({ domain, crypto, random, nowMs = Date.now() }: KeyFileOptions): StoredServerKeys {
  const draw = (length: number): Uint8Array => (random ? drawRandom(random, length) : crypto.randomBytes(length));
  const seed = draw(32);
  const { privateKey, publicKey } = crypto.oprf.deriveKeyPair(seed, SERVER_KEY_INFO);
  crypto.wipe(seed);
  return {
    domain,
    oprfSeeds: [{ id: draw(16), seed: draw(64), createdAtMs: nowMs }],
    serverKeys: [{ id: serverKeyId(crypto, publicKey), privateKey, publicKey, createdAtMs: nowMs }],
    fakeKey: draw(64),
    ticketKeys: [{ id: draw(16), key: draw(64), createdAtMs: nowMs }],
    auditKeys: [{ id: draw(16), seed: draw(32), createdAtMs: nowMs }],
  };
}

/** Who may write into the folder could put other keys in the file's place; a sticky bit keeps them from that. */
async function checkFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const { mode } = await statOf(folder).catch(() => ({ mode: 0 }));
  if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0) {
    throw keysInvalid('mode', `Other users may write into ${folder}, the key file's folder. Run: chmod go-w ${folder}`);
  }
}

/** The file's text, or undefined when there is no file. */
async function read(path: string): Promise<string | undefined> {
  let file;
  try {
    file = await open(path, constants.O_RDONLY);
  } catch (cause) {
    if (errorCode(cause) !== 'ENOENT') throw keysInvalid('unreadable', `The key file ${path} cannot be read.`, cause);
    // A link that leads nowhere is more likely a missing mount than a first start: new keys would orphan all accounts.
    if (await lstat(path).catch(() => undefined))
      throw keysInvalid('unreadable', `The key file ${path} is a link to nothing.`);
    return undefined;
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > MAX_FILE_BYTES) throw keysInvalid('damaged', `${path} is not a key file.`);
    if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0');
      throw keysInvalid('mode', `The key file ${path} is open to other users (mode ${mode}). Run: chmod 600 ${path}`);
    }
    const user = process.geteuid?.();
    if (user !== undefined && stat.uid !== user && stat.uid !== 0) {
      const advice = user === 0 ? ` Run this as that user: sudo -u '#${stat.uid}' …` : '';
      const whose = `belongs to another user (${stat.uid}), who could change it`;
      throw keysInvalid('owner', `The key file ${path} ${whose}.${advice}`);
    }
    const content = await file.readFile();
    const text = content.toString('utf8');
    content.fill(0);
    return text;
  } catch (cause) {
    if (cause instanceof BlindsaltError) throw cause;
    throw keysInvalid('unreadable', `The key file ${path} cannot be read.`, cause);
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows has no handles of folders to flush.
  if (process.platform === 'win32') return;
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Puts a whole file on disk, or leaves the one that is there. A hard link is the one step that gives a finished file its
 * name and fails when the name is taken; rename would overwrite. Answers whether the file is the new one.
 */
async function createExclusively(path: string, text: string): Promise<boolean> {
  const folder = dirname(path);
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      if (process.platform !== 'win32') await file.chmod(0o600);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
    await syncFolder(folder);
    return true;
  } catch (cause) {
    if (errorCode(cause) === 'EEXIST') return false;
    throw keysInvalid('unwritable', `The key file ${path} cannot be created.`, cause);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

/**
 * Loads the server's keys from a JSON file, or creates it on the first start, with mode 0600. An existing file is never
 * changed, and of several processes that start at once all get the same keys. A symbolic link to a key file is followed;
 * mode and type are those of the file behind it.
 *
 * Throws `keys-invalid`, with the `reason`: `domain` (made for another domain), `mode` (others may read it, or write into
 * its folder without sticky bit; POSIX), `owner` (it belongs neither to this process's user nor to root; POSIX),
 * `damaged` (not JSON, a field is missing or of the wrong length, or public and private key do not belong together),
 * `version` (of a newer release), `unreadable` or `unwritable` (`cause` has the system's error). No message holds a
 * secret.
 */
export async function loadOrCreateKeys(path: string, options: KeyFileOptions): Promise<StoredServerKeys> {
  const { domain, crypto } = options;
  if (typeof domain !== 'string' || domain.length === 0 || domain.length > 253) {
    throw new BlindsaltError('option-invalid', 'domain must be a host name', { reason: 'domain' });
  }
  const file = resolve(path);
  await checkFolder(dirname(file));
  let text = await read(file);
  if (text === undefined) {
    const created = generateKeys(options);
    if (await createExclusively(file, encodeKeys(created))) return created;
    text = await read(file);
    if (text === undefined) throw keysInvalid('unreadable', `The key file ${path} vanished.`);
  }
  return decodeKeys(text, { domain, crypto, path });
}

export interface KeyDescription {
  /** Hex. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** The first of its list: what new registrations and tickets use. */
  readonly current: boolean;
}

export interface KeysDescription {
  readonly domain: string;
  readonly oprfSeeds: readonly KeyDescription[];
  readonly serverKeys: readonly (KeyDescription & {
    /** 32 bytes, base64url: what clients may pin. */
    readonly publicKey: string;
    /** SHA-256 of the public key, base64 without padding, after "SHA256:". */
    readonly fingerprint: string;
  })[];
  readonly ticketKeys: readonly KeyDescription[];
}

/** What may be shown of the keys: no secret, nor anything computed from one except public keys. */
export function describeKeys(keys: StoredServerKeys): KeysDescription {
  const describe = ({ id, createdAtMs }: { id: Uint8Array; createdAtMs: number }, index: number): KeyDescription => ({
    id: toHex(id),
    createdAt: new Date(createdAtMs).toISOString(),
    current: index === 0,
  });
  return {
    domain: keys.domain,
    oprfSeeds: keys.oprfSeeds.map(describe),
    serverKeys: keys.serverKeys.map((pair, index) => ({
      ...describe(pair, index),
      publicKey: Buffer.from(pair.publicKey).toString('base64url'),
      fingerprint: `SHA256:${createHash('sha256').update(pair.publicKey).digest('base64').replace(/=+$/, '')}`,
    })),
    ticketKeys: keys.ticketKeys.map(describe),
  };
}
