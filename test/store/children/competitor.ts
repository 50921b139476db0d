// node competitor.mjs FILE DRIVER COUNT: waits for a line, takes the names shared-0 … and its own, and prints each result.
import { once } from 'node:events';
import type { SqliteDriver } from '../../../src/server/store/sqlite-driver.js';
import { openSqliteStore } from '../../../src/server/store/sqlite.js';
import { compete } from './compete.js';

async function main([file, driver, count]: string[]): Promise<void> {
  const store = await openSqliteStore(file!, { driver: driver as SqliteDriver, busyTimeoutMs: 10_000 });
  process.stdout.write('ready\n');
  await once(process.stdin, 'data');
  process.stdin.destroy();
  for (const line of await compete(store, 'child', Number(count))) process.stdout.write(`${line}\n`);
  await store.close();
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
