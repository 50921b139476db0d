// The decoder of control frames: any bytes, from either end.
import {
  BlindsaltError,
  CONTROL_MARK,
  decodeControl,
  encodeControl,
  MAX_CONTROL_BYTES,
  SHAPES,
  type Field,
  type Message,
  type MessageName,
  type Sender,
} from '../../../proto/index.js';
import { prescan } from '../../../proto/prescan.js';
import type { Prng } from '../prng.js';
import { insist, outcomeOf, type Target } from '../target.js';

export interface Codec {
  decode(frame: Uint8Array, sender: Sender): Message;
  encode(message: Message): Uint8Array;
}
export const CODEC: Codec = { decode: decodeControl, encode: encodeControl };

type Shape = { readonly type: number; readonly sender: Sender; readonly fields: readonly (readonly [string, Field])[] };
const SHAPE_LIST: readonly Shape[] = Object.values(SHAPES);
const NAMES = Object.keys(SHAPES) as MessageName[];
const SENDERS = ['client', 'server'] as const;
const EDGES = [0, 1, 0x1f, 0x20, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff];
const LETTERS = ['a', 'Z', '\u0001', 'é', '߿', 'ࠀ', '漢', '\ud7ff', '\ue000', '\ufeff', '𐀀', '\u{10ffff}'];

// --- an encoder of its own, which can also do what it must not -------------------------------------------------------

/** Big-endian. */
const big = (value: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) & 0xff);

/** All heads for a number or a length, the shortest first. `forms`: first byte, least and greatest value, bytes of it. */
function heads(value: number, forms: readonly (readonly [first: number, most: number, size: number])[]): number[][] {
  return forms
    .filter(([, most]) => value <= most)
    .map(([first, , size]) => (size === 0 ? [first + value] : [first, ...big(value, size)]));
}
const uintHeads = (n: number): number[][] =>
  heads(n, [[0, 0x7f, 0], ...([[0xcc, 0xff, 1], [0xcd, 0xffff, 2], [0xce, 0xffff_ffff, 4], [0xcf, 2 ** 53, 8]] as const)]); // prettier-ignore
const binHeads = (n: number): number[][] => heads(n, [[0xc4, 0xff, 1], [0xc5, 0xffff, 2], [0xc6, 0xffff_ffff, 4]]); // prettier-ignore
const strHeads = (n: number): number[][] =>
  heads(n, [[0xa0, 31, 0], [0xd9, 0xff, 1], [0xda, 0xffff, 2], [0xdb, 0xffff_ffff, 4]]); // prettier-ignore
const listHeads = (n: number): number[][] => heads(n, [[0x90, 15, 0], [0xdc, 0xffff, 2], [0xdd, 0xffff_ffff, 4]]); // prettier-ignore

/** The pieces of a frame; each is all its encodings, the shortest first. */
function pieces(message: Record<string, unknown>, { type, fields }: Shape): number[][][] {
  const one = (value: unknown): number[][][] => {
    if (typeof value === 'number') return [uintHeads(value)];
    if (value instanceof Uint8Array) return [binHeads(value.length), [[...value]]];
    if (Array.isArray(value)) return [listHeads(value.length), ...value.flatMap(one)];
    const text = new TextEncoder().encode(value as string);
    return [strHeads(text.length), [[...text]]];
  };
  return [[[CONTROL_MARK]], listHeads(fields.length + 1), [[type]], ...fields.flatMap(([name]) => one(message[name]))];
}

const assemble = (parts: readonly (readonly number[][])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap(([first]) => first!));

// --- inputs ----------------------------------------------------------------------------------------------------------

function lengthOf(field: { readonly min: number; readonly max: number }, prng: Prng): number {
  const { min, max } = field;
  const edge = prng.pick([min, max, Math.max(0, min - 1), max + 1, prng.pick(EDGES.slice(0, 8))]);
  return prng.oneIn(3) ? edge : min + prng.below(Math.min(max - min, 40) + 1);
}

function textOf(bytes: number, prng: Prng): string {
  let text = '';
  for (let left = bytes; left > 0; left = bytes - Buffer.byteLength(text)) {
    const letter = prng.oneIn(3) ? prng.pick(LETTERS) : 'x';
    text += Buffer.byteLength(letter) <= left ? letter : 'x';
  }
  return text;
}

