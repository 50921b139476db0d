import { usageError } from './failure.js';

/**
 * A whole number of an option, in decimal digits.
 * @param name of the option, with its hyphens
 * @throws BlindsaltError `option-invalid`
 */
export function readNumber(name: string, text: string, [min, max]: readonly [min: number, max: number]): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (!(number >= min && number <= max)) throw usageError(`${name} ${text} is not a number from ${min} to ${max}`);
  return number;
}
