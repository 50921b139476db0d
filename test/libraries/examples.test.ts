// Each example as a reader would run it: in a process of its own, over the built package.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const run = promisify(execFile);

test.each([
  ['graphql-ws', ['Hi, alice', 'Bonjour, alice', 'Hola, alice']],
  ['trpc', ['Hi, alice', 'Bonjour, alice', 'Hola, alice']],
  ['mqtt', ['alice/mood fine']],
  ['yjs', ['hello from alice']],
])('examples/%s.js', async (name, lines) => {
  const { stdout, stderr } = await run(process.execPath, [path.join('examples', `${name}.js`)]);
  expect(stdout.trim().split('\n')).toEqual(lines);
  expect(stderr).toBe('');
});
