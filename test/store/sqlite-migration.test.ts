// Files of every earlier schema version, with users, sessions and an audit trail in them, as this release finds them.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { loadCrypto } from '../../src/crypto/index.js';
import { EMPTY_HEAD, link } from '../../src/server/audit/chain.js';
import { encodeLine } from '../../src/server/audit/entry.js';
import { AuditVerifier } from '../../src/server/audit/verify.js';
import { loadDriver, type Database } from '../../src/server/store/sqlite-driver.js';
import { migrate } from '../../src/server/store/sqlite-schema.js';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import { forEachDriver } from '../support/sqlite-drivers.js';
import * as make from '../support/store-fixtures.js';
import { begun, changesOf, NOW, resumption } from '../support/store-fixtures.js';

const CURRENT = 6;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blindsalt-store-'));
  path = join(folder, 'users.db');
});
afterEach(() => rm(folder, { recursive: true }));

const KSF = Uint8Array.of(0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1);

function insertUser(db: Database, number: number, user: ReturnType<typeof make.newUser>): void {
  const { userId, username, roles, attributes, createdAtMs, credential } = user;
  const texts = [JSON.stringify(roles), JSON.stringify(attributes)];
  db.prepare('INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)').run(number, userId, username, ...texts, createdAtMs);
  const { registrationRecord, credentialIdentifier, oprfSeedId, serverKeyId } = credential;
  const blobs = [registrationRecord, credentialIdentifier, oprfSeedId, serverKeyId, KSF];
  const one = Uint8Array.of(0, 0, 0, 1);
  db.prepare('INSERT INTO credentials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)').run(number, userId, 1, one, ...blobs);
}

interface OldSession {
  readonly sessionId: Uint8Array;
  readonly userId: Uint8Array;
  readonly current: Uint8Array;
  readonly successor: Uint8Array | null;
  readonly ended: string | null;
}

function insertSession(db: Database, { sessionId, userId, current, successor, ended }: OldSession): void {
  const sql = `INSERT INTO sessions (session_id, user_id, current_serial, successor_serial, epoch, record_version,
    created_at_ms, password_proven_at_ms, last_seen_at_ms, absolute_expires_at_ms, idle_seconds, device_label,
    address_prefix, ended_because) VALUES (?, ?, ?, ?, 3, 1, ?, ?, ?, NULL, 3600, 'phone', '192.0.2.0/24', ?)`;
  db.prepare(sql).run(sessionId, userId, current, successor, NOW, NOW, NOW, ended);
}

forEachDriver((driver) => {
  describe.each(Array.from({ length: CURRENT - 1 }, (_, i) => i + 1))('a file of schema version %i', (version) => {
    const anna = make.newUser('anna', { roles: ['admin'], attributes: { n: 1 } });
    const berta = make.newUser('berta');
    const [open, rotated, ended] = [null, make.bytes(16), null].map((successor, i): OldSession => ({
      sessionId: make.bytes(16),
      userId: anna.userId,
      current: make.bytes(16),
      successor,
      ended: i === 2 ? 'logout' : null,
    })) as [OldSession, OldSession, OldSession];
    const noted = [1, 2, 3];

    const connect = async (): Promise<Database> => {
      const db = (await loadDriver(driver))(path);
      db.exec('PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000');
      return db;
    };

    beforeEach(async () => {
      const db = await connect();
      migrate(db, version);
      expect(db.prepare('PRAGMA user_version').get()!['user_version']).toBe(version);
      for (const [i, user] of [anna, berta].entries()) insertUser(db, i + 1, user);
      if (version >= 2) for (const session of [open, rotated, ended]) insertSession(db, session);
      if (version >= 4) {
        let head = EMPTY_HEAD;
        for (const n of noted) {
          const { row, head: next } = link(head, { event: 'login', atMs: NOW + n, userId: anna.userId });
          const insert = db.prepare('INSERT INTO audit (seq, prev, body, hash, unsigned) VALUES (?, ?, ?, ?, ?)');
          insert.run(row.seq, row.prev, row.body, row.hash, next.unsigned);
          head = next;
        }
      }
      db.close();
    });

    test('keeps users, sessions and the audit trail, and goes on with them', async () => {
      const store = await openSqliteStore(path, { driver });
      const { credential, ...rest } = anna;
      expect(await store.findUser('anna')).toEqual({ ...rest, status: 'active', recordVersion: 1 });
      expect(await store.getUserOrDecoy('anna')).toMatchObject({ exists: true, credential });
      const told = changesOf(store);
      if (version >= 2) {
        const listed = (await store.listSessions(anna.userId, NOW)).map(({ sessionId }) => sessionId);
        expect(listed).toEqual([rotated.sessionId, open.sessionId]);
        expect(await store.getSession(ended.sessionId)).toBeUndefined();
        expect(await store.getSession(rotated.sessionId)).toMatchObject({
          currentSerial: rotated.current,
          successorSerial: rotated.successor,
          epoch: 3,
          deviceLabel: 'phone',
        });
        expect(await store.rotateTicket(resumption(rotated, rotated.successor!))).toMatchObject({
          result: 'rotated',
          session: { currentSerial: rotated.successor, epoch: 4 },
          user: { username: 'anna' },
        });
        expect((await store.rotateTicket(resumption(ended, ended.current))).result).toBe('revoked');
        expect((await store.rotateTicket(resumption(open, make.bytes(16)))).result).toBe('reused');
        expect(told).toEqual([
          { kind: 'session-epoch', sessionId: rotated.sessionId, epoch: 4 },
          { kind: 'session-ended', sessionId: open.sessionId, userId: anna.userId, reason: 'ticket-reused' },
        ]);
      }
      await begun(store, make.newSession(berta.userId));
      await store.audit!.append([{ event: 'login', atMs: NOW + 9, userId: berta.userId }]);
      const entries = await store.audit!.read(0, 100);
      expect(entries).toHaveLength(version >= 4 ? 4 : 1);
      const verifier = new AuditVerifier({ crypto: await loadCrypto(), domain: 'example.org', publicKeys: [] });
      for (const entry of entries) verifier.takeLine(encodeLine(entry));
      expect(verifier.end()).toMatchObject({ ok: true, entries: entries.length });
      expect(await store.audit!.counted()).toBe(entries.length);
      await store.close();
      const db = await connect();
      expect(db.prepare('PRAGMA user_version').get()!['user_version']).toBe(CURRENT);
      expect(db.prepare('PRAGMA integrity_check').get()!['integrity_check']).toBe('ok');
      db.close();
    });

    if (version >= 2) {
      test('still tells changes that an earlier release wrote, one to a row', async () => {
        await (await openSqliteStore(path, { driver })).close();
        const store = await openSqliteStore(path, { driver });
        const told = changesOf(store);
        const db = await connect();
        db.prepare("INSERT INTO changes (kind, session_id, epoch) VALUES ('session-epoch', ?, 7)").run(open.sessionId);
        db.close();
        for (let i = 0; i < 400 && told.length === 0; i++) await wait(25);
        expect(told).toEqual([{ kind: 'session-epoch', sessionId: open.sessionId, epoch: 7 }]);
        await store.close();
      });
    }
  });
});
