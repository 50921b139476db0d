// The documents list every option that there is, with the default that it has.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../proto/index.js';
import { THROTTLE } from '../../src/server/throttle/rates.js';

const read = (file: string): string => readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');

/** Rows of all tables: the cells, trimmed. */
function rowsOf(markdown: string): string[][] {
  const lines = markdown.split('\n').filter((line) => line.startsWith('|'));
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('docs/server.md', () => {
  const rows = rowsOf(read('docs/server.md'));
  const [, known] = /const KNOWN[^[]*\[([^\]]*)\]/.exec(read('src/server/options.ts')) ?? [];
  const names = [...(known ?? '').matchAll(/'(\w+)'/g)].map((match) => match[1]!);

  test('the options of the engine are found', () => {
    expect(names).toContain('domain');
    expect(names.length).toBeGreaterThan(15);
  });

  test.each(names)('option %s', (name) => {
    expect(rows.some(([first]) => first?.includes(`\`${name}\``))).toBe(true);
  });

  test.each(Object.entries(LIMITS))('limit %s has the default %i', (name, value) => {
    expect(rows.find(([first]) => first === `\`${name}\``)?.[1]).toBe(String(value));
  });

  test('limits that it names exist', () => {
    const from = rows.findIndex(([first, , range]) => first === 'limit' && range === 'range') + 2;
    const count = rows.slice(from).findIndex(([first]) => first === 'option');
    const listed = rows.slice(from, count < 0 ? undefined : from + count).map(([first]) => first!.replaceAll('`', ''));
    expect(listed.sort()).toEqual(Object.keys(LIMITS).sort());
  });
});

describe('docs/client.md', () => {
  const rows = rowsOf(read('docs/client.md'));
  const lists = [
    ['src/client/options.ts', 'KNOWN'],
    ['src/client/browser.ts', 'OWN_OPTIONS'],
    ['src/client/node.ts', 'OWN_OPTIONS'],
  ] as const;
  const names = lists.flatMap(([file, list]) => {
    const [, known] = new RegExp(`const ${list}: readonly string\\[\\] = \\[([^\\]]*)\\]`).exec(read(file)) ?? [];
    return [...(known ?? '').matchAll(/'(\w+)'/g)].map((match) => match[1]!);
  });

  test('the options of both platforms are found', () => {
    expect(names).toEqual(expect.arrayContaining(['domain', 'wasm', 'agent']));
    expect(names.length).toBeGreaterThan(20);
  });

  test.each(names)('option %s', (name) => {
    expect(rows.some((cells) => cells.some((cell) => new RegExp(`\`${name}[\`(]`).test(cell)))).toBe(true);
  });
});

describe('docs/throttling.md', () => {
  const text = read('docs/throttling.md');
  const rows = rowsOf(text);
  const seconds = (told: string): number => {
    const [, amount, unit] = /^(\d+) (ms|s|min)$/.exec(told)!;
    return Number(amount) * { ms: 0.001, s: 1, min: 60 }[unit as 'ms' | 's' | 'min'];
  };

  test.each(Object.keys(THROTTLE))('names %s', (name) => {
    expect(text).toContain(`\`${name}\``);
  });

  const rowOf = (name: string): string[] | undefined => rows.find(([first]) => first === `\`${name}\``);
  const inTable = Object.entries(THROTTLE).filter(([name, rate]) => typeof rate === 'object' && rowOf(name));

  test('most rates are in the table', () => expect(inTable.length).toBeGreaterThan(9));

  test.each(inTable)('%s has the rate that is told', (name, rate) => {
    const [, , burst, leak] = rowOf(name)!;
    expect({ burst: Number(burst), seconds: seconds(leak!) }).toEqual(rate);
  });
});
