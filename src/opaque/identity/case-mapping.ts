import { sigmaContextTable } from './precis-tables.generated.js';
import { codePoints, isAssigned } from './precis.js';
import { lookupIn } from './range-table.js';

const sigmaContext = lookupIn(sigmaContextTable);
const CASED = 1;
const CASE_IGNORABLE = 2;
const SIGMA = '\u03a3';

/**
 * Maps fullwidth and halfwidth code points to their decompositions (RFC 8264, section 5.2.1): those whose mapping
 * IdentifierClass allows, which are fullwidth ASCII and halfwidth katakana. All other ones, and what they map to, are
 * refused alike.
 */
export function mapWidth(text: string): string {
  return text.replace(/[\uff01-\uff5e\uff65-\uff9f]/g, (character) => character.normalize('NFKC'));
}

/**
 * Unicode's toLowerCase (RFC 8265, section 3.3.1), code point by code point, as of Unicode 14.0.0. Two things may change
 * between engines, and do not here: a letter without lower case may be given one, but only by a new code point; and
 * which neighbours make a capital sigma the last letter of a word, which is looked up in a table.
 */
export function mapCase(text: string): string {
  const characters = Array.from(text);
  const contexts = text.includes(SIGMA) ? codePoints(text).map(sigmaContext) : [];
  return characters
    .map((character, index) => (character === SIGMA ? smallSigmaAt(contexts, index) : lowerCase(character)))
    .join('');
}

function lowerCase(character: string): string {
  const lower = character.toLowerCase();
  return codePoints(lower).every(isAssigned) ? lower : character;
}

/** A final sigma where the condition Final_Sigma holds (The Unicode Standard 14.0, table 3-17). */
function smallSigmaAt(contexts: readonly number[], index: number): string {
  const before = contexts.slice(0, index).findLast((context) => context !== CASE_IGNORABLE);
  const after = contexts.slice(index + 1).find((context) => context !== CASE_IGNORABLE);
  return before === CASED && after !== CASED ? '\u03c2' : '\u03c3';
}
