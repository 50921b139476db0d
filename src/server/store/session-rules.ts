import { BlindsaltError } from '../../../proto/errors.js';
import type {
  NewSession,
  RecordReplacement,
  RotateTicketResult,
  SessionEndReason,
  SessionRow,
  TicketRotation,
  User,
  UserStatus,
} from '../store.js';
import { sameBytes } from './checks.js';

// The rules of PROTOCOL.md 9.1, for every store: what becomes of a row. Stores read and write, these decide.

const DAY_MS = 86_400_000;

/** How long sessions are remembered after they expired, or, if they were ended, after they were seen last. */
export const KEPT_MS = 7 * DAY_MS;
/** At each beginning of a session a store looks at so many others in turn, and forgets those whose time has come. */
export const LOOKED_AT = 8;

/** Serials that are remembered as retired: two renewals retire so many. */
const MAX_RETIRED = 4;

const NEVER = Number.MAX_SAFE_INTEGER;

/** A session as stores keep it: ended ones stay for a while, so that their tickets get the right answer. */
export interface KeptSession extends SessionRow {
  readonly endedBecause: SessionEndReason | undefined;
  /**
   * Serials, 16 bytes each, that renewals replaced since the last resume: until the client comes with a newer one, nobody
   * knows whether it got that.
   */
  readonly retiredSerials: readonly Uint8Array[];
}

/** When the first of its limits is reached. */
export function limitOf({ lastSeenAtMs, idleSeconds, absoluteExpiresAtMs }: SessionRow): number {
  const idle = idleSeconds === 0 ? NEVER : lastSeenAtMs + 1000 * idleSeconds;
  return Math.min(idle, absoluteExpiresAtMs ?? NEVER);
}

export const isOpen = (row: KeptSession, nowMs: number): boolean =>
  row.endedBecause === undefined && nowMs < limitOf(row);

/** From when on a store may forget the row. */
export const forgetAt = (row: KeptSession): number =>
  (row.endedBecause === undefined ? limitOf(row) : row.lastSeenAtMs) + KEPT_MS;

// Rows are written out member by member where logins and resumes pass: to spread and then add a member takes Node 20 4 µs.

/** What others may know of it, with the same byte strings. */
export function toRow(kept: KeptSession): SessionRow {
  return {
    sessionId: kept.sessionId,
    userId: kept.userId,
    currentSerial: kept.currentSerial,
    successorSerial: kept.successorSerial,
    epoch: kept.epoch,
    recordVersion: kept.recordVersion,
    createdAtMs: kept.createdAtMs,
    passwordProvenAtMs: kept.passwordProvenAtMs,
    lastSeenAtMs: kept.lastSeenAtMs,
    absoluteExpiresAtMs: kept.absoluteExpiresAtMs,
    idleSeconds: kept.idleSeconds,
    deviceLabel: kept.deviceLabel,
    addressPrefix: kept.addressPrefix,
  };
}

/** The same with copies of the byte strings. */
export function copyRow(kept: KeptSession): SessionRow {
  return {
    ...toRow(kept),
    sessionId: kept.sessionId.slice(),
    userId: kept.userId.slice(),
    currentSerial: kept.currentSerial.slice(),
    successorSerial: kept.successorSerial?.slice(),
  };
}

export function newRow(session: NewSession): KeptSession {
  const { createdAtMs } = session;
  return {
    sessionId: session.sessionId,
    userId: session.userId,
    currentSerial: session.serial,
    successorSerial: undefined,
    epoch: 0,
    recordVersion: session.recordVersion,
    createdAtMs,
    passwordProvenAtMs: createdAtMs,
    lastSeenAtMs: createdAtMs,
    absoluteExpiresAtMs: session.absoluteExpiresAtMs,
    idleSeconds: session.idleSeconds,
    deviceLabel: session.deviceLabel,
    addressPrefix: session.addressPrefix,
    endedBecause: undefined,
    retiredSerials: [],
  };
}

