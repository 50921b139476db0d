import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import { forEachDriver } from '../support/sqlite-drivers.js';
import { storeSuite } from '../suites/store.js';

forEachDriver((driver) => {
  storeSuite('sqlite', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'blindsalt-store-'));
    const path = join(folder, 'users.db');
    let store = await openSqliteStore(path, { driver });
    return {
      store,
      reopen: async () => {
        await store.close();
        return (store = await openSqliteStore(path, { driver }));
      },
      close: async () => {
        await store.close();
        await rm(folder, { recursive: true });
      },
    };
  });
});
