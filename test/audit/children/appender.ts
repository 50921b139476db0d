// node appender.mjs FILE DRIVER SEED: signs users up with a note of each, and appends entries of its own, until it is killed.
import { writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { loadCrypto } from '../../../src/crypto/index.js';
import type { AuditEvent } from '../../../src/server/audit/events.js';
import { createAuditSigner } from '../../../src/server/audit/signer.js';
import type { SqliteDriver } from '../../../src/server/store/sqlite-driver.js';
import { openSqliteStore } from '../../../src/server/store/sqlite.js';
import { auditKeys } from '../../support/audit-keys.js';
import { newUser } from '../../support/store-fixtures.js';

async function main([file, driver]: string[]): Promise<void> {
  const crypto = await loadCrypto();
  const store = await openSqliteStore(file!, { driver: driver as SqliteDriver, busyTimeoutMs: 10_000 });
  store.audit!.setSigner(createAuditSigner(crypto, auditKeys()));
  for (let n = 0; ; n++) {
    const user = newUser(`u${randomBytes(8).toString('hex')}`);
    const events: AuditEvent[] = [{ event: 'signup', atMs: n, userId: user.userId }];
    const done = await Promise.all([
      store.createUserIfAbsent(user, undefined, () => events),
      store.audit!.append([{ event: 'refused', atMs: n, reason: 'proof-invalid' }]),
      ...(n % 7 === 0 ? [store.audit!.checkpoint(n)] : []),
    ]);
    writeSync(1, `${Buffer.from(user.userId).toString('hex')} ${done.length}\n`);
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
