import { BlindsaltError } from '../../../proto/errors.js';
import { toHex } from '../hex.js';
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
  StoreChange,
  TicketRotation,
  User,
} from '../store.js';
import {
  copyRow,
  endedRow,
  forgetAt,
  isOpen,
  LOOKED_AT,
  newRow,
  renewWithRecord,
  rotate,
  type KeptSession,
} from './session-rules.js';

/** The sessions of the store in memory. Arguments come checked and copied. */
export class MemorySessions {
  readonly #findUser: (userId: Uint8Array) => User | undefined;
  readonly #tell: (change: StoreChange) => void;
  /** By session id in hex; and the keys of each user's that were not ended, in the order in which they began. */
  readonly #rows = new Map<string, KeptSession>();
  readonly #byUser = new Map<string, Set<string>>();
  #inTurn = this.#rows.values();

  constructor(findUser: (userId: Uint8Array) => User | undefined, tell: (change: StoreChange) => void) {
    this.#findUser = findUser;
    this.#tell = tell;
  }

  begin(session: NewSession, { max, whenFull }: SessionPolicy): BeginSessionResult {
    const { sessionId, userId, recordVersion, createdAtMs } = session;
    const user = this.#findUser(userId);
    if (!user) return { result: 'user-unknown' };
    if (user.status !== 'active') return { result: 'disabled' };
    if (user.recordVersion !== recordVersion) return { result: 'record-changed' };
    const key = toHex(sessionId);
    if (this.#rows.has(key)) {
      throw new BlindsaltError('store-failed', 'The session id was used before.', { reason: 'session-id-used' });
    }
    const open = this.#of(userId).filter((row) => isOpen(row, createdAtMs));
    const surplus = open.length - max + 1;
    if (surplus > 0 && whenFull === 'refuse') return { result: 'too-many-sessions' };
    const oldest = open.sort((a, b) => a.createdAtMs - b.createdAtMs).slice(0, Math.max(0, surplus));
    this.#forget(createdAtMs);
    const row = newRow(session);
    this.#rows.set(key, row);
    const userKey = toHex(userId);
    const keys = this.#byUser.get(userKey) ?? new Set();
    this.#byUser.set(userKey, keys.add(key));
    this.#end(oldest, 'too-many-sessions');
    return { result: 'created', session: copyRow(row), user, ended: oldest.map((one) => copyRow(one).sessionId) };
  }

  rotate(rotation: TicketRotation): RotateTicketResult {
    const key = toHex(rotation.sessionId);
    const row = this.#rows.get(key);
    const user = row && this.#findUser(row.userId);
    const rotated = rotate(row, user, rotation);
    if (rotated === 'reused') {
      this.#end([row!], 'ticket-reused');
      return { result: rotated, userId: Uint8Array.from(row!.userId) };
    }
    if (typeof rotated === 'string') return { result: rotated };
    this.#rows.set(key, rotated);
    const { sessionId, epoch } = rotated;
    if (rotation.mode === 'resume') this.#tell({ kind: 'session-epoch', sessionId, epoch });
    return { result: 'rotated', session: copyRow(rotated), user: user! };
  }

  /** Calls `replace`, which swaps the record, if the session may be renewed. */
  renewWithRecord(
    replacement: RecordReplacement,
    replace: () => void,
  ): Exclude<RotateTicketResult, { result: 'reused' }> {
    const { userId, endOthers, rotation } = replacement;
    const key = toHex(rotation.sessionId);
    const renewed = renewWithRecord(this.#rows.get(key), this.#findUser(userId), replacement);
    if (typeof renewed === 'string') return { result: renewed };
    replace();
    if (endOthers) this.endAll(userId, 'password-changed', rotation.sessionId);
    this.#rows.set(key, renewed);
    return { result: 'rotated', session: copyRow(renewed), user: this.#findUser(userId)! };
  }

  end({ userId, sessionId, exceptSessionId, reason, nowMs }: EndSessions): Uint8Array[] {
    const rows = sessionId ? [this.#rows.get(toHex(sessionId))] : this.#of(userId!);
    const owner = userId && toHex(userId);
    const except = exceptSessionId && toHex(exceptSessionId);
    const found = rows.filter(
      (row): row is KeptSession =>
        row !== undefined &&
        row.endedBecause === undefined &&
        (owner === undefined || toHex(row.userId) === owner) &&
        toHex(row.sessionId) !== except,
    );
    this.#end(found, reason);
    return found.filter((row) => isOpen(row, nowMs)).map((row) => copyRow(row).sessionId);
  }

  /** Ends all of a user's, or all but one. */
  endAll(userId: Uint8Array, reason: SessionEndReason, exceptSessionId?: Uint8Array): void {
    this.end({ userId, exceptSessionId, reason, nowMs: 0 });
  }

  get(sessionId: Uint8Array): SessionRow | undefined {
    const row = this.#rows.get(toHex(sessionId));
    return row && row.endedBecause === undefined ? copyRow(row) : undefined;
  }

  list(userId: Uint8Array, nowMs: number): SessionRow[] {
    const open = this.#of(userId).filter((row) => isOpen(row, nowMs));
    return open
      .sort((a, b) => a.createdAtMs - b.createdAtMs)
      .reverse()
      .map(copyRow);
  }

  touch(touches: readonly SessionTouch[]): (number | undefined)[] {
    return touches.map(({ sessionId, lastSeenAtMs }) => {
      const key = toHex(sessionId);
      const row = this.#rows.get(key);
      if (!row || row.endedBecause !== undefined) return undefined;
      if (lastSeenAtMs > row.lastSeenAtMs) this.#rows.set(key, { ...row, lastSeenAtMs });
      return row.epoch;
    });
  }

  #of(userId: Uint8Array): KeptSession[] {
    return Array.from(this.#byUser.get(toHex(userId)) ?? [], (key) => this.#rows.get(key)!);
  }

  #end(rows: readonly KeptSession[], reason: SessionEndReason): void {
    for (const row of rows) {
      this.#rows.set(toHex(row.sessionId), endedRow(row, reason));
      this.#unlist(row);
    }
    for (const { sessionId, userId } of rows) this.#tell({ kind: 'session-ended', sessionId, userId, reason });
  }

  #unlist({ sessionId, userId }: KeptSession): void {
    const userKey = toHex(userId);
    const keys = this.#byUser.get(userKey);
    keys?.delete(toHex(sessionId));
    if (keys?.size === 0) this.#byUser.delete(userKey);
  }

  #forget(nowMs: number): void {
    for (let i = 0; i < LOOKED_AT; i++) {
      const { value: row, done } = this.#inTurn.next();
      if (done) {
        this.#inTurn = this.#rows.values();
        return;
      }
      if (nowMs < forgetAt(row)) continue;
      this.#rows.delete(toHex(row.sessionId));
      this.#unlist(row);
    }
  }
}
