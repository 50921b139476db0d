// What was acknowledged is there after kill -9, and two processes share one file.
import { expect, test } from '@jest/globals';
import { loadDriver } from '../../src/server/store/sqlite-driver.js';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import { forEachDriver } from '../support/sqlite-drivers.js';
import { compete } from './children/compete.js';
import { userOf } from './children/derived-user.js';
import { storePrograms } from './store-programs.js';

const ROUNDS = 6;

const programs = storePrograms('sign-up-loop', 'competitor');

forEachDriver((driver) => {
  test('everything acknowledged before kill -9 is there afterwards', async () => {
    const path = programs.path();
    /** Credential versions that were acknowledged, by name. */
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++) {
      const { process: child, lines, ended } = programs.start('sign-up-loop', driver, `r${round}`);
      const unexpected: string[] = [];
      let deadline: NodeJS.Timeout | undefined;
      lines.on('line', (line) => {
        const [, username, version] = /^(\S+) (?:created|rotated) (\d)$/.exec(line) ?? [];
        if (username) acknowledged.set(username, Number(version));
        else unexpected.push(line);
        deadline ??= setTimeout(() => child.kill('SIGKILL'), 20 + Math.random() * 200);
      });
      expect(await ended).toEqual({ how: 'SIGKILL', stderr: '' });
      clearTimeout(deadline);
      expect(unexpected).toEqual([]);

      const db = (await loadDriver(driver))(path);
      expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
      expect(db.prepare('PRAGMA foreign_key_check').all()).toEqual([]);
      db.close();
      const store = await openSqliteStore(path, { driver });
      for (const [username, version] of acknowledged) {
        const { userId, credential } = userOf(username, version);
        const row = await store.getUserOrDecoy(username);
        expect({ username, exists: row.exists, userId: row.userId }).toEqual({ username, exists: true, userId });
        // A change that was made and not acknowledged any more may be there.
        if (row.recordVersion === version) expect(row.credential).toEqual(credential);
        else expect(row).toMatchObject({ recordVersion: 2, credential: userOf(username, 2).credential });
        expect(row.recordVersion).toBeGreaterThanOrEqual(version);
      }
      await store.close();
    }
    expect(acknowledged.size).toBeGreaterThan(ROUNDS);
  });

  test('two processes that write at once lose nothing, and one name goes to one of them', async () => {
    const path = programs.path();
    const count = 50;
    const store = await openSqliteStore(path, { driver, busyTimeoutMs: 10_000 });
    const { process: child, lines, ended } = programs.start('competitor', driver, String(count));
    const theirs: string[] = [];
    const ready = new Promise<void>((resolve) => {
      lines.on('line', (line) => (line === 'ready' ? resolve() : theirs.push(line)));
    });
    await Promise.race([ready, ended.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
    child.stdin.write('go\n');
    const ours = await compete(store, 'parent', count);
    expect(await ended).toEqual({ how: 0, stderr: '' });
    for (let i = 0; i < count; i++) {
      const shared = [...ours, ...theirs].filter((line) => line.startsWith(`shared-${i} `)).sort();
      expect(shared).toEqual([`shared-${i} created`, `shared-${i} taken`]);
      expect(ours).toContain(`parent-${i} created`);
      expect(theirs).toContain(`child-${i} created`);
    }
    expect(await store.listUsers()).toHaveLength(3 * count);
    await store.close();
  });
});
