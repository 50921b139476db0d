// Decoders that are broken on purpose: what the search has to find.
import { Packr, Unpackr } from 'msgpackr';
import {
  BlindsaltError,
  decodeControl,
  encodeControl,
  SHAPES,
  type Message,
  type MessageName,
} from '../../../proto/index.js';
import type { Codec } from './decoder.js';

const unpacker = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });
const packer = new Packr({ useRecords: false });

/** Decodes without looking. */
function loosely(frame: Uint8Array): Message {
  const [type, ...values] = unpacker.unpack(frame.subarray(1)) as unknown[];
  const [kind, shape] = Object.entries(SHAPES).find(([, one]) => one.type === type)!;
  const fields = shape.fields.map(([name], i) => [name, values[i]] as const);
  return { kind: kind as MessageName, ...Object.fromEntries(fields) } as unknown as Message;
}

/** The real decoder, but where it refuses for this reason, something else happens. */
const instead = (reason: RegExp, then: (frame: Uint8Array, error: BlindsaltError) => Message): Codec => ({
  encode: encodeControl,
  decode(frame, sender) {
    try {
      return decodeControl(frame, sender);
    } catch (error) {
      if (error instanceof BlindsaltError && reason.test(error.reason ?? error.code)) return then(frame, error);
      throw error;
    }
  },
});

/** What each does wrong, and a rule that it breaks. */
export const DECODER_FAULTS: Readonly<Record<string, Codec>> = {
  'accepts encodings that are not the shortest': instead(/shortest/, loosely),
  'accepts bytes behind the array': instead(/^trailing/, (frame) => loosely(frame.subarray(0, -1))),
  'accepts text that is not UTF-8': instead(/UTF-8/, loosely),
  'accepts messages of the other end': instead(/other end/, (frame) =>
    decodeControl(frame, frame[2] === 0 ? 'server' : 'client'),
  ),
  'believes lengths and reads behind the end': instead(/cut off/, () => {
    throw new RangeError('offset is out of bounds');
  }),
  'accepts frames over the limit': instead(/^frame-too-large/, (frame) => decodeControl(frame, 'client', 65_536)),
  'keeps the whole frame alive': {
    encode: encodeControl,
    decode(frame, sender) {
      const message = decodeControl(frame, sender) as unknown as Record<string, unknown>;
      for (const [name, value] of Object.entries(message)) {
        if (value instanceof Uint8Array) {
          const pool = new Uint8Array(8_192);
          pool.set(value);
          message[name] = pool.subarray(0, value.length);
        }
      }
      return message as unknown as Message;
    },
  },
  'encodes integers in another form': {
    decode: decodeControl,
    encode: (message) =>
      message.kind === 'done' && message.count > 0xffff
        ? Uint8Array.from([0xc1, ...packer.pack([79, BigInt(message.count)])])
        : encodeControl(message),
  },
  'drops the last entry of a full list': {
    encode: encodeControl,
    decode(frame, sender) {
      const message = decodeControl(frame, sender);
      return message.kind === 'userChanged' && message.roles.length > 3
        ? { ...message, roles: message.roles.slice(0, -1) }
        : message;
    },
  },
};
