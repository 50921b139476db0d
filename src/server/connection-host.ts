import type { ConnectionHandle, Limits } from './api.js';
import type { AuditEvent } from './audit/events.js';
import type { Origin } from './audit/notes.js';
import type { ConnectionContext } from './connection-state.js';
import type { Deadlines } from './deadlines.js';
import type { Observer } from './observer.js';
import type { OpenSessions } from './open-sessions.js';
import type { SettingHints } from './setting-hints.js';
import type { Answer, Question } from './steps.js';
import type { Networks } from './throttle/networks.js';
import type { WorkQueue } from './work-queue.js';

/** What a connection needs of its engine. */
export interface ConnectionHost {
  readonly context: ConnectionContext;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly sessions: OpenSessions;
  /** For what takes computing. */
  readonly work: WorkQueue;
  readonly hints: SettingHints;
  /** Undefined: nobody listens. */
  readonly observer: Required<Observer> | undefined;
  answer(question: Question, origin: Origin): Promise<Answer>;
  /** Somebody was refused, or left in the middle. */
  refused(event: AuditEvent): void;
  /** Ends a session that nobody got to know of. */
  discardSession(sessionId: Uint8Array): void;
  /** Once for each connection: when it authenticates, or when its socket is gone without that. */
  leaveUnauthenticated(networks: Networks | undefined): void;
  /** Once for each connection, when its socket is gone. */
  forget(connection: ConnectionHandle): void;
}
