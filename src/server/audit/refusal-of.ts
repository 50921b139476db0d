import type { AuditEvent } from './events.js';

/** These follow from what was recorded when it was done, and end whoever was connected then. */
const FOLLOWS: ReadonlySet<string> = new Set(['session-revoked', 'session-replaced', 'account-disabled']);

/** What is recorded of a line that a connection logs; undefined for most. */
export function refusalOf(
  logged: {
    readonly code?: string | undefined;
    readonly reason?: string | undefined;
    readonly userId?: Uint8Array | undefined;
  },
  isOpen: boolean,
): Pick<AuditEvent, 'event' | 'code' | 'reason'> | undefined {
  const { code, reason } = logged;
  if (code === undefined) return isAbandoned(reason) ? { event: 'abandoned', reason } : undefined;
  if (code === 'session-expired' && isOpen) return { event: 'session-expired', reason };
  if (isOpen && FOLLOWS.has(code)) return undefined;
  // Recorded with the session that it ended.
  if (reason === 'ticket-reused') return undefined;
  // Somebody who never asked for anything.
  if (code === 'handshake-timeout' && reason === 'awaiting-start') return undefined;
  return { event: 'refused', code, reason };
}

const isAbandoned = (reason: string | undefined): boolean =>
  reason === 'awaiting-login-finish' || reason === 'awaiting-signup-finish' || reason === 'new-start';
