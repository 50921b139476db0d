// `blindsalt audit`, as an operator runs it, beside a server that is running.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT } from '../../src/cli/exit-codes.js';
import { loadDriver } from '../../src/server/store/sqlite-driver.js';
import { blindsalt, serve, temporaryFolder, type RunningServer } from '../support/cli.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(90_000);

const folder = temporaryFolder();
const data = path.join(folder.path, 'data');
const PASSWORD = 'correct horse battery';
let server: RunningServer;

const audit = (...args: string[]) => blindsalt(['audit', ...args, '--data', data]);
const url = () => `wss://localhost:${server.port}`;
const account = (command: string, name: string, password = PASSWORD) =>
  blindsalt(
    [command, url(), name, '--ca', server.ca, '--password-stdin', ...(command === 'login' ? ['--send', 'x'] : [])],
    {
      input: `${password}\n`,
    },
  );

beforeAll(async () => {
  server = await serve(data, ['--log-level', 'info']);
  expect(await account('signup', 'alice')).toMatchObject({ code: EXIT.ok });
  expect(await account('login', 'alice')).toMatchObject({ code: EXIT.ok });
  expect(await account('login', 'alice', 'wrong horse battery')).toMatchObject({ code: EXIT.loginFailed });
  expect(await blindsalt(['users', 'disable', 'alice', '--data', data])).toMatchObject({ code: EXIT.ok });
  expect(await blindsalt(['users', 'enable', 'alice', '--data', data])).toMatchObject({ code: EXIT.ok });
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});

describe('while the server runs', () => {
  test('verify finds nothing wrong, and says how far the signatures reach', async () => {
    const { code, stdout } = await audit('verify');
    expect(code).toBe(EXIT.ok);
    expect(stdout).toMatch(/^\d+ entries, 1 to \d+\nsigned up to \d+.*\nhead \d+:[0-9a-f]{64}\n$/);
  });

  test('tail shows who did what', async () => {
    const { stdout } = await audit('tail', '-n', '30');
    for (const line of [/ signup +user=[0-9a-f]{32} from=127\.0\.0\.0\/24 connection=/, / login +user=/]) {
      expect(stdout).toMatch(line);
    }
    expect(stdout).toMatch(/ user-disabled +user=[0-9a-f]{32} actor=cli:uid-\d+/);
    expect((await audit('tail', '-n', '1')).stdout.split('\n')).toHaveLength(2);
  });
});

describe('after the server has stopped', () => {
  let lines: string[];
  let auditKey: string;
  let last: string;
  const file = path.join(folder.path, 'export.jsonl');
  const verify = async (text: string, ...args: string[]) => {
    writeFileSync(file, text);
    return blindsalt(['audit', 'verify', file, '--key', auditKey, '--domain', 'localhost', ...args]);
  };
  beforeAll(async () => {
    await server.stop();
    lines = (await audit('export')).stdout.split('\n').slice(0, -1);
    auditKey = (
      JSON.parse((await blindsalt(['keys', 'show', '--json', '--data', data])).stdout) as { auditKey: string }
    ).auditKey;
    // As a log that is kept elsewhere has it.
    const told = server
      .stderr()
      .split('\n')
      .filter((line) => line.includes('"audit checkpoint"'));
    const { seq, hash } = JSON.parse(told.at(-1)!) as { seq: number; hash: string };
    last = `${seq}:${hash}`;
  });

  test('an export verifies alone, with the public key; the last log line is its head', async () => {
    expect(lines.length).toBeGreaterThan(6);
    const { code, stdout } = await verify(`${lines.join('\n')}\n`, '--expect', last);
    expect({ code, stdout }).toMatchObject({ code: EXIT.ok });
    expect(stdout).toContain(`head ${last}`);
    expect(stdout).toContain(`signed up to ${lines.length}`);
  });

  test('what was changed is found, and where', async () => {
    const { code, stdout, stderr } = await verify(`${lines.join('\n').replace('"signup"', '"resume"')}\n`);
    expect(code).toBe(EXIT.auditInvalid);
    expect(stdout).toMatch(/^entry 2 \(line 2\) was changed/);
    expect(stderr).toContain('audit-invalid');
    const removed = await verify(`${lines.filter((_, i) => i !== 3).join('\n')}\n`);
    expect(removed.stdout).toMatch(/^entry 5 \(line 4\) follows a gap/);
    const cut = await verify(`${lines.slice(0, 4).join('\n')}\n`, '--expect', last);
    expect(cut.code).toBe(EXIT.auditInvalid);
    const torn = await verify(lines.join('\n').slice(0, -5));
    expect(torn.code).toBe(EXIT.auditInvalid);
  });

  test('a table whose end was cut off is found by its own count', async () => {
    const copy = path.join(folder.path, 'copy');
    await blindsalt(['certs', '--data', copy]);
    for (const name of ['blindsalt.db', 'keys.json']) {
      writeFileSync(path.join(copy, name), readFileSync(path.join(data, name)), { mode: 0o600 });
    }
    const db = (await loadDriver())(path.join(copy, 'blindsalt.db'));
    db.exec('DROP TRIGGER audit_not_removed; DELETE FROM audit WHERE seq > 4');
    db.close();
    const { code, stdout } = await blindsalt(['audit', 'verify', '--data', copy]);
    expect({ code, stdout }).toMatchObject({ code: EXIT.auditInvalid });
  });

  test('tail gets past an entry with a time that is none', async () => {
    const copy = path.join(folder.path, 'forged');
    await blindsalt(['certs', '--data', copy]);
    writeFileSync(path.join(copy, 'blindsalt.db'), readFileSync(path.join(data, 'blindsalt.db')), { mode: 0o600 });
    const db = (await loadDriver())(path.join(copy, 'blindsalt.db'));
    db.exec(`INSERT INTO audit (prev, body, hash, unsigned) VALUES (zeroblob(32),
      '{"at":9007199254740991,"event":"login"}', zeroblob(32), 1)`);
    db.close();
    const { code, stdout } = await blindsalt(['audit', 'tail', '--data', copy]);
    expect(code).toBe(EXIT.ok);
    expect(stdout).toMatch(/ {2}9007199254740991 {2}login\n$/);
  });

  test('prune keeps it verifiable, and is recorded', async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    expect(await audit('prune', '--before', 'soon')).toMatchObject({ code: EXIT.usage });
    expect(await audit('prune', '--before', tomorrow)).toMatchObject({ code: EXIT.ok });
    const { stdout } = await audit('export');
    expect(stdout).toMatch(/^\{"pruned":\d+,/);
    expect(stdout).toMatch(/"event":"pruned".*"actor":"cli:uid-\d+","count":\d+/);
    expect(await verify(stdout)).toMatchObject({ code: EXIT.ok });
    expect(await audit('verify')).toMatchObject({ code: EXIT.ok });
  });

  test('wrong usage', async () => {
    expect(await audit('verify', '--key', 'abc', '--domain', 'localhost')).toMatchObject({ code: EXIT.usage });
    expect(await audit('verify', '--expect', '12')).toMatchObject({ code: EXIT.usage });
    expect(await audit('verify', '/nowhere')).toMatchObject({ code: EXIT.local });
  });
});
