import { lengthHead, pack, packText, raw, uintWith, type Raw, type Value } from './msgpack.js';
import type { FieldType, MessageType } from './schema.js';

// Everything that section 4 forbids, derived from a valid message: one defect in each frame.

export interface Mutation {
  /** What is wrong with it. */
  readonly what: string;
  readonly frame: Buffer;
}

type Variant = readonly [what: string, encoded: Raw];

/** Frames whose only defect lies in one field. */
export function fieldMutations(
  message: MessageType,
  values: Readonly<Record<string, Value>>,
  field: string,
): Mutation[] {
  const type = message.fields.find(([name]) => name === field)![1];
  return variantsOf(type).map(([what, encoded]) => ({
    what: `${field} ${what}`,
    frame: assemble(
      message.type,
      message.fields.map(([name]) => (name === field ? encoded : values[name]!)),
    ),
  }));
}

/** Frames whose defect lies in the array, the type, or behind them. */
export function frameMutations(message: MessageType, values: Readonly<Record<string, Value>>): Mutation[] {
  const fields = message.fields.map(([name]) => values[name]!);
  const whole = assemble(message.type, fields);
  const items = Buffer.concat([message.type, ...fields].map(pack));
  const count = fields.length + 1;
  const behind = (...head: readonly Uint8Array[]): Buffer => Buffer.concat([Buffer.of(0xc1), ...head, items]);
  const typed = (type: Raw): Buffer => assemble(type, fields);
  return [
    { what: 'one byte behind the array', frame: Buffer.concat([whole, Buffer.of(0)]) },
    { what: 'nil behind the array', frame: Buffer.concat([whole, Buffer.of(0xc0)]) },
    { what: 'a second array behind the first', frame: Buffer.concat([whole, whole.subarray(1)]) },
    { what: 'one field too many', frame: assemble(message.type, [...fields, 0]) },
    { what: 'one field too many, and it is empty text', frame: assemble(message.type, [...fields, '']) },
    ...(fields.length > 0
      ? [
          { what: 'the last field missing', frame: assemble(message.type, fields.slice(0, -1)) },
          { what: 'an array that says one entry less than follow', frame: behind(Buffer.of(0x90 + count - 1)) },
          { what: 'the last byte missing', frame: whole.subarray(0, -1) },
        ]
      : []),
    { what: 'an array that says one entry more than follow', frame: behind(Buffer.of(0x90 + count + 1)) },
    { what: 'the array as array 16', frame: behind(lengthHead(0xdc, count)) },
    { what: 'the array as array 32', frame: behind(lengthHead(0xdd, count)) },
    { what: 'an array 32 that says 2^32 − 1 entries', frame: behind(lengthHead(0xdd, 0xffff_ffff)) },
    { what: 'the type as uint 8', frame: typed(raw(uintWith(0xcc, message.type))) },
    { what: 'the type as uint 64', frame: typed(raw(uintWith(0xcf, message.type))) },
    { what: 'the type as text', frame: typed(raw(pack(String(message.type)))) },
    { what: 'the type as a float', frame: typed(raw(float64(message.type))) },
    { what: 'a map with the type as its key', frame: behind(Buffer.of(0x81)) },
  ];
}

function assemble(type: Value, fields: readonly Value[]): Buffer {
  return Buffer.concat([Buffer.of(0xc1, 0x90 + fields.length + 1), ...[type, ...fields].map(pack)]);
}

function float64(value: number): Buffer {
  const out = Buffer.alloc(9);
  out[0] = 0xcb;
  out.writeDoubleBE(value, 1);
  return out;
}

const FOREIGN: readonly Variant[] = [
  ['as nil', raw(0xc0)],
  ['as false', raw(0xc2)],
  ['as true', raw(0xc3)],
  ['as an empty map', raw(0x80)],
  ['as a map', raw(0x81, 0x00, 0x00)],
  ['as an extension', raw(0xd4, 0x01, 0x00)],
  ['as a float', raw(float64(1))],
  ['as a negative integer', raw(0xff)],
  ['as an int 64', raw(0xd3, Buffer.alloc(8))],
  ['as the byte 0xC1', raw(0xc1)],
];

function variantsOf(type: FieldType): readonly Variant[] {
  switch (type.is) {
    case 'uint':
      return [
        ...uintVariants(type.max),
        ['as text', raw(pack('1'))],
        ['as bytes', raw(pack(Buffer.of(1)))],
        ...FOREIGN,
      ];
    case 'bin': {
      const wrong = new Set(type.lengths.flatMap((length) => [length - 1, length + 1, 256]));
      const lengths = [...wrong].filter((length) => length >= 0 && !type.lengths.includes(length));
      return [
        ...lengths.map((length): Variant => [`of ${length} bytes`, raw(pack(Buffer.alloc(length, 7)))]),
        ...binVariants(Math.max(...type.lengths)),
      ];
    }
    case 'bytes':
      return [
        [`of ${type.max + 1} bytes`, raw(pack(Buffer.alloc(type.max + 1, 7)))],
        [`of 2000 bytes`, raw(pack(Buffer.alloc(2000, 7)))],
        ...binVariants(Math.min(32, type.max)),
      ];
    case 'text':
      return textVariants(type.min, type.max);
    case 'texts':
      return listVariants(type.items, type.max);
    case 'uints':
      return [['as text', raw(pack('1'))], ['as a list of text', raw(pack(['1']))], ...FOREIGN];
  }
}

