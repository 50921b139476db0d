import { describe, expect, test } from '@jest/globals';
import { remembered } from '../../src/server/memo.js';

describe('what is computed of texts that come again', () => {
  function counted(max: number): { ask: (text: string) => string | undefined; asked: string[] } {
    const asked: string[] = [];
    const ask = remembered(max, (text) => {
      asked.push(text);
      return text === '' ? undefined : text.toUpperCase();
    });
    return { ask, asked };
  }

  test('is computed once, undefined as well', () => {
    const { ask, asked } = counted(3);
    for (let i = 0; i < 3; i++) {
      expect(ask('a')).toBe('A');
      expect(ask('')).toBeUndefined();
    }
    expect(asked).toEqual(['a', '']);
  });

  test('never takes more than its room', () => {
    const { ask, asked } = counted(3);
    for (const text of ['a', 'b', 'c']) ask(text);
    for (const text of ['c', 'b', 'a']) ask(text);
    expect(asked).toEqual(['a', 'b', 'c']);
    expect(ask('d')).toBe('D');
    expect(ask('a')).toBe('A');
    expect(asked).toEqual(['a', 'b', 'c', 'd', 'a']);
  });

  test('is not kept when it failed', () => {
    let fails = true;
    const ask = remembered(3, (text) => {
      if (fails) throw new Error('not now');
      return text;
    });
    expect(() => ask('a')).toThrow('not now');
    fails = false;
    expect(ask('a')).toBe('a');
  });
});
