import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import {
  BlindsaltError,
  CONTROL_MARK,
  MAX_CONTROL_BYTES,
  SHAPES,
  decodeControl,
  encodeControl,
  escapeApplication,
  isEscaped,
  isMarked,
  type Field,
  type Message,
  type MessageName,
  type Sender,
} from '../../proto/index.js';

const names = Object.keys(SHAPES) as MessageName[];
const shapeOf = (name: MessageName): { type: number; sender: Sender; fields: readonly (readonly [string, Field])[] } =>
  SHAPES[name];

const bytesOf = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });
function textOf(min: number, max: number): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom('a', 'é', '漢', '😀', '\u{10ffff}', '\u0001'), { maxLength: Math.min(max, 40) })
    .map((units) => {
      let out = '';
      for (const unit of units) if (Buffer.byteLength(out + unit) <= max) out += unit;
      return Buffer.byteLength(out) < min ? 'x'.repeat(min) : out;
    });
}
function valueOf(field: Field): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'uint':
      return fc
        .oneof(fc.constantFrom(0, 127, 128, 255, 256, 65535, 65536, 0xffffffff), fc.nat(0xffffffff))
        .map((n) => Math.min(n, field.max));
    case 'bin':
      return fc.oneof(...field.lengths.map((n) => bytesOf(n, n)));
    case 'blob':
      return bytesOf(field.min, field.max);
    case 'str':
      return textOf(field.min, field.max);
    case 'strs':
      return fc.array(textOf(1, field.max), { maxLength: field.items });
    case 'uints':
      return fc.array(fc.nat(0xffffffff), { maxLength: field.items });
  }
}
const anyMessage: fc.Arbitrary<Message> = fc
  .constantFrom(...names)
  .chain((name) =>
    fc
      .record(Object.fromEntries(shapeOf(name).fields.map(([key, field]) => [key, valueOf(field)])))
      .map((fields) => ({ kind: name, ...fields }) as unknown as Message),
  );

const refusal = (frame: Uint8Array, sender: Sender = 'client'): { code: string; reason: string | undefined } => {
  try {
    decodeControl(frame, sender);
  } catch (error) {
    if (error instanceof BlindsaltError) return { code: error.code, reason: error.reason };
    throw error;
  }
  return { code: 'accepted', reason: undefined };
};
const control = (...bytes: (number | Uint8Array | number[])[]) =>
  Uint8Array.from([CONTROL_MARK, ...bytes.flatMap((b) => (typeof b === 'number' ? [b] : [...b]))]);
const fill = (n: number, byte = 7) => new Array<number>(n).fill(byte);
/** login-finish: [22, bin 64]. */
const loginFinish = control(0x92, 22, 0xc4, 64, fill(64));

