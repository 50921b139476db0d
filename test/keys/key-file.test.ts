import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { BlindsaltError } from '../../proto/errors.js';
import { describeKeys, loadOrCreateKeys, type StoredServerKeys } from '../../src/server/key-file.js';
import { nobleCrypto } from '../support/noble-crypto.js';

const crypto = nobleCrypto();
const options = { domain: 'example.org', crypto };
const posixTest = process.platform === 'win32' ? test.skip : test;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blindsalt-keys-'));
  path = join(folder, 'keys.json');
});
afterEach(() => rm(folder, { recursive: true }));

async function failure(promise: Promise<unknown>): Promise<BlindsaltError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof BlindsaltError)) throw new Error(`expected a BlindsaltError, got ${String(error)}`);
  return error;
}

const secretsOf = (keys: StoredServerKeys): Uint8Array[] => [
  ...keys.oprfSeeds.map(({ seed }) => seed),
  ...keys.serverKeys.map(({ privateKey }) => privateKey),
  ...keys.ticketKeys.map(({ key }) => key),
  keys.fakeKey,
];

function expectNoSecret(text: string, keys: StoredServerKeys): void {
  for (const secret of secretsOf(keys)) {
    for (const encoding of ['hex', 'base64', 'base64url'] as const) {
      // In pieces, so that a quoted part of a secret is found too.
      const encoded = Buffer.from(secret).toString(encoding);
      const pieces = Array.from({ length: encoded.length - 8 }, (_, i) => encoded.slice(i, i + 9));
      expect(pieces.filter((piece) => text.includes(piece))).toEqual([]);
    }
  }
}

const write = async (text: string): Promise<void> => {
  await writeFile(path, text);
  await chmod(path, 0o600);
};

type Json = Record<string, unknown>;
async function edit(change: (file: Json) => void): Promise<void> {
  const file = JSON.parse(await readFile(path, 'utf8')) as Json;
  change(file);
  await write(JSON.stringify(file));
}

describe('creation', () => {
  test('makes keys of the right lengths that belong together, and gives the same ones again', async () => {
    const keys = await loadOrCreateKeys(path, { ...options, nowMs: 1_700_000_000_000 });
    expect(keys.domain).toBe('example.org');
    expect(keys.oprfSeeds.map(({ id, seed }) => [id.length, seed.length])).toEqual([[16, 64]]);
    expect(keys.ticketKeys.map(({ id, key }) => [id.length, key.length])).toEqual([[16, 64]]);
    expect(keys.fakeKey).toHaveLength(64);
    const [pair] = keys.serverKeys;
    expect(pair!.publicKey).toEqual(crypto.schnorr.publicKey(pair!.privateKey));
    const label = Buffer.from('blindsalt.v1 server key id');
    const hash = createHash('sha512')
      .update(Uint8Array.of(0, label.length))
      .update(label)
      .update(pair!.publicKey)
      .digest();
    expect(pair!.id).toEqual(Uint8Array.from(hash.subarray(0, 16)));
    expect(await loadOrCreateKeys(path, options)).toEqual(keys);
    expect(await readdir(folder)).toEqual(['keys.json']);
  });

  test('draws every secret separately', async () => {
    const keys = await loadOrCreateKeys(path, options);
    const other = await loadOrCreateKeys(join(folder, 'other.json'), options);
    const all = [...secretsOf(keys), ...secretsOf(other)].map((secret) => Buffer.from(secret).toString('hex'));
    expect(new Set(all).size).toBe(8);
  });

  posixTest('gives mode 0600 whatever the umask, and makes missing folders for this user alone', async () => {
    const deep = join(folder, 'new', 'keys.json');
    const before = process.umask(0);
    try {
      await loadOrCreateKeys(deep, options);
    } finally {
      process.umask(before);
    }
    expect((await stat(deep)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'new'))).mode & 0o777).toBe(0o700);
  });

  test('at the same time by many gives all the same keys', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateKeys(path, options)));
    for (const keys of all) expect(keys).toEqual(all[0]);
    expect(await readdir(folder)).toEqual(['keys.json']);
  });

  test('fails closed without randomness, and leaves no file', async () => {
    for (const random of [
      (length: number) => new Uint8Array(length),
      () => new Uint8Array(3),
      () => {
        throw new Error('no entropy');
      },
    ]) {
      expect((await failure(loadOrCreateKeys(path, { ...options, random }))).code).toBe('crypto-randomness');
      expect(await readdir(folder)).toEqual([]);
    }
  });

  test('where it cannot write is keys-invalid', async () => {
    await writeFile(path, '');
    const error = await failure(loadOrCreateKeys(join(path, 'keys.json'), options));
    expect(error.code).toBe('keys-invalid');
  });
});

