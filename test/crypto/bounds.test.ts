// The bounds of the core's arithmetic, proved by scripts/check-*-bounds.js; and that these notice when the sources break one.
import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withFolder } from '../support/compile-assembly.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Changes to the sources that break a bound, or what bounds follow from. */
const SCRIPTS: Record<string, [name: string, file: string, from: string | RegExp, to: string][]> = {
  'check-limb-bounds.js': [
    ['no bias', 'field-extmul-combine.ts', /0x3ffffff << 35,\s+0x3ffffff << 35/, '0, 0'],
    [
      'a small bias',
      'field-extmul-combine.ts',
      /0x1ffffff << 35,\s+0x1ffffff << 35/,
      '0x1ffffff << 33, 0x1ffffff << 33',
    ],
    [
      'p instead of 2p',
      'field-extmul.ts',
      '0x7fffffe, 0x7fffffe, 0x3fffffe, 0x3fffffe',
      '0x3ffffff, 0x3ffffff, 0x1ffffff, 0x1ffffff',
    ],
    ['a limb not cut', 'field-extmul-carry.ts', 'h1 = v128.and(h1, m25);', ''],
    ['a factor too large', 'field-extmul-products.ts', '[19, 19, 19, 19]', '[38, 38, 38, 38]'],
    ['a square doubled twice', 'field-fma-products.ts', 'h01 = high(d0, a1, split);', 'h01 = high(d0, d1, split);'],
    [
      'a wrong constant',
      'field-fma-products.ts',
      'MULTIPLY_0: u64 = 0 - (1 * L_BITS',
      'MULTIPLY_0: u64 = 0 - (2 * L_BITS',
    ],
    ['too little to make it positive', 'field-fma-carry.ts', 'const M: u64 = 1024;', 'const M: u64 = 64;'],
    ['a sum too large', 'field-fma-combine.ts', 'i64x2.add(z, z)', 'i64x2.add(i64x2.shl(z, 9), z)'],
  ],
  'check-scalar-bounds.js': [
    ['a mask too wide', 'scalar.ts', 'MASK_29: u64 = 0x1fffffff', 'MASK_29: u64 = 0x3fffffff'],
    ['a carry too large', 'scalar.ts', 't3 += t2 >> 29;', 't3 += t2 >> 28;'],
    ['a multiple of ℓ in the wrong place', 'scalar.ts', 't7 = x * b8 + (m << 20);', 't7 = x * b8 + (m << 21);'],
    ['bits lost when writing', 'scalar.ts', '(a6 >> 18)', '(a6 >> 17)'],
    ['bits lost when reading', 'scalar.ts', '(<u64>(bit & 7))', '(<u64>(bit & 3))'],
    ['another limb of the order', 'tables.ts', 'ORDER_3: u64 = 0x1df3bd45', 'ORDER_3: u64 = 0x1df3bd44'],
    [
      'a sum not reduced',
      'scalar.ts',
      '    carry = sum >> 29;\n  }\n  subtractOrder(d);\n}\n\n/** d = -a',
      '    carry = sum >> 29;\n  }\n}\n\n/** d = -a',
    ],
  ],
  'check-half-size-bounds.js': [
    ['a simulation on 62 bits', 'half-size.ts', 'SIMULATED: i32 = 60', 'SIMULATED: i32 = 62'],
    ['a guard left out', 'half-size.ts', 'while (b >= v2 && ', 'while ('],
    ['a weaker guard', 'half-size.ts', 'a - b >= v1 + v2', 'a - b >= v1'],
    ['a quotient of 32 bits', 'half-size.ts', '0x7fffffff', '0xffffffff'],
    ['a carry too large', 'half-size.ts', 'carry >>= 32', 'carry >>= 31'],
    ['a shift that loses a bit', 'half-size.ts', '<< (63 - left)', '<< (62 - left)'],
    [
      'a shift by a whole word',
      'half-size.ts',
      '((load<u64>(at, 8) << 1) << (63 - left))',
      '(load<u64>(at, 8) << (64 - left))',
    ],
    ['factors exchanged', 'half-size.ts', 'const v3 = v1 + quotient * v2', 'const v3 = v2 + quotient * v1'],
  ],
};

describe.each(Object.entries(SCRIPTS))('scripts/%s', (script, mutations) => {
  const check = (...args: string[]): { status: number | null; stderr: string } =>
    spawnSync(process.execPath, [path.join(root, 'scripts', script), ...args], { encoding: 'utf8' });

  test('finds every bound kept', () => {
    expect(check()).toMatchObject({ stderr: '', status: 0 });
  });

  /** One line for each folder in which something is broken. */
  const complaints = withFolder((folder) => {
    const names = readdirSync(path.join(root, 'assembly')).filter((name) => name.endsWith('.ts'));
    const folders = mutations.map(([, file, from, to], i) => {
      const broken = path.join(folder, String(i));
      mkdirSync(broken);
      for (const name of names) {
        const source = readFileSync(path.join(root, 'assembly', name), 'utf8');
        const changed = name === file ? source.replace(from, to) : source;
        if (name === file && changed === source) throw new Error(`nothing to change: ${String(from)}`);
        writeFileSync(path.join(broken, name), changed);
      }
      return broken;
    });
    const { stderr } = check(...folders.flatMap((broken) => ['--assembly', broken]));
    return folders.map((broken) => stderr.split('\n').find((line) => line.startsWith(`${broken}: Error: `)));
  });

  test.each(mutations.map(([name], i) => [name, i] as const))('notices %s', (_name, i) => {
    expect(complaints[i]).toBeDefined();
  });
});
