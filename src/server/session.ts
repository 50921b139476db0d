import { BlindsaltError } from '../../proto/index.js';
import { fromHex } from './hex.js';
import type { OpenSession } from './open-session.js';
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
export interface Session<A extends object = Attributes> {
  /** 16 random bytes in hexadecimal; names this session in logs and lists, opens nothing. The same after a resumption. */
  readonly sessionId: string;
  /** The user's id, 16 bytes in hexadecimal: what an application stores, since a name can pass to somebody else. */
  readonly userId: string;
  /** The same id as 16 bytes. */
  readonly userIdBytes: Uint8Array;
  readonly username: string;
  readonly roles: readonly string[];
  /** The application's data of this user, as `setAttributes` left it; empty for new users. */
  readonly attributes: Readonly<Partial<A>>;
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
export function requireFresh(session: Session<object>, seconds: number): void {
  // Written so that NaN, on either side, is refused.
  if (session.level === 'password' && session.levelAgeMs <= seconds * 1000) return;
  throw new BlindsaltError('step-up-required');
}

/** What the engine knows when it makes a session. */
export interface SessionFacts {
  readonly open: OpenSession;
  readonly row: SessionRow;
  readonly user: User;
  readonly addressPrefix: string;
}

/** What applications see: getters on a shared prototype, since there may be a great many. */
class HeldSession<A extends object> implements Session<A> {
  readonly #holder: SessionHolder<A>;
  readonly sessionId: string;
  readonly userId: string;
  readonly username: string;
  readonly createdAtMs: number;
  readonly addressPrefix: string;
  readonly deviceLabel: string;

  constructor(holder: SessionHolder<A>, { open, row, user, addressPrefix }: SessionFacts) {
    this.#holder = holder;
    this.sessionId = open.sessionKey;
    this.userId = open.userKey;
    this.username = user.username;
    this.createdAtMs = row.createdAtMs;
    this.addressPrefix = addressPrefix;
    this.deviceLabel = row.deviceLabel;
    Object.freeze(this);
  }

  get userIdBytes(): Uint8Array {
    return fromHex(this.userId);
  }

  get roles(): readonly string[] {
    return this.#holder.roles;
  }

  get attributes(): Readonly<Partial<A>> {
    return this.#holder.attributes;
  }

  get level(): SessionLevel {
    return this.#holder.level;
  }

  get passwordProvenAtMs(): number {
    return this.#holder.passwordProvenAtMs;
  }

  get levelAgeMs(): number {
    return this.#holder.levelAgeMs;
  }

  get expiresAtMs(): number {
    return this.#holder.expiresAtMs;
  }

  /** With what the getters give, but for the bytes. */
  toJSON(): Omit<Session<A>, 'userIdBytes'> {
    const { roles, attributes, level, passwordProvenAtMs, levelAgeMs, expiresAtMs } = this;
    return { ...this, roles, attributes, level, passwordProvenAtMs, levelAgeMs, expiresAtMs };
  }
}

/** Of the connection's context. */
interface Clocks {
  readonly settings: { readonly now: () => number };
  readonly monotonicMs: () => number;
}

/** The session object of a connection, and how the engine changes what is in it. */
export class SessionHolder<A extends object> {
  readonly session: Session<A>;
  readonly #clocks: Clocks;
  #open: OpenSession;
  #roles!: readonly string[];
  #attributes!: Readonly<Partial<A>>;
  #expiresAtMs: number;

  constructor(facts: SessionFacts, clocks: Clocks) {
    this.#clocks = clocks;
    this.#open = facts.open;
    this.#expiresAtMs = expiryOf(facts.row);
    this.#take(facts.user);
    this.session = new HeldSession(this, facts);
  }

  get roles(): readonly string[] {
    return this.#roles;
  }

  get attributes(): Readonly<Partial<A>> {
    return this.#attributes;
  }

  get level(): SessionLevel {
    return this.#open.provenAtMs === undefined ? 'resumed' : 'password';
  }

  get passwordProvenAtMs(): number {
    return this.#open.passwordProvenAtMs;
  }

  get levelAgeMs(): number {
    const { provenAtMs, passwordProvenAtMs } = this.#open;
    // By both: a calendar that is set back makes no proof young.
    const byCalendar = this.#clocks.settings.now() - passwordProvenAtMs;
    const byStopwatch = provenAtMs === undefined ? 0 : this.#clocks.monotonicMs() - provenAtMs;
    return Math.max(0, byCalendar, byStopwatch);
  }

  get expiresAtMs(): number {
    return this.#expiresAtMs;
  }

  renew(open: OpenSession, row: SessionRow): void {
    this.#open = open;
    this.#expiresAtMs = expiryOf(row);
  }

  /** Answers whether the roles have changed. */
  updateUser(user: User): boolean {
    const before = this.#roles;
    this.#take(user);
    return user.roles.length !== before.length || user.roles.some((role, i) => role !== before[i]);
  }

  #take({ roles, attributes }: User): void {
    this.#roles = roles.length === 0 ? NO_ROLES : Object.freeze([...roles]);
    this.#attributes = attributes as Readonly<Partial<A>>;
  }
}

const expiryOf = ({ absoluteExpiresAtMs }: SessionRow): number => absoluteExpiresAtMs ?? Infinity;

const NO_ROLES: readonly string[] = Object.freeze([]);
