import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../../src/server/store.js';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import { forEachDriver } from '../support/sqlite-drivers.js';
import { storeSuite } from '../suites/store.js';

forEachDriver((driver) => {
  storeSuite('sqlite', 'many', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'blindsalt-store-'));
    const path = join(folder, 'users.db');
    let store = await openSqliteStore(path, { driver });
    const others: Store[] = [];
    return {
      store,
      reopen: async () => {
        await store.close();
        return (store = await openSqliteStore(path, { driver }));
      },
      another: async () => {
        const other = await openSqliteStore(path, { driver });
        others.push(other);
        return other;
      },
      close: async () => {
        for (const one of [store, ...others]) await one.close();
        await rm(folder, { recursive: true });
      },
    };
  });
});
