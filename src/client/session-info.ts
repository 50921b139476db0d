import type { LifeFields, Welcome } from '../../proto/messages.js';

/** Who is logged in on this connection, as the server said it. A new object after each change. */
export interface SessionInfo {
  /** 16 random bytes in hexadecimal. */
  readonly sessionId: string;
  /** 16 bytes in hexadecimal; stays with the person when the username changes hands. */
  readonly userId: string;
  /** As RFC 8265 prepares it: may differ from what was typed, in case for example. */
  readonly username: string;
  readonly roles: readonly string[];
  /** What the person has proven on this connection: the password, or (after `resume`) only that they had a ticket. */
  readonly level: 'password' | 'resumed';
  /** The session ends after so many seconds without a message from this client; 0: no such limit. */
  readonly idleSeconds: number;
  /** The session ends after so many seconds from the last `login`, `resume`, `refresh` or `stepUp`; 0: no such limit. */
  readonly absoluteSeconds: number;
}

/** One of the sessions of the user, as `sessions` lists them. */
export interface OpenSession {
  /** 16 bytes in hexadecimal; for `revokeSession`. */
  readonly sessionId: string;
  /** What that client calls itself: text of a stranger. */
  readonly deviceLabel: string;
  readonly createdAt: Date;
  /** Kept to the minute or so. */
  readonly lastSeenAt: Date;
  /** Where it connected from, in part: `192.0.2.0/24` for example. */
  readonly addressPrefix: string;
  /** Whether it is the session of this connection. */
  readonly isCurrent: boolean;
}

export function sessionInfo(welcome: Welcome): SessionInfo {
  return Object.freeze({
    sessionId: toHex(welcome.sessionId),
    userId: toHex(welcome.userId),
    username: welcome.username,
    roles: Object.freeze([...welcome.roles]),
    // Only the answer to a resume has a proof.
    level: welcome.proof.length === 0 ? 'password' : 'resumed',
    idleSeconds: welcome.idleSeconds,
    absoluteSeconds: welcome.absoluteSeconds,
  });
}

export type SessionChange = Partial<Pick<SessionInfo, 'roles' | 'level'> & LifeFields>;

export function changedSession(session: SessionInfo, change: SessionChange): SessionInfo {
  const { roles, level, idleSeconds, absoluteSeconds } = change;
  return Object.freeze({
    ...session,
    ...(roles === undefined ? {} : { roles: Object.freeze([...roles]) }),
    ...(level === undefined ? {} : { level }),
    ...(idleSeconds === undefined ? {} : { idleSeconds }),
    ...(absoluteSeconds === undefined ? {} : { absoluteSeconds }),
  });
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @returns undefined for anything but 32 hexadecimal digits */
export function sessionIdFromHex(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || !/^[0-9a-f]{32}$/i.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g)!, (byte) => parseInt(byte, 16));
}
