import { concat } from '../../../proto/transcript.js';
import type {
  BeginSessionResult,
  EndSessions,
  NewSession,
  RecordReplacement,
  RotateTicketResult,
  SessionEndReason,
  SessionPolicy,
  SessionRow,
  SessionTouch,
  TicketRotation,
  User,
} from '../store.js';
import { isEndReason } from './session-checks.js';
import { KEPT_MS, newRow, renewWithRecord, rotate, toRow, type KeptSession } from './session-rules.js';
import { storeFailed, type SqliteRow, type SqliteValue, type Statement } from './sqlite-driver.js';
import { bytes, damaged, decodeUser, integer, text, USER_COLUMNS } from './sqlite-rows.js';

/** Sessions are looked at for what is to be forgotten after so many beginnings, or when so long has passed, milliseconds; */
const LOOK_AFTER = 64;
const LOOK_AFTER_MS = 60_000;
/** so many in turn, which is more than began. */
const LOOKED_AT = 256;

/** What a rotation may change, in the order of `encodeChanging`. */
const CHANGING = `current_serial = ?, successor_serial = ?, epoch = ?, record_version = ?, password_proven_at_ms = ?,
  last_seen_at_ms = ?, absolute_expires_at_ms = ?, device_label = ?, address_prefix = ?, retired_serials = ?`;

const encodeChanging = (row: KeptSession): SqliteValue[] => [
  row.currentSerial,
  row.successorSerial ?? null,
  row.epoch,
  row.recordVersion,
  row.passwordProvenAtMs,
  row.lastSeenAtMs,
  row.absoluteExpiresAtMs ?? null,
  row.deviceLabel,
  row.addressPrefix,
  concat(...row.retiredSerials),
];

