// The file: its mode, its schema, what is refused, and how writes share a commit.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../../src/server/store.js';
import { loadDriver } from '../../src/server/store/sqlite-driver.js';
import { openSqliteStore, type SqliteDriver, type SqliteStoreOptions } from '../../src/server/store/sqlite.js';
import { driversThatLoad, forEachDriver } from '../support/sqlite-drivers.js';
import * as make from '../support/store-fixtures.js';

const posixTest = process.platform === 'win32' ? test.skip : test;

let folder: string;
let path: string;
let opened: Store | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blindsalt-store-'));
  path = join(folder, 'users.db');
});
afterEach(async () => {
  await opened?.close();
  opened = undefined;
  await rm(folder, { recursive: true });
});
const open = async (options: SqliteStoreOptions): Promise<Store> => (opened = await openSqliteStore(path, options));

/** Commits in the write-ahead log: frames whose header gives the size of the database after a commit. */
async function commitsInLog(): Promise<number> {
  const log = await readFile(`${path}-wal`);
  const pageSize = log.readUInt32BE(8);
  const salts = log.subarray(16, 24);
  let commits = 0;
  for (let at = 32; at + 24 <= log.length; at += 24 + pageSize) {
    // Frames of an earlier round of the log have other salts.
    if (!log.subarray(at + 8, at + 16).equals(salts)) break;
    if (log.readUInt32BE(at + 4) !== 0) commits += 1;
  }
  return commits;
}

