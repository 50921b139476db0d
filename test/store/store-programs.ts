// Programs on a store file that tests kill or let compete: bundled once for a test file, with a fresh folder for each test.
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleProgram, startProgram, type Program } from '../support/child-program.js';

export interface StorePrograms {
  /** Where the store of the test is, or will be. */
  path(): string;
  /** Starts `node NAME.mjs PATH …args`. */
  start(name: string, ...args: string[]): Program;
}

/** Call it where tests are declared. @param names of files in children/ */
export function storePrograms(...names: string[]): StorePrograms {
  let programs: string;
  let folder: string;
  beforeAll(async () => {
    programs = await mkdtemp(join(tmpdir(), 'blindsalt-programs-'));
    for (const name of names) await bundleProgram(`test/store/children/${name}.ts`, join(programs, `${name}.mjs`));
  });
  afterAll(() => rm(programs, { recursive: true }));
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blindsalt-store-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const path = (): string => join(folder, 'users.db');
  return { path, start: (name, ...args) => startProgram(join(programs, `${name}.mjs`), path(), ...args) };
}
