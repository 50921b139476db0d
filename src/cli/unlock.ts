import { readFileSync } from 'node:fs';
import { BlindsaltError } from '../../proto/errors.js';
import { actorOfCommandLine } from './administration.js';
import { DEFAULT_DATA_FOLDER, existingDataFolder } from './data-folder.js';
import { output } from './output.js';
import type { Action } from './program.js';

/** `users unlock`: shows what is counted against an account, and forgets it; for running servers within a second. */
export const unlock: Action = async (options, name) => {
  const folder = typeof options['data'] === 'string' ? options['data'] : DEFAULT_DATA_FOLDER;
  const { database } = existingDataFolder(folder, 'database');
  const { keys: keyFile } = existingDataFolder(folder, 'keys');
  const [
    { loadCrypto },
    { loadOrCreateKeys },
    { openSqliteStore },
    { createAdmin },
    { createThrottleAdmin },
    { createAuditSigner },
  ] = await Promise.all([
    import('../crypto/index.js'),
    import('../server/key-file.js'),
    import('../server/store/sqlite.js'),
    import('../server/admin.js'),
    import('../server/throttle/admin.js'),
    import('../server/audit/signer.js'),
  ]);
  const crypto = await loadCrypto();
  const keys = await loadOrCreateKeys(keyFile, { domain: domainOf(keyFile), crypto });
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

/** The domain that the key file names; the loader says what is wrong with a file that names none. */
function domainOf(file: string): string {
  try {
    const { domain } = JSON.parse(readFileSync(file, 'utf8')) as { domain?: unknown };
    if (typeof domain === 'string' && domain !== '') return domain;
  } catch (cause) {
    throw new BlindsaltError('keys-invalid', 'The key file cannot be read.', { cause });
  }
  return 'localhost';
}
