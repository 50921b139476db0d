// Sessions and changes in the file: migration, shared commits, traces, and readers that fell behind.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import type { Store, StoreChange } from '../../src/server/store.js';
import { loadDriver, type Database } from '../../src/server/store/sqlite-driver.js';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import { forEachDriver } from '../support/sqlite-drivers.js';
import * as make from '../support/store-fixtures.js';
import { begun, changesOf, created, NOW, resumption } from '../support/store-fixtures.js';
import { commitsInLog } from './sqlite-log.js';
import { SCHEMA_1 } from './sqlite-schema-1.js';

let folder: string;
let path: string;
const opened: Store[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blindsalt-store-'));
  path = join(folder, 'users.db');
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(folder, { recursive: true });
});

/** Writes that share a commit at most. */
const BATCH = 64;

/** Waits, generously, until `done`. */
async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !done(); i++) await wait(25);
  expect(done()).toBe(true);
}

forEachDriver((driver) => {
  const open = async (): Promise<Store> => {
    const store = await openSqliteStore(path, { driver });
    opened.push(store);
    return store;
  };
  const withFile = async <T>(job: (db: Database) => T): Promise<T> => {
    const db = (await loadDriver(driver))(path);
    try {
      db.exec('PRAGMA busy_timeout = 5000');
      return job(db);
    } finally {
      db.close();
    }
  };
  const countOf = (table: string): Promise<unknown> =>
    withFile((db) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!['n']);

  test('what ran out of one user does not pile up, however often he logs in', async () => {
    const store = await open();
    const user = created(await store.createUserIfAbsent(make.newUser('anna')));
    const other = created(await store.createUserIfAbsent(make.newUser('berta')));
    const policy = { max: 3, whenFull: 'end-oldest' } as const;
    const times = { idleSeconds: 10, absoluteExpiresAtMs: undefined };
    const bystander = await begun(store, make.newSession(other.userId, times));
    const living = make.newSession(user.userId, { idleSeconds: 0, absoluteExpiresAtMs: undefined });
    await store.beginSession(living, policy);
    for (let round = 0; round < 200; round++) {
      const createdAtMs = NOW + 10_000 * round;
      const sessions = [
        make.newSession(user.userId, { ...times, createdAtMs }),
        make.newSession(user.userId, { ...times, createdAtMs }),
      ];
      const outcomes = await Promise.all(sessions.map((session) => store.beginSession(session, policy)));
      expect(outcomes.map(({ result }) => result)).toEqual(['created', 'created']);
    }
    expect(await countOf('sessions')).toBeLessThan(150);
    // What has not run out stays, and so does what is another's.
    expect(await store.getSession(living.sessionId)).toBeDefined();
    expect(await store.getSession(bystander.sessionId)).toBeDefined();
    expect(await store.listSessions(user.userId, NOW + 10_000 * 199)).toHaveLength(3);
  });

  describe('a file of schema version 1', () => {
    const user = make.newUser('anna', { roles: ['admin'], attributes: { n: 1 } });
    const disabled = make.newUser('berta');
    const code = make.hashOf('c');
    const reset = make.hashOf('r');
    const deletedId = make.bytes(16);

    beforeEach(() =>
      withFile((db) => {
        db.exec(`PRAGMA journal_mode = WAL; ${SCHEMA_1}`);
        const one = Uint8Array.of(0, 0, 0, 1);
        const ksf = Uint8Array.of(0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1);
        const insertCredential = db.prepare('INSERT INTO credentials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
        const zeros = [192, 32, 16, 16].map((length) => new Uint8Array(length));
        insertCredential.run(Number.MAX_SAFE_INTEGER, new Uint8Array(16), 1, one, ...zeros, ksf);
        for (const [i, { userId, username, roles, attributes, createdAtMs, credential }] of [
          user,
          disabled,
        ].entries()) {
          const insertUser = db.prepare('INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)');
          insertUser.run(i + 1, userId, username, JSON.stringify(roles), JSON.stringify(attributes), createdAtMs);
          const { registrationRecord, credentialIdentifier, oprfSeedId, serverKeyId } = credential;
          const values = [registrationRecord, credentialIdentifier, oprfSeedId, serverKeyId, ksf];
          insertCredential.run(i + 1, userId, i === 0 ? 1 : 0, one, ...values);
        }
        db.prepare('INSERT INTO registration_codes VALUES (?, NULL, ?, 2000)').run(code, '["guest"]');
        db.prepare('INSERT INTO registration_codes VALUES (?, 1, ?, 2000)').run(reset, '[]');
        db.prepare('INSERT INTO deleted_users VALUES (?)').run(deletedId);
      }),
    );

    test('keeps its users, credentials and codes', async () => {
      const store = await open();
      const { credential: _, ...rest } = user;
      expect(await store.findUser('anna')).toEqual({ ...rest, status: 'active', recordVersion: 1 });
      expect(await store.getUserOrDecoy('anna')).toMatchObject({ exists: true, credential: user.credential });
      expect(await store.getUserOrDecoy('berta')).toMatchObject({
        status: 'disabled',
        credential: disabled.credential,
      });
      expect(await store.getUserOrDecoy('carla')).toMatchObject({ exists: false });
      expect(created(await store.createUserIfAbsent(make.newUser('carla'), make.useOf('c'))).roles).toEqual(['guest']);
      const again = store.createUserIfAbsent(make.newUser('dora', { userId: deletedId }));
      await expect(again).rejects.toMatchObject({ reason: 'user-id-used' });
      expect((await store.createUserIfAbsent(make.newUser('anna'), make.useOf('r'))).result).toBe('reset');
    });

    test('gets sessions and changes, by processes of the earlier version too, and stays so', async () => {
      await (await open()).close();
      expect(await withFile((db) => db.prepare('PRAGMA user_version').get()!['user_version'])).toBeGreaterThan(1);
      const store = await open();
      const told = changesOf(store);
      const first = await begun(store, make.newSession(user.userId));
      const second = await begun(store, make.newSession(user.userId));
      await store.rotateTicket(resumption(first, first.currentSerial));
      // As the earlier version does it, which knows no sessions.
      await withFile((db) => db.exec('UPDATE credentials SET status = 0 WHERE number = 1'));
      await until(() => told.length === 4);
      expect(told.slice(1).map(({ kind }) => kind)).toEqual(['session-ended', 'session-ended', 'user-changed']);
      for (const { sessionId } of [first, second]) expect(await store.getSession(sessionId)).toBeUndefined();
    });
  });

  test('a thousand logins at once share few commits, and so do resumes', async () => {
    const store = await open();
    const users = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => created(await store.createUserIfAbsent(make.newUser(`user${i}`)))),
    );
    const sessions = users.flatMap(({ userId }) => Array.from({ length: 10 }, () => make.newSession(userId)));
    const before = await commitsInLog(path);
    const beginnings = await Promise.all(sessions.map((session) => store.beginSession(session, make.POLICY)));
    expect(new Set(beginnings.map(({ result }) => result))).toEqual(new Set(['created']));
    expect(await commitsInLog(path)).toBe(before + Math.ceil(sessions.length / BATCH));
    await store.close();
    const again = await open();
    const resumes = sessions.map(({ sessionId, serial }) => again.rotateTicket(resumption({ sessionId }, serial)));
    expect(new Set((await Promise.all(resumes)).map(({ result }) => result))).toEqual(new Set(['rotated']));
    expect(await commitsInLog(path)).toBe(Math.ceil(sessions.length / BATCH));
  });

  test('writes of a crowd are done in their order, a few in each turn of the event loop', async () => {
    const store = await open();
    const users = Array.from({ length: 5 * BATCH + 1 }, (_, i) => make.newUser(`user${i}`));
    const done: number[] = [];
    for (const [i, user] of users.entries()) void store.createUserIfAbsent(user).then(() => done.push(i));
    for (let before = 0; before < users.length; before = done.length) {
      await turn();
      expect(done.length - before).toBeLessThanOrEqual(BATCH / 2);
    }
    expect(done).toEqual(users.map((_, i) => i));
  });

  test('closing leaves nothing for later turns: all that was asked for is written and answered', async () => {
    const store = await open();
    const users = Array.from({ length: 3 * BATCH }, (_, i) => make.newUser(`user${i}`));
    const done: number[] = [];
    for (const [i, user] of users.entries()) void store.createUserIfAbsent(user).then(() => done.push(i));
    // Some are written, and of those not all are answered.
    while (done.length === 0) await turn();
    expect(done.length).toBeLessThan(BATCH);
    await store.close();
    await turn();
    expect(done).toEqual(users.map((_, i) => i));
    expect(await (await open()).listUsers({ limit: 1000 })).toHaveLength(users.length);
  });

  test('one that fails in a shared commit undoes no other, and is not told', async () => {
    const store = await open();
    const { userId } = created(await store.createUserIfAbsent(make.newUser('anna')));
    const [one, other] = [await begun(store, make.newSession(userId)), await begun(store, make.newSession(userId))];
    const told = changesOf(store);
    const results = await Promise.allSettled([
      store.rotateTicket(resumption(one, one.currentSerial)),
      store.rotateTicket(resumption(other, other.currentSerial, { newSerial: other.currentSerial })),
      store.beginSession(make.newSession(userId, { sessionId: one.sessionId }), make.POLICY),
      store.setUserRoles(userId, ['a']),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(told).toEqual([
      { kind: 'session-epoch', sessionId: one.sessionId, epoch: 1 },
      { kind: 'user-changed', userId },
    ]);
  });

  test('of sessions that ended no label and no address is left in the file', async () => {
    const store = await open();
    const { userId } = created(await store.createUserIfAbsent(make.newUser('anna')));
    const gone = await begun(store, make.newSession(userId, { deviceLabel: 'phone-gone', addressPrefix: 'net-gone' }));
    await begun(store, make.newSession(userId, { deviceLabel: 'phone-stays' }));
    const berta = created(await store.createUserIfAbsent(make.newUser('berta')));
    await begun(store, make.newSession(berta.userId, { deviceLabel: 'phone-deleted', addressPrefix: 'net-deleted' }));
    await store.endSessions({ sessionId: gone.sessionId, reason: 'logout', nowMs: NOW });
    await store.deleteUser(berta.userId);
    await store.close();
    const file = await readFile(path);
    const log = await readFile(`${path}-wal`).catch(() => Buffer.alloc(0));
    const all = Buffer.concat([file, log]);
    expect(all.includes('phone-stays')).toBe(true);
    for (const trace of ['phone-gone', 'net-gone', 'phone-deleted', 'net-deleted'])
      expect(all.includes(trace)).toBe(false);
  });

  test('sessions that are long over leave the file', async () => {
    const store = await open();
    const { userId } = created(await store.createUserIfAbsent(make.newUser('anna')));
    for (let i = 0; i < 50; i++) await begun(store, make.newSession(userId));
    const later = { createdAtMs: NOW + 30 * 86_400_000, absoluteExpiresAtMs: undefined };
    for (let i = 0; i < 20; i++) await begun(store, make.newSession(userId, later));
    expect(await countOf('sessions')).toBe(20);
  });

  test('a damaged session is store-failed, never a wrong answer', async () => {
    const store = await open();
    const { userId } = created(await store.createUserIfAbsent(make.newUser('anna')));
    const { sessionId, currentSerial } = await begun(store, make.newSession(userId));
    for (const change of [`current_serial = x'00'`, `current_serial = session_id, ended_because = 'whatever'`]) {
      await withFile((db) => db.exec(`PRAGMA ignore_check_constraints = ON; UPDATE sessions SET ${change}`));
      const failed = { code: 'store-failed', reason: 'damaged' };
      await expect(store.getSession(sessionId)).rejects.toMatchObject(failed);
      await expect(store.rotateTicket(resumption({ sessionId }, currentSerial))).rejects.toMatchObject(failed);
    }
  });

  describe('changes that a reader missed are a gap', () => {
    const userId = make.bytes(16);
    const gap: StoreChange = { kind: 'gap' };
    const told: StoreChange[] = [];
    beforeEach(async () => {
      told.length = 0;
      const store = await open();
      const { userId: someone } = created(await store.createUserIfAbsent(make.newUser('anna')));
      await store.setUserRoles(someone, []);
      store.watch((change) => told.push(change));
    });
    const insert = (count: number): string => `INSERT INTO changes (kind, user_id)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
      SELECT 'user-changed', x'${Buffer.from(userId).toString('hex')}' FROM n`;

    test('when the table kept too few: it is bounded', async () => {
      await withFile((db) => db.exec(insert(60_000)));
      expect(await countOf('changes')).toBeLessThanOrEqual(51_000);
      await until(() => told.length >= 50_000);
      expect(told[0]).toEqual(gap);
      expect(told.filter(({ kind }) => kind === 'gap')).toHaveLength(1);
      expect(told.at(-1)).toEqual({ kind: 'user-changed', userId });
      expect(told.length).toBe(1 + Number(await countOf('changes')));
    });

    test('when nothing is left of them', async () => {
      await withFile((db) => db.exec(`BEGIN; ${insert(10)}; DELETE FROM changes; COMMIT`));
      await until(() => told.length === 1);
      expect(told).toEqual([gap]);
      await withFile((db) => db.exec(insert(2)));
      await until(() => told.length === 3);
      expect(told.slice(1)).toEqual(Array(2).fill({ kind: 'user-changed', userId }));
    });

    test('when the numbers went back, as in a file that was restored', async () => {
      await withFile((db) => db.exec(`DELETE FROM changes; UPDATE sqlite_sequence SET seq = 0 WHERE name = 'changes'`));
      await until(() => told.length === 1);
      expect(told).toEqual([gap]);
      await withFile((db) => db.exec(insert(1)));
      await until(() => told.length === 2);
      expect(told[1]).toEqual({ kind: 'user-changed', userId });
    });

    test('when one is damaged; those after it are told', async () => {
      const damage = `UPDATE changes SET user_id = x'00' WHERE seq = (SELECT max(seq) FROM changes)`;
      await withFile((db) => db.exec(`BEGIN; ${insert(1)}; ${damage}; ${insert(1)}; COMMIT`));
      await until(() => told.length === 2);
      expect(told).toEqual([gap, { kind: 'user-changed', userId }]);
    });
  });
});
