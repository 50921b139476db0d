import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { commandSubject, type Task } from '../../../src/conformance/client/index.js';

const folder = mkdtempSync(path.join(tmpdir(), 'blindsalt-subject-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TASK: Task = { action: 'login', url: 'wss://localhost:1/', username: 'alice', password: 'secret words' };
const never = new AbortController().signal;

describe('a program as the client under test', () => {
  test('gets its arguments filled in and the password as a line; how it ends does not matter', async () => {
    const file = path.join(folder, 'seen.json');
    const script = `
      const words = process.argv.slice(1);
      process.stdin.setEncoding('utf8').on('data', (line) => {
        require('node:fs').writeFileSync(words[0], JSON.stringify([...words.slice(1), line]));
        process.exit(3);
      });`;
    const command = [process.execPath, '-e', script, file, '{action}', '{url}?{username}', '{other}'];
    await commandSubject(command).act(TASK, never);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual([
      'login',
      'wss://localhost:1/?alice',
      '{other}',
      'secret words\n',
    ]);
  });

  test('is stopped when its case is over', async () => {
    const stop = new AbortController();
    const acting = commandSubject([process.execPath, '-e', 'setInterval(() => {}, 1000)']).act(TASK, stop.signal);
    stop.abort();
    await acting;
  });

  test('that cannot be started is a reason to stop', async () => {
    await expect(commandSubject([path.join(folder, 'missing')]).act(TASK, never)).rejects.toThrow(/ENOENT/);
    expect(() => commandSubject([])).toThrow(TypeError);
  });
});
