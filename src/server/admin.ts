import { createHash } from 'node:crypto';
import { BlindsaltError } from '../../proto/index.js';
import type { AuditEvent, AuditEventName, Note } from './audit/events.js';
import { drawRandom, platformRandom } from '../crypto/checks.js';
import type { RandomSource } from '../crypto/types.js';
import { prepareUsername } from '../opaque/identity/index.js';
import { fromHex, toHex } from './hex.js';
import { checkRoles } from './store/checks.js';
import type { Attributes, SessionRow, Store, User } from './store.js';
import type { AccountThrottle, ThrottleAdmin } from './throttle/admin.js';

/** Administration of users, sessions and codes; needs a store and nothing else. */
export interface Admin {
  /** Users by name in code-point order, those after `after`, at most `limit` (default 100, at most 1000). */
  listUsers(options?: { readonly after?: string; readonly limit?: number }): Promise<readonly User[]>;
  /** @throws BlindsaltError `user-unknown`, `username-invalid` */
  findUser(username: string): Promise<User>;
  /** Logins fail from now on, and all sessions end; @throws BlindsaltError `user-unknown` */
  disableUser(username: string): Promise<void>;
  enableUser(username: string): Promise<void>;
  /** With all sessions. */
  deleteUser(username: string): Promise<void>;
  /** Replaces the roles, at most 15 of 1–64 bytes; connections of the user learn it at once. */
  setRoles(username: string, roles: readonly string[]): Promise<void>;
  /** Replaces the attributes: a JSON object of at most 16 KiB. */
  setAttributes(username: string, attributes: object): Promise<void>;
  /** The user's open sessions, the newest first. */
  listSessions(username: string): Promise<readonly SessionInfo[]>;
  /**
   * Ends all sessions of the user, or the one with this id (32 hexadecimal digits); their connections close. Answers how
   * many were open. @throws BlindsaltError `user-unknown`, `username-invalid`, `option-invalid`
   */
  endSessions(username: string, options?: { readonly sessionId?: string | undefined }): Promise<number>;
  /** What is counted against logins to this name, known or not. @throws BlindsaltError `username-invalid`, `option-invalid` */
  showThrottle(username: string): Promise<AccountThrottle>;
  /** Forgets it, so that everybody may try again; answers how many counters there were. */
  clearThrottle(username: string): Promise<number>;
  /**
   * Makes a code for one sign-up under any new name. The text is given out here and never again.
   * @throws BlindsaltError `option-invalid`, also when its roles and those of every new user are too many together
   */
  createInvite(options: { readonly expiresInSeconds: number; readonly roles?: readonly string[] }): Promise<CodeText>;
  /** Makes a code with which this user registers anew: the way back for who forgot the password. */
  createResetCode(username: string, options?: { readonly expiresInSeconds?: number }): Promise<CodeText>;
}

/** A session as administrators see it. */
export interface SessionInfo {
  /** 16 bytes in hexadecimal. */
  readonly sessionId: string;
  /** What the client calls itself; text of a stranger. */
  readonly deviceLabel: string;
  readonly addressPrefix: string;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number;
  readonly passwordProvenAtMs: number;
  /** Undefined: no absolute limit. */
  readonly absoluteExpiresAtMs: number | undefined;
}

export interface CodeText {
  /** 128 random bits in Crockford's base 32, groups of five with dashes. */
  readonly code: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_BYTES = 16;
const CODE_LENGTH = 26;
const DEFAULT_RESET_SECONDS = 86_400;
const MAX_EXPIRES_SECONDS = 366 * 86_400;

function encodeCode(bytes: Uint8Array): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(buffer >>> (bits - 5)) & 31];
    buffer &= 31;
  }
  if (bits > 0) text += ALPHABET[(buffer << (5 - bits)) & 31];
  return text.replace(/.{5}(?=.)/g, '$&-');
}

/**
 * SHA-256 of a code's canonical text (26 upper-case characters, no dashes), 32 bytes; undefined for what cannot be a
 * code. Lower case, spaces, dashes, and O, I, L for 0, 1, 1 are accepted.
 */
export function hashCode(text: string): Uint8Array | undefined {
  const canonical = text.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  if (canonical.length !== CODE_LENGTH) return undefined;
  for (const character of canonical) if (!ALPHABET.includes(character)) return undefined;
  return new Uint8Array(createHash('sha256').update(canonical).digest());
}

function toInfo(row: SessionRow): SessionInfo {
  const { deviceLabel, addressPrefix, createdAtMs, lastSeenAtMs, passwordProvenAtMs, absoluteExpiresAtMs } = row;
  const sessionId = toHex(row.sessionId);
  return {
    sessionId,
    deviceLabel,
    addressPrefix,
    createdAtMs,
    lastSeenAtMs,
    passwordProvenAtMs,
    absoluteExpiresAtMs,
  };
}

function readSessionId(text: string): Uint8Array {
  if (typeof text === 'string' && /^[0-9a-f]{32}$/.test(text)) return fromHex(text);
  throw new BlindsaltError('option-invalid', 'sessionId must be 32 hexadecimal digits');
}

