import type { Attributes, User } from './store.js';

/** How the person proved to be who they are. */
export type SessionLevel = 'password';

/** Who is on an authenticated connection. Immutable; byte strings are given out as copies. */
export interface Session<A extends Attributes = Attributes> {
  /** 16 random bytes in hexadecimal; names this session in logs and lists, opens nothing. */
  readonly sessionId: string;
  /** The user's id, 16 bytes in hexadecimal: what an application stores, since a name can pass to somebody else. */
  readonly userId: string;
  /** The same id as 16 bytes. */
  readonly userIdBytes: Uint8Array;
  readonly username: string;
  readonly roles: readonly string[];
  /** The application's data of this user as it stood at login. */
  readonly attributes: Readonly<A>;
  readonly level: SessionLevel;
  /** When the password was proven, milliseconds since 1970. */
  readonly passwordProvenAtMs: number;
  /** Milliseconds since the password was proven. */
  readonly levelAgeMs: number;
  readonly createdAtMs: number;
  /** When the session ends at the latest, milliseconds since 1970; Infinity without an absolute limit. */
  readonly expiresAtMs: number;
  /** The client's address without its last part: /24 of IPv4, /48 of IPv6. */
  readonly addressPrefix: string;
  /** What the client calls itself; text of a stranger, show it as such. May be empty. */
  readonly deviceLabel: string;
}

/** What the engine knows when it makes a session. */
export interface SessionFacts {
  readonly sessionId: Uint8Array;
  readonly user: User;
  readonly nowMs: number;
  /** 0: no absolute limit. */
  readonly absoluteSeconds: number;
  readonly addressPrefix: string;
  readonly deviceLabel: string;
}

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Makes the immutable session object; `now` is read for `levelAgeMs`. */
export function createSession<A extends Attributes>(facts: SessionFacts, now: () => number): Session<A> {
  const { user, nowMs } = facts;
  const userId = Uint8Array.from(user.userId);
  return Object.freeze({
    sessionId: toHex(facts.sessionId),
    userId: toHex(userId),
    get userIdBytes(): Uint8Array {
      return Uint8Array.from(userId);
    },
    username: user.username,
    roles: Object.freeze([...user.roles]),
    attributes: user.attributes as Readonly<A>,
    level: 'password' as const,
    passwordProvenAtMs: nowMs,
    get levelAgeMs(): number {
      return Math.max(0, now() - nowMs);
    },
    createdAtMs: nowMs,
    expiresAtMs: facts.absoluteSeconds === 0 ? Infinity : nowMs + facts.absoluteSeconds * 1000,
    addressPrefix: facts.addressPrefix,
    deviceLabel: facts.deviceLabel,
  });
}
