/** What schema version 1 makes of an empty file, without the decoy. A copy, so that files of that version stay readable. */
export const SCHEMA_1 = `
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

PRAGMA application_id = 0x626c736c;
PRAGMA user_version = 1;
`;
