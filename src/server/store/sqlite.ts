import type {
  Attributes,
  BeginSessionResult,
  CodeUse,
  CreateUserResult,
  EndSessions,
  LoginRow,
  NewSession,
  NewUser,
  ProfileShare,
  RecordReplacement,
  RegistrationCode,
  RotateTicketResult,
  SessionPolicy,
  SessionRow,
  SessionTouch,
  Store,
  StoreChange,
  TicketRotation,
  User,
  UserStatus,
} from '../store.js';
import { BlindsaltError } from '../../../proto/errors.js';
import type { Note } from '../audit/events.js';
import * as check from './checks.js';
import { copyLoginRow, DECOY, placeOf } from './decoy.js';
import * as checkSession from './session-checks.js';
import { storeFailed, type Database, type SqliteValue, type Statement } from './sqlite-driver.js';
import { SqliteAudit } from './sqlite-audit.js';
import { ChangeFeed } from './sqlite-feed.js';
import { closeDatabase, openDatabase, type SqliteStoreOptions } from './sqlite-open.js';
import * as rows from './sqlite-rows.js';
import { DECOY_NUMBER } from './sqlite-schema.js';
import { SqliteSessions } from './sqlite-sessions.js';
import { SqliteThrottle } from './sqlite-throttle.js';
import { SqliteUsers, USERS } from './sqlite-users.js';
import { CommitQueue } from './sqlite-writer.js';

export type { SqliteStoreOptions } from './sqlite-open.js';
export type { SqliteDriver } from './sqlite-driver.js';

/** Days of `profileShares` that are kept. */
const KEPT_DAYS = 8;
const DAY_MS = 86_400_000;

/**
 * One probe of the index of names, then one row: the user's, or for an unknown name the first from a place on that
 * follows from the name. Both are found by the same search, and lie as cold or warm in the cache as each other.
 */
const PROBE = '(SELECT number FROM users WHERE username = ?1)';
const LOGIN = `SELECT ${PROBE} AS found, c.* FROM credentials c WHERE c.number >= coalesce(${PROBE}, ?2)
  ORDER BY c.number LIMIT 1`;

class SqliteStore implements Store {
  readonly audit = new SqliteAudit({
    sql: (sql) => this.#sql(sql),
    read: (job) => this.#read(job),
    write: (job) => this.#write(job),
  });
  readonly throttle = new SqliteThrottle({
    sql: (sql) => this.#sql(sql),
    read: (job) => this.#read(job),
    write: (job) => this.#write(job),
  });
  readonly #db: Database;
  readonly #queue: CommitQueue;
  readonly #feed = new ChangeFeed((sql) => this.#sql(sql));
  readonly #sessions: SqliteSessions;
  readonly #users: SqliteUsers;
  readonly #statements = new Map<string, Statement>();
  #shares: { readonly day: number; readonly shares: readonly ProfileShare[] } | undefined;
  #closed = false;