forEachDriver((driver) => {
  posixTest('a database that others may write is refused, one that others may read is not', async () => {
    await (await openSqliteStore(path, { driver })).close();
    for (const mode of [0o620, 0o602, 0o666]) {
      await chmod(path, mode);
      await expect(openSqliteStore(path, { driver })).rejects.toMatchObject({ code: 'store-failed', reason: 'mode' });
    }
    await chmod(path, 0o644);
    await open({ driver });
  });

  posixTest('the database, its log and its index have mode 0600 whatever the umask', async () => {
    for (const umask of [0, 0o022, 0o077]) {
      path = join(folder, `umask${umask}`, 'users.db');
      const before = process.umask(umask);
      try {
        const store = await open({ driver });
        await store.createUserIfAbsent(make.newUser('anna'));
        const names = ['users.db', 'users.db-shm', 'users.db-wal'];
        expect((await readdir(join(path, '..'))).sort()).toEqual(names);
        for (const name of names) expect((await stat(join(path, '..', name))).mode & 0o777).toBe(0o600);
        await store.close();
      } finally {
        process.umask(before);
      }
    }
  });

  test('writes of one turn share a commit, and one that fails undoes no other', async () => {
    const store = await open({ driver });
    const taken = make.newUser('taken');
    await store.createUserIfAbsent(taken);
    const before = await commitsInLog();
    const results = await Promise.allSettled([
      store.createUserIfAbsent(make.newUser('anna')),
      store.createUserIfAbsent(make.newUser('berta', { userId: taken.userId })),
      store.setUserRoles(taken.userId, ['admin']),
      store.createCode(make.newReset('c', make.bytes(16))),
      store.createUserIfAbsent(make.newUser('carla')),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(await commitsInLog()).toBe(before + 1);
    const users = await store.listUsers();
    expect(users.map(({ username, roles }) => [username, roles])).toEqual([
      ['anna', []],
      ['carla', []],
      ['taken', ['admin']],
    ]);
    await store.setUserRoles(taken.userId, []);
    expect(await commitsInLog()).toBe(before + 2);
  });

  test('deleted users leave nothing in the file', async () => {
    const store = await open({ driver });
    const user = make.newUser('anna-who-leaves', { attributes: { note: 'attribute-that-leaves' } });
    await store.createUserIfAbsent(make.newUser('berta-who-stays'));
    await store.createUserIfAbsent(user);
    await store.deleteUser(user.userId);
    await store.close();
    const file = await readFile(path);
    const log = await readFile(`${path}-wal`).catch(() => Buffer.alloc(0));
    const all = Buffer.concat([file, log]);
    expect(all.includes('berta-who-stays')).toBe(true);
    const { registrationRecord, credentialIdentifier } = user.credential;
    for (const trace of ['anna-who-leaves', 'attribute-that-leaves', registrationRecord, credentialIdentifier]) {
      expect(all.includes(typeof trace === 'string' ? trace : Buffer.from(trace))).toBe(false);
    }
  });

  test('what one process writes the other reads at once', async () => {
    const [store, other] = [await open({ driver }), await openSqliteStore(path, { driver })];
    try {
      const user = make.newUser('anna');
      await store.createUserIfAbsent(user);
      expect(await other.findUser('anna')).toEqual(await store.findUser('anna'));
      await other.setUserStatus(user.userId, 'disabled');
      expect((await store.getUserOrDecoy('anna')).status).toBe('disabled');
      const shares = await store.profileShares(20_000);
      await other.createUserIfAbsent(make.newUser('berta'));
      expect(await other.profileShares(20_000)).toEqual(shares);
      await store.close();
      opened = undefined;
      expect(await (await open({ driver })).profileShares(20_000)).toEqual(shares);
    } finally {
      await other.close();
    }
  });

  test('a lock held too long is store-failed, and the store goes on afterwards', async () => {
    const store = await open({ driver, busyTimeoutMs: 30 });
    const other = (await loadDriver(driver))(path);
    other.exec('BEGIN IMMEDIATE');
    const refused = [store.createUserIfAbsent(make.newUser('anna')), store.createCode(make.newInvite('c'))];
    for (const one of refused) await expect(one).rejects.toMatchObject({ code: 'store-failed' });
    expect((await store.getUserOrDecoy('anna')).exists).toBe(false);
    other.exec('ROLLBACK');
    other.close();
    expect((await store.createUserIfAbsent(make.newUser('anna'))).result).toBe('created');
    expect(await store.findCode(make.useOf('c'), 'anna')).toBeUndefined();
  });

  describe('refuses to open, and leaves as it is,', () => {
    async function expectRefused(reason: string | undefined, options: SqliteStoreOptions = { driver }): Promise<void> {
      const before = await readFile(path);
      await expect(openSqliteStore(path, options)).rejects.toMatchObject({ code: 'store-failed', reason });
      expect(await readFile(path)).toEqual(before);
    }
    const execOn = async (sql: string): Promise<void> => {
      const db = (await loadDriver(driver))(path);
      db.exec(sql);
      db.close();
    };

    test('a store of a newer schema', async () => {
      await (await open({ driver })).close();
      // Checkpointed here: else whoever closes last does it, the refused one too, when a collected statement still held the first open.
      await execOn('PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)');
      await expectRefused('schema-newer');
    });

    test('another application’s database', async () => {
      await execOn('PRAGMA journal_mode = WAL; CREATE TABLE users (name TEXT)');
      await expectRefused('not-a-store');
    });

    test('what is no database', async () => {
      await writeFile(path, 'x'.repeat(5000));
      await expectRefused(undefined);
    });
  });

  test('a damaged row is store-failed, never a wrong answer', async () => {
    const store = await open({ driver });
    const user = make.newUser('anna');
    await store.createUserIfAbsent(user);
    const other = (await loadDriver(driver))(path);
    other.exec(
      `PRAGMA ignore_check_constraints = ON; UPDATE credentials SET credential_identifier = x'00' WHERE number = 1`,
    );
    other.exec(`UPDATE users SET roles = '[1]'`);
    other.close();
    await expect(store.getUserOrDecoy('anna')).rejects.toMatchObject({ code: 'store-failed', reason: 'damaged' });
    await expect(store.getUser(user.userId)).rejects.toMatchObject({ code: 'store-failed', reason: 'damaged' });
  });

  test('options out of range are refused', async () => {
    for (const options of [{ busyTimeoutMs: -1 }, { busyTimeoutMs: 0.5 }, { maxBytes: 0 }, { maxBytes: Number.NaN }]) {
      await expect(openSqliteStore(path, { driver, ...options })).rejects.toMatchObject({ code: 'option-invalid' });
    }
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('drivers', () => {
  test('an unknown one is refused', async () => {
    const options = { driver: 'sqlite3' as SqliteDriver };
    await expect(openSqliteStore(path, options)).rejects.toMatchObject({ code: 'option-invalid' });
  });

  test('without a choice one that loads is taken', async () => {
    expect(driversThatLoad.length).toBeGreaterThan(0);
    const store = await open({});
    expect((await store.createUserIfAbsent(make.newUser('anna'))).result).toBe('created');
  });

  const hasBuiltIn = driversThatLoad.includes('node:sqlite');
  (hasBuiltIn ? test.skip : test)(
    `one that does not load is store-failed${hasBuiltIn ? ' (skipped: all load here)' : ''}`,
    async () => {
      const opening = openSqliteStore(path, { driver: 'node:sqlite' });
      await expect(opening).rejects.toMatchObject({ code: 'store-failed', reason: 'driver-missing' });
      expect(await readdir(folder)).toEqual([]);
    },
  );
});
