import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import { forEachDriver } from '../support/sqlite-drivers.js';
import { throttleStoreSuite } from '../suites/store-throttle.js';

throttleStoreSuite({
  name: 'memory',
  open: async () => {
    const store = openMemoryStore();
    return { stores: [store, store], close: () => store.close() };
  },
});

forEachDriver((driver) => {
  throttleStoreSuite({
    name: 'sqlite',
    open: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'blindsalt-throttle-'));
      const path = join(folder, 'users.db');
      const one = await openSqliteStore(path, { driver });
      const two = await openSqliteStore(path, { driver });
      return {
        stores: [one, two],
        close: async () => {
          await Promise.all([one.close(), two.close()]);
          await rm(folder, { recursive: true });
        },
      };
    },
  });
});
