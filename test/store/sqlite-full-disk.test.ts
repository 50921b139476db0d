// A full disk, given by SQLite's own engine: by its limit of pages, and by a file system that is really full.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlindsaltError } from '../../proto/errors.js';
import type { Store } from '../../src/server/store.js';
import { openSqliteStore, type SqliteStoreOptions } from '../../src/server/store/sqlite.js';
import { forEachDriver } from '../support/sqlite-drivers.js';
import { userOf } from './children/derived-user.js';

let folder: string;
let opened: Store | undefined;
const open = async (path: string, options: SqliteStoreOptions): Promise<Store> =>
  (opened = await openSqliteStore(path, options));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'blindsalt-full-'));
});
afterEach(async () => {
  await opened?.close();
  opened = undefined;
  rmSync(folder, { recursive: true });
});

/** Signs up in groups until one is refused; answers the names that were acknowledged, and the error. */
async function fill(store: Store, prefix: string): Promise<{ names: string[]; error: BlindsaltError }> {
  const names: string[] = [];
  for (let round = 0; round < 2000; round++) {
    const group = [0, 1, 2].map((i) => `${prefix}-${round}-${i}`);
    const attributes = { filler: 'x'.repeat(1000) };
    const results = await Promise.allSettled(
      group.map((name) => store.createUserIfAbsent({ ...userOf(name, 1), attributes })),
    );
    results.forEach(({ status }, i) => status === 'fulfilled' && names.push(group[i]!));
    const refused = results.find((result): result is PromiseRejectedResult => result.status === 'rejected');
    if (refused) return { names, error: refused.reason as BlindsaltError };
  }
  throw new Error('the disk did not become full');
}

async function expectThere(store: Store, names: readonly string[]): Promise<void> {
  const listed: string[] = [];
  for (let after = ''; ; after = listed.at(-1)!) {
    const page = await store.listUsers({ after });
    if (page.length === 0) break;
    listed.push(...page.map(({ username }) => username));
  }
  // Exactly what was acknowledged: of a refused sign-up nothing is left.
  expect(listed).toEqual([...names].sort());
  for (const name of names) {
    const { exists, credential } = await store.getUserOrDecoy(name);
    expect({ name, exists, credential }).toEqual({ name, exists: true, credential: userOf(name, 1).credential });
  }
}

forEachDriver((driver) => {
  test('SQLITE_FULL rejects the write alone; deleting makes room, and so does a higher limit', async () => {
    const path = join(folder, 'users.db');
    let store = await open(path, { driver, maxBytes: 200_000 });
    const { names, error } = await fill(store, 'a');
    expect(error).toMatchObject({
      code: 'store-failed',
      cause: expect.objectContaining({ message: expect.stringMatching(/full/i) }),
    });
    expect(names.length).toBeGreaterThan(20);
    await expectThere(store, names);

    // A credential is replaced in place, so those who have an account can still change it.
    const [first, second, ...others] = names;
    expect(await store.deleteUser(userOf(first!, 1).userId)).toBe(true);
    expect(await store.deleteUser(userOf(second!, 1).userId)).toBe(true);
    expect((await store.createUserIfAbsent(userOf('late', 1))).result).toBe('created');
    await expectThere(store, [...others, 'late']);

    await store.close();
    store = await open(path, { driver, maxBytes: 2_000_000 });
    expect((await store.createUserIfAbsent(userOf('later', 1))).result).toBe('created');
    await expectThere(store, [...others, 'late', 'later']);
    await store.close();
  });
});

/** Mounts a file system of `kib` KiB, or says why it cannot. */
function mountSmall(place: string, kib: number): string | undefined {
  if (process.platform !== 'linux') return 'only Linux has tmpfs';
  if (process.getuid?.() !== 0) return 'mounting needs root';
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', place], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `mount failed: ${(error?.message ?? stderr).trim().slice(0, 100)}`;
}

function unmount(place: string): void {
  // Lazily: @photostructure/sqlite keeps files open until its statements are collected as garbage.
  const { status, stderr } = spawnSync('umount', ['--lazy', place], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

const trial = mkdtempSync(join(tmpdir(), 'blindsalt-mount-'));
const obstacle = mountSmall(trial, 64);
if (obstacle === undefined) unmount(trial);
rmdirSync(trial);

const name = 'a file system that is full';
(obstacle === undefined ? describe : describe.skip)(
  obstacle === undefined ? name : `${name} (skipped: ${obstacle})`,
  () => {
    beforeEach(() => {
      expect(mountSmall(folder, 1024)).toBeUndefined();
    });
    afterEach(async () => {
      await opened?.close();
      unmount(folder);
    });

    forEachDriver((driver) => {
      test('rejects writes with store-failed, keeps what was acknowledged, and goes on once there is room', async () => {
        const path = join(folder, 'users.db');
        const ballast = join(folder, 'ballast');
        writeFileSync(ballast, new Uint8Array(400_000));
        const store = await open(path, { driver });
        const { names, error } = await fill(store, 'a');
        expect(error.code).toBe('store-failed');
        await expectThere(store, names);
        // Once the log was written back its space is used again, so a few more may fit; and then again.
        for (const prefix of ['b', 'c', 'd']) {
          const further = await fill(store, prefix);
          expect(further.error.code).toBe('store-failed');
          names.push(...further.names);
          await expectThere(store, names);
        }

        rmSync(ballast);
        const more = await Promise.all(['late', 'later'].map((late) => store.createUserIfAbsent(userOf(late, 1))));
        expect(more.map(({ result }) => result)).toEqual(['created', 'created']);
        await store.close();
        const again = await open(path, { driver });
        await expectThere(again, [...names, 'late', 'later']);
        await again.close();
      });
    });
  },
);
