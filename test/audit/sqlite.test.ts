import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCrypto } from '../../src/crypto/index.js';
import { decodeBody, encodeLine } from '../../src/server/audit/entry.js';
import { createAuditSigner, auditPublicKeys } from '../../src/server/audit/signer.js';
import { AuditVerifier } from '../../src/server/audit/verify.js';
import { loadDriver } from '../../src/server/store/sqlite-driver.js';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import { auditKeys } from '../support/audit-keys.js';
import { bundleProgram, startProgram } from '../support/child-program.js';
import { forEachDriver } from '../support/sqlite-drivers.js';
import { created, newSession, newUser, NOW, POLICY } from '../support/store-fixtures.js';
import { AT, event, exportOf, runAuditSuite, verify } from '../suites/audit.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blindsalt-audit-'));
});
afterAll(() => rm(folder, { recursive: true }));

let count = 0;
const fresh = (): string => join(folder, `${count++}.db`);

forEachDriver((driver) => {
  runAuditSuite({ name: `sqlite, ${driver}`, open: () => openSqliteStore(fresh(), { driver }) });

  describe('in a file', () => {
    test('goes on after the store was closed, and in several processes at once', async () => {
      const path = fresh();
      const [one, two] = [await openSqliteStore(path, { driver }), await openSqliteStore(path, { driver })];
      const crypto = await loadCrypto();
      const signer = createAuditSigner(crypto, auditKeys());
      for (const store of [one, two]) store.audit!.setSigner(signer);
      await Promise.all([1, 2, 3, 4, 5].flatMap((n) => [one, two].map((store) => store.audit!.append([event(n)]))));
      await one.close();
      await two.audit!.checkpoint(AT);
      await two.close();
      const again = await openSqliteStore(path, { driver });
      const options = { crypto, domain: 'example.org', publicKeys: auditPublicKeys(crypto, auditKeys()) };
      expect(verify(await exportOf(again.audit!), options)).toMatchObject({ ok: true, entries: 11, signedThrough: 11 });
      await again.close();
    });

    test('one that fails in a shared commit leaves no entry, and the others follow each other', async () => {
      const store = await openSqliteStore(fresh(), { driver });
      const crypto = await loadCrypto();
      store.audit!.setSigner(createAuditSigner(crypto, auditKeys()));
      const { userId } = created(await store.createUserIfAbsent(newUser('anna')));
      await store.audit!.append([event(1)]);
      const sessions = Array.from({ length: 4 }, () => newSession(userId));
      const again = { ...newSession(userId), sessionId: sessions[0]!.sessionId };
      const outcomes = await Promise.allSettled(
        [...sessions.slice(0, 2), again, ...sessions.slice(2)].map((session, i) =>
          store.beginSession(session, POLICY, () => [event(2 + i)]),
        ),
      );
      const how = ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'];
      expect(outcomes.map(({ status }) => status)).toEqual(how);
      expect(outcomes[2]).toMatchObject({ reason: { code: 'store-failed', reason: 'session-id-used' } });
      const bodies = (await store.audit!.read(0, 100)).map(({ body }) => decodeBody(body));
      expect(bodies.map((body) => body?.at)).toEqual([1, 2, 3, 5, 6].map((n) => event(n).atMs));
      const options = { crypto, domain: 'example.org', publicKeys: auditPublicKeys(crypto, auditKeys()) };
      await store.audit!.checkpoint(AT);
      expect(verify(await exportOf(store.audit!), options)).toMatchObject({ ok: true, entries: 6, signedThrough: 6 });
      expect(await store.listSessions(userId, NOW)).toHaveLength(4);
      await store.close();
    });

    test('a statement that changes or removes an entry fails; past its triggers, the chain shows it', async () => {
      const path = fresh();
      const crypto = await loadCrypto();
      const store = await openSqliteStore(path, { driver });
      await store.audit!.append([1, 2, 3].map(event));
      await store.close();
      const db = (await loadDriver(driver))(path);
      expect(() => db.exec("UPDATE audit SET body = '{}' WHERE seq = 2")).toThrow(/appended to only/);
      expect(() => db.exec('DELETE FROM audit WHERE seq = 3')).toThrow(/appended to only/);
      db.exec(`DROP TRIGGER audit_not_changed; UPDATE audit SET body = replace(body, 'login', 'resume') WHERE seq = 2`);
      db.close();
      const again = await openSqliteStore(path, { driver });
      const verifier = new AuditVerifier({ crypto, domain: 'example.org', publicKeys: [] });
      for (const row of await again.audit!.read(0, 10)) verifier.takeRow(row);
      expect(verifier.end().findings).toEqual([{ problem: 'changed', seq: 2, line: 2 }]);
      await again.close();
    });

    test('writers that are killed leave a chain that verifies, with all that was acknowledged', async () => {
      const path = fresh();
      const program = join(folder, 'appender.mjs');
      await bundleProgram('test/audit/children/appender.ts', program);
      const acknowledged: string[] = [];
      for (let round = 0; round < 3; round++) {
        const children = [0, 1].map(() => startProgram(program, path, driver));
        await Promise.all(
          children.map(async (child, i) => {
            let lines = 0;
            for await (const line of child.lines) {
              if (line.length > 33) acknowledged.push(line);
              if (++lines === 8 + 5 * i) child.process.kill('SIGKILL');
            }
            expect(await child.ended).toEqual({ how: 'SIGKILL', stderr: '' });
          }),
        );
      }
      const crypto = await loadCrypto();
      const store = await openSqliteStore(path, { driver });
      const verifier = new AuditVerifier({
        crypto,
        domain: 'example.org',
        publicKeys: auditPublicKeys(crypto, auditKeys()),
      });
      const recorded = new Set<string>();
      for (let after = 0; ;) {
        const rows = await store.audit!.read(after, 1000);
        if (rows.length === 0) break;
        for (const row of rows) {
          verifier.takeLine(encodeLine(row));
          const body = decodeBody(row.body)!;
          if (body.event === 'signup') recorded.add(body.user!);
        }
        after = rows.at(-1)!.seq;
      }
      expect(verifier.end()).toMatchObject({ ok: true, findings: [] });
      expect(acknowledged.length).toBeGreaterThan(40);
      expect(acknowledged.filter((line) => !recorded.has(line.split(' ')[0]!))).toEqual([]);
      // Every user that is there was recorded, and no other.
      expect(
        (await store.listUsers({ limit: 1000 })).map(({ userId }) => Buffer.from(userId).toString('hex')).sort(),
      ).toEqual([...recorded].sort());
      await store.close();
    });
  });
});
