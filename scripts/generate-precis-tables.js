// Writes src/opaque/identity/precis-tables.generated.ts from the Unicode 14.0.0 data of @unicode/unicode-14.0.0.
//
//   node scripts/generate-precis-tables.js           write the file
//   node scripts/generate-precis-tables.js --check   compare it with what would be written; exit 1 if it differs
//
// Two properties that the package lacks are taken from the engine's normalization, for code points that 14.0 assigns;
// Unicode's stability policy fixes both for them: whether NFKC changes a code point, and whether its
// Canonical_Combining_Class is 9 (Virama).

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OUTPUT = new URL('../src/opaque/identity/precis-tables.generated.ts', import.meta.url);
const CODE_POINTS = 0x110000;
const DATA = '@unicode/unicode-14.0.0';

const unicode = (await import(DATA)).default;

async function ranges(property, value) {
  return (await import(`${DATA}/${property}/${value}/ranges.mjs`)).default;
}

/** One value per code point: the name of the property value that holds it. */
async function enumerated(property, names, fallback) {
  const out = new Array(CODE_POINTS).fill(fallback);
  for (const name of names) {
    for (const { begin, end } of await ranges(property, name)) out.fill(name, begin, end);
  }
  return out;
}

async function binary(property) {
  const out = new Uint8Array(CODE_POINTS);
  for (const { begin, end } of await ranges('Binary_Property', property)) out.fill(1, begin, end);
  return out;
}

// ---- what the Unicode Character Database says

const GENERAL_CATEGORIES = {
  letterDigits: [
    'Lowercase_Letter',
    'Uppercase_Letter',
    'Other_Letter',
    'Decimal_Number',
    'Modifier_Letter',
    'Nonspacing_Mark',
    'Spacing_Mark',
  ],
  otherLetterDigits: ['Titlecase_Letter', 'Letter_Number', 'Other_Number', 'Enclosing_Mark'],
  spaces: ['Space_Separator'],
  symbols: ['Math_Symbol', 'Currency_Symbol', 'Modifier_Symbol', 'Other_Symbol'],
  punctuation: [
    'Connector_Punctuation',
    'Dash_Punctuation',
    'Open_Punctuation',
    'Close_Punctuation',
    'Initial_Punctuation',
    'Final_Punctuation',
    'Other_Punctuation',
  ],
  others: ['Control', 'Format', 'Surrogate', 'Private_Use', 'Line_Separator', 'Paragraph_Separator'],
};
const gc = await enumerated('General_Category', Object.values(GENERAL_CATEGORIES).flat(), 'Unassigned');
const bidiClass = await enumerated('Bidi_Class', unicode.Bidi_Class, 'Left_To_Right');
const script = await enumerated(
  'Script',
  unicode.Script.filter((name) => name !== 'Unknown'),
  'Unknown',
);
const scriptExtensions = Array.from({ length: CODE_POINTS }, () => []);
for (const name of unicode.Script_Extensions) {
  for (const { begin, end } of await ranges('Script_Extensions', name)) {
    for (let c = begin; c < end; c++) scriptExtensions[c].push(name);
  }
}
const defaultIgnorable = await binary('Default_Ignorable_Code_Point');
const noncharacter = await binary('Noncharacter_Code_Point');
const cased = await binary('Cased');
const caseIgnorable = await binary('Case_Ignorable');

// The package has what ArabicShaping.txt lists; the rest of Transparent is derived (DerivedJoiningType.txt).
const listedJoiningType = await enumerated('Joining_Type', unicode.Joining_Type, undefined);
const TRANSPARENT = new Set(['Nonspacing_Mark', 'Enclosing_Mark', 'Format']);
const joiningType = (c) => listedJoiningType[c] ?? (TRANSPARENT.has(gc[c]) ? 'Transparent' : 'Non_Joining');

const isNfkcStable = (c) => String.fromCodePoint(c).normalize('NFKC') === String.fromCodePoint(c);

/** Canonical ordering sorts marks by class: in both orders stable beside a virama (9), and sorted before an acute (230). */
function isVirama(c) {
  if (gc[c] === 'Unassigned' || gc[c] === 'Surrogate') return false;
  const s = String.fromCodePoint(c);
  const nfd = (text) => text.normalize('NFD');
  return nfd(`${s}\u094d`) === `${s}\u094d` && nfd(`\u094d${s}`) === `\u094d${s}` && nfd(`\u0301${s}`) === `${s}\u0301`;
}

// ---- RFC 8264, sections 8 and 9

