import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT } from '../../src/cli/exit-codes.js';
import { blindsalt, serve, temporaryFolder, type Finished, type RunningServer } from '../support/cli.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(90_000);

const folder = temporaryFolder();
const data = path.join(folder.path, 'data');
const PASSWORD = 'correct horse battery';
let server: RunningServer;

beforeAll(async () => {
  server = await serve(data);
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});

const account = (
  command: 'signup' | 'login',
  username: string,
  password: string,
  ...more: string[]
): Promise<Finished> =>
  blindsalt([command, server.url, username, '--password-stdin', '--ca', server.ca, ...more], { input: password });
const admin = (...args: string[]): Promise<Finished> => blindsalt([...args, '--data', data]);

describe('accounts', () => {
  beforeAll(async () => {
    expect(await account('signup', 'alice', `${PASSWORD}\n`)).toMatchObject({ code: EXIT.ok });
  });

  test('signup tells the name as it was prepared', async () => {
    const { code, stdout } = await account('signup', 'Bob', PASSWORD, '--json');
    expect(code).toBe(EXIT.ok);
    expect(JSON.parse(stdout)).toMatchObject({ username: 'bob' });
  });

  test('login --send prints the first answer and leaves', async () => {
    const { code, stdout } = await account('login', 'alice', PASSWORD, '--send', 'hello there');
    expect(stdout).toBe('alice: hello there\n');
    expect(code).toBe(EXIT.ok);
  });

  test('login --send --json', async () => {
    const { code, stdout } = await account('login', 'alice', PASSWORD, '--send', 'hi', '--json');
    expect(JSON.parse(stdout)).toEqual({ type: 'text', data: 'alice: hi' });
    expect(code).toBe(EXIT.ok);
  });

  test.each(['\n', '\r\n'])('--password-stdin drops one final %j', async (end) => {
    expect(await account('login', 'alice', PASSWORD + end, '--send', 'x')).toMatchObject({ code: EXIT.ok });
  });

  test('--password-stdin drops no second newline', async () => {
    const { code, stderr } = await account('login', 'alice', `${PASSWORD}\n\n`, '--send', 'x');
    expect(stderr).toMatch(/^blindsalt: password-invalid: /);
    expect(code).toBe(EXIT.refused);
  });

  test('the end of standard input ends the line mode', async () => {
    expect(await account('login', 'alice', PASSWORD)).toMatchObject({ code: EXIT.ok, stdout: '' });
  });

  test('wss:// and any spelling of loopback', async () => {
    for (const url of [
      `wss://127.0.0.1:${server.port}`,
      `wss://LOCALHOST:${server.port}`,
      `https://[::1]:${server.port}`,
    ]) {
      const args = ['login', url, 'alice', '--password-stdin', '--ca', server.ca, '--send', 'x'];
      expect(await blindsalt(args, { input: PASSWORD })).toMatchObject({ code: EXIT.ok, stdout: 'alice: x\n' });
    }
  });

  test('wrong password and unknown user cannot be told apart', async () => {
    const wrong = await account('login', 'alice', 'another password', '--send', 'x');
    const unknown = await account('login', 'nobody', PASSWORD, '--send', 'x');
    expect(wrong).toMatchObject({ code: EXIT.loginFailed, stdout: '' });
    expect(wrong.stderr).toBe(
      'blindsalt: login-failed: Username and password do not match. Check both and try again.\n',
    );
    expect(unknown).toEqual(wrong);
  });

  test.each<[string, string, string, number]>([
    ['username-taken', 'alice', 'another password', EXIT.refused],
    ['username-invalid', 'two words', PASSWORD, EXIT.refused],
    ['username-invalid', 'p\u0430ypal', PASSWORD, EXIT.refused],
    ['username-invalid', 'x'.repeat(65), PASSWORD, EXIT.refused],
    ['password-invalid', 'carol', 'seven77', EXIT.refused],
    ['password-invalid', 'carol', 'x'.repeat(4097), EXIT.refused],
    ['password-invalid', 'carol', '', EXIT.refused],
  ])('signup refuses: %s', async (expected, username, password, exitCode) => {
    const { code, stderr, stdout } = await account('signup', username, password);
    expect(stderr).toMatch(new RegExp(`^blindsalt: ${expected}: [^\\n]+\\n$`));
    expect(stdout).toBe('');
    expect(code).toBe(exitCode);
  });

  test('a failure as JSON', async () => {
    const { code, stderr } = await account('login', 'alice', 'another password', '--json');
    expect(JSON.parse(stderr)).toMatchObject({ error: 'login-failed', exitCode: EXIT.loginFailed });
    expect(code).toBe(EXIT.loginFailed);
  });

  test('an invalid byte on standard input', async () => {
    const args = ['login', server.url, 'alice', '--password-stdin', '--ca', server.ca];
    const { code, stderr } = await blindsalt(args, { input: Uint8Array.of(0xff, 0xfe) });
    expect(stderr).toContain('UTF-8');
    expect(code).toBe(EXIT.usage);
  });

  test('an unknown certificate authority', async () => {
    const args = ['login', server.url, 'alice', '--password-stdin'];
    const { code, stderr } = await blindsalt(args, { input: PASSWORD });
    expect(stderr).toMatch(/^blindsalt: connection-failed: [^\n]*--ca[^\n]*\n$/);
    expect(code).toBe(EXIT.connectionFailed);
  });

  test('nobody there', async () => {
    const { code, stderr } = await blindsalt(['login', 'wss://localhost:1', 'alice', '--password-stdin'], {
      input: PASSWORD,
    });
    expect(stderr).toMatch(/^blindsalt: connection-failed: [^\n]*ECONNREFUSED[^\n]*\n$/);
    expect(code).toBe(EXIT.connectionFailed);
  });

  test.each([
    ['missing', undefined],
    ['that holds none', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ])('a CA file %s', async (_, content) => {
    const file = path.join(folder.path, 'authority.pem');
    if (content !== undefined) writeFileSync(file, content);
    for (const args of [
      ['login', server.url, 'alice', '--password-stdin', '--ca', file],
      ['conformance', server.url, '--ca', file],
    ]) {
      const { code, stderr } = await blindsalt(args, { input: PASSWORD });
      expect(stderr).toMatch(/^blindsalt: certificate-invalid: [^\n]*authority\.pem/);
      expect(code).toBe(EXIT.local);
    }
  });

  test('a CA file of which one certificate cannot be read: it says which', async () => {
    const good = readFileSync(server.ca, 'utf8').trim();
    const file = path.join(folder.path, 'bundle.pem');
    const line = good.split('\n').length + 1;
    writeFileSync(file, `${good}\n${good.slice(0, 200)}\n${good}\n`);
    const args = ['login', server.url, 'alice', '--password-stdin', '--ca', file];
    const { code, stderr } = await blindsalt(args, { input: PASSWORD });
    expect(stderr).toMatch(
      /^blindsalt: certificate-invalid: Certificate 2 of 3 in the file [^\n]*bundle\.pem[^\n]*\n$/,
    );
    expect(stderr).toContain(`begins in line ${line}, `);
    expect(code).toBe(EXIT.local);
  });
});

describe('administration', () => {
  beforeAll(async () => {
    expect(await account('signup', 'dora', PASSWORD)).toMatchObject({ code: EXIT.ok });
  });

  test('signup and login leave no session, also when the login talked', async () => {
    for (const more of [[], ['--send', 'hello']]) {
      expect(await account('login', 'dora', PASSWORD, ...more)).toMatchObject({ code: EXIT.ok });
      const { stdout } = await admin('sessions', 'list', 'dora', '--json');
      expect(JSON.parse(stdout)).toEqual([]);
    }
  });

  test('users list, for people and for programs', async () => {
    expect((await admin('users', 'list')).stdout).toMatch(/^dora +active +\d{4}-/m);
    const users = JSON.parse((await admin('users', 'list', '--json')).stdout) as Record<string, unknown>[];
    expect(users.find((user) => user['username'] === 'dora')).toMatchObject({ status: 'active', recordVersion: 1 });
  });

  test('disable, enable', async () => {
    expect(await admin('users', 'disable', 'dora')).toMatchObject({ code: EXIT.ok });
    const refused = await account('login', 'dora', PASSWORD, '--send', 'x');
    expect(refused).toMatchObject({ code: EXIT.loginFailed });
    expect((await admin('users', 'list')).stdout).toMatch(/^dora +disabled/m);
    expect(await admin('users', 'enable', 'dora')).toMatchObject({ code: EXIT.ok });
    expect(await account('login', 'dora', PASSWORD, '--send', 'x')).toMatchObject({ code: EXIT.ok });
  });

  test('reset: a code, once, for that name', async () => {
    const { code, expiresAt } = JSON.parse((await admin('users', 'reset', 'dora', '--json')).stdout) as Record<
      string,
      string
    >;
    expect(Date.parse(expiresAt!)).toBeGreaterThan(Date.now());
    const other = await account('signup', 'somebody', 'new password', '--invite', code!);
    expect(other).toMatchObject({ code: EXIT.refused });
    expect(await account('signup', 'dora', 'new password', '--invite', code!)).toMatchObject({ code: EXIT.ok });
    expect(await account('login', 'dora', PASSWORD, '--send', 'x')).toMatchObject({ code: EXIT.loginFailed });
    expect(await account('login', 'dora', 'new password', '--send', 'x')).toMatchObject({ code: EXIT.ok });
    const again = await account('signup', 'dora', 'third password', '--invite', code!);
    expect(again.stderr).toMatch(/^blindsalt: (invite-invalid|username-taken): /);
    expect(again.code).toBe(EXIT.refused);
  });

  test('delete', async () => {
    expect(await account('signup', 'eve', PASSWORD)).toMatchObject({ code: EXIT.ok });
    expect(await admin('users', 'delete', 'eve')).toMatchObject({ code: EXIT.ok });
    expect(await account('login', 'eve', PASSWORD)).toMatchObject({ code: EXIT.loginFailed });
    expect(await account('signup', 'eve', 'another password')).toMatchObject({ code: EXIT.ok });
  });

  test.each(['disable', 'enable', 'delete', 'reset'])('users %s of an unknown name', async (command) => {
    const { code, stderr } = await admin('users', command, 'nobody');
    expect(stderr).toMatch(/^blindsalt: user-unknown: /);
    expect(code).toBe(EXIT.refused);
  });

  test('keys show gives the public parts and no secret', async () => {
    const shown = JSON.parse((await admin('keys', 'show', '--json')).stdout) as Record<string, unknown>;
    expect(shown).toMatchObject({ domain: 'localhost' });
    expect(JSON.stringify(shown)).not.toMatch(/private|"seed"/i);
    expect((await admin('keys', 'show')).stdout).toContain('localhost');
  });

  test('certs says how to trust the CA', async () => {
    const { code, stdout } = await admin('certs');
    expect(code).toBe(EXIT.ok);
    for (const word of ['ca.pem', 'Chromium', 'Firefox', 'NODE_EXTRA_CA_CERTS']) expect(stdout).toContain(word);
    expect(JSON.parse((await admin('certs', '--json')).stdout)).toMatchObject({ caFile: server.ca });
  });

  test.each([
    ['users', 'list'],
    ['invites', 'create'],
    ['keys', 'show'],
  ])('%s %s in a folder that is none', async (...command) => {
    const { code, stderr } = await blindsalt([...command, '--data', path.join(folder.path, 'nowhere')]);
    expect(stderr).toMatch(/^blindsalt: store-failed: [^\n]*--data/);
    expect(code).toBe(EXIT.local);
  });
});

test('no secret is in what the server wrote', () => {
  // The hints for people name an example account; the log is what follows.
  const log = server
    .stderr()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .join('\n');
  expect(log).toContain('"msg":"signed up"');
  for (const secret of [PASSWORD, 'another password', 'new password', 'alice', 'dora'])
    expect(log).not.toContain(secret);
});