describe('refusals', () => {
  let keys: StoredServerKeys;
  beforeEach(async () => {
    keys = await loadOrCreateKeys(path, options);
  });

  async function expectRefused(reason: string, domain = 'example.org'): Promise<void> {
    const before = await readFile(path, 'utf8');
    const error = await failure(loadOrCreateKeys(path, { ...options, domain }));
    expect(error).toMatchObject({ code: 'keys-invalid', reason });
    expect(error.cause).toBeUndefined();
    expectNoSecret(error.message, keys);
    // Never overwritten: all accounts depend on it.
    expect(await readFile(path, 'utf8')).toBe(before);
  }

  test('another domain, and which', async () => {
    await expectRefused('domain', 'example.com');
    const other = loadOrCreateKeys(path, { ...options, domain: 'example.com' });
    await expect(other).rejects.toThrow('for the domain "example.org", not for "example.com"');
  });

  posixTest('a folder into which others write, unless its sticky bit keeps the file', async () => {
    for (const mode of [0o720, 0o702, 0o777]) {
      await chmod(folder, mode);
      await expectRefused('mode');
    }
    const { domain } = JSON.parse(await readFile(path, 'utf8')) as { domain: string };
    await chmod(folder, 0o1777);
    await expect(loadOrCreateKeys(path, { domain, crypto })).resolves.toBeDefined();
  });

  const rootTest = process.geteuid?.() === 0 ? test : test.skip;
  rootTest(`the file of another user${rootTest === test ? '' : ' (only root can make one)'}`, async () => {
    await chown(path, 12_345, 12_345);
    await expectRefused('owner');
    await expect(loadOrCreateKeys(path, options)).rejects.toThrow("sudo -u '#12345'");
  });

  posixTest.each([0o640, 0o604, 0o660, 0o620, 0o601])('mode %o', async (mode) => {
    await chmod(path, mode);
    await expectRefused('mode');
  });

  posixTest('a link to a file that others may read', async () => {
    const real = join(folder, 'real.json');
    await writeFile(real, await readFile(path));
    await chmod(real, 0o644);
    await rm(path);
    await symlink(real, path);
    await expectRefused('mode');
  });

  posixTest('a link to nothing, instead of making new keys', async () => {
    await rm(path);
    await symlink(join(folder, 'gone.json'), path);
    expect(await failure(loadOrCreateKeys(path, options))).toMatchObject({
      code: 'keys-invalid',
      reason: 'unreadable',
    });
    expect(await readdir(folder)).toEqual(['keys.json']);
  });

  test('a folder', async () => {
    await rm(path);
    await mkdir(path);
    expect(await failure(loadOrCreateKeys(path, options))).toMatchObject({ code: 'keys-invalid' });
  });

  test.each(['', '{', 'null', '[]', '"text"', '{}', 'x'.repeat(100)])('the content %j', async (text) => {
    await write(text);
    await expectRefused('damaged');
  });

  test('a file that was cut off anywhere', async () => {
    const whole = await readFile(path, 'utf8');
    for (let length = 0; length < whole.trimEnd().length; length += 17) {
      await write(whole.slice(0, length));
      await expectRefused('damaged');
    }
  });

  test('a file of a newer release', async () => {
    await edit((file) => (file['version'] = 2));
    await expectRefused('version');
  });

  const first = (file: Json, list: string): Json => (file[list] as Json[])[0]!;
  const changes: readonly [string, (file: Json) => void][] = [
    ['another format', (file) => (file['format'] = 'other')],
    ['version 0', (file) => (file['version'] = 0)],
    ['no domain', (file) => delete file['domain']],
    ['no seeds', (file) => (file['oprfSeeds'] = [])],
    ['seeds that are no list', (file) => (file['oprfSeeds'] = {})],
    ['a seed of 63 bytes', (file) => (first(file, 'oprfSeeds')['seed'] = Buffer.alloc(63, 1).toString('base64url'))],
    ['a seed of 65 bytes', (file) => (first(file, 'oprfSeeds')['seed'] = Buffer.alloc(65, 1).toString('base64url'))],
    [
      'a seed with padding',
      (file) => (first(file, 'oprfSeeds')['seed'] = `${String(first(file, 'oprfSeeds')['seed'])}==`),
    ],
    [
      'a seed with stray characters',
      (file) => (first(file, 'oprfSeeds')['seed'] = ` ${String(first(file, 'oprfSeeds')['seed'])}`),
    ],
    ['a seed that is a number', (file) => (first(file, 'oprfSeeds')['seed'] = 5)],
    ['an id of 15 bytes', (file) => (first(file, 'ticketKeys')['id'] = Buffer.alloc(15).toString('base64url'))],
    ['an id twice', (file) => (file['ticketKeys'] as Json[]).push(first(file, 'ticketKeys'))],
    ['a short fake key', (file) => (file['fakeKey'] = 'AAAA')],
    ['no fake key', (file) => delete file['fakeKey']],
    ['a wrong date', (file) => (first(file, 'serverKeys')['createdAt'] = 'yesterday')],
    [
      'a private key of zero',
      (file) => (first(file, 'serverKeys')['privateKey'] = Buffer.alloc(32).toString('base64url')),
    ],
    [
      'a private key out of range',
      (file) => (first(file, 'serverKeys')['privateKey'] = Buffer.alloc(32, 255).toString('base64url')),
    ],
    [
      'another private key',
      (file) => (first(file, 'serverKeys')['privateKey'] = Buffer.alloc(32, 1).toString('base64url')),
    ],
    [
      'another public key',
      (file) =>
        (first(file, 'serverKeys')['publicKey'] = Buffer.from(
          crypto.ristretto255.fromUniformBytes(Buffer.alloc(64, 1)),
        ).toString('base64url')),
    ],
    ['another server key id', (file) => (first(file, 'serverKeys')['id'] = Buffer.alloc(16, 1).toString('base64url'))],
  ];
  test.each(changes)('%s', async (_, change) => {
    await edit(change);
    await expectRefused('damaged');
  });

  test('any one changed character is refused or changes nothing secret', async () => {
    const whole = (await readFile(path, 'utf8')).trimEnd();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length - 1),
        fc.constantFrom('"', '{', '\\', '\u0000', '=', '+', '\u00e9'),
        async (at, char) => {
          fc.pre(whole[at] !== char && whole[at] !== ' ' && whole[at] !== '\n');
          await write(whole.slice(0, at) + char + whole.slice(at + 1));
          const outcome = await loadOrCreateKeys(path, options).catch((error: unknown) => error);
          expect(outcome).toBeInstanceOf(BlindsaltError);
          expectNoSecret((outcome as BlindsaltError).message, keys);
        },
      ),
      { numRuns: 200 },
    );
  });
});