const [UNASSIGNED, DISALLOWED, FREE_PVALID, PVALID, CONTEXT] = [0, 1, 2, 3, 4];
const run = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const EXCEPTIONS = new Map([
  ...[0xdf, 0x3c2, 0x6fd, 0x6fe, 0xf0b, 0x3007].map((c) => [c, PVALID]),
  ...[0xb7, 0x375, 0x5f3, 0x5f4, 0x30fb, ...run(0x660, 0x669), ...run(0x6f0, 0x6f9)].map((c) => [c, CONTEXT]),
  ...[0x640, 0x7fa, 0x302e, 0x302f, ...run(0x3031, 0x3035), 0x303b].map((c) => [c, DISALLOWED]),
]);
const LETTER_DIGITS = new Set(GENERAL_CATEGORIES.letterDigits);
const FREE_CATEGORIES = new Set([
  ...GENERAL_CATEGORIES.otherLetterDigits,
  ...GENERAL_CATEGORIES.spaces,
  ...GENERAL_CATEGORIES.symbols,
  ...GENERAL_CATEGORIES.punctuation,
]);
/** Hangul_Syllable_Type L, V or T. */
const isOldHangulJamo = (c) =>
  (c >= 0x1100 && c <= 0x11ff) ||
  (c >= 0xa960 && c <= 0xa97c) ||
  (c >= 0xd7b0 && c <= 0xd7c6) ||
  (c >= 0xd7cb && c <= 0xd7fb);

/** The derived property of section 8, its conditions in its order. BackwardCompatible (section 9.7) is empty. */
function derivedProperty(c) {
  const exception = EXCEPTIONS.get(c);
  if (exception !== undefined) return exception;
  if (gc[c] === 'Unassigned' && !noncharacter[c]) return UNASSIGNED;
  if (c >= 0x21 && c <= 0x7e) return PVALID;
  if (c === 0x200c || c === 0x200d) return CONTEXT;
  if (isOldHangulJamo(c)) return DISALLOWED;
  if (defaultIgnorable[c] || noncharacter[c]) return DISALLOWED;
  if (gc[c] === 'Control' || gc[c] === 'Surrogate') return DISALLOWED;
  if (!isNfkcStable(c)) return FREE_PVALID;
  if (LETTER_DIGITS.has(gc[c])) return PVALID;
  if (FREE_CATEGORIES.has(gc[c])) return FREE_PVALID;
  return DISALLOWED;
}
const property = Array.from({ length: CODE_POINTS }, (_, c) => derivedProperty(c));
const inIdentifierClass = (c) => property[c] >= PVALID;
const inFreeformClass = (c) => property[c] >= FREE_PVALID;

// ---- encoding

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Five bits a character, lowest first; characters of the alphabet's second half are continued. */
function encodeInteger(value) {
  let out = '';
  for (; value >= 32; value = Math.floor(value / 32)) out += ALPHABET[32 + (value % 32)];
  return out + ALPHABET[value];
}
const encodeIntegers = (values) => values.map(encodeInteger).join('');

/**
 * A table of runs: where each begins (as distances), and its value. `valueOf` answers undefined where nobody asks;
 * runs go on over such code points.
 */
function encodeTable(valueOf) {
  const distances = [];
  const values = [];
  let start = 0;
  let current;
  for (let c = 0; c < CODE_POINTS; c++) {
    const value = valueOf(c);
    if (value === undefined || value === current) continue;
    distances.push(c - start);
    values.push(value);
    start = c;
    current = value;
  }
  if (distances[0] !== 0) throw new Error('a table must begin at code point 0');
  return { starts: encodeIntegers(distances), values: encodeIntegers(values) };
}

const identifierOnly = (valueOf) => (c) => (inIdentifierClass(c) ? valueOf(c) : c === 0 ? 0 : undefined);
const freeformOnly = (valueOf) => (c) => (inFreeformClass(c) ? valueOf(c) : c === 0 ? 0 : undefined);

function required(map, key) {
  if (!(key in map)) throw new Error(`no value for ${key}`);
  return map[key];
}

// ---- the tables

const BIDI = {
  Left_To_Right: 0,
  Right_To_Left: 1,
  Arabic_Letter: 1,
  Arabic_Number: 2,
  European_Number: 3,
  Nonspacing_Mark: 4,
  European_Separator: 5,
  Common_Separator: 5,
  European_Terminator: 5,
  Other_Neutral: 5,
  Boundary_Neutral: 5,
};
const JOINING = {
  Non_Joining: 0,
  Join_Causing: 0,
  Transparent: 1,
  Left_Joining: 2,
  Right_Joining: 3,
  Dual_Joining: 4,
};
const VIRAMA_FLAG = 8;
const CONTEXT_SCRIPTS = { Greek: 1, Hebrew: 2, Hiragana: 3, Katakana: 3, Han: 3 };