export interface AdminOptions {
  /** For tests. */
  readonly random?: RandomSource;
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number;
  /** What every new user gets beside the roles of an invite; default none. */
  readonly newUserRoles?: readonly string[];
  /** For `showThrottle` and `clearThrottle`; takes the keys. */
  readonly throttle?: ThrottleAdmin | undefined;
  /** Who acts, for the audit trail: letters, digits and `._:@-`. Default `api`. */
  readonly actor?: string;
  /** False: nothing goes into the audit trail. Default true. */
  readonly isAudited?: boolean;
}

function named(username: string): string {
  if (typeof username !== 'string') throw new BlindsaltError('option-invalid', 'username must be a text');
  return prepareUsername(username);
}

/** Administration over a store. */
export function createAdmin(
  store: Store,
  {
    random = platformRandom,
    now = Date.now,
    newUserRoles = [],
    throttle,
    actor = 'api',
    isAudited = true,
  }: AdminOptions = {},
): Admin {
  const find = async (username: string): Promise<User> => {
    const user = await store.findUser(named(username));
    if (user === undefined) throw new BlindsaltError('user-unknown');
    return user;
  };
  const changed = async (change: Promise<boolean>): Promise<void> => {
    if (!(await change)) throw new BlindsaltError('user-unknown');
  };
  const told = (event: AuditEventName, facts: Partial<AuditEvent>): AuditEvent[] =>
    isAudited ? [{ event, atMs: now(), actor, ...facts }] : [];
  /** Of a change to a user. */
  const noteOf =
    (event: AuditEventName, userId: Uint8Array): Note<boolean> =>
    (isDone) =>
      isDone ? told(event, { userId }) : [];
  const counters = (): ThrottleAdmin => {
    if (throttle !== undefined) return throttle;
    throw new BlindsaltError('option-invalid', 'counters of attempts are found with the keys only');
  };
  const expiry = (seconds: number): number => {
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_EXPIRES_SECONDS) {
      throw new BlindsaltError('option-invalid', `expiresInSeconds must be 1 to ${MAX_EXPIRES_SECONDS}`);
    }
    return now() + seconds * 1000;
  };
  const issue = async (
    kind: 'invite' | 'reset',
    expiresAtMs: number,
    roles: readonly string[],
    userId?: Uint8Array,
  ): Promise<CodeText> => {
    const code = encodeCode(drawRandom(random, CODE_BYTES));
    await store.createCode({ codeHash: hashCode(code)!, kind, userId, roles, expiresAtMs }, () =>
      told('code-created', { userId, reason: kind }),
    );
    return { code, expiresAtMs };
  };

  return {
    listUsers: (options) => store.listUsers(options),
    findUser: find,
    async disableUser(username) {
      const { userId } = await find(username);
      await changed(store.setUserStatus(userId, 'disabled', noteOf('user-disabled', userId)));
    },
    async enableUser(username) {
      const { userId } = await find(username);
      await changed(store.setUserStatus(userId, 'active', noteOf('user-enabled', userId)));
    },
    async deleteUser(username) {
      const { userId } = await find(username);
      await changed(store.deleteUser(userId, noteOf('user-deleted', userId)));
    },
    async setRoles(username, roles) {
      const { userId } = await find(username);
      await changed(store.setUserRoles(userId, roles, noteOf('roles-changed', userId)));
    },
    async setAttributes(username, attributes) {
      const { userId } = await find(username);
      await changed(store.setUserAttributes(userId, attributes as Attributes, noteOf('attributes-changed', userId)));
    },
    async listSessions(username) {
      return (await store.listSessions((await find(username)).userId, now())).map(toInfo);
    },
    async endSessions(username, { sessionId } = {}) {
      const id = sessionId === undefined ? undefined : readSessionId(sessionId);
      const { userId } = await find(username);
      const reason = 'revoked';
      const note: Note<readonly Uint8Array[]> = ({ length: count }) =>
        told('session-ended', { userId, sessionId: id, reason, count });
      return (await store.endSessions({ userId, sessionId: id, reason, nowMs: now() }, note)).length;
    },
    async showThrottle(username) {
      return counters().show(named(username));
    },
    async clearThrottle(username) {
      const name = named(username);
      const count = await counters().clear(name);
      const user = await store.findUser(name);
      if (isAudited) await store.audit?.append(told('attempts-forgotten', { userId: user?.userId, count }));
      return count;
    },
    async createInvite({ expiresInSeconds, roles = [] }) {
      checkRoles([...newUserRoles, ...checkRoles(roles)]);
      return issue('invite', expiry(expiresInSeconds), roles);
    },
    async createResetCode(username, { expiresInSeconds = DEFAULT_RESET_SECONDS } = {}) {
      const expiresAtMs = expiry(expiresInSeconds);
      return issue('reset', expiresAtMs, [], (await find(username)).userId);
    },
  };
}
