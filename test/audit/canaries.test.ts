// Secrets and personal data are planted in every input of a real server; then everything that it wrote is searched for them.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, fileTickets } from '../../src/client/node.js';
import { blindsalt, serve, temporaryFolder, type RunningServer } from '../support/cli.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(120_000);

const folder = temporaryFolder();
const data = path.join(folder.path, 'data');
const SEED = 'zq7canary';
const PASSWORD = `${SEED} password one`;
const WRONG = `${SEED} password two`;
const USER = `${SEED}user`;
const GHOST = `${SEED}ghost`;
const LABEL = `${SEED} label`;
let server: RunningServer;
let invite: string;
let reset: string;
let ticketBytes: Buffer[];
/** Where to look: what was written, by whom. */
const places: Record<'log' | 'stdout' | 'commands' | 'audit' | 'database' | 'heap', string> = {
  log: '',
  stdout: '',
  commands: '',
  audit: '',
  database: '',
  heap: '',
};

beforeAll(async () => {
  const env = { NODE_OPTIONS: '--heapsnapshot-signal=SIGUSR2' };
  const args = ['--registration', 'invite', '--log-level', 'debug'];
  server = await serve(data, args, { env, cwd: folder.path });
  const url = `wss://localhost:${server.port}`;
  const made = await blindsalt(['invites', 'create', '--data', data]);
  invite = made.stdout.trim();
  const run = async (args: string[], input: string) => {
    const { stdout, stderr } = await blindsalt([...args, '--ca', server.ca, '--password-stdin', '--verbose'], {
      input,
    });
    places.commands += `${stdout}${stderr}`;
  };
  await run(['signup', url, USER, '--invite', '-'], `${invite}\n${PASSWORD}\n`);
  await run(['signup', url, `${USER}2`, '--invite', '-'], `${invite}\n${PASSWORD}\n`);
  await run(['login', url, USER, '--send', 'x'], `${PASSWORD}\n`);
  await run(['login', url, USER, '--send', 'x'], `${WRONG}\n`);
  await run(['login', url, GHOST, '--send', 'x'], `${WRONG}\n`);
  reset = (await blindsalt(['users', 'reset', USER, '--data', data])).stdout.trim();
  // A device with a ticket, which it uses, and uses again when that is dead.
  const file = path.join(folder.path, 'tickets.json');
  const options = { ca: readFileSync(server.ca, 'utf8'), deviceLabel: LABEL, tickets: fileTickets(file) };
  const device = connect(url, options);
  const socket = await device.login({ username: USER, password: PASSWORD });
  ticketBytes = secretsIn(readFileSync(file, 'utf8'));
  socket.close();
  const again = await device.resume();
  ticketBytes.push(...secretsIn(readFileSync(file, 'utf8')));
  again.close();
  await run(['signup', url, USER, '--invite', '-'], `${reset}\n${PASSWORD}\n`);
  process.kill(server.pid, 'SIGUSR2');
  const snapshot = await found(() => readdirSync(folder.path).find((name) => name.endsWith('.heapsnapshot')));
  await server.stop();
  places.heap = readFileSync(path.join(folder.path, snapshot), 'latin1');
  places.log = server.stderr();
  places.stdout = server.stdout();
  places.audit = (await blindsalt(['audit', 'export', '--data', data])).stdout;
  places.audit += (await blindsalt(['audit', 'tail', '-n', '999', '--data', data])).stdout;
  const files = readdirSync(data).filter((name) => name.startsWith('blindsalt.db'));
  places.database = files.map((name) => readFileSync(path.join(data, name), 'latin1')).join('');
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});

async function found<T>(look: () => T | undefined): Promise<T> {
  for (let i = 0; i < 400; i++) {
    const value = look();
    if (value !== undefined) return value;
    await delay(50);
  }
  throw new Error('nothing was found');
}

/** All that looks like 32 bytes or more in base64url. */
const secretsIn = (text: string): Buffer[] =>
  [...text.matchAll(/"([\w-]{40,})"/g)].map(([, word]) => Buffer.from(word!, 'base64url'));

const where = (canary: string): string[] => {
  const names = Object.keys(places) as (keyof typeof places)[];
  return names.filter((name) => places[name].includes(canary));
};

describe('nothing of what was planted is where it must not be', () => {
  test('there is something to search', () => {
    expect(places.log).toContain('"addressPrefix":"127.0.0.0/24"');
    for (const event of ['signup', 'login', 'resume', 'refused', 'code-created', 'registered-anew']) {
      expect(places.audit).toContain(`"event":"${event}"`);
    }
    expect(places.heap.length).toBeGreaterThan(1_000_000);
    expect(ticketBytes.length).toBeGreaterThan(0);
    expect(invite).toMatch(/^[0-9A-Z]{5}-/);
  });

  test('passwords: nowhere, the server has never seen them', () => {
    expect([where(PASSWORD), where(WRONG)]).toEqual([[], []]);
    for (const password of [PASSWORD, WRONG]) {
      expect(where(Buffer.from(password).toString('base64url'))).toEqual([]);
      expect(where(Buffer.from(password).toString('hex'))).toEqual([]);
    }
  });

  test('a username: in the users table and what that is read into, and what its owner was told; not in log or audit', () => {
    expect(where(USER).filter((place) => place !== 'heap')).toEqual(['commands', 'database']);
  });

  test('a name that nobody has: nowhere but in the message to who typed it', () => {
    expect(where(GHOST).filter((place) => place !== 'commands')).toEqual([]);
  });

  test('invite and reset code: nowhere, with and without dashes', () => {
    for (const code of [invite, reset]) {
      expect([...where(code), ...where(code.replaceAll('-', '')), ...where(code.toLowerCase())]).toEqual([]);
    }
  });

  test('what a device calls itself: not in log or audit; in the database until its session ends', () => {
    expect(where(LABEL).filter((place) => !['database', 'heap'].includes(place))).toEqual([]);
  });

  test('tickets: neither raw nor in any spelling', () => {
    for (const bytes of ticketBytes) {
      // The session's id, which begins a ticket's id, may be known; serial and secret may not.
      const secret = bytes.subarray(bytes.length <= 32 ? 16 : 0);
      const spelt = [
        secret.toString('hex'),
        secret.toString('base64url'),
        secret.toString('base64'),
        secret.toString('latin1'),
      ];
      const elsewhere = spelt.flatMap(where).filter((place) => bytes.length > 32 || place !== 'database');
      expect(elsewhere).toEqual([]);
    }
  });

  test('whole addresses: in no line of the log, nor in the audit trail or the database', () => {
    const lines = places.log.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.filter((line) => /127\.0\.0\.1\b|::1|::ffff/.test(line))).toEqual([]);
    expect(places.audit).not.toMatch(/127\.0\.0\.1\b/);
    expect(places.database).not.toMatch(/127\.0\.0\.1\b/);
  });
});
