import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { connect, type BlindsaltSocket } from 'blindsalt/client/node';
import { serve, temporaryFolder, type RunningServer } from '../support/cli.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(90_000);

const folder = temporaryFolder();
let server: RunningServer;

beforeAll(async () => {
  server = await serve(path.join(folder.path, 'data'));
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});

/** A new account, connected; collects what it is told. */
async function join(username: string): Promise<{ socket: BlindsaltSocket; told: unknown[]; closed: Promise<number> }> {
  const options = { ca: readFileSync(server.ca) };
  const socket = await connect(server.url, options).signup({ username, password: 'correct horse battery' });
  const told: unknown[] = [];
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => told.push(data));
  const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
  return { socket, told, closed };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('the chat of serve', () => {
  test('tells everybody, the sender included, in order; binary comes back to its sender only', async () => {
    const [alice, bob] = [await join('alice'), await join('bob')];
    for (let i = 0; i < 100; i++) alice.socket.send(`message ${i}`);
    alice.socket.send(Uint8Array.of(0xc1, 1, 2));
    await until(() => alice.told.length === 101 && bob.told.length === 100);
    const expected = Array.from({ length: 100 }, (_, i) => `alice: message ${i}`);
    expect(bob.told).toEqual(expected);
    expect(alice.told.slice(0, 100)).toEqual(expected);
    expect(new Uint8Array(alice.told[100] as ArrayBuffer)).toEqual(Uint8Array.of(0xc1, 1, 2));
    alice.socket.close();
    bob.socket.close();
  });

  test('4096 bytes pass, 4097 close with 1009', async () => {
    const { socket, told, closed } = await join('carol');
    socket.send('é'.repeat(2048));
    await until(() => told.length === 1);
    socket.send(`${'é'.repeat(2048)}x`);
    expect(await closed).toBe(1009);
  });

  test('a flood closes with 1008, the others go on', async () => {
    const [dora, erin] = [await join('dora'), await join('erin')];
    for (let i = 0; i < 5000; i++) dora.socket.send('x');
    expect(await dora.closed).toBe(1008);
    erin.socket.send('still here');
    await until(() => erin.told.includes('erin: still here'));
    erin.socket.close();
  });
});