describe('control frames', () => {
  test('decode(encode(message)) is the message and encode(decode(frame)) is the frame, for every message', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const frame = encodeControl(message);
        fc.pre(frame.length <= MAX_CONTROL_BYTES);
        const decoded = decodeControl(frame, shapeOf(message.kind).sender);
        expect(decoded).toEqual(message);
        expect(encodeControl(decoded)).toEqual(frame);
      }),
      { numRuns: 600 },
    );
  });

  test('what the schema does not allow is not encoded, and leaves nothing behind', () => {
    const encode = (change: object) => () =>
      encodeControl({ kind: 'userChanged', roles: [], ...change } as unknown as Message);
    const bad = ['\ud800', 'a\udc00b', '', 'x'.repeat(65), 'a\0b', '\ufeffa', 1, undefined];
    for (const role of bad) expect(encode({ roles: ['fine', role] })).toThrow(BlindsaltError);
    for (const roles of [undefined, 'text', new Array(16).fill('x')]) expect(encode({ roles })).toThrow(BlindsaltError);
    for (const count of [-1, 1.5, NaN, 2 ** 32, '1', undefined]) {
      expect(() => encodeControl({ kind: 'done', count: count as number })).toThrow(BlindsaltError);
    }
    for (const proof of [new Uint8Array(63), new Array(64).fill(0), undefined]) {
      expect(() => encodeControl({ kind: 'loginFinish', proof: proof as Uint8Array })).toThrow(BlindsaltError);
    }
    expect(encodeControl({ kind: 'loginFinish', proof: new Uint8Array(64).fill(7) })).toEqual(loginFinish);
  });

  test('the longest texts pass', () => {
    for (const origin of ['x'.repeat(300), 'é'.repeat(150), '漢'.repeat(100), '😀'.repeat(75)]) {
      const start = { username: '漢'.repeat(85), target: 'x'.repeat(262), origin, deviceLabel: 'é'.repeat(32) };
      const bytes = {
        clientNonce: new Uint8Array(32),
        deviceProof: new Uint8Array(0),
        puzzleAnswer: new Uint8Array(0),
      };
      const rest = { binding: '', subprotocols: [], mechanism: 'm'.repeat(64), mechanismData: new Uint8Array(255) };
      const message: Message = { kind: 'loginStart', ...start, ...bytes, ...rest };
      expect(decodeControl(encodeControl(message), 'client')).toEqual(message);
    }
  });

  test('leave alone what an application packs with the same msgpackr', () => {
    const app = new Packr();
    const held: { readonly bytes: Uint8Array; readonly copy: Uint8Array }[] = [];
    for (let i = 0; i < 2000; i++) {
      const bytes = app.pack({ to: `user ${i}`, text: 'x'.repeat(i % 700) });
      held.push({ bytes, copy: Uint8Array.from(bytes) });
      encodeControl({ kind: 'loginFinish', proof: new Uint8Array(64).fill(i) });
    }
    for (const { bytes, copy } of held) expect(Uint8Array.from(bytes)).toEqual(copy);
  });

  test('may be written and read in the middle of what an application packs and unpacks', () => {
    const app = new Packr();
    const packed = app.pack({
      before: 'b'.repeat(50),
      get inside() {
        return [...encodeControl(decodeControl(loginFinish, 'client'))];
      },
      after: 'a'.repeat(50),
    });
    const expected = { before: 'b'.repeat(50), inside: [...loginFinish], after: 'a'.repeat(50) };
    expect(new Packr().unpack(packed)).toEqual(expected);
  });

  test('decoded byte strings are plain copies', () => {
    const frame = loginFinish.slice();
    const message = decodeControl(frame, 'client');
    if (message.kind !== 'loginFinish') throw new Error(message.kind);
    expect(Object.getPrototypeOf(message.proof)).toBe(Uint8Array.prototype);
    frame.fill(0);
    expect([...message.proof]).toEqual(fill(64));
  });

  test('every truncation and every extension of a valid frame is refused', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), (message, n) => {
        const frame = encodeControl(message);
        const sender = shapeOf(message.kind).sender;
        expect(refusal(frame.subarray(0, n % frame.length), sender).code).toBe('protocol-error');
        expect(refusal(Uint8Array.from([...frame, n % 256]), sender).code).toMatch(/protocol-error|frame-too-large/);
      }),
      { numRuns: 400 },
    );
  });

  test('arbitrary bytes and mutated frames give a message that encodes to the same bytes, or a BlindsaltError', () => {
    const survives = (frame: Uint8Array, sender: Sender) => {
      try {
        expect(encodeControl(decodeControl(frame, sender))).toEqual(frame);
      } catch (error) {
        if (!(error instanceof BlindsaltError)) throw error;
        expect(['protocol-error', 'frame-too-large']).toContain(error.code);
      }
    };
    fc.assert(
      fc.property(bytesOf(0, 300), (bytes) => survives(control(bytes), 'client')),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.nat(255), (message, at, byte) => {
        const frame = encodeControl(message);
        frame[at % frame.length] = byte;
        survives(frame, shapeOf(message.kind).sender);
      }),
      { numRuns: 2000 },
    );
  });

  test('frames over the limit are refused before anything is read', () => {
    expect(refusal(new Uint8Array(MAX_CONTROL_BYTES + 1).fill(CONTROL_MARK)).code).toBe('frame-too-large');
    expect(refusal(new Uint8Array(MAX_CONTROL_BYTES).fill(CONTROL_MARK)).code).toBe('protocol-error');
  });
});

