import { describe, expect, jest, test } from '@jest/globals';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { EXIT, exitCodeTable } from '../../src/cli/exit-codes.js';
import { blindsalt, temporaryFolder } from '../support/cli.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(90_000);

const bin = fileURLToPath(new URL('../../bin/blindsalt.js', import.meta.url));

describe('help', () => {
  test('names every command and every exit code', async () => {
    const { code, stdout, stderr } = await blindsalt(['--help']);
    expect(code).toBe(EXIT.ok);
    expect(stderr).toBe('');
    for (const name of ['serve', 'signup', 'login', 'users', 'invites', 'keys', 'certs'])
      expect(stdout).toContain(name);
    expect(stdout).toContain(exitCodeTable());
    for (const value of Object.values(EXIT)) expect(stdout).toMatch(new RegExp(`^ +${value}  \\S`, 'm'));
  });

  test.each([['serve'], ['login'], ['users', 'reset']])(
    'of a command lists the exit codes too: %s',
    async (...command) => {
      const { code, stdout } = await blindsalt([...command, '--help']);
      expect(code).toBe(EXIT.ok);
      expect(stdout).toContain(exitCodeTable());
    },
  );

  test('--version is the version of the package', async () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await blindsalt(['--version'])).toMatchObject({ code: EXIT.ok, stdout: `${manifest.version}\n` });
  });
});

describe('wrong usage exits with 2 and says what is wrong in one line', () => {
  test.each<[string, string[], RegExp]>([
    ['unknown command', ['frobnicate'], /unknown command/],
    ['unknown option', ['serve', '--frobnicate'], /unknown option/],
    ['missing argument', ['login', 'wss://localhost:1'], /missing required argument 'username'/],
    ['too many arguments', ['signup', 'wss://localhost:1', 'alice', 'secret'], /too many arguments/],
    ['no certificate', ['serve'], /--cert and --key, or --dev/],
    ['certificate without key', ['serve', '--cert', 'x'], /--cert and --key/],
    ['two certificates', ['serve', '--dev', '--cert', 'x', '--key', 'y'], /--dev brings its own/],
    ['development outside loopback', ['serve', '--dev', '--host', '0.0.0.0'], /loopback only/],
    ['foreign domain in development', ['serve', '--dev', '--domain', 'example.org'], /localhost only/],
    ['no domain', ['serve', '--cert', 'x', '--key', 'y'], /--domain is needed/],
    ['port', ['serve', '--dev', '--port', '70000'], /--port 70000/],
    ['number of processes', ['serve', '--dev', '--workers', '0'], /--workers 0 is not a number from 1 to 128/],
    ['number of seconds', ['serve', '--dev', '--drain-delay', '1e2'], /--drain-delay 1e2 is not a number from 0 to/],
    ['number of days', ['serve', '--dev', '--audit-days', '1y'], /--audit-days 1y is not a number from 0 to/],
    ['number of lines', ['audit', 'tail', '--lines', '-1'], /--lines -1 is not a number/],
    ['number of cases at a time', ['conformance', 'wss://localhost:1', '--concurrency', '65'], /--concurrency 65 is/],
    ['number of a port to play on', ['conformance-client', '--port', '', '--', 'true'], /--port  is not a number/],
    ['target', ['serve', '--dev', '--target', 'nonsense'], /--target nonsense/],
    ['stretching function', ['serve', '--dev', '--ksf', 'scrypt:1:2:3'], /--ksf scrypt/],
    ['stretching below the floor', ['serve', '--dev', '--ksf', 'argon2id:1024:3:1'], /memoryKiB must be 19456 to/],
    ['stretching without numbers', ['serve', '--dev', '--ksf', 'pbkdf2-sha512'], /--ksf pbkdf2-sha512 is neither/],
    ['policy', ['serve', '--dev', '--registration', 'sometimes'], /Allowed choices/],
    ['no terminal', ['login', 'wss://localhost:1', 'alice'], /--password-stdin/],
    ['plaintext', ['login', 'http://example.org', 'alice', '--password-stdin'], /insecure-url|wss:/],
    ['no URL', ['login', 'nonsense', 'alice', '--password-stdin'], /url/],
  ])('%s', async (_name, args, words) => {
    const { code, stdout, stderr } = await blindsalt(args, { input: 'a long password\n' });
    expect(stderr).toMatch(words);
    expect(stderr.split('\n')[0]).toMatch(/^blindsalt: [a-z-]+: /);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(stdout).toBe('');
    expect(code).toBe(EXIT.usage);
  });

  test('a command without its subcommand shows its help', async () => {
    const { code, stderr } = await blindsalt(['users']);
    expect(code).toBe(EXIT.usage);
    expect(stderr).toContain('disable');
  });
});

test('without a build it says what to do', () => {
  const folder = temporaryFolder();
  try {
    mkdirSync(path.join(folder.path, 'bin'));
    cpSync(bin, path.join(folder.path, 'bin/blindsalt.mjs'));
    const { status, stderr } = spawnSync(process.execPath, [path.join(folder.path, 'bin/blindsalt.mjs'), '--help'], {
      encoding: 'utf8',
    });
    expect(stderr).toContain('npm run build');
    expect(status).toBe(1);
  } finally {
    folder.remove();
  }
});
