// node watcher.mjs FILE DRIVER: watches the store, and has nothing else to do.
import type { SqliteDriver } from '../../../src/server/store/sqlite-driver.js';
import { openSqliteStore } from '../../../src/server/store/sqlite.js';

async function main([file, driver]: string[]): Promise<void> {
  const store = await openSqliteStore(file!, { driver: driver as SqliteDriver });
  store.watch(() => undefined);
  process.stdout.write('watching\n');
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
