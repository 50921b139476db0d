import type { CodeUse, CreateUserResult, CredentialRecord, User } from '../store.js';
import * as check from './checks.js';
import { storeFailed, type SqliteTuple, type SqliteValue, type Statement } from './sqlite-driver.js';
import * as rows from './sqlite-rows.js';
import type { Statements } from './sqlite-statements.js';

const USERS = `SELECT u.user_id, ${rows.USER_COLUMNS} FROM ${rows.USER_TABLES}`;
const FIND = {
  id: `${USERS} WHERE u.user_id = ?`,
  name: `${USERS} WHERE u.username = ?`,
  number: `${USERS} WHERE u.number = ?`,
};
const PAGE = `${USERS} WHERE u.username > ? ORDER BY u.username LIMIT ?`;

const decodeUser = (tuple: SqliteTuple): User => rows.decodeUser(tuple, 1, rows.bytesAt(tuple, 0, 'user_id'));

/**
 * Users, their credentials and registration codes in the SQLite store. Arguments come checked and copied; methods that
 * write run inside a transaction of the caller's.
 */
export class SqliteUsers {
  readonly #statements: Statements;
  readonly #endSessions: (userId: Uint8Array) => void;
  #highestNumber: number;

  /** @param endSessions ends all sessions of a user whose password was reset */
  constructor(statements: Statements, endSessions: (userId: Uint8Array) => void) {
    this.#statements = statements;
    this.#endSessions = endSessions;
    this.#highestNumber = rows.integer(this.#sql('SELECT coalesce(max(number), 0) AS n FROM users').get(), 'n');
  }

  /** Of the user that was made last. */
  get highestNumber(): number {
    return this.#highestNumber;
  }

  /** The row's number, by which credentials and codes refer to it. */
  numberOf(userId: Uint8Array): number | undefined {
    const row = this.#sql('SELECT number FROM users WHERE user_id = ?').get(userId);
    return row && rows.integer(row, 'number');
  }

  find(by: keyof typeof FIND, key: SqliteValue): User | undefined {
    const row = this.#statements.tuples(FIND[by]).get(key);
    return row && decodeUser(row);
  }

  list(after: string, limit: number): User[] {
    return this.#statements.tuples(PAGE).all(after, limit).map(decodeUser);
  }

  /** The code, if there is one that has not expired. */
  validCode({ codeHash, nowMs }: CodeUse): { resetNumber: number | undefined; roles: string[] } | undefined {
    const sql = 'SELECT reset_number, roles FROM registration_codes WHERE code_hash = ? AND expires_at_ms > ?';
    const row = this.#sql(sql).get(codeHash, nowMs);
    if (!row) return undefined;
    const resetNumber = row['reset_number'] === null ? undefined : rows.integer(row, 'reset_number');
    return { resetNumber, roles: rows.decodeRoles(rows.text(row, 'roles')) };
  }

  /** With a code: what that allows, and uses it up. */
  create(user: check.CheckedUser, use: CodeUse | undefined): CreateUserResult {
    const code = use && this.validCode(use);
    if (use && !code) return { result: 'code-invalid' };
    const holder = this.find('name', user.username);
    if (code?.resetNumber !== undefined) {
      const number = holder && this.numberOf(holder.userId);
      if (!holder || number !== code.resetNumber) return { result: 'code-invalid' };
      this.replaceCredential(number, holder.recordVersion, user.credential);
      this.#endSessions(holder.userId);
      return { result: 'reset', user: { ...holder, recordVersion: holder.recordVersion + 1 } };
    }
    // To learn that a name is taken costs the invite.
    if (use) this.#sql('DELETE FROM registration_codes WHERE code_hash = ?').run(use.codeHash);
    if (holder) return { result: 'taken' };
    return { result: 'created', user: this.#insertUser(user, code?.roles ?? []) };
  }

  #insertUser(
    { userId, username, credential, roles, attributesJson, createdAtMs }: check.CheckedUser,
    more: string[],
  ): User {
    if (
      this.#sql('SELECT 1 FROM users WHERE user_id = ?1 UNION SELECT 1 FROM deleted_users WHERE user_id = ?1').get(
        userId,
      )
    ) {
      throw storeFailed('The user id was used before.', undefined, 'user-id-used');
    }
    const insertUser = `INSERT INTO users (user_id, username, roles, attributes, created_at_ms)
      VALUES (?, ?, ?, ?, ?) RETURNING number`;
    const all = JSON.stringify(check.checkRoles([...roles, ...more]));
    const row = this.#sql(insertUser).get(userId, username, all, attributesJson, createdAtMs);
    const number = rows.integer(row, 'number');
    const insertCredential = 'INSERT INTO credentials VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?)';
    this.#sql(insertCredential).run(number, userId, rows.encodeVersion(1), ...rows.encodeCredential(credential));
    if (number > this.#highestNumber) this.#highestNumber = number;
    return this.find('number', number)!;
  }

  /** @param version of the record that is replaced */
  replaceCredential(number: number, version: number, credential: CredentialRecord): void {
    const sql = `UPDATE credentials SET record_version = ?, registration_record = ?, credential_identifier = ?,
      oprf_seed_id = ?, server_key_id = ?, ksf = ? WHERE number = ? AND record_version = ?`;
    this.#sql(sql).run(
      rows.encodeVersion(version + 1),
      ...rows.encodeCredential(credential),
      number,
      rows.encodeVersion(version),
    );
  }

  #sql(sql: string): Statement {
    return this.#statements.rows(sql);
  }
}
