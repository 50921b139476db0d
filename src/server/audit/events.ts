/**
 * What is recorded. Never a secret, a whole address, or text that a stranger chose.
 * - `signup`, `registered-anew` (with a reset code), `login`, `resume`, `stepped-up`, `credential-changed`;
 * - `refused`: with the error code and the precise reason; `abandoned`: a challenge without an answer, which is how a wrong
 *   password looks to the server when the client notices first;
 * - `ticket-reused`, `session-ended` (by its user, an administrator, a limit of sessions, a password change), `session-expired`;
 * - `account-deleted` (by its user), `user-disabled`, `user-enabled`, `user-deleted`, `roles-changed`, `attributes-changed`,
 *   `code-created`, `attempts-forgotten` (what throttling had counted): by an administrator;
 * - `server-start`, `server-stop`, `keys-changed`;
 * - `checkpoint`: a signature over all before it; `pruned`: entries up to a number were removed on purpose;
 * - `suppressed`: refusals that were counted, not written one by one; `gap`: entries that were lost.
 */
export const AUDIT_EVENTS = [
  'signup',
  'registered-anew',
  'login',
  'resume',
  'stepped-up',
  'credential-changed',
  'refused',
  'abandoned',
  'ticket-reused',
  'session-ended',
  'session-expired',
  'account-deleted',
  'user-disabled',
  'user-enabled',
  'user-deleted',
  'roles-changed',
  'attributes-changed',
  'code-created',
  'attempts-forgotten',
  'server-start',
  'server-stop',
  'keys-changed',
  'checkpoint',
  'pruned',
  'suppressed',
  'gap',
] as const;
export type AuditEventName = (typeof AUDIT_EVENTS)[number];

/** One event about security, as the engine tells it to the audit trail and to observers. */
export interface AuditEvent {
  readonly event: AuditEventName;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Whose account, 16 bytes; absent where the name is nobody's, or nobody proved to be anybody. */
  readonly userId?: Uint8Array | undefined;
  /** 16 bytes; the first 8 are recorded. */
  readonly sessionId?: Uint8Array | undefined;
  /** /24 of IPv4, /48 of IPv6. */
  readonly addressPrefix?: string | undefined;
  /** As in the log. */
  readonly connectionId?: string | undefined;
  /** The error code that the other end got. */
  readonly code?: string | undefined;
  /** More precise than the code; never goes to the other end. */
  readonly reason?: string | undefined;
  /** Who did it, where that is not the user: `cli:…`, `api`. */
  readonly actor?: string | undefined;
  /** How many sessions, events or entries. */
  readonly count?: number | undefined;
  /** For observers, not recorded: what was under way. */
  readonly attempt?: 'login' | 'signup' | 'resume' | 'session' | 'other' | undefined;
  /** Text of our own making: ids of keys, versions. */
  readonly detail?: string | undefined;
}

/**
 * Given to a writing method of the store: called with its outcome inside the same step, and what it answers is recorded in
 * the same commit. Must not throw, nor wait.
 */
export type Note<T> = (outcome: T) => readonly AuditEvent[];