test('several keys of a kind keep their order, and a link to a private file is followed', async () => {
  const keys = await loadOrCreateKeys(path, options);
  const older = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown[]>;
  const newer = join(folder, 'newer.json');
  const other = await loadOrCreateKeys(newer, options);
  const file = JSON.parse(await readFile(newer, 'utf8')) as Record<string, unknown[]>;
  for (const list of ['oprfSeeds', 'serverKeys', 'ticketKeys']) file[list]!.push(...older[list]!);
  await writeFile(newer, JSON.stringify(file));
  await rm(path);
  await symlink(newer, path);
  const both = await loadOrCreateKeys(path, options);
  expect(both.serverKeys).toEqual([...other.serverKeys, ...keys.serverKeys]);
  expect(both.oprfSeeds).toEqual([...other.oprfSeeds, ...keys.oprfSeeds]);
});

test('describeKeys shows ids, dates and public keys, and no secret', async () => {
  const keys = await loadOrCreateKeys(path, { ...options, nowMs: 1_700_000_000_000 });
  const description = describeKeys(keys);
  const { id, publicKey } = keys.serverKeys[0]!;
  expect(description.serverKeys).toEqual([
    {
      id: Buffer.from(id).toString('hex'),
      createdAt: '2023-11-14T22:13:20.000Z',
      current: true,
      publicKey: Buffer.from(publicKey).toString('base64url'),
      fingerprint: `SHA256:${createHash('sha256').update(publicKey).digest('base64').slice(0, 43)}`,
    },
  ]);
  expect(description).toMatchObject({
    domain: 'example.org',
    oprfSeeds: [{ current: true }],
    ticketKeys: [{ current: true }],
  });
  expectNoSecret(JSON.stringify(description), keys);
});
