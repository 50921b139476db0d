import { BlindsaltError } from '../../proto/index.js';
import type { Attributes, SessionRow, User } from './store.js';

/**
 * How the person proved to be who they are: `password` by the password on this connection, `resumed` by a ticket of a
 * session that began with it.
 */
export type SessionLevel = 'password' | 'resumed';

/** What about a session has changed while it was connected. */
export type SessionChange = 'user' | 'level';

/**
 * Who is on an authenticated connection. Read-only; roles, attributes, level and limits are always those of now. Byte
 * strings are given out as copies.
 */
export interface Session<A extends Attributes = Attributes> {
  /** 16 random bytes in hexadecimal; names this session in logs and lists, opens nothing. The same after a resumption. */
  readonly sessionId: string;
  /** The user's id, 16 bytes in hexadecimal: what an application stores, since a name can pass to somebody else. */
  readonly userId: string;
  /** The same id as 16 bytes. */
  readonly userIdBytes: Uint8Array;
  readonly username: string;
  readonly roles: readonly string[];
  /** The application's data of this user. */
  readonly attributes: Readonly<A>;
  readonly level: SessionLevel;
  /** When the password was proven last in this session, milliseconds since 1970. */
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

/**
 * For actions that need the password anew: goes on only if it was proved on this very connection, at most so many
 * seconds ago. Otherwise the application asks the client to step up.
 * @throws BlindsaltError `step-up-required`
 */
export function requireFresh(session: Session<never> | Session, seconds: number): void {
  // Written so that NaN, on either side, is refused.
  if (session.level === 'password' && session.levelAgeMs <= seconds * 1000) return;
  throw new BlindsaltError('step-up-required');
}

/** What the engine knows when it makes a session. */
export interface SessionFacts {
  readonly row: SessionRow;
  readonly user: User;
  readonly isResumed: boolean;
  readonly addressPrefix: string;
}

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** The session object of a connection, and how the engine changes what is in it. */
export class SessionHolder<A extends Attributes> {
  readonly session: Session<A>;
  readonly #now: () => number;
  readonly #monotonicMs: () => number;
  #row: SessionRow;
  #roles: readonly string[];
  #attributes: Readonly<A>;
  /** On the monotonic clock: a clock that is set back makes no proof young. Undefined: not on this connection. */
  #provenAtMs: number | undefined;

  constructor({ row, user, isResumed, addressPrefix }: SessionFacts, now: () => number, monotonicMs: () => number) {
    this.#now = now;
    this.#monotonicMs = monotonicMs;
    this.#row = row;
    this.#roles = Object.freeze([...user.roles]);
    this.#attributes = user.attributes as Readonly<A>;
    this.#provenAtMs = isResumed ? undefined : monotonicMs();
    this.session = this.#createSession(row, user, addressPrefix);
  }

  #createSession(row: SessionRow, user: User, addressPrefix: string): Session<A> {
    const userId = Uint8Array.from(user.userId);
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- `this` of the getters is the session
    const holder = this;
    return Object.freeze({
      sessionId: toHex(row.sessionId),
      userId: toHex(userId),
      get userIdBytes(): Uint8Array {
        return Uint8Array.from(userId);
      },
      username: user.username,
      get roles() {
        return holder.#roles;
      },
      get attributes() {
        return holder.#attributes;
      },
      get level(): SessionLevel {
        return holder.#provenAtMs === undefined ? 'resumed' : 'password';
      },
      get passwordProvenAtMs() {
        return holder.#row.passwordProvenAtMs;
      },
      get levelAgeMs() {
        return holder.#age();
      },
      createdAtMs: row.createdAtMs,
      get expiresAtMs() {
        return holder.#row.absoluteExpiresAtMs ?? Infinity;
      },
      addressPrefix,
      deviceLabel: row.deviceLabel,
    });
  }

  #age(): number {
    const byCalendar = this.#now() - this.#row.passwordProvenAtMs;
    const byStopwatch = this.#provenAtMs === undefined ? 0 : this.#monotonicMs() - this.#provenAtMs;
    return Math.max(0, byCalendar, byStopwatch);
  }

  renew(row: SessionRow, isPasswordProven: boolean): void {
    this.#row = row;
    if (isPasswordProven) this.#provenAtMs = this.#monotonicMs();
  }

  /** Answers whether the roles have changed. */
  updateUser({ roles, attributes }: User): boolean {
    const changed = roles.length !== this.#roles.length || roles.some((role, i) => role !== this.#roles[i]);
    this.#roles = Object.freeze([...roles]);
    this.#attributes = attributes as Readonly<A>;
    return changed;
  }
}
