import { controlFrame, type Value } from './msgpack.js';
import { decodeMessage, messageType, type FieldType } from './schema.js';

/**
 * The same message with another value in one field, still within the bounds of section 5.
 * @param to the value; default one that differs as little as possible
 */
export function alterField(frame: Uint8Array, from: 'client' | 'server', field: string, to?: Value): Buffer {
  const { name, fields } = decodeMessage(frame, from);
  const { type, fields: shape } = messageType(name);
  return controlFrame(
    type,
    shape.map(([key, kind]) => {
      const value = fields[key] as Value;
      return key === field ? (to ?? otherValue(value, kind)) : value;
    }),
  );
}

function otherValue(value: Value, type: FieldType): Value {
  switch (type.is) {
    case 'uint':
      return value === 0 ? 1 : (value as number) - 1;
    case 'bin':
    case 'bytes': {
      const bytes = value as Buffer;
      if (bytes.length === 0) return Buffer.alloc(type.is === 'bin' ? type.lengths.at(-1)! : Math.max(1, type.min), 7);
      const other = Buffer.from(bytes);
      other[other.length - 1]! ^= 1;
      return other;
    }
    case 'text':
      return otherText(value as string, type.max);
    case 'texts': {
      const list = value as readonly string[];
      return list.length < type.items ? [...list, 'x'] : list.slice(1);
    }
    case 'uints': {
      const list = value as readonly number[];
      return list.length < type.items ? [...list, 7] : list.slice(1);
    }
  }
}

function otherText(text: string, max: number): string {
  return Buffer.byteLength(text) < max ? `${text}x` : `${text.startsWith('x') ? 'y' : 'x'}${text.slice(1)}`;
}
