// The long run is divided among files by hand: nothing that can be fuzzed is left out of it.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { TARGETS } from '../fuzz/targets/index.js';

test('each target of the fuzzer is in one file of the long run', () => {
  const folder = path.resolve('test/hostile');
  const files = readdirSync(folder).filter((name) => /^fuzz-.*\.hostile\.ts$/.test(name));
  const named = files.flatMap((name) => {
    const [, list] = /fuzzSuite\(\[([^\]]*)\]\)/.exec(readFileSync(path.join(folder, name), 'utf8'))!;
    return [...list!.matchAll(/'(\w+)'/g)].map(([, target]) => target!);
  });
  expect(named.sort()).toEqual([...TARGETS].sort());
});
