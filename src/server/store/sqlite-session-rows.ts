import { concat } from '../../../proto/transcript.js';
import type { SessionEndReason, SessionRow } from '../store.js';
import { isEndReason } from './session-checks.js';
import { toRow, type KeptSession } from './session-rules.js';
import type { SqliteTuple, SqliteValue } from './sqlite-driver.js';
import { bytesAt, damaged, integerAt, joined, optionalIntegerAt, textAt } from './sqlite-rows.js';
import { BindSlot } from './sqlite-statements.js';

// A session's row and how it is read and written.

const BYTES = joined(
  's.session_id',
  's.user_id',
  's.current_serial',
  "coalesce(s.successor_serial, x'')",
  's.retired_serials',
);

/** What `decodeKept` reads, in its order. */
export const SESSION_COLUMNS = `s.number, s.ended_because, ${BYTES} AS bytes, s.successor_serial IS NOT NULL AS is_rotated,
  s.epoch, s.record_version, s.created_at_ms, s.password_proven_at_ms, s.last_seen_at_ms, s.absolute_expires_at_ms,
  s.idle_seconds, s.device_label, s.address_prefix`;
/** Where columns that are selected after them are found. */
export const AFTER_SESSION = 13;

/** What a rotation may change, in the order of `encodeChanging`. */
export const CHANGING = `current_serial = ?, successor_serial = ?, epoch = ?, record_version = ?, password_proven_at_ms = ?,
  last_seen_at_ms = ?, absolute_expires_at_ms = ?, device_label = ?, address_prefix = ?, retired_serials = ?`;

export const INSERT = `INSERT INTO sessions (current_serial, successor_serial, epoch, record_version, password_proven_at_ms,
  last_seen_at_ms, absolute_expires_at_ms, device_label, address_prefix, retired_serials, session_id, user_id,
  created_at_ms, idle_seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const currentSlot = new BindSlot(16);
const successorSlot = new BindSlot(16);
const NONE = new Uint8Array(0);

/** To be bound at once: the arrays are the next caller's as well. */
export const encodeChanging = (row: KeptSession): SqliteValue[] => [
  currentSlot.put(row.currentSerial),
  row.successorSerial ? successorSlot.put(row.successorSerial) : null,
  row.epoch,
  row.recordVersion,
  row.passwordProvenAtMs,
  row.lastSeenAtMs,
  row.absoluteExpiresAtMs ?? null,
  row.deviceLabel,
  row.addressPrefix,
  row.retiredSerials.length === 0 ? NONE : concat(...row.retiredSerials),
];

export const numberOf = (tuple: SqliteTuple): number => integerAt(tuple, 0, 'number');

export function endReason(tuple: SqliteTuple): SessionEndReason | undefined {
  const reason = tuple[1]!;
  if (reason === null) return undefined;
  if (!isEndReason(reason)) throw damaged('ended_because');
  return reason;
}

export function decodeKept(tuple: SqliteTuple): KeptSession {
  const bytes = bytesAt(tuple, 2, 'bytes');
  const isRotated = tuple[3] === 1;
  const retiredAt = isRotated ? 64 : 48;
  if (bytes.length % 16 !== 0 || bytes.length < retiredAt) throw damaged('serials');
  const retiredSerials: Uint8Array[] = [];
  for (let at = retiredAt; at < bytes.length; at += 16) retiredSerials.push(bytes.subarray(at, at + 16));
  return {
    sessionId: bytes.subarray(0, 16),
    userId: bytes.subarray(16, 32),
    currentSerial: bytes.subarray(32, 48),
    successorSerial: isRotated ? bytes.subarray(48, 64) : undefined,
    epoch: integerAt(tuple, 4, 'epoch'),
    recordVersion: integerAt(tuple, 5, 'record_version'),
    createdAtMs: integerAt(tuple, 6, 'created_at_ms'),
    passwordProvenAtMs: integerAt(tuple, 7, 'password_proven_at_ms'),
    lastSeenAtMs: integerAt(tuple, 8, 'last_seen_at_ms'),
    absoluteExpiresAtMs: optionalIntegerAt(tuple, 9, 'absolute_expires_at_ms'),
    idleSeconds: integerAt(tuple, 10, 'idle_seconds'),
    deviceLabel: textAt(tuple, 11, 'device_label'),
    addressPrefix: textAt(tuple, 12, 'address_prefix'),
    endedBecause: endReason(tuple),
    retiredSerials,
  };
}

export const decodeSession = (tuple: SqliteTuple): SessionRow => toRow(decodeKept(tuple));