  constructor(db: Database) {
    this.#db = db;
    this.#queue = new CommitQueue(db, {
      begun: () => this.audit.begun(),
      committed: () => this.#feed.committed(),
    });
    const sql = (text: string): Statement => this.#sql(text);
    this.#sessions = new SqliteSessions(sql, (userId) => this.#users.find('u.user_id', userId));
    this.#users = new SqliteUsers(sql, (userId) => this.#sessions.endAll(userId, 'password-changed'));
  }

  async getUserOrDecoy(username: string): Promise<LoginRow> {
    check.checkUsername(username);
    return this.#read(() => {
      const place = Math.floor(placeOf(username) * this.#users.highestNumber) + 1;
      const row = this.#sql(LOGIN).get(username, place);
      if (!row) throw storeFailed('The store is damaged: no decoy.', undefined, 'damaged');
      const login = rows.decodeLoginRow(row, true);
      const decoy = copyLoginRow(DECOY);
      // Of another user's row no byte leaves the store.
      return row['found'] === row['number'] ? login : decoy;
    });
  }

  async getUser(userId: Uint8Array): Promise<User | undefined> {
    const id = check.copyUserId(userId);
    return this.#read(() => this.#users.find('u.user_id', id));
  }

  async findUser(username: string): Promise<User | undefined> {
    check.checkUsername(username);
    return this.#read(() => this.#users.find('u.username', username));
  }

  async createUserIfAbsent(user: NewUser, use?: CodeUse, note?: Note<CreateUserResult>): Promise<CreateUserResult> {
    const checked = check.checkNewUser(user);
    const checkedUse = use && check.checkCodeUse(use);
    return this.#write(() => this.#users.create(checked, checkedUse), note);
  }

  async findCode(use: CodeUse, username: string): Promise<RegistrationCode['kind'] | undefined> {
    const checked = check.checkCodeUse(use);
    check.checkUsername(username);
    return this.#read(() => {
      const code = this.#users.validCode(checked);
      if (code?.resetNumber === undefined) return code && 'invite';
      return this.#users.find('u.number', code.resetNumber)?.username === username ? 'reset' : undefined;
    });
  }

  async replaceRecordAndRenew(
    replacement: RecordReplacement,
    note?: Note<RotateTicketResult>,
  ): Promise<RotateTicketResult> {
    const copy = checkSession.checkReplacement(replacement);
    const { userId, version, credential } = copy;
    const replace = (): void => this.#users.replaceCredential(this.#users.numberOf(userId)!, version, credential);
    return this.#write(() => this.#sessions.renewWithRecord(copy, replace), note);
  }

  async setUserStatus(userId: Uint8Array, status: UserStatus, note?: Note<boolean>): Promise<boolean> {
    const value = check.checkStatus(status) === 'active' ? 1 : 0;
    return this.#change('UPDATE credentials SET status = ?2 WHERE number = ?1', userId, note, value);
  }

  async setUserRoles(userId: Uint8Array, roles: readonly string[], note?: Note<boolean>): Promise<boolean> {
    const value = JSON.stringify(check.checkRoles(roles));
    return this.#change('UPDATE users SET roles = ?2 WHERE number = ?1', userId, note, value);
  }

  async setUserAttributes(userId: Uint8Array, attributes: Attributes, note?: Note<boolean>): Promise<boolean> {
    const value = check.attributesToJson(attributes);
    return this.#change('UPDATE users SET attributes = ?2 WHERE number = ?1', userId, note, value);
  }

  async deleteUser(userId: Uint8Array, note?: Note<boolean>): Promise<boolean> {
    return this.#change('DELETE FROM users WHERE number = ?1', userId, note);
  }

  async listUsers(options: { readonly after?: string; readonly limit?: number } = {}): Promise<readonly User[]> {
    const { after, limit } = check.checkPage(options);
    const sql = `${USERS} WHERE u.username > ? ORDER BY u.username LIMIT ?`;
    return this.#read(() => this.#sql(sql).all(after, limit).map(rows.decodeUser));
  }

  async createCode(code: RegistrationCode, note?: Note<void>): Promise<void> {
    const { codeHash, userId, roles, expiresAtMs } = check.checkCode(code);
    return this.#write(() => {
      const number = userId && this.#users.numberOf(userId);
      if (userId && number === undefined) throw new BlindsaltError('user-unknown');
      if (this.#sql('SELECT 1 FROM registration_codes WHERE code_hash = ?').get(codeHash)) {
        throw storeFailed('The code exists already.', undefined, 'code-exists');
      }
      const sql = 'INSERT INTO registration_codes VALUES (?, ?, ?, ?)';
      this.#sql(sql).run(codeHash, number ?? null, JSON.stringify(roles), expiresAtMs);
    }, note);
  }

  async profileShares(day: number): Promise<readonly ProfileShare[]> {
    check.checkDay(day);
    let shares = this.#shares?.day === day ? this.#shares.shares : this.#read(() => this.#snapshot(day));
    shares ??= await this.#write(() => this.#snapshot(day) ?? this.#takeSnapshot(day));
    this.#shares = { day, shares };
    return shares.map(check.copyShare);
  }

  async beginSession(
    session: NewSession,
    policy: SessionPolicy,
    note?: Note<BeginSessionResult>,
  ): Promise<BeginSessionResult> {
    const copy = checkSession.checkNewSession(session);
    const limits = checkSession.checkPolicy(policy);
    return this.#write(() => this.#sessions.begin(copy, limits), note);
  }

  async rotateTicket(rotation: TicketRotation, note?: Note<RotateTicketResult>): Promise<RotateTicketResult> {
    const copy = checkSession.checkRotation(rotation);
    return this.#write(() => this.#sessions.rotate(copy), note);
  }

  async endSessions(which: EndSessions, note?: Note<readonly Uint8Array[]>): Promise<readonly Uint8Array[]> {
    const copy = checkSession.checkEndSessions(which);
    return this.#write(() => this.#sessions.end(copy), note);
  }

  async getSession(sessionId: Uint8Array): Promise<SessionRow | undefined> {
    const id = checkSession.copySessionId(sessionId);
    return this.#read(() => this.#sessions.get(id));
  }

  async listSessions(userId: Uint8Array, nowMs: number): Promise<readonly SessionRow[]> {
    const id = check.copyUserId(userId);
    check.checkTimeMs('nowMs', nowMs);
    return this.#read(() => this.#sessions.list(id, nowMs));
  }

  async touchSessions(touches: readonly SessionTouch[]): Promise<readonly (number | undefined)[]> {
    const copies = checkSession.checkTouches(touches);
    return this.#write(() => this.#sessions.touch(copies));
  }

  watch(listener: (change: StoreChange) => void): () => void {
    return this.#read(() => this.#feed.watch(listener));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#queue.flush();
    this.#feed.stop();
    this.#closed = true;
    this.#statements.clear();
    this.#read(() => closeDatabase(this.#db), true);
  }

  #assertOpen(): void {
    if (this.#closed) throw storeFailed('The store is closed.', undefined, 'closed');
  }

  #sql(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #read<T>(job: () => T, closing = false): T {
    if (!closing) this.#assertOpen();
    try {
      return job();
    } catch (cause) {
      throw cause instanceof BlindsaltError ? cause : storeFailed('The store could not be read.', cause);
    }
  }

  #write<T>(job: () => T, note?: Note<T>): Promise<T> {
    this.#assertOpen();
    if (note === undefined) return this.#queue.run(job);
    return this.#queue.run(() => {
      const outcome = job();
      this.audit.note(note(outcome));
      return outcome;
    });
  }

  #change(
    sql: string,
    userId: Uint8Array,
    note: Note<boolean> | undefined,
    ...values: SqliteValue[]
  ): Promise<boolean> {
    const id = check.copyUserId(userId);
    return this.#write(() => {
      const number = this.#users.numberOf(id);
      if (number === undefined) return false;
      this.#sql(sql).run(number, ...values);
      return true;
    }, note);
  }

  #snapshot(day: number): ProfileShare[] | undefined {
    if (!this.#sql('SELECT 1 FROM profile_days WHERE day = ?').get(day)) return undefined;
    const sql = 'SELECT * FROM profile_shares WHERE day = ? ORDER BY oprf_seed_id, server_key_id, ksf';
    return this.#sql(sql).all(day).map(rows.decodeShare);
  }

  #takeSnapshot(day: number): ProfileShare[] {
    this.#sql('DELETE FROM profile_days WHERE day <= ?').run(day - KEPT_DAYS);
    this.#sql('DELETE FROM registration_codes WHERE expires_at_ms < ?').run((day - KEPT_DAYS) * DAY_MS);
    this.#sql('INSERT INTO profile_days VALUES (?)').run(day);
    const count = `INSERT INTO profile_shares SELECT ?, oprf_seed_id, server_key_id, ksf, count(*) FROM credentials
      WHERE status = 1 AND number < ? GROUP BY oprf_seed_id, server_key_id, ksf`;
    this.#sql(count).run(day, DECOY_NUMBER);
    return this.#snapshot(day)!;
  }
}

/**
 * Opens the store in an SQLite file, which is created with mode 0600 when it is missing. Several processes may have it
 * open. Each write is on disk before its promise resolves; writes of the same turn of the event loop share that wait.
 * Rejects with `store-failed` when the file cannot be opened, is not a store (reason `not-a-store`), was written by a
 * newer release (`schema-newer`), or no SQLite is there (`driver-missing`).
 */
export async function openSqliteStore(path: string, options: SqliteStoreOptions = {}): Promise<Store> {
  return new SqliteStore(await openDatabase(path, options));
}
