import { afterAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
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
});
