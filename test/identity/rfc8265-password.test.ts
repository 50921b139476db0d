import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { BlindsaltError } from '../../proto/errors.js';
import { checkNewPassword, preparePassword } from '../../src/opaque/identity/index.js';
import { outcome } from './outcome.js';

const prepared = (input: string): string => outcome(() => preparePassword(input));
const preparedNew = (input: string): string => outcome(() => checkNewPassword(input));
const bytesOf = (text: string): string => `= ${Buffer.from(text, 'utf8').toString('hex')}`;
const refused = (reason: string): string => `password-invalid/${reason}`;

describe('RFC 8265, section 4.3: examples', () => {
  test.each([
    ['12', 'correct horse battery staple', 'correct horse battery staple'],
    ['13, differs from 12', 'Correct Horse Battery Staple', 'Correct Horse Battery Staple'],
    ['14', '\u03c0\u00df\u00e5', '\u03c0\u00df\u00e5'],
    ['15', 'Jack of \u2666s', 'Jack of \u2666s'],
    ['16, OGHAM SPACE MARK', 'foo\u1680bar', 'foo bar'],
  ])('%s is allowed', (_, input, output) => {
    expect(prepared(input)).toBe(bytesOf(output));
  });

  test('17, nothing, and 18, a tab, are refused', () => {
    expect(prepared('')).toBe(refused('empty'));
    expect(prepared('my cat is a \tby')).toBe(refused('disallowed-code-point'));
  });
});

describe('FreeformClass (RFC 8264, section 4.3)', () => {
  test.each([
    ['blanks are not trimmed', '  x  ', '  x  '],
    ['no case change', 'ÄäΣς', 'ÄäΣς'],
    ['no width mapping', 'Ａ１', 'Ａ１'],
    ['compatibility characters stay', '\ufb01Ⅳ\u{1d523}', '\ufb01Ⅳ\u{1d523}'],
    ['scripts and directions mix', 'aя1שלום', 'aя1שלום'],
    ['symbols and astral ones', '♚\u{1f600}', '♚\u{1f600}'],
    ['NFC', 'e\u0301', '\u00e9'],
    ['a singleton', '\u212b', '\u00e5'.toUpperCase()],
    ['a joiner after a virama', 'क्\u200dष', 'क्\u200dष'],
    ['a keraia before a Greek symbol', '\u0375\u{1d200}', '\u0375\u{1d200}'],
  ])('%s', (_, input, output) => {
    expect(prepared(input)).toBe(bytesOf(output));
  });

  test('every space becomes U+0020', () => {
    const spaces = '\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000';
    expect(prepared(spaces)).toBe(bytesOf(' '.repeat(16)));
    for (const space of spaces) expect(prepared(space)).toBe(bytesOf(' '));
  });

  test.each([
    ['a control character', 'a\u0085', 'disallowed-code-point'],
    ['a line separator', 'a\u2028', 'disallowed-code-point'],
    ['a byte order mark', '\ufeffa', 'disallowed-code-point'],
    ['a variation selector', '\u2764\ufe0f', 'disallowed-code-point'],
    ['a private use code point', '\ue000', 'disallowed-code-point'],
    ['a conjoining jamo', '\u1100\u1161', 'disallowed-code-point'],
    ['a joiner in an emoji', '\u{1f468}\u200d\u{1f469}', 'context'],
    ['a middle dot between other letters', 'a·b', 'context'],
    ['what becomes a middle dot', '\u0387', 'context'],
    ['both kinds of Arabic digits', '٣۴', 'context'],
    ['an emoji of Unicode 15.0', '\u{1fae8}', 'unassigned'],
    ['a sign of Unicode 17.0', '\u20c1', 'unassigned'],
    ['a lone surrogate', 'a\ud83d', 'lone-surrogate'],
  ])('%s is refused', (_, input, reason) => {
    expect(prepared(input)).toBe(refused(reason));
  });
});

