// What every audit trail has to hold: one exported suite, run for each store.
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { encodeAnchor } from '../../src/server/audit/anchor.js';
import { decodeBody, encodeLine } from '../../src/server/audit/entry.js';
import type { AuditEvent } from '../../src/server/audit/events.js';
import { createAuditSigner, type AuditSigner } from '../../src/server/audit/signer.js';
import type { AuditStore } from '../../src/server/audit/store.js';
import { AuditVerifier, type AuditReport, type VerifyOptions } from '../../src/server/audit/verify.js';
import type { Store } from '../../src/server/index.js';
import { makeServerKeys } from '../support/server-keys.js';
import { newUser } from '../support/store-fixtures.js';

export interface AuditSuite {
  readonly name: string;
  /** An empty store. */
  open(): Promise<Store>;
  /** Throws away what `open` made. */
  clean?(): Promise<void>;
}

export const AT = 1_700_000_000_000;

const filled = (n: number): Uint8Array => new Uint8Array(16).fill(n & 255);

export const event = (n: number): AuditEvent => ({
  event: n % 3 === 0 ? 'refused' : 'login',
  atMs: AT + n,
  userId: filled(n),
  sessionId: filled(n + 1),
  addressPrefix: '192.0.2.0/24',
  connectionId: '0123456789abcdef',
  reason: n % 3 === 0 ? 'proof-invalid' : undefined,
});

/** The whole trail as an export has it. */
export async function exportOf(trail: AuditStore): Promise<string[]> {
  const lines: string[] = [];
  const anchor = await trail.anchor();
  if (anchor !== undefined) lines.push(encodeAnchor(anchor));
  for (let after = 0; ;) {
    const rows = await trail.read(after, 1000);
    if (rows.length === 0) return lines;
    lines.push(...rows.map(encodeLine));
    after = rows.at(-1)!.seq;
  }
}

export function verify(lines: readonly string[], options: VerifyOptions): AuditReport {
  const verifier = new AuditVerifier(options);
  for (const line of lines) verifier.takeLine(line);
  return verifier.end();
}