function valueOf(field: Field, prng: Prng): unknown {
  switch (field.kind) {
    case 'uint':
      return prng.oneIn(2) ? prng.pick(EDGES) : Math.min(field.max, prng.below(300));
    case 'bin':
      return prng.bytes(prng.oneIn(12) ? prng.pick(EDGES.slice(0, 8)) : prng.pick(field.lengths));
    case 'blob':
      return prng.bytes(lengthOf(field, prng));
    case 'str':
      return textOf(lengthOf(field, prng), prng);
    case 'strs':
    case 'uints': {
      const count = prng.oneIn(10) ? field.items + 1 : prng.below(Math.min(field.items, 4) + 1);
      return Array.from({ length: count }, () =>
        field.kind === 'uints' ? prng.pick(EDGES) : textOf(lengthOf({ min: 1, max: field.max }, prng), prng),
      );
    }
  }
}

function generate(prng: Prng): Uint8Array {
  if (prng.oneIn(40)) return Uint8Array.from([CONTROL_MARK, ...prng.bytes(prng.pick([4_094, 4_095, 4_096]))]);
  const shape = SHAPE_LIST[prng.below(SHAPE_LIST.length)]!;
  const message = Object.fromEntries(shape.fields.map(([name, field]) => [name, valueOf(field, prng)]));
  const parts = pieces(message, shape);
  const at = prng.below(parts.length * 3);
  const part = parts[at];
  if (part !== undefined && part.length > 1) parts[at] = [prng.pick(part)];
  return assemble(parts);
}

// --- rules -----------------------------------------------------------------------------------------------------------

/** Reads through it are counted. */
function counted(frame: Uint8Array): { readonly bytes: Uint8Array; readonly reads: () => number } {
  let reads = 0;
  const bytes = new Proxy(frame, {
    get(of, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads += 1;
      return Reflect.get(of, key, of) as unknown;
    },
  });
  return { bytes, reads: () => reads };
}

/** Reads and content are bounded by the frame's length, whatever the lengths inside it say. */
function insistOnBounds(frame: Uint8Array): void {
  const shape = SHAPE_LIST.find(({ type }) => type === frame[2]);
  if (shape === undefined) return;
  const { bytes, reads } = counted(frame);
  try {
    prescan(bytes, 3, shape.fields);
  } catch (error) {
    insist(error instanceof BlindsaltError, 'the scan fails with a BlindsaltError only', error);
  }
  insist(reads() <= 4 * frame.length + 64, 'the scan reads each byte a few times at most');
}

function sizeOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.buffer.byteLength;
  if (typeof value === 'string') return Buffer.byteLength(value);
  return Array.isArray(value) ? value.reduce<number>((sum, item) => sum + sizeOf(item), 0) : 0;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function check(codec: Codec, frame: Uint8Array): string[] {
  const before = Uint8Array.from(frame);
  const outcomes = SENDERS.map((sender) => {
    try {
      return codec.decode(frame, sender);
    } catch (error) {
      insist(error instanceof BlindsaltError, 'the decoder fails with a BlindsaltError only', error);
      const isLarge = frame.length > MAX_CONTROL_BYTES;
      insist(error.code === (isLarge ? 'frame-too-large' : 'protocol-error'), 'the code fits the cause', error);
      return outcomeOf(error);
    }
  });
  insist(same(frame, before), 'the decoder does not change its input');
  insistOnBounds(frame);
  const accepted = outcomes.filter((outcome) => typeof outcome !== 'string');
  insist(accepted.length <= 1, 'a message belongs to one end only');
  const [message] = accepted;
  if (message === undefined) return SENDERS.map((sender, i) => `${sender} ${outcomes[i] as string}`);

  insist(frame.length <= MAX_CONTROL_BYTES, 'frames over the limit are refused');
  const shape: Shape = SHAPES[message.kind];
  const fields = message as unknown as Record<string, unknown>;
  insist(same(codec.encode(message), frame), 'what was decoded encodes to the same bytes');
  insist(Object.keys(fields).length === shape.fields.length + 1, 'a message has the fields of its schema');
  const size = shape.fields.reduce((sum, [name]) => sum + sizeOf(fields[name]), 0);
  insist(size <= frame.length, 'what was decoded takes no more than the frame');
  const parts = pieces(fields, shape);
  insist(same(assemble(parts), frame), 'the shortest encoding is accepted');
  parts.forEach((encodings, at) => {
    for (const longer of encodings.slice(1)) {
      const other = assemble(parts.map((part, i) => (i === at ? [longer] : part)));
      for (const sender of SENDERS) {
        let isRefused = false;
        try {
          codec.decode(other, sender);
        } catch {
          isRefused = true;
        }
        insist(isRefused, 'no other encoding is accepted');
      }
    }
  });
  return [`${message.kind} accepted`];
}

export const decoderTarget = (codec: Codec = CODEC): Target => ({
  name: 'decoder',
  covers: /^proto\/(codec|prescan)\.ts$/,
  generate,
  run: (frame) => check(codec, frame),
});

export { NAMES as MESSAGE_NAMES };