// UTS 39, section 5.1: Han with Bopomofo, Japanese and Korean are scripts of their own, and stand in these sets.
const COMMON = 'Common';
const AUGMENTED = {
  Han: ['Hanb', 'Jpan', 'Kore'],
  Bopomofo: ['Hanb'],
  Hiragana: ['Jpan'],
  Katakana: ['Jpan'],
  Hangul: ['Kore'],
};
const SCRIPTS = [
  COMMON,
  'Latin',
  'Hanb',
  'Jpan',
  'Kore',
  ...unicode.Script.filter((name) => !['Common', 'Latin', 'Inherited', 'Unknown'].includes(name)),
];
const scriptSets = new Map();
function scriptSet(c) {
  const own = scriptExtensions[c].length > 0 ? scriptExtensions[c] : [script[c]];
  if (own.includes('Common') || own.includes('Inherited')) return 0;
  const names = new Set(own.flatMap((name) => [name, ...(AUGMENTED[name] ?? [])]));
  const ids = [...names].map((name) => SCRIPTS.indexOf(name)).sort((a, b) => a - b);
  if (ids.includes(-1)) throw new Error(`unknown script at U+${c.toString(16)}`);
  const key = ids.join(' ');
  if (!scriptSets.has(key)) scriptSets.set(key, { index: scriptSets.size + 1, ids });
  return scriptSets.get(key).index;
}

// Only these can stand beside a capital sigma in a username that is not refused for mixing scripts.
const besideSigma = (c) => scriptExtensions[c].some((name) => ['Greek', 'Common', 'Inherited'].includes(name));

const decimalZeros = [];
for (let c = 0; c < CODE_POINTS; c++) {
  if (gc[c] !== 'Decimal_Number' || !inIdentifierClass(c)) continue;
  if (!run(c, c + 9).every((d) => gc[d] === 'Decimal_Number' && inIdentifierClass(d))) {
    throw new Error(`decimal digits at U+${c.toString(16)} are not ten in a row`);
  }
  decimalZeros.push(c);
  c += 9;
}

const tables = {
  derivedProperty: [
    'RFC 8264, section 8: 0 UNASSIGNED, 1 DISALLOWED, 2 FREE_PVAL (ID_DIS), 3 PVALID, 4 CONTEXTJ or CONTEXTO.',
    encodeTable((c) => property[c]),
  ],
  bidiClass: [
    'Bidi_Class of IdentifierClass: 0 L, 1 R or AL, 2 AN, 3 EN, 4 NSM, 5 ES, CS, ET, ON or BN.',
    encodeTable(identifierOnly((c) => required(BIDI, bidiClass[c]))),
  ],
  joiningType: [
    'Joining_Type of FreeformClass: 0 U or C, 1 T, 2 L, 3 R, 4 D; plus 8 where Canonical_Combining_Class is Virama.',
    encodeTable(freeformOnly((c) => required(JOINING, joiningType(c)) + (isVirama(c) ? VIRAMA_FLAG : 0))),
  ],
  contextScript: [
    'Script of FreeformClass, as the contextual rules ask: 0 other, 1 Greek, 2 Hebrew, 3 Hiragana, Katakana or Han.',
    encodeTable(freeformOnly((c) => CONTEXT_SCRIPTS[script[c]] ?? 0)),
  ],
  sigmaContext: [
    'Beside a capital sigma, in scripts that may stand there: 0 other, 1 Cased, 2 Case_Ignorable (Cased or not).',
    encodeTable(identifierOnly((c) => (besideSigma(c) ? (caseIgnorable[c] ? 2 : cased[c] ? 1 : 0) : undefined))),
  ],
  scriptSet: [
    'Augmented script set (UTS 39, section 5.1) of IdentifierClass: 0 all scripts, n the n-th of `scriptSets`.',
    encodeTable(identifierOnly(scriptSet)),
  ],
};
const scriptSetList = [...scriptSets.values()].flatMap(({ ids }) => [ids.length, ...ids]);
const zeroDistances = decimalZeros.map((zero, i) => zero - (decimalZeros[i - 1] ?? 0));

const source = [
  '// Generated by scripts/generate-precis-tables.js from Unicode 14.0.0: do not edit.',
  '',
  "import type { EncodedTable } from './range-table.js';",
  '',
  "export const UNICODE_VERSION = '14.0.0';",
  ...Object.entries(tables).flatMap(([name, [comment, { starts, values }]]) => [
    '',
    `/** ${comment} */`,
    `export const ${name}Table: EncodedTable = {`,
    `  starts:`,
    `    '${starts}',`,
    `  values:`,
    `    '${values}',`,
    `};`,
  ]),
  '',
  '/** Each set: how many scripts, then their numbers: 1 Latin, 2 Hanb, 3 Jpan, 4 Kore; above, one number per script. */',
  'export const scriptSets =',
  `  '${encodeIntegers(scriptSetList)}';`,
  '',
  '/** The zeros of all decimal digits of IdentifierClass, as distances; each has its nine others behind it. */',
  'export const decimalZeros =',
  `  '${encodeIntegers(zeroDistances)}';`,
  '',
].join('\n');

if (process.argv.includes('--check')) {
  let present = '';
  try {
    present = readFileSync(OUTPUT, 'utf8');
  } catch {
    // absent: differs
  }
  if (present !== source) {
    console.error(`${fileURLToPath(OUTPUT)} is not what scripts/generate-precis-tables.js makes: run it`);
    process.exitCode = 1;
  }
} else {
  writeFileSync(OUTPUT, source);
}
