import { createAdmin } from '../server/admin.js';
import { createAuditSigner } from '../server/audit/signer.js';
import { openSqliteStore } from '../server/store/sqlite.js';
import { createThrottleAdmin } from '../server/throttle/admin.js';
import { actorOfCommandLine } from './administration.js';
import { dataOf, existingDataFolder } from './data-folder.js';
import { output } from './output.js';
import type { Action } from './program.js';
import { readServerKeys } from './server-keys.js';

/** `users unlock`: shows what is counted against an account, and forgets it; for running servers within a second. */
export const unlock: Action = async (options, name) => {
  const { database } = existingDataFolder(dataOf(options), 'database');
  const { crypto, keys } = await readServerKeys(existingDataFolder(dataOf(options), 'keys').keys);
  const store = await openSqliteStore(database);
  try {
    store.audit?.setSigner(createAuditSigner(crypto, keys));
    const throttle = createThrottleAdmin(store.throttle, { crypto, keys }, Date.now);
    const admin = createAdmin(store, { throttle, actor: actorOfCommandLine() });
    const { emptyAtMs } = await admin.showThrottle(name);
    const forgotten = options['dryRun'] === true ? 0 : await admin.clearThrottle(name);
    const until = emptyAtMs === undefined ? undefined : new Date(emptyAtMs).toISOString();
    if (options['json'] === true) return output.json({ username: name, forgotten, until: until ?? null });
    if (until === undefined && forgotten === 0) return output.note(`Nothing is counted against ${name}.`);
    output.note(
      options['dryRun'] === true
        ? `Failed attempts are counted against ${name} until ${until}.`
        : `${name} may be tried again: ${forgotten} ${forgotten === 1 ? 'counter' : 'counters'} forgotten.`,
    );
  } finally {
    await store.close();
  }
};