function uintVariants(max: number): readonly Variant[] {
  return [
    ...(max < 0xffff_ffff ? ([[`${max + 1}`, raw(pack(max + 1))]] as const) : []),
    ['0 as uint 8', raw(uintWith(0xcc, 0))],
    ['0 as uint 16', raw(uintWith(0xcd, 0))],
    ['0 as uint 32', raw(uintWith(0xce, 0))],
    ['0 as uint 64', raw(uintWith(0xcf, 0))],
    ['0 as int 8', raw(0xd0, 0)],
  ];
}

function binVariants(length: number): readonly Variant[] {
  const body = Buffer.alloc(length, 7);
  return [
    ['as text', raw(packText(body))],
    ['as bin 16, though bin 8 would do', raw(lengthHead(0xc5, length), body)],
    ['as bin 32', raw(lengthHead(0xc6, length), body)],
    ['with a length that goes beyond the frame', raw(lengthHead(0xc5, 0xffff), body)],
    ['as bin 32 of 4 GiB', raw(lengthHead(0xc6, 0xffff_ffff), body)],
    ['as a list of integers', raw(pack([7, 7]))],
    ['as an integer', raw(7)],
    ...FOREIGN,
  ];
}

/** Bytes that are no UTF-8 (RFC 3629, section 4), and what section 4 forbids beside. */
const BAD_TEXT: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ['with a lone continuation byte', [0x61, 0x80]],
  ['with an overlong slash', [0xc0, 0xaf]],
  ['with an overlong letter in three bytes', [0xe0, 0x81, 0xa1]],
  ['with a surrogate', [0xed, 0xa0, 0x80]],
  ['with a code point above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ['with a sequence that is cut off', [0x61, 0xe2, 0x82]],
  ['with the byte 0xFF', [0x61, 0xff]],
  ['with U+0000', [0x61, 0x00]],
  ['with U+FEFF in front', [0xef, 0xbb, 0xbf, 0x61]],
];

function textVariants(min: number, max: number): readonly Variant[] {
  const two = Buffer.from('é'.repeat(Math.floor(max / 2) + 1));
  return [
    ...(min > 0 ? ([['empty', raw(pack(''))]] as const) : []),
    [`of ${max + 1} bytes`, raw(packText(Buffer.alloc(max + 1, 0x61)))],
    [`of ${two.length} bytes in ${two.length / 2} code points`, raw(packText(two))],
    ['as str 8, though fixstr would do', raw(lengthHead(0xd9, 1), 0x61)],
    ['as str 16, though fixstr would do', raw(lengthHead(0xda, 1), 0x61)],
    ['as str 32', raw(lengthHead(0xdb, 1), 0x61)],
    ['as str 32 of 4 GiB', raw(lengthHead(0xdb, 0xffff_ffff), 0x61)],
    ['with a length that goes beyond the frame', raw(lengthHead(0xda, 0xffff), 0x61)],
    ...BAD_TEXT.map(([what, bytes]): Variant => [what, raw(packText(Buffer.from(bytes)))]),
    ['as bytes', raw(pack(Buffer.from('a')))],
    ['as a list of text', raw(pack(['a']))],
    ['as an integer', raw(7)],
    ...FOREIGN,
  ];
}

function listVariants(items: number, max: number): readonly Variant[] {
  const list = (...entries: readonly Value[]): Raw => raw(pack(entries));
  return [
    [`of ${items + 1} entries`, list(...Array<string>(items + 1).fill('a'))],
    ['of 15 entries', list(...Array<string>(15).fill('a'))],
    ['with an empty entry', list('a', '')],
    [`with an entry of ${max + 1} bytes`, list('a'.repeat(max + 1))],
    ['with an entry that is an integer', list('a', 1)],
    ['with an entry that is bytes', list(Buffer.from('a'))],
    ['with an entry that is nil', list('a', raw(0xc0))],
    ['with an entry that is a list', list(['a'])],
    ['with an entry that is no UTF-8', list(raw(packText(Buffer.of(0xff))))],
    ['with an entry that has U+0000', list(raw(packText(Buffer.of(0x61, 0x00))))],
    ['with an entry as str 8, though fixstr would do', list(raw(lengthHead(0xd9, 1), 0x61))],
    ['as array 16', raw(lengthHead(0xdc, 1), pack('a'))],
    ['as array 32', raw(lengthHead(0xdd, 1), pack('a'))],
    ['as array 32 of 2^32 − 1 entries', raw(lengthHead(0xdd, 0xffff_ffff), pack('a'))],
    ['that says more entries than it has', raw(0x98, pack('a'))],
    ['as text', raw(pack('a'))],
    ...FOREIGN,
  ];
}
