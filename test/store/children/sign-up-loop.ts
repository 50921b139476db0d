// node sign-up-loop.mjs FILE DRIVER PREFIX: signs users up, changes their credentials, and acknowledges each change on
// standard output once the store has, until it is killed.
import { writeSync } from 'node:fs';
import type { SqliteDriver } from '../../../src/server/store/sqlite-driver.js';
import { openSqliteStore } from '../../../src/server/store/sqlite.js';
import { replaceRecord } from '../../support/store-fixtures.js';
import { userOf } from './derived-user.js';

async function main([file, driver, prefix]: string[]): Promise<void> {
  const store = await openSqliteStore(file!, { driver: driver as SqliteDriver });
  for (let round = 0; ; round++) {
    const four = [0, 1, 2, 3].map(async (i) => {
      const username = `${prefix}-${round}-${i}`;
      const user = userOf(username, 1);
      const { result } = await store.createUserIfAbsent(user);
      writeSync(1, `${username} ${result} 1\n`);
      const replaced = await replaceRecord(store, user.userId, 1, userOf(username, 2).credential);
      writeSync(1, `${username} ${replaced} 2\n`);
    });
    await Promise.all(four);
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
