// Servers that are killed in the middle of a ticket's rotation: nobody is locked out, and no ticket works after its
// successor was used.
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeControl, type LifeFields, type Message, type Welcome } from '../../proto/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { bundleProgram, startProgram, type Program } from '../support/child-program.js';
import type { DriverTicket } from '../support/client-driver.js';
import { openRaw, type RawClient } from '../support/raw-client.js';

let crypto: Crypto;
let programs: string;
let folder: string;
let running: Program | undefined;
beforeAll(async () => {
  crypto = await loadCrypto();
  programs = await mkdtemp(join(tmpdir(), 'blindsalt-programs-'));
  await bundleProgram('test/server/children/mortal-server.ts', join(programs, 'mortal-server.mjs'));
});
afterAll(() => rm(programs, { recursive: true }));
afterEach(async () => {
  await kill();
  await rm(folder, { recursive: true });
});

async function kill(): Promise<void> {
  running?.process.kill('SIGKILL');
  await running?.ended;
  running = undefined;
}

/** Kills the server that is there, and starts another on the same data, which will die at `moment`. */
async function restart(moment: string): Promise<() => Promise<RawClient>> {
  await kill();
  running = startProgram(join(programs, 'mortal-server.mjs'), folder, moment);
  const { ended } = running;
  const started = once(running.lines, 'line') as Promise<[string]>;
  const [port] = await Promise.race([started, ended.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
  return async () => {
    const client = await openRaw(`ws://localhost:${port}/`, crypto, { target: `localhost:${port}` });
    await client.nextControl();
    return client;
  };
}

async function resume(client: RawClient, ticket: DriverTicket): Promise<Welcome> {
  client.send(client.driver.resume(ticket));
  return (await client.nextControl()) as Welcome;
}

async function refresh(client: RawClient): Promise<LifeFields & Message> {
  client.send(encodeControl({ kind: 'refresh' }));
  return (await client.nextControl()) as LifeFields & Message;
}

test.each(['before resume', 'after resume', 'before refresh', 'after refresh'])('%s', async (moment) => {
  folder = await mkdtemp(join(tmpdir(), 'blindsalt-crash-'));
  const open = await restart('never');
  const first = (await (await open()).signup('alice', 'correct horse')) as Welcome;
  expect(first.kind).toBe('welcome');

  const reopen = await restart(moment);
  const client = await reopen();
  let ticket: DriverTicket = first;
  if (moment.endsWith('refresh')) {
    ticket = await resume(client, first);
    await expect(refresh(client)).rejects.toThrow('closed');
  } else {
    await expect(resume(client, first)).rejects.toThrow('closed');
  }
  expect((await running!.ended).how).toBe('SIGKILL');

  const again = await restart('never');
  const back = await resume(await again(), ticket);
  expect(back).toMatchObject({ kind: 'welcome', sessionId: first.sessionId });
  const next = await resume(await again(), back);
  expect(next.kind).toBe('welcome');
  // `back` was used, so what came before is dead; and using it ends the session.
  expect(await resume(await again(), ticket)).toMatchObject({ code: 'session-revoked' });
  expect(await resume(await again(), next)).toMatchObject({ code: 'session-revoked' });
});
