import type {
  EndSessions,
  NewSession,
  RecordReplacement,
  SessionEndReason,
  SessionPolicy,
  SessionTouch,
  TicketRotation,
} from '../store.js';
import {
  checkInteger,
  checkText,
  checkTimeMs,
  checkVersion,
  copyBytes,
  copyCredential,
  copyUserId,
  refuse,
  U32,
} from './checks.js';

// As checks.ts, for what concerns sessions.

/** Longest device label and longest address prefix, UTF-8 bytes. */
export const MAX_LABEL_BYTES = 64;
/** Highest limit of sessions per user. */
export const MAX_SESSIONS = 10_000;
/** Sessions in one call of `touchSessions`. */
export const MAX_TOUCHES = 1000;

const END_REASONS: Readonly<Record<SessionEndReason, true>> = {
  logout: true,
  revoked: true,
  'password-changed': true,
  'user-disabled': true,
  'user-deleted': true,
  'ticket-reused': true,
  'too-many-sessions': true,
};

export const isEndReason = (reason: unknown): reason is SessionEndReason =>
  typeof reason === 'string' && Object.hasOwn(END_REASONS, reason);

export const copySessionId = (sessionId: Uint8Array): Uint8Array => copyBytes('sessionId', sessionId, 16);

const copySerial = (argument: string, serial: Uint8Array): Uint8Array => copyBytes(argument, serial, 16);

const checkLabel = (argument: string, text: string): string => checkText(argument, text, 0, MAX_LABEL_BYTES);

const checkLimit = (atMs: number | undefined): number | undefined =>
  atMs === undefined ? undefined : checkTimeMs('absoluteExpiresAtMs', atMs);

export function checkNewSession(session: NewSession): NewSession {
  return {
    sessionId: copySessionId(session.sessionId),
    userId: copyUserId(session.userId),
    serial: copySerial('serial', session.serial),
    recordVersion: checkVersion(session.recordVersion),
    createdAtMs: checkTimeMs('createdAtMs', session.createdAtMs),
    absoluteExpiresAtMs: checkLimit(session.absoluteExpiresAtMs),
    idleSeconds: checkInteger('idleSeconds', session.idleSeconds, 0, U32),
    deviceLabel: checkLabel('deviceLabel', session.deviceLabel),
    addressPrefix: checkLabel('addressPrefix', session.addressPrefix),
  };
}

export function checkPolicy({ max, whenFull }: SessionPolicy): SessionPolicy {
  if (whenFull !== 'refuse' && whenFull !== 'end-oldest') throw refuse('whenFull', 'refuse or end-oldest');
  return { max: checkInteger('max', max, 1, MAX_SESSIONS), whenFull };
}

const optionalLabel = (argument: string, text: string | undefined): string | undefined =>
  text === undefined ? undefined : checkLabel(argument, text);

export function checkRotation(rotation: TicketRotation): TicketRotation {
  const sessionId = copySessionId(rotation.sessionId);
  const newSerial = copySerial('newSerial', rotation.newSerial);
  const nowMs = checkTimeMs('nowMs', rotation.nowMs);
  const { mode } = rotation;
  if (mode === 'resume') {
    return {
      sessionId,
      newSerial,
      nowMs,
      mode,
      serial: copySerial('serial', rotation.serial),
      deviceLabel: optionalLabel('deviceLabel', rotation.deviceLabel),
      addressPrefix: optionalLabel('addressPrefix', rotation.addressPrefix),
    };
  }
  if (mode !== 'refresh' && mode !== 'renew') throw refuse('mode', 'resume, refresh or renew');
  const epoch = checkInteger('epoch', rotation.epoch, 0, U32);
  if (mode === 'refresh') return { sessionId, newSerial, nowMs, mode, epoch };
  return {
    sessionId,
    newSerial,
    nowMs,
    mode,
    epoch,
    recordVersion: checkVersion(rotation.recordVersion),
    absoluteExpiresAtMs: checkLimit(rotation.absoluteExpiresAtMs),
  };
}

export function checkReplacement(replacement: RecordReplacement): RecordReplacement {
  const { endOthers } = replacement;
  const version = checkVersion(replacement.version);
  const rotation = checkRotation({ ...replacement.rotation, absoluteExpiresAtMs: undefined });
  if (rotation.mode !== 'renew') throw refuse('mode', 'renew');
  if (rotation.recordVersion !== version + 1) throw refuse('recordVersion', 'that of the new record');
  if (typeof endOthers !== 'boolean') throw refuse('endOthers', 'true or false');
  const userId = copyUserId(replacement.userId);
  return { userId, version, credential: copyCredential(replacement.credential), endOthers, rotation };
}

export function checkEndSessions({ userId, sessionId, exceptSessionId, reason, nowMs }: EndSessions): EndSessions {
  if (!userId && !sessionId) throw refuse('userId', 'given, or sessionId');
  if (exceptSessionId && (sessionId || !userId)) throw refuse('exceptSessionId', 'given with userId alone');
  if (!isEndReason(reason)) throw refuse('reason', 'a known one');
  return {
    userId: userId && copyUserId(userId),
    sessionId: sessionId && copySessionId(sessionId),
    exceptSessionId: exceptSessionId && copyBytes('exceptSessionId', exceptSessionId, 16),
    reason,
    nowMs: checkTimeMs('nowMs', nowMs),
  };
}

export function checkTouches(touches: readonly SessionTouch[]): readonly SessionTouch[] {
  if (!Array.isArray(touches) || touches.length > MAX_TOUCHES) throw refuse('touches', `at most ${MAX_TOUCHES}`);
  return (touches as readonly SessionTouch[]).map(({ sessionId, lastSeenAtMs }) => ({
    sessionId: copySessionId(sessionId),
    lastSeenAtMs: checkTimeMs('lastSeenAtMs', lastSeenAtMs),
  }));
}
