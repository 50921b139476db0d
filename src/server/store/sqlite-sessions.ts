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
import { KEPT_MS, newRow, renewWithRecord, rotate, toRow, type KeptSession } from './session-rules.js';
import { storeFailed, type SqliteTuple } from './sqlite-driver.js';
import type { ChangeFeed } from './sqlite-feed.js';
import { bytes, decodeUser, integer, integerAt, USER_COLUMNS, USER_TABLES } from './sqlite-rows.js';
import * as rows from './sqlite-session-rows.js';
import { BindSlot, type Statements } from './sqlite-statements.js';

/** Sessions are looked at for what is to be forgotten after so many beginnings, or when so long has passed, milliseconds; */
const LOOK_AFTER = 64;
const LOOK_AFTER_MS = 60_000;
/** so many in turn, which is more than began. */
const LOOKED_AT = 256;

const OPEN = 'user_id = ?1 AND ended_because IS NULL AND open_until_ms > ?2';

/** All that decides whether a session may begin, in one row. Of those not ended the index knows the number, not which are open. */
const BEGINNING = `SELECT (SELECT count(*) FROM sessions WHERE user_id = ?1 AND ended_because IS NULL) AS unended,
  ${USER_COLUMNS} FROM ${USER_TABLES} WHERE u.user_id = ?1`;
const COUNT_OPEN = `SELECT count(*) AS n FROM sessions WHERE ${OPEN}`;
const ID_USED = /UNIQUE constraint failed: sessions\.session_id/;

const FIND = `SELECT ${rows.SESSION_COLUMNS} FROM sessions s WHERE s.session_id = ?`;
/** The session and its user, whose columns are null when there is none. */
const FIND_WITH_USER = `SELECT ${rows.SESSION_COLUMNS}, ${USER_COLUMNS} FROM sessions s
  LEFT JOIN users u ON u.user_id = s.user_id LEFT JOIN credentials c ON c.number = u.number WHERE s.session_id = ?`;
const LIST = `SELECT ${rows.SESSION_COLUMNS} FROM sessions s WHERE ${OPEN} ORDER BY s.created_at_ms DESC, s.number DESC`;
const UPDATE = `UPDATE sessions SET ${rows.CHANGING} WHERE number = ?`;

const TOUCHED = 'SELECT number, epoch, last_seen_at_ms FROM sessions WHERE session_id = ? AND ended_because IS NULL';
const TOUCH = 'UPDATE sessions SET last_seen_at_ms = ? WHERE number = ?';

/** Of one user so many may have run out and still be remembered; of more, all are forgotten: each is looked at when one begins. */
const MANY_RUN_OUT = 100;
const FORGET_RUN_OUT = 'DELETE FROM sessions WHERE user_id = ?1 AND ended_because IS NULL AND open_until_ms <= ?2';

const IN_TURN = `SELECT number FROM sessions WHERE number > ?1 ORDER BY number LIMIT ${LOOKED_AT}`;
const LAST_IN_TURN = `SELECT count(*) AS n, max(number) AS last FROM (${IN_TURN})`;
const FORGET = `DELETE FROM sessions WHERE number > ?1 AND number <= ?2
  AND CASE WHEN ended_because IS NULL THEN open_until_ms ELSE last_seen_at_ms END <= ?3 - ${KEPT_MS}`;

const userOf = (tuple: SqliteTuple, at: number, userId: Uint8Array): User | undefined =>
  // Of the array that the session has: both leave the store.
  tuple[at] === null ? undefined : decodeUser(tuple, at, userId.slice());

/**
 * The sessions of the SQLite store. Arguments come checked and copied; methods that write run inside a transaction of
 * the caller's. What others have to learn is written by the schema's triggers.
 */
export class SqliteSessions {
  readonly #statements: Statements;
  readonly #feed: ChangeFeed;
  readonly #findUser: (userId: Uint8Array) => User | undefined;
  /** Row up to which the sessions were looked at for what is to be forgotten, when, and how many have begun since. */
  #lookedAt = 0;
  #lookedAtMs = -Infinity;
  #begun = 0;
  readonly #sessionSlot = new BindSlot(16);
  readonly #userSlot = new BindSlot(16);

  constructor(statements: Statements, feed: ChangeFeed, findUser: (userId: Uint8Array) => User | undefined) {
    this.#statements = statements;
    this.#feed = feed;
    this.#findUser = findUser;
  }

