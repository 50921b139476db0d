import { encodeCredential, encodeVersion } from './sqlite-rows.js';
import { DECOY } from './decoy.js';
import { AUDIT_SCHEMA } from './sqlite-audit.js';
import { THROTTLE_SCHEMA } from './sqlite-throttle.js';
import { storeFailed, type Database } from './sqlite-driver.js';

/** Tells our files from other SQLite files: "blsl". */
const APPLICATION_ID = 0x626c_736c;

/** Row number of the decoy in `credentials`: after all users', so that a search "from here on" always ends at a row. */
export const DECOY_NUMBER = Number.MAX_SAFE_INTEGER;

/**
 * `credentials` holds what a login reads, in columns of fixed size (numbers as blobs, since SQLite's integers are of
 * varying length), so that all rows are equally long. `users` holds the rest. Triggers keep what must hold whoever
 * writes: a user takes its credential and codes along, its id is never used again, and a change of the credential voids
 * reset codes.
 */
const VERSION_1 = `
CREATE TABLE users (
  number INTEGER PRIMARY KEY,
  user_id BLOB NOT NULL UNIQUE CHECK (length(user_id) = 16),
  username TEXT NOT NULL UNIQUE CHECK (length(username) > 0),
  roles TEXT NOT NULL,
  attributes TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE credentials (
  number INTEGER PRIMARY KEY,
  user_id BLOB NOT NULL CHECK (length(user_id) = 16),
  status INTEGER NOT NULL CHECK (status IN (0, 1)),
  record_version BLOB NOT NULL CHECK (length(record_version) = 4),
  registration_record BLOB NOT NULL CHECK (length(registration_record) = 192),
  credential_identifier BLOB NOT NULL CHECK (length(credential_identifier) = 32),
  oprf_seed_id BLOB NOT NULL CHECK (length(oprf_seed_id) = 16),
  server_key_id BLOB NOT NULL CHECK (length(server_key_id) = 16),
  ksf BLOB NOT NULL CHECK (length(ksf) = 16)
) STRICT;
CREATE INDEX credentials_by_profile ON credentials (status, oprf_seed_id, server_key_id, ksf);

CREATE TABLE deleted_users (
  user_id BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE registration_codes (
  code_hash BLOB PRIMARY KEY CHECK (length(code_hash) = 32),
  reset_number INTEGER REFERENCES users (number) ON DELETE CASCADE,
  roles TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX registration_codes_by_user ON registration_codes (reset_number);

CREATE TABLE profile_days (
  day INTEGER PRIMARY KEY
) STRICT;
CREATE TABLE profile_shares (
  day INTEGER NOT NULL REFERENCES profile_days (day) ON DELETE CASCADE,
  oprf_seed_id BLOB NOT NULL,
  server_key_id BLOB NOT NULL,
  ksf BLOB NOT NULL,
  users INTEGER NOT NULL,
  PRIMARY KEY (day, oprf_seed_id, server_key_id, ksf)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER user_id_used_once BEFORE INSERT ON users
WHEN EXISTS (SELECT 1 FROM deleted_users WHERE user_id = new.user_id)
BEGIN
  SELECT RAISE(ABORT, 'the user id was used before');
END;

CREATE TRIGGER user_deleted AFTER DELETE ON users
BEGIN
  DELETE FROM credentials WHERE number = old.number;
  INSERT INTO deleted_users (user_id) VALUES (old.user_id);
END;

CREATE TRIGGER credential_replaced AFTER UPDATE OF registration_record ON credentials
BEGIN
  DELETE FROM registration_codes WHERE reset_number = new.number;
END;
`;

/**
 * Sessions, and the feed of changes. What must end a session ends it by trigger, and what others have to learn is written
 * to the feed by trigger: then it holds whoever writes. `open_until_ms` is when the first limit is reached. A session
 * that was ended stays for its tickets' sake, without what people would read of it; its user may be deleted.
 */