/** What is left of a session that ended: enough to answer its tickets. */
export const endedRow = (row: KeptSession, reason: SessionEndReason): KeptSession => ({
  ...row,
  endedBecause: reason,
  deviceLabel: '',
  addressPrefix: '',
});

type Refusal = Exclude<RotateTicketResult['result'], 'rotated'>;

/** The user as it matters here; undefined when deleted. */
type RotatingUser = Pick<User, 'recordVersion'> & { readonly status: UserStatus };

/** The row after the rotation, or why there is none. `reused` obliges the store to end the session in the same step. */
export function rotate(
  row: KeptSession | undefined,
  user: RotatingUser | undefined,
  rotation: TicketRotation,
): KeptSession | Refusal {
  if (!row) return 'unknown';
  if (user?.status !== 'active') return 'disabled';
  if (row.endedBecause !== undefined) return 'revoked';
  const { newSerial, nowMs } = rotation;
  const { currentSerial, successorSerial, retiredSerials } = row;
  const slots = successorSerial === undefined ? [currentSerial] : [successorSerial, currentSerial];
  const isNew = (serial: Uint8Array): boolean => !sameBytes(serial, newSerial);
  if (!slots.every(isNew) || !retiredSerials.every(isNew)) {
    throw new BlindsaltError('store-failed', 'The serial was used before.', { reason: 'serial-used' });
  }
  if (nowMs >= (rotation.mode === 'resume' ? limitOf(row) : (row.absoluteExpiresAtMs ?? NEVER))) return 'expired';
  if (rotation.mode === 'resume') {
    const { serial, deviceLabel = row.deviceLabel, addressPrefix = row.addressPrefix } = rotation;
    const isSuccessor = successorSerial !== undefined && sameBytes(serial, successorSerial);
    if (!isSuccessor && !sameBytes(serial, currentSerial)) {
      return retiredSerials.some((retired) => sameBytes(retired, serial)) ? 'retired' : 'reused';
    }
    return {
      ...row,
      currentSerial: serial,
      successorSerial: newSerial,
      epoch: row.epoch + 1,
      lastSeenAtMs: nowMs,
      deviceLabel,
      addressPrefix,
      retiredSerials: [],
    };
  }
  if (rotation.epoch !== row.epoch) return 'replaced';
  if (rotation.mode === 'refresh') {
    return {
      ...row,
      lastSeenAtMs: nowMs,
      currentSerial: successorSerial ?? currentSerial,
      successorSerial: newSerial,
    };
  }
  if (rotation.recordVersion !== user.recordVersion) return 'record-changed';
  const { recordVersion, absoluteExpiresAtMs } = rotation;
  const proof = { recordVersion, absoluteExpiresAtMs, passwordProvenAtMs: nowMs, lastSeenAtMs: nowMs };
  const retired = [...slots, ...retiredSerials].slice(0, MAX_RETIRED);
  return { ...row, ...proof, currentSerial: newSerial, successorSerial: undefined, retiredSerials: retired };
}

/** The row after a renewal together with a new record, or why neither of them happens. */
export function renewWithRecord(
  row: KeptSession | undefined,
  user: RotatingUser | undefined,
  { userId, rotation }: RecordReplacement,
): KeptSession | Exclude<Refusal, 'reused' | 'retired'> {
  if (!row || !sameBytes(row.userId, userId)) return 'unknown';
  const { passwordProvenAtMs, absoluteExpiresAtMs } = row;
  const holder = user && { status: user.status, recordVersion: user.recordVersion + 1 };
  const renewed = rotate(row, holder, { ...rotation, absoluteExpiresAtMs });
  if (renewed === 'reused' || renewed === 'retired') throw new Error('a renewal presents no ticket');
  // The new record proves nothing: it was made by whoever proved the password before.
  return typeof renewed === 'string' ? renewed : { ...renewed, passwordProvenAtMs };
}
