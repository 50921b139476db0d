import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { isPreparedDomain, isPreparedTarget, prepareDomain, prepareTarget } from '../../src/opaque/identity/index.js';
import { outcome } from './outcome.js';

const prepared = (input: string): string => outcome(() => prepareDomain(input));
const refused = (reason: string): string => `domain-invalid/${reason}`;
const label63 = 'a'.repeat(63);
const name253 = `${label63}.${label63}.${label63}.${'a'.repeat(61)}`;

describe('prepareDomain', () => {
  test.each([
    'example.com',
    'localhost',
    'intranet',
    'a-b.c--d.example',
    '4chan.example',
    '1.2.3.example',
    'xn--bcher-kva.example',
    '127.0.0.1',
    '255.255.255.255',
    '0.0.0.0',
    '::',
    '::1',
    '2001:db8::8:800:200c:417a',
    '2001:db8:0:1:1:1:1:1',
    '::ffff:c000:201',
    label63,
    name253,
  ])('%s is canonical', (input) => {
    expect(prepared(input)).toBe(`= ${input}`);
    expect(isPreparedDomain(input)).toBe(true);
  });

  test.each([
    ['Example.COM', 'example.com'],
    ['LOCALHOST', 'localhost'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER。example', 'xn--bcher-kva.example'],
    ['straße.example', 'xn--strae-oqa.example'],
    ['例え.jp', 'xn--r8jz45g.jp'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['[::1]', '::1'],
  ])('%s becomes %s', (input, output) => {
    expect(prepared(input)).toBe(`= ${output}`);
    expect(isPreparedDomain(input)).toBe(false);
    expect(isPreparedDomain(output)).toBe(true);
  });

  test.each([
    '.',
    'example.com.',
    '.example.com',
    'a..b',
    '-a.example',
    'a-.example',
    'a_b.example',
    'a b.example',
    ' example.com',
    'example.com\n',
    'exa\tmple.com',
    'example.com:443',
    'https://example.com',
    'user@example.com',
    'example.com/x',
    'example.com?x',
    'example.com#x',
    'example.com\\x',
    'ex%61mple.com',
    '*.example.com',
    '[example.com]',
    '127.1',
    '127.0.0.01',
    '256.0.0.1',
    '1.2.3.4.5',
    '0x7f.0.0.1',
    '127.0.0.0x1',
    'example.0x',
    '2130706433',
    '::1%lo',
    'fe80::1%25eth0',
    '[::1]:443',
    '[::1',
    '::1]',
    '::1]/[x',
    '::1]:8443/[',
    ':::',
    '1:2',
    '12345::',
    'bücher.example:443',
    'bücher.example/x',
    'bücher.ex%61mple',
    'bü cher.example',
    'bücher.example.',
    'bücher_.example',
    '１２７.0.0.1',
    'example。１',
    'ex\uff0fample.com',
    'ex\uff20ample.com',
    '\u00ad',
  ])('%j is refused', (input) => {
    expect(prepared(input)).toBe(refused('syntax'));
    expect(isPreparedDomain(input)).toBe(false);
  });

  test('lengths, and what is no text', () => {
    expect(prepared('')).toBe(refused('empty'));
    expect(prepared(`${label63}a.example`)).toBe(refused('too-long'));
    expect(prepared(`a.${name253}`)).toBe(refused('too-long'));
    expect(prepared('a'.repeat(1025))).toBe(refused('too-long'));
    expect(prepared('ü'.repeat(1025))).toBe(refused('too-long'));
    expect(prepared('b\ud800cher')).toBe(refused('lone-surrogate'));
  });
});

describe('prepareTarget', () => {
  test.each([
    ['example.com', 443, 'example.com:443'],
    ['Example.com', 1, 'example.com:1'],
    ['127.0.0.1', 8443, '127.0.0.1:8443'],
    ['::1', 65_535, '[::1]:65535'],
    ['[0::1]', 80, '[::1]:80'],
  ])('%s, %i', (host, port, target) => {
    expect(prepareTarget(host, port)).toBe(target);
    expect(isPreparedTarget(target)).toBe(true);
  });

  test.each([0, -1, 65_536, 1.5, NaN, Infinity])('port %d is refused', (port) => {
    expect(outcome(() => prepareTarget('example.com', port))).toBe(refused('port'));
  });

  test('a host that is refused', () => {
    expect(outcome(() => prepareTarget('example.com:443', 443))).toBe(refused('syntax'));
  });

  test('the longest', () => {
    expect(isPreparedTarget(`${name253}:65535`)).toBe(true);
    expect(isPreparedTarget(`${name253}:655350`)).toBe(false);
  });

  test.each([
    '',
    ':',
    ':443',
    'example.com',
    'example.com:',
    'example.com:0',
    'example.com:0443',
    'example.com:+443',
    'example.com: 443',
    'example.com:4e2',
    'example.com:0x1bb',
    'example.com:65536',
    'Example.com:443',
    'bücher.example:443',
    '::1:443',
    '[::1]',
    '[::1]:0443',
    '[0::1]:443',
    '[example.com]:443',
    'wss://example.com:443',
  ])('%j is no target', (input) => {
    expect(isPreparedTarget(input)).toBe(false);
  });
});

describe('properties', () => {
  const hosts = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV4Extended(),
    fc.ipV6(),
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(...'aZ09.-:[]xü。\u00ad１%@/'), maxLength: 20 }),
  );

  test('nothing but BlindsaltError is thrown, and preparation is idempotent', () => {
    fc.assert(
      fc.property(hosts, fc.integer({ min: 1, max: 65_535 }), (input, port) => {
        const first = prepared(input);
        isPreparedTarget(input);
        if (!first.startsWith('= ')) {
          expect(first).toMatch(/^domain-invalid\/[a-z-]+$/);
          return;
        }
        const output = first.slice(2);
        expect(output).toMatch(/^[a-z0-9.:-]{1,253}$/);
        expect(prepared(output)).toBe(first);
        expect(isPreparedTarget(prepareTarget(output, port))).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test('it is what the URL parser of a browser would dial', () => {
    fc.assert(
      fc.property(hosts, (input) => {
        const first = prepared(input);
        if (!first.startsWith('= ')) return;
        const target = prepareTarget(input, 444);
        expect(new URL(`wss://${target}/`).host).toBe(target);
      }),
      { numRuns: 3000 },
    );
  });

  test('every IPv6 address has one form', () => {
    fc.assert(
      fc.property(fc.ipV6(), (input) => {
        expect(prepared(input)).toBe(prepared(`[${input.toUpperCase()}]`));
      }),
    );
  });
});
