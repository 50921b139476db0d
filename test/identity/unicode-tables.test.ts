import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';

import { preparePassword, prepareUsername } from '../../src/opaque/identity/index.js';
import { outcome } from './outcome.js';

const pathTo = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

describe('Unicode 14.0.0, frozen', () => {
  test('the tables are what the generator makes', () => {
    execFileSync(process.execPath, [pathTo('scripts/generate-precis-tables.js'), '--check'], { stdio: 'pipe' });
  });

  test('they are small', () => {
    const source = readFileSync(pathTo('src/opaque/identity/precis-tables.generated.ts'));
    expect(gzipSync(source).length).toBeLessThan(6 * 1024);
  });

  test('what becomes of each code point does not depend on the engine', () => {
    // Whoever changes rules or tables changes these digests; a newer engine must not.
    const username = createHash('sha256');
    const password = createHash('sha256');
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      for (let c = 0; c < 0x110000; c++) {
        // Nothing is assigned in between.
        if (c === 0x32000) c = 0xe0000;
        if (c === 0xe0200) break;
        const character = String.fromCodePoint(c);
        username.update(`${outcome(() => prepareUsername(character))}\n`);
        password.update(`${outcome(() => preparePassword(character))}\n`);
      }
    } finally {
      Error.stackTraceLimit = limit;
    }
    expect(username.digest('hex')).toBe('359a278bd61e3f10be4cf844101560e699a02dffb1ded155423affbd8eb022e6');
    expect(password.digest('hex')).toBe('192a49240372dc434f6400733b2a7baf034195b1c53bf20e28dd1980397fea48');
  });

  test('lower case is that of the data', async () => {
    const simple = await lowerCaseData('Simple_Case_Mapping/Lowercase');
    const special = await lowerCaseData('Special_Casing/Lowercase');
    expect(simple.size).toBeGreaterThan(1300);
    for (const [c, lower] of [...simple, ...special]) {
      const expected = special.get(c) ?? lower;
      // Fullwidth letters, which are mapped before.
      if (c >= 0xff21 && c <= 0xff3a) continue;
      const result = outcome(() => prepareUsername(String.fromCodePoint(c)));
      if (result.startsWith('= ')) expect(result).toBe(`= ${expected.normalize('NFC')}`);
    }
  });
});

async function lowerCaseData(property: string): Promise<Map<number, string>> {
  const specifier = `@unicode/unicode-14.0.0/${property}/code-points.mjs`;
  const data = ((await import(specifier)) as { default: Map<number, number | number[]> }).default;
  return new Map(Array.from(data, ([c, lower]) => [c, String.fromCodePoint(...[lower].flat())]));
}
