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
import * as checkSession from './session-checks.js';
import { storeFailed, type Database, type SqliteValue, type Statement } from './sqlite-driver.js';
import { readLogin } from './sqlite-login.js';
import { SqliteAudit } from './sqlite-audit.js';
import { ChangeFeed } from './sqlite-feed.js';
import { closeDatabase, openDatabase, type SqliteStoreOptions } from './sqlite-open.js';
import * as rows from './sqlite-rows.js';
import { DECOY_NUMBER } from './sqlite-schema.js';
import { SqliteSessions } from './sqlite-sessions.js';
import { Statements } from './sqlite-statements.js';
import { SqliteThrottle } from './sqlite-throttle.js';
import { SqliteUsers } from './sqlite-users.js';
import { CommitQueue } from './sqlite-writer.js';

export type { SqliteStoreOptions } from './sqlite-open.js';
export type { SqliteDriver } from './sqlite-driver.js';

/** Days of `profileShares` that are kept. */
const KEPT_DAYS = 8;
const DAY_MS = 86_400_000;

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
  readonly #feed: ChangeFeed;
  readonly #sessions: SqliteSessions;
  readonly #users: SqliteUsers;
  readonly #statements: Statements;
  #shares: { readonly day: number; readonly shares: readonly ProfileShare[] } | undefined;
  #closed = false;

  constructor(db: Database) {
    this.#db = db;
    this.#statements = new Statements(db);
    this.#feed = new ChangeFeed(this.#statements);
    this.#queue = new CommitQueue(db, {
      begun: () => {
        this.audit.begun();
        this.#feed.begun();
      },
      finishing: () => this.#feed.finishing(),
      committed: () => this.#feed.committed(),
    });
    this.#sessions = new SqliteSessions(this.#statements, this.#feed, (userId) => this.#users.find('id', userId));
    this.#users = new SqliteUsers(this.#statements, (userId) => this.#sessions.endAll(userId, 'password-changed'));
  }

  async getUserOrDecoy(username: string): Promise<LoginRow> {
    check.checkUsername(username);
    return this.#read(() => readLogin(this.#statements, username, this.#users.highestNumber));
  }

  async getUser(userId: Uint8Array): Promise<User | undefined> {
    const id = check.copyUserId(userId);
    return this.#read(() => this.#users.find('id', id));
  }

  async findUser(username: string): Promise<User | undefined> {
    check.checkUsername(username);
    return this.#read(() => this.#users.find('name', username));
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
      return this.#users.find('number', code.resetNumber)?.username === username ? 'reset' : undefined;
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
    return this.#read(() => this.#users.list(after, limit));
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
    return this.#statements.rows(sql);
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
      this.#feed.write();
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
 * open. Each write is on disk before its promise resolves; writes of the same turn of the event loop share that wait, up
 * to 64 of them. Rejects with `store-failed` when the file cannot be opened, is not a store (reason `not-a-store`), was
 * written by a newer release (`schema-newer`), or no SQLite is there (`driver-missing`).
 */
export async function openSqliteStore(path: string, options: SqliteStoreOptions = {}): Promise<Store> {
  return new SqliteStore(await openDatabase(path, options));
}