const VERSION_2 = `
CREATE TABLE sessions (
  number INTEGER PRIMARY KEY,
  session_id BLOB NOT NULL UNIQUE CHECK (length(session_id) = 16),
  user_id BLOB NOT NULL CHECK (length(user_id) = 16),
  current_serial BLOB NOT NULL CHECK (length(current_serial) = 16),
  successor_serial BLOB CHECK (length(successor_serial) = 16),
  epoch INTEGER NOT NULL,
  record_version INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  password_proven_at_ms INTEGER NOT NULL,
  last_seen_at_ms INTEGER NOT NULL,
  absolute_expires_at_ms INTEGER,
  idle_seconds INTEGER NOT NULL,
  device_label TEXT NOT NULL,
  address_prefix TEXT NOT NULL,
  ended_because TEXT,
  open_until_ms INTEGER NOT NULL GENERATED ALWAYS AS (min(
    9007199254740991,
    coalesce(absolute_expires_at_ms, 9007199254740991),
    CASE idle_seconds WHEN 0 THEN 9007199254740991 ELSE last_seen_at_ms + 1000 * idle_seconds END
  )) VIRTUAL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id, open_until_ms) WHERE ended_because IS NULL;

CREATE TABLE changes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('session-ended', 'session-epoch', 'user-changed')),
  session_id BLOB,
  user_id BLOB,
  reason TEXT,
  epoch INTEGER
) STRICT;

CREATE TRIGGER changes_bounded AFTER INSERT ON changes WHEN new.seq % 1000 = 0
BEGIN
  DELETE FROM changes WHERE seq <= new.seq - 50000;
END;

CREATE TRIGGER session_ended AFTER UPDATE OF ended_because ON sessions
WHEN old.ended_because IS NULL AND new.ended_because IS NOT NULL
BEGIN
  UPDATE sessions SET device_label = '', address_prefix = '' WHERE number = new.number;
  INSERT INTO changes (kind, session_id, user_id, reason)
    VALUES ('session-ended', new.session_id, new.user_id, new.ended_because);
END;

CREATE TRIGGER session_resumed AFTER UPDATE OF epoch ON sessions WHEN new.epoch <> old.epoch
BEGIN
  INSERT INTO changes (kind, session_id, epoch) VALUES ('session-epoch', new.session_id, new.epoch);
END;

CREATE TRIGGER status_changed AFTER UPDATE OF status ON credentials
BEGIN
  UPDATE sessions SET ended_because = 'user-disabled'
    WHERE new.status = 0 AND user_id = new.user_id AND ended_because IS NULL;
  INSERT INTO changes (kind, user_id) VALUES ('user-changed', new.user_id);
END;

CREATE TRIGGER user_changed AFTER UPDATE OF roles, attributes ON users
BEGIN
  INSERT INTO changes (kind, user_id) VALUES ('user-changed', new.user_id);
END;

CREATE TRIGGER sessions_of_deleted_user AFTER DELETE ON users
BEGIN
  UPDATE sessions SET ended_because = 'user-deleted' WHERE user_id = old.user_id AND ended_because IS NULL;
  INSERT INTO changes (kind, user_id) VALUES ('user-changed', old.user_id);
END;
`;

/** Serials of tickets that a proof of the password retired, the latest first; see session-rules.ts. */
const VERSION_3 = `
ALTER TABLE sessions ADD COLUMN retired_serials BLOB NOT NULL DEFAULT x''
  CHECK (typeof(retired_serials) = 'blob' AND length(retired_serials) % 16 = 0);
`;

/**
 * Resumes are told together, many to a row: `epochs` is a session's id, 16 bytes, and its epoch, 32 bits big-endian, again and
 * again; a trigger for each costs as much as the resume. The index no longer moves when a client was heard.
 */
const VERSION_6 = `
ALTER TABLE changes ADD COLUMN epochs BLOB CHECK (length(epochs) > 0 AND length(epochs) % 20 = 0);
DROP TRIGGER session_resumed;
DROP INDEX sessions_by_user;
CREATE INDEX sessions_by_user ON sessions (user_id) WHERE ended_because IS NULL;
`;

/** Entry n brings a file from schema version n to n + 1. Entries are never changed once released, only added. */
const MIGRATIONS: readonly ((db: Database) => void)[] = [
  (db) => {
    db.exec(VERSION_1);
    db.prepare('INSERT INTO credentials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      DECOY_NUMBER,
      DECOY.userId,
      1,
      encodeVersion(DECOY.recordVersion),
      ...encodeCredential(DECOY.credential),
    );
  },
  (db) => db.exec(VERSION_2),
  (db) => db.exec(VERSION_3),
  (db) => db.exec(AUDIT_SCHEMA),
  (db) => db.exec(THROTTLE_SCHEMA),
  (db) => db.exec(VERSION_6),
];

function pragma(db: Database, name: string): unknown {
  return db.prepare(`PRAGMA ${name}`).get()?.[name];
}

/**
 * Brings the file to this version's schema in one transaction. Throws `store-failed` for a file of a newer version
 * (reason `schema-newer`) and for one that is not a store (reason `not-a-store`), and leaves both as they are.
 * @param through stops at an earlier version, as earlier releases did
 */
export function migrate(db: Database, through = MIGRATIONS.length): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    const version = Number(pragma(db, 'user_version'));
    const tables = Number(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
    if (tables > 0 && pragma(db, 'application_id') !== APPLICATION_ID) {
      throw storeFailed('The file is an SQLite database, but not a user store.', undefined, 'not-a-store');
    }
    if (version > MIGRATIONS.length) {
      throw storeFailed(
        `The store has schema version ${version}; this release knows ${MIGRATIONS.length}. Update the software.`,
        undefined,
        'schema-newer',
      );
    }
    for (const step of MIGRATIONS.slice(version, through)) step(db);
    if (version < through) {
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${through}`);
    }
    db.exec('COMMIT');
  } catch (error) {
    try {
      db.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself.
    }
    throw error;
  }
}
