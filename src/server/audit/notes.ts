import type { Question } from '../steps.js';
import type { BeginSessionResult, CreateUserResult, RotateTicketResult } from '../store.js';
import type { AuditEvent, Note } from './events.js';

/** On whose behalf the store is asked. */
export interface Origin {
  readonly connectionId: string;
  readonly addressPrefix: string;
  /** The session that begins belongs to an account that was made or registered anew on this connection. */
  readonly isAfterSignup?: boolean;
}

type Asked<K extends Question['ask']> = Extract<Question, { readonly ask: K }>;

// What is recorded of a question to the store, together with its outcome. Refusals are not written here: they change
// nothing, and come by the engine's way for refusals.

export const noteOfCreate =
  ({ user, code }: Asked<'create'>, base: Base): Note<CreateUserResult> =>
  (outcome) => {
    if (outcome.result !== 'created' && outcome.result !== 'reset') return [];
    const isNew = outcome.result === 'created';
    const reason = code === undefined ? undefined : isNew ? 'invite' : 'reset-code';
    const { userId } = outcome.user;
    return [{ ...base, atMs: user.createdAtMs, event: isNew ? 'signup' : 'registered-anew', userId, reason }];
  };

export const noteOfBegin =
  ({ session }: Asked<'begin'>, base: Base, isAfterSignup: boolean): Note<BeginSessionResult> =>
  (outcome) => {
    if (outcome.result !== 'created') return [];
    const { sessionId, userId } = session;
    const { connectionId, addressPrefix } = base;
    const reason = isAfterSignup ? 'after-signup' : undefined;
    const atMs = session.createdAtMs;
    const login: AuditEvent = { event: 'login', connectionId, addressPrefix, atMs, userId, sessionId, reason };
    if (outcome.ended.length === 0) return [login];
    const ended = outcome.ended.map((id): AuditEvent => {
      return { ...base, atMs, userId, event: 'session-ended', sessionId: id, reason: 'too-many-sessions' };
    });
    return [login, ...ended];
  };

export const noteOfRotate =
  ({ rotation }: Asked<'rotate'>, base: Base): Note<RotateTicketResult> =>
  (outcome) => {
    const { connectionId, addressPrefix } = base;
    const { sessionId, nowMs: atMs, mode } = rotation;
    if (outcome.result === 'reused') {
      return [{ event: 'ticket-reused', connectionId, addressPrefix, atMs, userId: outcome.userId, sessionId }];
    }
    // A refresh proves nothing new.
    if (outcome.result !== 'rotated' || mode === 'refresh') return [];
    const event = mode === 'resume' ? 'resume' : 'stepped-up';
    return [{ event, connectionId, addressPrefix, atMs, userId: outcome.user.userId, sessionId }];
  };

export const noteOfReplace =
  ({ replacement, isOutdated }: Asked<'replace'>, base: Base): Note<RotateTicketResult> =>
  (outcome) => {
    if (outcome.result !== 'rotated') return [];
    const { userId, rotation, endOthers } = replacement;
    const { sessionId, nowMs } = rotation;
    const reason = isOutdated === true ? 'keys-or-ksf-migration' : 'registered-again';
    const facts = { ...base, atMs: nowMs, userId, sessionId };
    const changed: AuditEvent = { ...facts, event: 'credential-changed', reason };
    if (!endOthers) return [changed];
    return [changed, { ...base, atMs: nowMs, userId, event: 'session-ended', reason: 'password-changed' }];
  };

export const noteOfEnd =
  ({ which }: Asked<'end'>, base: Base): Note<readonly Uint8Array[]> =>
  (ended) => {
    const { userId, sessionId, reason, nowMs } = which;
    // Whoever asks again and again for what is done already writes nothing.
    if (ended.length === 0) return [];
    return [{ ...base, atMs: nowMs, event: 'session-ended', userId, sessionId, reason, count: ended.length }];
  };

export const noteOfDelete =
  ({ userId, nowMs }: Asked<'delete'>, base: Base): Note<boolean> =>
  (isDeleted) =>
    isDeleted ? [{ ...base, atMs: nowMs, event: 'account-deleted', userId }] : [];

/** Where every event of a connection comes from. */
export type Base = Pick<AuditEvent, 'connectionId' | 'addressPrefix'>;

export const baseOf = ({ connectionId, addressPrefix }: Origin): Base => ({ connectionId, addressPrefix });
