import { afterAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { fileTickets, memoryTickets, type NewTicket, type TicketStore } from '../../src/client/node.js';

const folder = mkdtempSync(path.join(tmpdir(), 'blindsalt-tickets-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const fresh = (): string => path.join(folder, `${(files += 1)}`, 'tickets.json');

const ticket = (n: number): NewTicket => ({
  id: new Uint8Array(32).fill(n),
  secret: new Uint8Array(64).fill(n),
  userId: new Uint8Array(16).fill(n),
  username: `user ${n}`,
});
const macOf = async (key: CryptoKey): Promise<string> =>
  Buffer.from(await crypto.subtle.sign('HMAC', key, new Uint8Array(3))).toString('hex');

describe.each<[string, () => TicketStore]>([
  ['in memory', memoryTickets],
  ['in a file', () => fileTickets(fresh())],
])('tickets %s', (_name, create) => {
  test('are stored, loaded, replaced and removed, each server its own', async () => {
    const store = create();
    expect(await store.load('a')).toBeUndefined();
    await store.store('a', ticket(1));
    await store.store('b', ticket(2));
    await store.store('a', ticket(3));
    const loaded = (await store.load('a'))!;
    expect(loaded).toMatchObject({ id: ticket(3).id, userId: ticket(3).userId, username: 'user 3' });
    expect(loaded.key).toMatchObject({ extractable: false, algorithm: { name: 'HMAC', hash: { name: 'SHA-512' } } });
    expect(await macOf(loaded.key)).not.toBe(await macOf((await store.load('b'))!.key));
    await store.remove('a', ticket(1).id.subarray(0, 16));
    expect(await store.load('a')).toBeDefined();
    await store.remove('a', ticket(3).id.subarray(0, 16));
    expect(await store.load('a')).toBeUndefined();
    await store.remove('b');
    expect(await store.load('b')).toBeUndefined();
  });

  test('of many servers at once: none gets lost', async () => {
    const store = create();
    const servers = ['a', 'b', 'c', 'd', 'e', 'f'];
    await Promise.all(servers.map((server, i) => store.store(server, ticket(i))));
    await Promise.all([store.remove('a'), store.store('g', ticket(6)), store.remove('f')]);
    const loaded = await Promise.all([...servers, 'g'].map((server) => store.load(server)));
    expect(loaded.map((found) => found?.username)).toEqual([
      undefined,
      ...[1, 2, 3, 4].map((n) => `user ${n}`),
      undefined,
      'user 6',
    ]);
  });
});

describe('the file', () => {
  test('is of mode 0600 and outlives the store; nothing is left beside it', async () => {
    const file = fresh();
    const first = fileTickets(file);
    await first.store('a', ticket(1));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(path.dirname(file)).sort()).toEqual(['tickets.json', 'tickets.json.lock']);
    const second = fileTickets(file);
    expect(await second.load('a')).toBeUndefined();
    await expect(second.store('a', ticket(2))).rejects.toThrow('another process');
    await first.close();
    expect(existsSync(`${file}.lock`)).toBe(false);
    expect((await second.load('a'))?.username).toBe('user 1');
    await second.close();
  });

  test('that others may read, or that is damaged, is refused and not overwritten', async () => {
    const file = fresh();
    const store = fileTickets(file);
    await store.store('a', ticket(1));
    const before = readFileSync(file, 'utf8');
    chmodSync(file, 0o644);
    await expect(store.load('a')).rejects.toThrow('others may read');
    await expect(store.store('a', ticket(2))).rejects.toThrow('others may read');
    expect(readFileSync(file, 'utf8')).toBe(before);
    for (const damage of [
      '{',
      '[]',
      'null',
      '{"blindsalt":2,"tickets":{}}',
      '{"blindsalt":1,"tickets":{"a":{"id":1}}}',
    ]) {
      writeFileSync(file, damage, { mode: 0o600 });
      chmodSync(file, 0o600);
      await expect(store.load('a')).rejects.toThrow('damaged');
    }
    await store.close();
  });

  test('is taken over from a process that died', async () => {
    const file = fresh();
    const first = fileTickets(file);
    await first.store('a', ticket(1));
    await first.close();
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    writeFileSync(`${file}.lock`, String(child.pid));
    const second = fileTickets(file);
    expect((await second.load('a'))?.username).toBe('user 1');
    await second.close();
  });

  test('is held after uses at once, the first ones too', async () => {
    const file = fresh();
    const first = fileTickets(file);
    await first.store('a', ticket(1));
    await first.close();
    const store = fileTickets(file);
    const loaded = await Promise.all([store.load('a'), store.load('a'), store.load('a')]);
    expect(loaded.map((found) => found?.username)).toEqual(['user 1', 'user 1', 'user 1']);
    await store.store('b', ticket(2));
    expect((await store.load('b'))?.username).toBe('user 2');
    await store.close();
    expect(existsSync(`${file}.lock`)).toBe(false);
  });

  test('is closed after what was asked before', async () => {
    const file = fresh();
    const store = fileTickets(file);
    await Promise.all([store.store('a', ticket(1)), store.close()]);
    expect(readdirSync(path.dirname(file))).toEqual(['tickets.json']);
  });

  test('is taken over from a process that had the same id; not from another thread of this one', async () => {
    const file = fresh();
    const first = fileTickets(file);
    await first.store('a', ticket(1));
    const left = readFileSync(`${file}.lock`, 'utf8');
    await first.close();
    const second = fileTickets(file);
    for (const mark of [left, String(process.pid)]) {
      writeFileSync(`${file}.lock`, mark);
      expect((await second.load('a'))?.username).toBe('user 1');
      await second.close();
    }
    for (const mark of [`${process.pid} 77 00`, '', 'x', '0', '-1']) {
      writeFileSync(`${file}.lock`, mark);
      expect(await second.load('a')).toBeUndefined();
      expect(readFileSync(`${file}.lock`, 'utf8')).toBe(mark);
    }
  });

  test('may be named by a URL with characters that are escaped', async () => {
    const file = path.join(path.dirname(fresh()), 'mit Ümlaut & 100 %', 'tickets #1.json');
    const store = fileTickets(pathToFileURL(file));
    await store.store('a', ticket(1));
    expect(readdirSync(path.dirname(file)).sort()).toEqual(['tickets #1.json', 'tickets #1.json.lock']);
    await store.close();
    expect(() => fileTickets(new URL('https://chat.example/tickets.json'))).toThrow('scheme file');
  });

  test('is taken over by one of two processes that try at once', async () => {
    const program = path.join(folder, 'taker.mjs');
    await build({
      stdin: {
        contents: `
          import { fileTickets } from './src/client/ticket-store-node.ts';
          let tickets;
          process.on('message', async (file) => {
            await tickets?.close();
            tickets = fileTickets(file);
            const ticket = { id: new Uint8Array(32), secret: new Uint8Array(64), userId: new Uint8Array(16), username: '' };
            process.send(await tickets.store('a', ticket).then(() => 'held', ({ message }) => message));
          });`,
        resolveDir: path.resolve(import.meta.dirname, '../..'),
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: program,
      logLevel: 'silent',
    });
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    const takers = [fork(program), fork(program)];
    const exits = takers.map((taker) => once(taker, 'exit'));
    try {
      for (let round = 0; round < 200; round++) {
        const file = fresh();
        mkdirSync(path.dirname(file));
        writeFileSync(`${file}.lock`, String(dead.pid));
        const answers = takers.map(async (taker) => {
          const [answer] = (await once(taker, 'message')) as [string];
          return answer;
        });
        for (const taker of takers) taker.send(file);
        const got = (await Promise.all(answers)).sort();
        expect(got).toEqual(['another process has the file of tickets', 'held']);
      }
    } finally {
      for (const taker of takers) taker.disconnect();
      await Promise.all(exits);
    }
  });
});