  begin(session: NewSession, { max, whenFull }: SessionPolicy): BeginSessionResult {
    const { sessionId, userId, recordVersion, createdAtMs, idleSeconds } = session;
    const [sessionSlot, userSlot] = [this.#sessionSlot.put(sessionId), this.#userSlot.put(userId)];
    const found = this.#statements.tuples(BEGINNING).get(userSlot);
    if (!found) return { result: 'user-unknown' };
    const user = decodeUser(found, 1, userId.slice());
    if (user.status !== 'active') return { result: 'disabled' };
    if (user.recordVersion !== recordVersion) return { result: 'record-changed' };
    const unended = integerAt(found, 0, 'unended');
    if (unended >= max + MANY_RUN_OUT) this.#statements.rows(FORGET_RUN_OUT).run(userSlot, createdAtMs);
    const surplus = this.#openAmong(unended, max, userSlot, createdAtMs) - max + 1;
    if (surplus > 0 && whenFull === 'refuse') return { result: 'too-many-sessions' };
    const ended = surplus > 0 ? this.#endOldest(userId, createdAtMs, surplus) : [];
    this.#forget(createdAtMs);
    const row = newRow(session);
    const changing = rows.encodeChanging(row);
    try {
      this.#statements.tuples(rows.INSERT).get(...changing, sessionSlot, userSlot, createdAtMs, idleSeconds);
    } catch (error) {
      if (!ID_USED.test(String(error))) throw error;
      throw storeFailed('The session id was used before.', error, 'session-id-used');
    }
    return { result: 'created', session: toRow(row), user, ended };
  }

  /** How many of so many are open; exactly only if it matters, else at most `unended`. */
  #openAmong(unended: number, max: number, userSlot: Uint8Array, nowMs: number): number {
    if (unended < max) return unended;
    return integer(this.#statements.rows(COUNT_OPEN).get(userSlot, nowMs), 'n');
  }

  rotate(rotation: TicketRotation): RotateTicketResult {
    const found = this.#statements.tuples(FIND_WITH_USER).get(this.#sessionSlot.put(rotation.sessionId));
    const row = found && rows.decodeKept(found);
    const user = row && userOf(found, rows.AFTER_SESSION, row.userId);
    const rotated = rotate(row, user, rotation);
    if (rotated === 'reused') {
      const end = "UPDATE sessions SET ended_because = 'ticket-reused' WHERE session_id = ?";
      this.#feed.write();
      this.#statements.rows(end).run(rotation.sessionId);
      return { result: rotated, userId: row!.userId };
    }
    if (typeof rotated === 'string') return { result: rotated };
    if (rotated.epoch !== row!.epoch) this.#feed.resumed(rotated.sessionId, rotated.epoch);
    return { result: 'rotated', session: this.#update(found!, rotated), user: user! };
  }

  /** Calls `replace`, which swaps the record, if the session may be renewed. */
  renewWithRecord(
    replacement: RecordReplacement,
    replace: () => void,
  ): Exclude<RotateTicketResult, { result: 'reused' }> {
    const { userId, endOthers, rotation } = replacement;
    const found = this.#find(rotation.sessionId);
    const renewed = renewWithRecord(found && rows.decodeKept(found), this.#findUser(userId), replacement);
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
    this.#feed.write();
    const ended = this.#statements.rows(sql).all(reason, ...values);
    return ended.filter((row) => nowMs < integer(row, 'open_until_ms')).map((row) => bytes(row, 'session_id', 16));
  }

  /** Ends all of a user's, or all but one. */
  endAll(userId: Uint8Array, reason: SessionEndReason, exceptSessionId?: Uint8Array): void {
    this.end({ userId, exceptSessionId, reason, nowMs: 0 });
  }

  get(sessionId: Uint8Array): SessionRow | undefined {
    const row = this.#find(sessionId);
    return row && rows.endReason(row) === undefined ? rows.decodeSession(row) : undefined;
  }

  list(userId: Uint8Array, nowMs: number): SessionRow[] {
    return this.#statements.tuples(LIST).all(userId, nowMs).map(rows.decodeSession);
  }

  touch(touches: readonly SessionTouch[]): (number | undefined)[] {
    return touches.map(({ sessionId, lastSeenAtMs }) => {
      const found = this.#statements.tuples(TOUCHED).get(this.#sessionSlot.put(sessionId));
      if (!found) return undefined;
      if (lastSeenAtMs > integerAt(found, 2, 'last_seen_at_ms')) {
        this.#statements.tuples(TOUCH).get(lastSeenAtMs, rows.numberOf(found));
      }
      return integerAt(found, 1, 'epoch');
    });
  }

  #update(found: SqliteTuple, session: KeptSession): SessionRow {
    this.#statements.tuples(UPDATE).get(...rows.encodeChanging(session), rows.numberOf(found));
    return toRow(session);
  }

  #find(sessionId: Uint8Array): SqliteTuple | undefined {
    return this.#statements.tuples(FIND).get(this.#sessionSlot.put(sessionId));
  }

  #endOldest(userId: Uint8Array, nowMs: number, count: number): Uint8Array[] {
    this.#feed.write();
    const sql = `SELECT number, session_id FROM sessions WHERE ${OPEN} ORDER BY created_at_ms, number LIMIT ?3`;
    return this.#statements
      .rows(sql)
      .all(userId, nowMs, count)
      .map((row) => {
        const end = "UPDATE sessions SET ended_because = 'too-many-sessions' WHERE number = ?";
        this.#statements.rows(end).run(integer(row, 'number'));
        return bytes(row, 'session_id', 16);
      });
  }

  #forget(nowMs: number): void {
    this.#begun += 1;
    if (this.#begun < LOOK_AFTER && Math.abs(nowMs - this.#lookedAtMs) < LOOK_AFTER_MS) return;
    const inTurn = this.#statements.rows(LAST_IN_TURN).get(this.#lookedAt);
    const count = integer(inTurn, 'n');
    if (count > 0) this.#statements.rows(FORGET).run(this.#lookedAt, integer(inTurn, 'last'), nowMs);
    this.#lookedAt = count < LOOKED_AT ? 0 : integer(inTurn, 'last');
    this.#lookedAtMs = nowMs;
    this.#begun = 0;
  }
}
