import { describe, expect, test } from '@jest/globals';

import { checkBidi } from '../../src/opaque/identity/bidi.js';
import { codePoints } from '../../src/opaque/identity/precis.js';

// The rule alone: in usernames other rules (mixed scripts, mixed digits) refuse some of these before.
const check = (text: string): string | undefined => checkBidi(codePoints(text));

describe('RFC 5893, section 2', () => {
  test.each(['abc', '1', '-', '', 'a\u0301', 'é1.'])('%j has nothing right-to-left: left alone', (text) => {
    expect(check(text)).toBeUndefined();
  });

  test.each(['א', 'ا', 'אا', 'א1', 'ا٣', 'ا۳', 'א-ב', 'א\u05b0', 'א1\u05b0\u05b0', 'א\u200cב'])(
    '%j is allowed',
    (text) => {
      expect(check(text)).toBeUndefined();
    },
  );

  test.each([
    ['condition 1: begins with EN', '1א'],
    ['condition 1: begins with AN', '٣א'],
    ['condition 1: begins with a neutral', '.א'],
    ['condition 1: begins with NSM', '\u05b0א'],
    ['condition 1: AN alone', '٣'],
    ['condition 2: L in a right-to-left string', 'אaב'],
    ['condition 3: ends with L', 'אa'],
    ['condition 3: ends with a neutral', 'א-'],
    ['condition 3: ends with a neutral and NSM', 'א-\u05b0'],
    ['condition 4: EN and AN', 'ا1٣'],
    ['condition 4: extended digits are EN', 'ا۳٣'],
    ['condition 5: right-to-left in a left-to-right string', 'aאb'],
    ['condition 5: AN in a left-to-right string', 'a٣b'],
  ])('%s', (_, text) => {
    expect(check(text)).toBe('bidi');
  });
});