export function runAuditSuite({ name, open, clean }: AuditSuite): void {
  describe(`audit trail: ${name}`, () => {
    let crypto: Crypto;
    let store: Store;
    let trail: AuditStore;
    let signer: AuditSigner;
    let options: VerifyOptions;
    beforeAll(async () => {
      crypto = await loadCrypto();
      signer = createAuditSigner(crypto, makeServerKeys(crypto, 'example.org'));
      options = { crypto, domain: 'example.org', publicKeys: [signer.publicKey] };
    });
    beforeEach(async () => {
      store = await open();
      trail = store.audit!;
      trail.setSigner(signer);
    });
    afterEach(async () => {
      await store.close();
      await clean?.();
    });

    const fill = async (count: number): Promise<string[]> => {
      await trail.append(Array.from({ length: count }, (_, i) => event(i + 1)));
      await trail.checkpoint(AT + count);
      return exportOf(trail);
    };

    test('begins empty; what is appended is numbered from 1, chained, and read back', async () => {
      expect(await trail.head()).toMatchObject({ seq: 0, unsigned: 0 });
      expect(await trail.append([event(1), event(2)])).toMatchObject({ seq: 2, unsigned: 2 });
      const rows = await trail.read(0, 10);
      expect(rows.map(({ seq }) => seq)).toEqual([1, 2]);
      expect(decodeBody(rows[0]!.body)).toEqual({
        at: AT + 1,
        event: 'login',
        user: Buffer.from(filled(1)).toString('hex'),
        session: Buffer.from(filled(2)).toString('hex').slice(0, 16),
        from: '192.0.2.0/24',
        connection: '0123456789abcdef',
      });
      expect(await trail.read(1, 10)).toEqual([rows[1]]);
      expect(verify(await exportOf(trail), options)).toMatchObject({ ok: true, entries: 2, signedThrough: 0 });
    });

    test('a checkpoint comes after 256 entries and when asked for, once', async () => {
      expect(await trail.append(Array.from({ length: 600 }, (_, i) => event(i)))).toMatchObject({
        seq: 602,
        unsigned: 600 - 512,
      });
      expect(await trail.checkpoint(AT)).toMatchObject({ seq: 603, unsigned: 0 });
      expect(await trail.checkpoint(AT)).toMatchObject({ seq: 603 });
      const report = verify(await exportOf(trail), options);
      expect(report).toMatchObject({ ok: true, entries: 603, checkpoints: 3, signedThrough: 603, lastSeq: 603 });
    });

    test('a note is appended with what it tells of, and not when that fails', async () => {
      const user = newUser('anna');
      const note = (): AuditEvent[] => [event(1)];
      expect((await store.createUserIfAbsent(user, undefined, note)).result).toBe('created');
      expect(await trail.head()).toMatchObject({ seq: 1 });
      const again = store.createUserIfAbsent(newUser('bert', { userId: user.userId }), undefined, note);
      await expect(again).rejects.toMatchObject({ code: 'store-failed' });
      expect(await trail.head()).toMatchObject({ seq: 1 });
      const outcomes: unknown[] = [];
      await store.setUserRoles(user.userId, ['x'], (outcome) => (outcomes.push(outcome), [event(2)]));
      await store.setUserStatus(filled(99), 'disabled', (outcome) => (outcomes.push(outcome), []));
      expect(outcomes).toEqual([true, false]);
      expect(await trail.head()).toMatchObject({ seq: 2 });
    });

    test('keys that are others than at the last start are recorded', async () => {
      const start: AuditEvent = { event: 'server-start', atMs: AT };
      for (const ids of ['a=1', 'a=1', 'a=2,1']) await trail.started(start, ids);
      const bodies = (await trail.read(0, 10)).map(({ body }) => decodeBody(body)!);
      expect(bodies.map(({ event }) => event)).toEqual([
        'server-start',
        'server-start',
        'keys-changed',
        'server-start',
      ]);
      expect(bodies[2]!.detail).toBe('a=2,1');
    });

    test('text that is not of our own making is not recorded', async () => {
      await trail.append([
        { event: 'refused', atMs: AT, code: 'login-failed', reason: 'canary "secret"\n', detail: 'ä' },
      ]);
      const [row] = await trail.read(0, 1);
      expect(row!.body).toBe(`{"at":${AT},"event":"refused","code":"login-failed","reason":"other","detail":"other"}`);
    });

    test('pruning leaves a chain that verifies, with a signed note of what is gone', async () => {
      const before = await fill(300);
      expect(await trail.prune(AT, { event: 'pruned', atMs: AT + 999, actor: 'cli' })).toBe(0);
      const pruned = await trail.prune(AT + 101, { event: 'pruned', atMs: AT + 1000, actor: 'cli' });
      expect(pruned).toBe(100);
      const lines = await exportOf(trail);
      expect(lines[0]).toContain('"pruned":100,');
      expect(lines.slice(1, -1)).toEqual(before.slice(100));
      expect(decodeBody((await trail.read(302, 1))[0]!.body)).toMatchObject({
        event: 'pruned',
        count: 100,
        actor: 'cli',
      });
      expect(verify(lines, options)).toMatchObject({ ok: true, firstSeq: 101, lastSeq: 303 });
      // Without the note, or with that of a stranger, it shows.
      expect(verify(lines.slice(1), options).findings[0]).toEqual({ problem: 'pruned', seq: 101, line: 1 });
      const other = createAuditSigner(crypto, makeServerKeys(crypto, 'example.org'));
      expect(verify(lines, { ...options, publicKeys: [other.publicKey] }).ok).toBe(false);
      // Up to a number, whatever their time is.
      const { seq } = (await trail.read(0, 1))[0]!;
      expect(await trail.prune(0, { event: 'pruned', atMs: AT + 1500 }, 5, seq + 9)).toBe(5);
      expect(await trail.prune(0, { event: 'pruned', atMs: AT + 1500 }, undefined, seq + 9)).toBe(5);
      expect((await trail.read(0, 1))[0]!.seq).toBe(seq + 10);
      // Everything before the last entry may go, and the chain goes on.
      await trail.prune(AT + 5000, { event: 'pruned', atMs: AT + 2000 });
      await trail.append([event(7)]);
      expect(verify(await exportOf(trail), options)).toMatchObject({ ok: true, lastSeq: 307 });
    });

    test('any single changed bit of an export is found', async () => {
      const text = `${(await fill(12)).join('\n')}\n`;
      const content = Buffer.from(text);
      fc.assert(
        fc.property(fc.nat(content.length * 8 - 9), (bit) => {
          const changed = Buffer.from(content);
          changed[bit >> 3]! ^= 1 << (bit & 7);
          const lines = changed.toString('latin1').split('\n').slice(0, -1);
          expect(verify(lines, options).ok).toBe(false);
        }),
        { numRuns: 500 },
      );
    });

    test('removed, repeated, swapped, moved and inserted entries are found, and where', async () => {
      const lines = await fill(40);
      expect(verify(lines, options).ok).toBe(true);
      const last = lines.length - 1;
      fc.assert(
        fc.property(fc.nat(last), fc.nat(last), fc.constantFrom('remove', 'repeat', 'swap', 'insert'), (i, j, how) => {
          const changed = [...lines];
          if (how === 'remove') fc.pre(i < last);
          if (how === 'swap') fc.pre(i !== j);
          if (how === 'remove') changed.splice(i, 1);
          if (how === 'repeat') changed.splice(j, 0, lines[i]!);
          if (how === 'insert') changed.splice(i, 0, lines[i]!.replace(`"seq":${i + 1},`, `"seq":${i + 2},`));
          if (how === 'swap') [changed[i], changed[j]] = [changed[j]!, changed[i]!];
          const report = verify(changed, options);
          expect(report.ok).toBe(false);
          const first = how === 'swap' || how === 'repeat' ? Math.min(i, j) : i;
          // A repetition right behind its entry shows there, one place later.
          expect(report.findings[0]!.line).toBeGreaterThanOrEqual(first + 1);
          expect(report.findings[0]!.line).toBeLessThanOrEqual(Math.max(i, j) + 2);
        }),
        { numRuns: 300 },
      );
    });

    test('a chain made anew over changed entries lacks the signatures', async () => {
      await fill(300);
      const forged = await open();
      const mallory = createAuditSigner(crypto, makeServerKeys(crypto, 'example.org'));
      forged.audit!.setSigner(mallory);
      await forged.audit!.append(Array.from({ length: 300 }, (_, i) => event(i === 5 ? 900 : i + 1)));
      await forged.audit!.checkpoint(AT);
      const problems = verify(await exportOf(forged.audit!), options).findings.map(({ problem }) => problem);
      expect(problems).toEqual(expect.arrayContaining(['key-unknown', 'unsigned']));
      // Nor does the key of another domain's server help.
      expect(verify(await exportOf(trail), { ...options, domain: 'example.com' }).ok).toBe(false);
      await forged.close();
    });

    test('an end that is cut off shows against a head that is known from elsewhere, and only then', async () => {
      const lines = await fill(10);
      const { seq, hash } = await trail.head();
      const cut = lines.slice(0, 5);
      expect(verify(cut, options)).toMatchObject({ ok: true, lastSeq: 5, signedThrough: 0 });
      const report = verify(cut, { ...options, expect: [{ seq, hash }] });
      expect(report.findings).toEqual([{ problem: 'head', seq, line: 5 }]);
      expect(verify(lines, { ...options, expect: [{ seq, hash }] }).ok).toBe(true);
    });
  });
}
