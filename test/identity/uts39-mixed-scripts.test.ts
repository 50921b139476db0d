import { describe, expect, test } from '@jest/globals';

import { prepareUsername } from '../../src/opaque/identity/index.js';
import { outcome } from './outcome.js';

const prepared = (input: string): string => outcome(() => prepareUsername(input));

describe('UTS 39, section 5.2: Highly Restrictive', () => {
  test.each([
    ['Latin', 'résumé'],
    ['Cyrillic with common signs and digits', 'иван-петров_85'],
    ['Greek with an inherited mark', 'ω\u0331'],
    ['Han', '漢字'],
    ['Japanese', 'らーめん屋ラーメン'],
    ['Japanese with Latin', 'abc東京とトー'],
    ['Han with Bopomofo and Latin', 'abc漢ㄅ'],
    ['Han with Hangul and Latin', 'abc漢한'],
    ['Latin with a mark of both Japanese scripts', 'aー'],
    ['one that many scripts use, with one of them', 'क\u0966'],
    ['common and nothing else', '1985'],
  ])('%s is allowed', (_, input) => {
    expect(prepared(input)).toBe(`= ${input}`);
  });

  test.each([
    ['CYRILLIC SMALL LETTER A in Latin', '\u0430lice'],
    ['Latin in Cyrillic', 'п\u0430y'],
    ['Greek omicron in Latin', 'b\u03bfb'],
    ['Latin with Hebrew', 'aשלום'],
    ['Latin with Armenian', 'a\u0585'],
    ['Cherokee with Latin', 'a\u13a0'],
    ['Cyrillic with Han', 'и漢'],
    ['Bopomofo with kana', 'ㄅひ'],
    ['Hangul with kana', '한ひ'],
    ['Hangul with Bopomofo', '한ㄅ漢'],
    ['Latin with Japanese and Greek', 'a東βと'],
    ['Han, Latin and Devanagari', '漢aक'],
    ['a digit of another script', 'a\u0966'],
    ['a mark of another script', 'a\u094d'],
  ])('%s is refused', (_, input) => {
    expect(prepared(input)).toBe('username-invalid/mixed-script');
  });
});

describe('UTS 39, section 5.3: mixed numbers', () => {
  test('one system of decimal digits', () => {
    expect(prepared('क\u0966\u096f')).toBe('= क\u0966\u096f');
    expect(prepared('क09')).toBe('= क09');
    expect(prepared('ا٠٩')).toBe('= ا٠٩');
    // The letter right after the Bengali nine.
    expect(prepared('\u09f01')).toBe('= \u09f01');
  });

  test.each([
    ['Devanagari and ASCII', 'क\u09661'],
    ['ASCII and the Devanagari nine', 'क1\u096f'],
    ['Arabic-Indic and ASCII', 'ا1٣'],
    ['two of one script', '\u1a80\u1a90'],
  ])('%s is refused', (_, input) => {
    expect(prepared(input)).toBe('username-invalid/mixed-digits');
  });
});