const INSERT = `INSERT INTO sessions (current_serial, successor_serial, epoch, record_version, password_proven_at_ms,
  last_seen_at_ms, absolute_expires_at_ms, device_label, address_prefix, retired_serials, session_id, user_id,
  created_at_ms, idle_seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const OPEN = 'user_id = ?1 AND ended_because IS NULL AND open_until_ms > ?2';

/** All that decides whether a session may begin, in one row. */
const BEGINNING = `SELECT ${USER_COLUMNS.columns}, (SELECT count(*) FROM sessions WHERE ${OPEN}) AS open,
  EXISTS (SELECT 1 FROM sessions WHERE session_id = ?3) AS is_used FROM ${USER_COLUMNS.tables} WHERE u.user_id = ?1`;

const IN_TURN = `SELECT number FROM sessions WHERE number > ?1 ORDER BY number LIMIT ${LOOKED_AT}`;
const FORGET = `DELETE FROM sessions WHERE number > ?1 AND number <= ?2
  AND CASE WHEN ended_because IS NULL THEN open_until_ms ELSE last_seen_at_ms END <= ?3 - ${KEPT_MS}`;

function endReason(row: SqliteRow): SessionEndReason | undefined {
  const reason = row['ended_because'];
  if (reason === null) return undefined;
  if (!isEndReason(reason)) throw damaged('ended_because');
  return reason;
}

function decodeSession(row: SqliteRow): SessionRow {
  return {
    sessionId: bytes(row, 'session_id', 16),
    userId: bytes(row, 'user_id', 16),
    currentSerial: bytes(row, 'current_serial', 16),
    successorSerial: row['successor_serial'] === null ? undefined : bytes(row, 'successor_serial', 16),
    epoch: integer(row, 'epoch'),
    recordVersion: integer(row, 'record_version'),
    createdAtMs: integer(row, 'created_at_ms'),
    passwordProvenAtMs: integer(row, 'password_proven_at_ms'),
    lastSeenAtMs: integer(row, 'last_seen_at_ms'),
    absoluteExpiresAtMs: row['absolute_expires_at_ms'] === null ? undefined : integer(row, 'absolute_expires_at_ms'),
    idleSeconds: integer(row, 'idle_seconds'),
    deviceLabel: text(row, 'device_label'),
    addressPrefix: text(row, 'address_prefix'),
  };
}

function retiredSerials(row: SqliteRow): Uint8Array[] {
  const all = row['retired_serials'];
  if (!(all instanceof Uint8Array) || all.length % 16 !== 0) throw damaged('retired_serials');
  return Array.from({ length: all.length / 16 }, (_, i) => all.slice(16 * i, 16 * i + 16));
}

const decodeKept = (row: SqliteRow): KeptSession => ({
  ...decodeSession(row),
  endedBecause: endReason(row),
  retiredSerials: retiredSerials(row),
});

/**
 * The sessions of the SQLite store. Arguments come checked and copied; methods that write run inside a transaction of
 * the caller's. What others have to learn is written by the schema's triggers.
 */
export class SqliteSessions {
  readonly #sql: (sql: string) => Statement;
  readonly #findUser: (userId: Uint8Array) => User | undefined;
  /** Row up to which the sessions were looked at for what is to be forgotten, when, and how many have begun since. */
  #lookedAt = 0;
  #lookedAtMs = -Infinity;
  #begun = 0;

  constructor(sql: (sql: string) => Statement, findUser: (userId: Uint8Array) => User | undefined) {
    this.#sql = sql;
    this.#findUser = findUser;
  }

  begin(session: NewSession, { max, whenFull }: SessionPolicy): BeginSessionResult {
    const { sessionId, userId, recordVersion, createdAtMs, idleSeconds } = session;
    const found = this.#sql(BEGINNING).get(userId, createdAtMs, sessionId);
    if (!found) return { result: 'user-unknown' };
    const user = decodeUser(found);
    if (user.status !== 'active') return { result: 'disabled' };
    if (user.recordVersion !== recordVersion) return { result: 'record-changed' };
    if (found['is_used'] !== 0) throw storeFailed('The session id was used before.', undefined, 'session-id-used');
    const surplus = integer(found, 'open') - max + 1;
    if (surplus > 0 && whenFull === 'refuse') return { result: 'too-many-sessions' };
    const ended = surplus > 0 ? this.#endOldest(userId, createdAtMs, surplus) : [];
    this.#forget(createdAtMs);
    const row = newRow(session);
    this.#sql(INSERT).run(...encodeChanging(row), sessionId, userId, createdAtMs, idleSeconds);
    return { result: 'created', session: toRow(row), user, ended };
  }

  rotate(rotation: TicketRotation): RotateTicketResult {
    const found = this.#find(rotation.sessionId);
    const row = found && decodeKept(found);
    const user = row && this.#findUser(row.userId);
    const rotated = rotate(row, user, rotation);
    if (rotated === 'reused') {
      this.#sql("UPDATE sessions SET ended_because = 'ticket-reused' WHERE session_id = ?").run(rotation.sessionId);
      return { result: rotated, userId: row!.userId };
    }
    if (typeof rotated === 'string') return { result: rotated };
    return { result: 'rotated', session: this.#update(found!, rotated), user: user! };
  }

  /** Calls `replace`, which swaps the record, if the session may be renewed. */
  renewWithRecord(
    replacement: RecordReplacement,
    replace: () => void,
  ): Exclude<RotateTicketResult, { result: 'reused' }> {
    const { userId, endOthers, rotation } = replacement;
    const found = this.#find(rotation.sessionId);
    const renewed = renewWithRecord(found && decodeKept(found), this.#findUser(userId), replacement);
    if (typeof renewed === 'string') return { result: renewed };
    replace();
    if (endOthers) this.endAll(userId, 'password-changed', rotation.sessionId);
    return { result: 'rotated', session: this.#update(found!, renewed), user: this.#findUser(userId)! };
  }

  end({ userId, sessionId, exceptSessionId, reason, nowMs }: EndSessions): Uint8Array[] {
    const which = sessionId
      ? 'session_id = ?2 AND (?3 IS NULL OR user_id = ?3)'
      : 'user_id = ?2 AND session_id IS NOT ?3';
    const sql = `UPDATE sessions SET ended_because = ?1 WHERE ${which} AND ended_because IS NULL
      RETURNING session_id, open_until_ms`;
    const values = sessionId ? [sessionId, userId ?? null] : [userId!, exceptSessionId ?? null];
    const ended = this.#sql(sql).all(reason, ...values);
    return ended.filter((row) => nowMs < integer(row, 'open_until_ms')).map((row) => bytes(row, 'session_id', 16));
  }

  /** Ends all of a user's, or all but one. */
  endAll(userId: Uint8Array, reason: SessionEndReason, exceptSessionId?: Uint8Array): void {
    this.end({ userId, exceptSessionId, reason, nowMs: 0 });
  }

  get(sessionId: Uint8Array): SessionRow | undefined {
    const row = this.#find(sessionId);
    return row && endReason(row) === undefined ? decodeSession(row) : undefined;
  }

  list(userId: Uint8Array, nowMs: number): SessionRow[] {
    const sql = `SELECT * FROM sessions WHERE ${OPEN} ORDER BY created_at_ms DESC, number DESC`;
    return this.#sql(sql).all(userId, nowMs).map(decodeSession);
  }

  touch(touches: readonly SessionTouch[]): (number | undefined)[] {
    return touches.map(({ sessionId, lastSeenAtMs }) => {
      const sql = `SELECT number, epoch, last_seen_at_ms FROM sessions WHERE session_id = ? AND ended_because IS NULL`;
      const row = this.#sql(sql).get(sessionId);
      if (!row) return undefined;
      if (lastSeenAtMs > integer(row, 'last_seen_at_ms')) {
        const update = 'UPDATE sessions SET last_seen_at_ms = ? WHERE number = ?';
        this.#sql(update).run(lastSeenAtMs, integer(row, 'number'));
      }
      return integer(row, 'epoch');
    });
  }

  #update(found: SqliteRow, session: KeptSession): SessionRow {
    const sql = `UPDATE sessions SET ${CHANGING} WHERE number = ?`;
    this.#sql(sql).run(...encodeChanging(session), integer(found, 'number'));
    return toRow(session);
  }

  #find(sessionId: Uint8Array): SqliteRow | undefined {
    return this.#sql('SELECT * FROM sessions WHERE session_id = ?').get(sessionId);
  }

  #endOldest(userId: Uint8Array, nowMs: number, count: number): Uint8Array[] {
    const sql = `SELECT number, session_id FROM sessions WHERE ${OPEN} ORDER BY created_at_ms, number LIMIT ?3`;
    return this.#sql(sql)
      .all(userId, nowMs, count)
      .map((row) => {
        const end = "UPDATE sessions SET ended_because = 'too-many-sessions' WHERE number = ?";
        this.#sql(end).run(integer(row, 'number'));
        return bytes(row, 'session_id', 16);
      });
  }

  #forget(nowMs: number): void {
    this.#begun += 1;
    if (this.#begun < LOOK_AFTER && Math.abs(nowMs - this.#lookedAtMs) < LOOK_AFTER_MS) return;
    const sql = `SELECT count(*) AS n, max(number) AS last FROM (${IN_TURN})`;
    const inTurn = this.#sql(sql).get(this.#lookedAt);
    const count = integer(inTurn, 'n');
    if (count > 0) this.#sql(FORGET).run(this.#lookedAt, integer(inTurn, 'last'), nowMs);
    this.#lookedAt = count < LOOKED_AT ? 0 : integer(inTurn, 'last');
    this.#lookedAtMs = nowMs;
    this.#begun = 0;
  }
}
