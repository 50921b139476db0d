import type { IdentityReason } from './errors.js';
import { decimalZeros, scriptSets, scriptSetTable } from './precis-tables.generated.js';
import { decodeAscending, decodeIntegers, lastAtMost, lookupIn } from './range-table.js';

const scriptSetOf = lookupIn(scriptSetTable);
/** Common and Inherited: a set of all scripts. */
const ALL_SCRIPTS = 0;
const LATIN = 1;
/** Han with Bopomofo, Japanese and Korean, as UTS 39 names the combinations. */
const HANB_JPAN_KORE = [2, 3, 4];

let sets: ReadonlySet<number>[] | undefined;
let zeros: Uint32Array | undefined;

function decodeSets(): ReadonlySet<number>[] {
  const decoded: ReadonlySet<number>[] = [new Set()];
  const integers = decodeIntegers(scriptSets);
  for (let i = 0; i < integers.length;) {
    const end = i + 1 + (integers[i] ?? 0);
    decoded.push(new Set(integers.slice(i + 1, end)));
    i = end;
  }
  return decoded;
}

/**
 * `'mixed-script'` unless code points of IdentifierClass are Highly Restrictive (UTS 39, section 5.2): all of one script,
 * or Latin beside one of Han + Hiragana + Katakana, Han + Bopomofo, Han + Hangul. Common and Inherited go with all.
 */
export function checkScripts(points: readonly number[]): IdentityReason | undefined {
  const allSets = (sets ??= decodeSets());
  const distinct = new Set(points.map(scriptSetOf));
  distinct.delete(ALL_SCRIPTS);
  const present = [...distinct].flatMap((index) => allSets[index] ?? []);
  const [first, ...others] = present;
  if (first === undefined || [...first].some((script) => others.every((set) => set.has(script)))) return undefined;
  const withLatin = HANB_JPAN_KORE.some((script) => present.every((set) => set.has(script) || set.has(LATIN)));
  return withLatin ? undefined : 'mixed-script';
}

/** `'mixed-digits'` when decimal digits of more than one system stand in one string (UTS 39, section 5.3). */
export function checkDigits(points: readonly number[]): IdentityReason | undefined {
  zeros ??= decodeAscending(decimalZeros);
  let system: number | undefined;
  for (const point of points) {
    const zero = zeros[lastAtMost(zeros, point)];
    if (zero === undefined || point > zero + 9) continue;
    if (system !== undefined && system !== zero) return 'mixed-digits';
    system = zero;
  }
  return undefined;
}
