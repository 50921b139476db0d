// Clients that are killed in the middle of a ticket's rotation: nobody is locked out.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { connect, fileTickets } from '../../src/client/node.js';
import { PASSWORD, startAuthenticatedServer, type AuthenticatedServer } from '../support/authenticated-server.js';
import { bundleProgram, startProgram } from '../support/child-program.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(90_000);

const ROUNDS = 12;
let server: AuthenticatedServer;
let folder: string;
beforeAll(async () => {
  server = await startAuthenticatedServer({ limits: { requestsPerMinute: 60_000 } });
  folder = await mkdtemp(path.join(tmpdir(), 'blindsalt-client-'));
  await bundleProgram('test/client/children/restless-client.ts', path.join(folder, 'client.mjs'));
  await writeFile(path.join(folder, 'ca.pem'), server.ca);
  await server.member('alice');
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

test('kill -9 at any moment of resumes and refreshes: the next process goes on with the session', async () => {
  const file = path.join(folder, 'tickets.json');
  const tickets = fileTickets(file);
  const first = await connect(server.url, { ca: server.ca, tickets }).login({ username: 'alice', password: PASSWORD });
  const { sessionId } = first.session;
  first.close();
  await tickets.close();
  for (let round = 0; round < ROUNDS; round++) {
    const args = [server.url, path.join(folder, 'ca.pem'), file];
    const program = startProgram(path.join(folder, 'client.mjs'), ...args);
    const failed = program.ended.then(({ stderr }) => Promise.reject(new Error(stderr)));
    const line = (await Promise.race([once(program.lines, 'line'), failed])) as [string];
    expect(line).toEqual([`resumed ${sessionId}`]);
    // A rotation takes a few milliseconds, and they follow each other without a pause.
    await Promise.race([delay(Math.random() * 25), failed]);
    program.process.kill('SIGKILL');
    await failed.catch(() => undefined);
  }
  const last = await connect(server.url, { ca: server.ca, tickets: fileTickets(file) }).resume();
  expect(last.session.sessionId).toBe(sessionId);
  await last.logout();
});

test('three processes at a lock that somebody left behind: one takes it over, and no session is lost', async () => {
  const file = path.join(folder, 'contended.json');
  const tickets = fileTickets(file);
  const first = await connect(server.url, { ca: server.ca, tickets }).login({ username: 'alice', password: PASSWORD });
  const { sessionId } = first.session;
  first.close();
  await tickets.close();
  const args = [server.url, path.join(folder, 'ca.pem'), file];
  const holder = startProgram(path.join(folder, 'client.mjs'), ...args);
  await once(holder.lines, 'line');
  holder.process.kill('SIGKILL');
  await holder.ended;
  const rivals = [1, 2, 3].map(() => startProgram(path.join(folder, 'client.mjs'), ...args));
  const outcomes = await Promise.all(
    rivals.map(({ lines, ended }) =>
      Promise.race([
        once(lines, 'line').then(([line]) => line as string),
        ended.then(({ stderr }) => (stderr.includes('no-ticket') ? 'no ticket' : stderr)),
      ]),
    ),
  );
  expect(outcomes.sort()).toEqual(['no ticket', 'no ticket', `resumed ${sessionId}`]);
  for (const { process: child, ended } of rivals) {
    child.kill('SIGKILL');
    await ended;
  }
  const last = await connect(server.url, { ca: server.ca, tickets: fileTickets(file) }).resume();
  expect(last.session.sessionId).toBe(sessionId);
  await last.logout();
});
