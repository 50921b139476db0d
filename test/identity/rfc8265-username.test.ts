import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { BlindsaltError } from '../../proto/errors.js';
import { isPreparedUsername, prepareUsername } from '../../src/opaque/identity/index.js';
import { outcome } from './outcome.js';

const prepared = (input: string): string => outcome(() => prepareUsername(input));
const refused = (reason: string): string => `username-invalid/${reason}`;

/** Any UTF-16, well-formed text of all planes, and text from the corners that have rules. */
const corners = Array.from(
  'aZ09.@_-· lL ßẞéÉe\u0301İıſKσςΣΑΩ\u0345\u0375\u0387аЯא׳״ב\u05b0ا٣۴ه\u200c\u200dक्षि२ｱ･ﾞＡ９カー・漢ㄅ한\u1100\u1161ひ\u3000𐐀𝔣Ⅳ∞\u0378\u{1fae8}',
);
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 70 }),
  fc.string({ unit: fc.constantFrom(...corners), maxLength: 12 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
);

describe('RFC 8265, section 3.5: examples', () => {
  test.each([
    ['1', 'juliet@example.com', 'juliet@example.com'],
    ['2', 'fussball', 'fussball'],
    ['3', 'fu\u00dfball', 'fu\u00dfball'],
    ['4', '\u03c0', '\u03c0'],
    ['5', '\u03a3', '\u03c3'],
    ['6', '\u03c3', '\u03c3'],
    ['7', '\u03c2', '\u03c2'],
  ])('%s is allowed: %j', (_, input, output) => {
    expect(prepared(input)).toBe(`= ${output}`);
    expect(isPreparedUsername(output)).toBe(true);
  });

  test.each([
    ['8, a space', 'foo bar', 'disallowed-code-point'],
    ['9, nothing', '', 'empty'],
    ['10, ROMAN NUMERAL FOUR', 'henry\u2163', 'disallowed-code-point'],
    ['11, INFINITY', '\u221e', 'disallowed-code-point'],
    ['a symbol', '\u265a', 'disallowed-code-point'],
  ])('%s is refused', (_, input, reason) => {
    expect(prepared(input)).toBe(refused(reason));
    expect(isPreparedUsername(input)).toBe(false);
  });
});

describe('IdentifierClass (RFC 8264, section 4.2)', () => {
  test.each([
    'alice',
    'bob.smith+tag@example.com',
    'a_b-c',
    '!"#$%&\'()*',
    'иван.петров_1985',
    '東京',
    'ไทย',
    'አማርኛ',
    '\u3007',
  ])('%j is a username as it stands', (input) => {
    expect(prepared(input)).toBe(`= ${input}`);
    expect(isPreparedUsername(input)).toBe(true);
  });

  test.each([
    ['a control character', 'a\u0000b'],
    ['a tab', 'a\tb'],
    ['DELETE', 'a\u007f'],
    ['a no-break space', 'a\u00a0b'],
    ['an ideographic space', 'a\u3000b'],
    ['fraktur', '\u{1d523}oo'],
    ['a ligature', '\ufb01sh'],
    ['a superscript digit', 'm\u00b2'],
    ['a titlecase digraph', '\u01c5'],
    ['KELVIN SIGN, which RFC 8265 refuses before it is mapped', '\u212a'],
    ['a conjoining jamo', '\u1100\u1161'],
    ['a CJK compatibility ideograph', '\uf900'],
    ['SOFT HYPHEN', 'a\u00adb'],
    ['ZERO WIDTH SPACE', 'a\u200bb'],
    ['RIGHT-TO-LEFT OVERRIDE', 'a\u202eb'],
    ['a variation selector', 'a\ufe0f'],
    ['an emoji', '\u{1f600}'],
    ['a private use code point', '\ue000'],
    ['a noncharacter', '\uffff'],
    ['ARABIC TATWEEL', '\u0640'],
  ])('%s is refused', (_, input) => {
    expect(prepared(input)).toBe(refused('disallowed-code-point'));
  });

  test.each([
    ['never assigned', '\u0378'],
    ['new in 15.0', 'ಕ\u0cf3'],
    ['new in 15.0, astral', '\u{11f02}'],
    ['new in 15.1', '\u{2ebf0}'],
    ['new in 16.0, with a case pair', '\u1c89'],
    ['new in 16.0, a lower case for a letter that has been there', '\ua7cb'],
    ['new in 17.0', '\u088f'],
    ['new in 17.0, astral', '\u{16ea0}'],
  ])('a code point that Unicode 14.0 does not assign is refused: %s', (_, input) => {
    expect(prepared(input)).toBe(refused('unassigned'));
  });

  test.each([
    ['a high surrogate', 'a\ud800'],
    ['a low surrogate', '\udc00a'],
    ['a pair the wrong way round', '\udc00\ud800'],
  ])('%s alone is refused', (_, input) => {
    expect(prepared(input)).toBe(refused('lone-surrogate'));
  });
});

describe('mappings', () => {
  test.each([
    ['fullwidth ASCII', 'Ａｌｉｃｅ＠１', 'alice@1'],
    ['halfwidth katakana with its voiced mark', 'ｶﾞﾊﾟｰ', 'ガパー'],
    ['upper case', 'BOB', 'bob'],
    ['upper case beyond ASCII', 'ÅSE', 'åse'],
    ['astral upper case', '\u{10400}', '\u{10428}'],
    ['CAPITAL SHARP S', 'STRA\u1e9eE', 'stra\u00dfe'],
    ['CAPITAL I WITH DOT ABOVE, without a locale', '\u0130', 'i\u0307'],
    ['NFC', 'jose\u0301', 'jos\u00e9'],
    ['marks in canonical order', 'a\u0301\u0323', '\u1ea1\u0301'],
    ['upper case and marks', 'U\u0308\u0304', '\u01d6'],
  ])('%s', (_, input, output) => {
    expect(prepared(input)).toBe(`= ${output}`);
    expect(isPreparedUsername(input)).toBe(false);
    expect(isPreparedUsername(output)).toBe(true);
  });

  test.each([
    ['at the end of a word', 'ΟΔΥΣΣΕΥΣ', 'οδυσσευς'],
    ['alone', 'Σ', 'σ'],
    ['before a full stop, which words go on over', 'ΝΙΚΟΣ.ΠΑΠΑΣ', 'νικοσ.παπας'],
    ['before a colon', 'ΝΙΚΟΣ:ΠΑΠΑΣ', 'νικοσ:παπας'],
    ['before a hyphen, which words do not go on over', 'ΝΙΚΟΣ-ΠΑΠΑΣ', 'νικος-παπας'],
    ['after an accent', 'Α\u0300Σ', 'ὰς'],
    ['after nothing but a case-ignorable one', '\u02b9Σ', '\u02b9σ'],
    ['after a digit', '1Σ', '1σ'],
    ['in capitals twice', 'ΣΣ', 'σς'],
  ])('capital sigma %s', (_, input, output) => {
    expect(prepared(input)).toBe(`= ${output}`);
  });

  test('a lower case that an engine knows for an old letter, and 14.0 does not, is not used', () => {
    const original = String.prototype.toLowerCase;
    String.prototype.toLowerCase = function (this: string) {
      return original.call(this).replaceAll('\u01c3', '\ua7cb');
    };
    try {
      expect('\u01c3'.toLowerCase()).toBe('\ua7cb');
      expect(prepared('\u01c3')).toBe('= \u01c3');
    } finally {
      String.prototype.toLowerCase = original;
    }
  });
});

describe('contextual rules (RFC 5892, appendix A)', () => {
  test.each([
    ['A.1 ZERO WIDTH NON-JOINER between joining letters', 'نامه\u200cای'],
    ['A.1 over transparent marks', 'ه\u0650\u200c\u0650ا'],
    ['A.1 after a letter that joins to the left only', '\u{10acd}\u200c\u{10ac0}'],
    ['A.1 after a virama', 'क्\u200cष'],
    ['A.2 ZERO WIDTH JOINER after a virama', 'क्\u200dष'],
    ['A.3 MIDDLE DOT', 'col·lecció'],
    ['A.4 GREEK LOWER NUMERAL SIGN', '\u0375β'],
    ['A.5 GERESH', 'צ׳'],
    ['A.6 GERSHAYIM', 'צה״ל'],
    ['A.7 KATAKANA MIDDLE DOT', 'ア・イ'],
    ['A.7 with Han alone', '漢・'],
    ['A.8 ARABIC-INDIC DIGITS', 'ا٣٤'],
    ['A.9 EXTENDED ARABIC-INDIC DIGITS', 'ا۳۴'],
  ])('%s: allowed', (_, input) => {
    expect(prepared(input)).toBe(`= ${input}`);
  });

  test.each([
    ['A.1 in Latin', 'a\u200cb'],
    ['A.1 at the beginning', '\u200cا'],
    ['A.1 at the end', 'ه\u200c'],
    ['A.1 after a letter that joins to the right only', 'ا\u200cا'],
    ['A.1 before a letter that does not join', 'ه\u200cء'],
    ['A.2 without a virama', 'क\u200dष'],
    ['A.2 at the beginning', '\u200da'],
    ['A.3 between other letters', 'a·b'],
    ['A.3 at the beginning', '·l'],
    ['A.3 at the end', 'l·'],
    ['A.4 before nothing', 'β\u0375'],
    ['A.4 before another script', '\u03b1\u0375a'],
    ['A.5 after nothing', '׳צ'],
    ['A.6 after nothing', '״ל'],
    ['A.7 without Japanese', 'a・b'],
    ['A.7 alone', '・'],
    ['A.8 and A.9 mixed', 'ا٣۴'],
    ['A.9 and A.8 mixed', 'ا۴٣'],
  ])('%s: refused', (_, input) => {
    expect(prepared(input)).toBe(refused('context'));
  });

  test('they look at the mapped string', () => {
    expect(prepared('COL·LECCIÓ')).toBe('= col·lecció');
    expect(prepared('ｱ･ｲ')).toBe('= ア・イ');
  });
});

describe('directionality (RFC 5893, section 2)', () => {
  test.each(['שלום', 'שלום1', 'של_ום.2', 'مرحبا', 'مرحبا٣', 'של\u05b0', 'של1\u05b0', '\u07d3\u07c0'])(
    '%j is allowed',
    (input) => {
      expect(prepared(input)).toBe(`= ${input}`);
    },
  );

  test.each([
    ['condition 1, a digit first', '1של'],
    ['condition 1, a neutral first', '@של'],
    ['condition 1, a mark first', '\u05b0של'],
    ['condition 1, an Arabic digit and nothing else', '٣'],
    ['condition 3, a neutral last', 'של@'],
    ['condition 3, a separator last', 'של.'],
  ])('%s: refused', (_, input) => {
    expect(prepared(input)).toBe(refused('bidi'));
  });
});

describe('length', () => {
  test('64 code points, not 65', () => {
    expect(prepared('a'.repeat(64))).toBe(`= ${'a'.repeat(64)}`);
    expect(prepared('a'.repeat(65))).toBe(refused('too-long'));
    expect(prepared('東'.repeat(64))).toBe(`= ${'東'.repeat(64)}`);
    expect(prepared('東'.repeat(65))).toBe(refused('too-long'));
  });

  test('they are counted after preparation', () => {
    expect(prepared('e\u0301'.repeat(64))).toBe(`= ${'\u00e9'.repeat(64)}`);
    expect(prepared('\u0130'.repeat(33))).toBe(refused('too-long'));
  });

  test('255 bytes, not 256', () => {
    const astral = '\u{20000}';
    expect(prepared(`${astral.repeat(63)}東`)).toBe(`= ${astral.repeat(63)}東`);
    expect(prepared(astral.repeat(64))).toBe(refused('too-long'));
  });

  test('input of more than 1024 units is not looked at', () => {
    expect(prepared(`\ud800${'é'.repeat(1023)}`)).toBe(refused('lone-surrogate'));
    expect(prepared(`\ud800${'é'.repeat(1024)}`)).toBe(refused('too-long'));
  });
});

describe('properties', () => {
  test('nothing but BlindsaltError is thrown, it has a reason, and preparation is idempotent', () => {
    fc.assert(
      fc.property(anyText, (input) => {
        const first = prepared(input);
        if (!first.startsWith('= ')) {
          expect(first).toMatch(/^username-invalid\/[a-z-]+$/);
          expect(isPreparedUsername(input)).toBe(false);
          return;
        }
        const output = first.slice(2);
        expect(prepared(output)).toBe(first);
        expect(isPreparedUsername(output)).toBe(true);
        expect(isPreparedUsername(input)).toBe(input === output);
      }),
      { numRuns: 5000 },
    );
  });

  test('the quick way for ASCII gives what the whole way gives', () => {
    // Fullwidth forms take the whole way and are ASCII behind the first mapping.
    const ascii = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((c) => String.fromCharCode(c)),
      maxLength: 80,
    });
    fc.assert(
      fc.property(ascii, (input) => {
        const wide = input.replace(/./g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0));
        expect(prepared(input)).toBe(prepared(wide));
      }),
      { numRuns: 1000 },
    );
  });

  test('canonically equivalent names that are allowed are the same name', () => {
    fc.assert(
      fc.property(anyText, (input) => {
        const composed = prepared(input.normalize('NFC'));
        const decomposed = prepared(input.normalize('NFD'));
        if (composed.startsWith('= ') && decomposed.startsWith('= ')) expect(composed).toBe(decomposed);
      }),
      { numRuns: 2000 },
    );
  });

  test('an error says nothing of the name', () => {
    const messageFor = (input: string): string => {
      try {
        prepareUsername(input);
      } catch (error) {
        expect(error).toBeInstanceOf(BlindsaltError);
        expect((error as BlindsaltError).cause).toBeUndefined();
        return (error as BlindsaltError).message;
      }
      throw new Error('not refused');
    };
    expect(messageFor('hunter one')).toBe(messageFor('quite another\u0000'));
    expect(messageFor('hunter one')).not.toContain('hunter');
  });
});