describe('length', () => {
  test('4096 bytes, not 4097', () => {
    expect(preparePassword('a'.repeat(4096))).toHaveLength(4096);
    expect(prepared('a'.repeat(4097))).toBe(refused('too-long'));
    expect(preparePassword('é'.repeat(2048))).toHaveLength(4096);
    expect(prepared(`${'é'.repeat(2048)}a`)).toBe(refused('too-long'));
    expect(preparePassword('\u{1f600}'.repeat(1024))).toHaveLength(4096);
    expect(prepared(`a${'\u{1f600}'.repeat(1024)}`)).toBe(refused('too-long'));
  });

  test('they are counted after preparation', () => {
    expect(preparePassword('u\u0308\u0304'.repeat(2048))).toHaveLength(4096);
    expect(preparePassword('\u3000'.repeat(4096))).toHaveLength(4096);
  });

  test('input of more than 8192 units is not looked at', () => {
    expect(prepared(`\ud800${'a'.repeat(8191)}`)).toBe(refused('lone-surrogate'));
    expect(prepared(`\ud800${'a'.repeat(8192)}`)).toBe(refused('too-long'));
  });

  test('that refuses nothing which would fit: no code point is longer than twice its bytes when decomposed', () => {
    for (let c = 0; c < 0x110000; c++) {
      if (c >= 0xd800 && c < 0xe000) continue;
      const character = String.fromCodePoint(c);
      const units = character.normalize('NFD').length;
      if (units > 1 && units > 2 * Buffer.byteLength(character)) throw new Error(`U+${c.toString(16)}`);
    }
  });

  test('a new password has 8 code points; at login fewer are let through', () => {
    expect(preparedNew('1234567')).toBe(refused('too-short'));
    expect(prepared('1234567')).toBe(bytesOf('1234567'));
    expect(preparedNew('12345678')).toBe(bytesOf('12345678'));
    expect(preparedNew('')).toBe(refused('empty'));
  });

  test('astral code points count once, composed ones too', () => {
    expect(preparedNew('\u{1f600}'.repeat(7))).toBe(refused('too-short'));
    expect(preparedNew('\u{1f600}'.repeat(8))).toBe(bytesOf('\u{1f600}'.repeat(8)));
    expect(preparedNew('a\u{1f600}'.repeat(4))).toBe(bytesOf('a\u{1f600}'.repeat(4)));
    expect(preparedNew('e\u0301'.repeat(7))).toBe(refused('too-short'));
    expect(preparedNew('e\u0301'.repeat(8))).toBe(bytesOf('\u00e9'.repeat(8)));
  });
});

describe('properties', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom(...'aZ \t·l\u00a0\u3000é e\u0301\u0323\u0387Σ٣۴क्\u200c\u200d\u0375β・ア\u{1f600}'),
      maxLength: 12,
    }),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
  );

  test('nothing but BlindsaltError is thrown, and preparation is idempotent', () => {
    fc.assert(
      fc.property(anyText, (input) => {
        const first = prepared(input);
        if (!first.startsWith('= ')) {
          expect(first).toMatch(/^password-invalid\/[a-z-]+$/);
          return;
        }
        const text = Buffer.from(first.slice(2), 'hex').toString('utf8');
        expect(prepared(text)).toBe(first);
        expect(preparedNew(input)).toBe(Array.from(text).length >= 8 ? first : refused('too-short'));
      }),
      { numRuns: 5000 },
    );
  });

  test('canonically equivalent passwords that are allowed are the same password', () => {
    fc.assert(
      fc.property(anyText, (input) => {
        const composed = prepared(input.normalize('NFC'));
        const decomposed = prepared(input.normalize('NFD'));
        if (composed.startsWith('= ') && decomposed.startsWith('= ')) expect(composed).toBe(decomposed);
      }),
      { numRuns: 2000 },
    );
  });

  test('the quick way for ASCII gives what the whole way gives', () => {
    const ascii = fc.string({
      unit: fc.integer({ min: 0, max: 0x7f }).map((c) => String.fromCharCode(c)),
      minLength: 1,
    });
    fc.assert(
      fc.property(ascii, (input) => {
        // A letter beyond ASCII in front makes it take the whole way.
        const whole = prepared(`\u00df${input}`);
        expect(prepared(input)).toBe(whole.replace('= c39f', '= '));
      }),
      { numRuns: 1000 },
    );
  });

  test('every call returns bytes of its own', () => {
    const first = preparePassword('correct horse');
    first.fill(0);
    expect(preparePassword('correct horse')).not.toEqual(first);
  });

  test('an error says nothing of the password', () => {
    const messageFor = (input: string): string => {
      try {
        preparePassword(input);
      } catch (error) {
        expect(error).toBeInstanceOf(BlindsaltError);
        expect((error as BlindsaltError).cause).toBeUndefined();
        return (error as BlindsaltError).message;
      }
      throw new Error('not refused');
    };
    expect(messageFor('hunter2\t')).toBe(messageFor('swordfish\u0000'));
    expect(messageFor('hunter2\t')).not.toContain('hunter');
  });
});
