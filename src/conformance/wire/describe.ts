import { decodeMessage } from './schema.js';
import type { Read } from './msgpack.js';

// What goes over the wire, in words for reports.

const MAX_HEX_BYTES = 24;

export function hex(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, MAX_HEX_BYTES)).toString('hex');
  return bytes.length > MAX_HEX_BYTES ? `${text}… (${bytes.length} bytes)` : text;
}

function describeValue(name: string, value: Read): string {
  // Nobody needs the secrets of test accounts either.
  if (name.endsWith('Secret') && Buffer.isBuffer(value)) return `(${value.length} bytes)`;
  if (Buffer.isBuffer(value)) return value.length === 0 ? 'empty' : hex(value);
  if (isList(value)) return `[${value.map((entry) => describeValue('', entry)).join(', ')}]`;
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  return String(value);
}

const isList = (value: Read): value is readonly Read[] => Array.isArray(value);

/** A message of either end: decoded where it can be, else its bytes. */
export function describeMessage(data: Uint8Array, from: 'client' | 'server', isText = false): string {
  if (isText) return `text message ${JSON.stringify(Buffer.from(data.subarray(0, 80)).toString())}`;
  if (data[0] !== 0xc1 || data[1] === 0xc1) return `application message ${hex(data)}`;
  try {
    const { name, fields } = decodeMessage(data, from);
    const parts = Object.entries(fields).map(([field, value]) => `${field} ${describeValue(field, value)}`);
    return parts.length === 0 ? name : `${name} { ${parts.join(', ')} }`;
  } catch (error) {
    return `control frame ${hex(data)} (${error instanceof Error ? error.message : String(error)})`;
  }
}
