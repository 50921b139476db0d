import { openMemoryStore } from '../../src/server/store/memory.js';
import { storeSuite } from '../suites/store.js';

storeSuite('memory', 'one', async () => {
  const store = openMemoryStore();
  return { store, close: () => store.close() };
});