describe('the decoder refuses', () => {
  const cases: [string, Uint8Array, string][] = [
    ['an empty message', new Uint8Array(0), 'not a control frame'],
    ['the mark alone', control(), 'not an array of a type and fields'],
    ['a map', control(0x81, 22, 0xc4, 64, fill(64)), 'not an array of a type and fields'],
    ['an empty array', control(0x90), 'not an array of a type and fields'],
    [
      'an array16 header where a fixarray fits',
      control(0xdc, 0, 2, 22, 0xc4, 64, fill(64)),
      'not an array of a type and fields',
    ],
    ['an unknown type', control(0x92, 99, 0xc4, 64, fill(64)), 'unknown type'],
    ['a type in a longer form', control(0x92, 0xcc, 22, 0xc4, 64, fill(64)), 'unknown type'],
    ['a negative type', control(0x92, 0xff, 0xc4, 64, fill(64)), 'unknown type'],
    ['a message of the other end', control(0x93, 1, 0xa1, 0x78, 0), 'a message of the other end'],
    ['a missing field', control(0x91, 22), 'wrong number of fields'],
    ['a field too many', control(0x93, 22, 0xc4, 64, fill(64), 0), 'wrong number of fields'],
    ['trailing bytes', control(0x92, 22, 0xc4, 64, fill(64), 0), 'trailing bytes'],
    ['a length that is too short', control(0x92, 22, 0xc4, 63, fill(63)), 'proof has a wrong length'],
    ['a bin16 header where bin8 fits', control(0x92, 22, 0xc5, 0, 64, fill(64)), 'proof is not in its shortest form'],
    ['a bin32 header', control(0x92, 22, 0xc6, 0, 0, 0, 64, fill(64)), 'proof is not a byte string'],
    ['a claim of 4 GiB', control(0x92, 22, 0xc6, 255, 255, 255, 255), 'proof is not a byte string'],
    ['text in place of bytes', control(0x92, 22, 0xd9, 64, fill(64, 0x61)), 'proof is not a byte string'],
    ['nil', control(0x92, 22, 0xc0), 'proof is not a byte string'],
    ['an extension type', control(0x92, 22, 0xc7, 64, 1, fill(64)), 'proof is not a byte string'],
    ['a nested array', control(0x92, 22, 0x91, 0xc4, 64, fill(64)), 'proof is not a byte string'],
    ['0xC1 inside', control(0x92, 22, 0xc1), 'proof is not a byte string'],
  ];
  test.each(cases)('%s', (_name, frame, reason) => {
    expect(refusal(frame)).toEqual({ code: 'protocol-error', reason });
  });

  const errorFrame = (code: number[], retry: number[]) => control(0x93, 1, code, retry);
  const serverCases: [string, Uint8Array, string][] = [
    ['invalid UTF-8', errorFrame([0xa2, 0xc3, 0x28], [0]), 'code is not valid UTF-8'],
    ['over-long UTF-8', errorFrame([0xa2, 0xc0, 0xaf], [0]), 'code is not valid UTF-8'],
    ['a surrogate in UTF-8', errorFrame([0xa3, 0xed, 0xa0, 0x80], [0]), 'code is not valid UTF-8'],
    ['a code point above U+10FFFF', errorFrame([0xa4, 0xf4, 0x90, 0x80, 0x80], [0]), 'code is not valid UTF-8'],
    ['a byte order mark', errorFrame([0xa4, 0xef, 0xbb, 0xbf, 0x61], [0]), 'code is not valid UTF-8'],
    ['U+0000', errorFrame([0xa1, 0], [0]), 'code is not valid UTF-8'],
    ['empty text where some is needed', errorFrame([0xa0], [0]), 'code has a wrong length'],
    ['str8 where fixstr fits', errorFrame([0xd9, 1, 0x61], [0]), 'code is not in its shortest form'],
    ['uint8 where fixint fits', errorFrame([0xa1, 0x61], [0xcc, 5]), 'retryAfterSeconds is not in its shortest form'],
    [
      'uint16 where uint8 fits',
      errorFrame([0xa1, 0x61], [0xcd, 0, 200]),
      'retryAfterSeconds is not in its shortest form',
    ],
    [
      'uint32 where uint16 fits',
      errorFrame([0xa1, 0x61], [0xce, 0, 0, 1, 0]),
      'retryAfterSeconds is not in its shortest form',
    ],
    [
      'uint64',
      errorFrame([0xa1, 0x61], [0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
      'retryAfterSeconds is not an unsigned integer',
    ],
    ['a float', errorFrame([0xa1, 0x61], [0xca, 0, 0, 0, 0]), 'retryAfterSeconds is not an unsigned integer'],
    ['a negative number', errorFrame([0xa1, 0x61], [0xe0]), 'retryAfterSeconds is not an unsigned integer'],
    ['a boolean', errorFrame([0xa1, 0x61], [0xc3]), 'retryAfterSeconds is not an unsigned integer'],
  ];
  test.each(serverCases)('%s', (_name, frame, reason) => {
    expect(refusal(frame, 'server')).toEqual({ code: 'protocol-error', reason });
  });
});

describe('application frames', () => {
  test('escaping touches only messages that begin with 0xC1, and what is escaped is never a control frame', () => {
    fc.assert(
      fc.property(bytesOf(0, 40), fc.boolean(), (bytes, marked) => {
        const message = marked ? Uint8Array.from([CONTROL_MARK, ...bytes]) : bytes;
        const sent = escapeApplication(message);
        if (isMarked(message)) {
          expect(isEscaped(sent)).toBe(true);
          expect(sent.subarray(1)).toEqual(message);
          expect(refusal(sent).code).toBe('protocol-error');
        } else {
          expect(sent).toBe(message);
        }
      }),
    );
  });
});
