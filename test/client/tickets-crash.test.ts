// Clients that are killed in the middle of a ticket's rotation: nobody is locked out.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { connect, fileTickets } from '../../src/client/node.js';
import type { Store } from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
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
  await bundleProgram('test/client/children/proving-client.ts', path.join(folder, 'proving.mjs'));
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

/** A store that does something of the test's around the step that replaces all tickets of a session. */
function aroundStepUp(store: Store, around: (run: () => Promise<unknown>) => Promise<unknown>): Store {
  return new Proxy(store, {
    get(target, name: keyof Store) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      if (name !== 'rotateTicket') return method.bind(target) as unknown;
      return (...args: Parameters<Store['rotateTicket']>) => {
        const run = (): Promise<unknown> => Reflect.apply(method, target, args) as Promise<unknown>;
        return args[0].mode === 'renew' ? around(run) : run();
      };
    },
  });
}

test.each(['before the store knows', 'before the client knows', 'while the client notes it'])(
  'kill -9 in the middle of a step-up, %s: the session goes on, at worst with the password',
  async (moment) => {
    let kill: (() => Promise<unknown>) | undefined;
    const store = aroundStepUp(openMemoryStore(), async (run) => {
      if (moment === 'before the store knows') await kill!();
      const result = await run();
      if (moment === 'before the client knows') await kill!();
      if (moment === 'while the client notes it') setTimeout(() => void kill!(), Math.random() * 8);
      return result;
    });
    const mortal = await startAuthenticatedServer({ store, limits: { requestsPerMinute: 60_000 } });
    try {
      await mortal.member('bob');
      const file = path.join(folder, `${moment.replaceAll(' ', '-')}.json`);
      await writeFile(path.join(folder, 'mortal.pem'), mortal.ca);
      const sessionIds = new Set<string>();
      for (let round = 0; round < 4; round++) {
        const args = [mortal.url, path.join(folder, 'mortal.pem'), file, 'bob', PASSWORD];
        const program = startProgram(path.join(folder, 'proving.mjs'), ...args);
        const lines: string[] = [];
        program.lines.on('line', (line) => lines.push(line));
        kill = () => {
          program.process.kill('SIGKILL');
          return program.ended;
        };
        const { how, stderr } = await program.ended;
        expect({ how, stderr }).toEqual({ how: 'SIGKILL', stderr: '' });
        const entered = lines.filter((line) => line !== 'proved');
        const [level, sessionId] = entered.at(-1)!.split(' ');
        sessionIds.add(sessionId!);
        // Never that the session was ended, which would look like theft.
        expect(entered.slice(0, -1)).toEqual(level === 'resumed' ? [] : ['resume-failed']);
        if (round > 0 && moment !== 'while the client notes it') expect(level).toBe('password');
      }
      const last = await connect(mortal.url, { ca: mortal.ca, tickets: false }).login({
        username: 'bob',
        password: PASSWORD,
      });
      const open = (await last.sessions()).map(({ sessionId }) => sessionId);
      expect(open).toEqual(expect.arrayContaining([...sessionIds]));
      last.close();
    } finally {
      await mortal.stop();
    }
  },
);
