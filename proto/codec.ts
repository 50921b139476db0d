import { Packr, Unpackr } from 'msgpackr';
import { CONTROL_MARK, MAX_CONTROL_BYTES } from './constants.js';
import { BlindsaltError } from './errors.js';
import type { Message } from './messages.js';
import { SHAPES, type Field, type MessageName, type Sender } from './shapes.js';
import { malformed, prescan } from './prescan.js';

const packer = new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });
const unpacker = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number', copyBuffers: true });

type Fields = readonly (readonly [string, Field])[];
interface Entry {
  readonly kind: MessageName;
  readonly sender: Sender;
  readonly fields: Fields;
}
const BY_TYPE = new Map<number, Entry>(
  Object.entries(SHAPES).map(([kind, shape]) => [
    shape.type,
    { kind: kind as MessageName, sender: shape.sender, fields: shape.fields },
  ]),
);

/** True for a binary message that the protocol layer has to look at: one that begins with 0xC1. */
export function isMarked(message: Uint8Array): boolean {
  return message.length > 0 && message[0] === CONTROL_MARK;
}

/** True for an escaped application message (0xC1 0xC1 …); its first byte is to be stripped. */
export function isEscaped(message: Uint8Array): boolean {
  return message.length > 1 && message[0] === CONTROL_MARK && message[1] === CONTROL_MARK;
}

/** What goes on the wire for a binary application message: 0xC1 in front when it begins with 0xC1, else the same bytes. */
export function escapeApplication(message: Uint8Array): Uint8Array {
  if (!isMarked(message)) return message;
  const escaped = new Uint8Array(message.length + 1);
  escaped[0] = CONTROL_MARK;
  escaped.set(message, 1);
  return escaped;
}

/**
 * Encodes a control frame: 0xC1, then one msgpack array.
 * @throws BlindsaltError `option-invalid` when a field is outside the schema (a defect of the caller).
 */
export function encodeControl(message: Message): Uint8Array {
  const shape: { readonly type: number; readonly fields: Fields } = SHAPES[message.kind];
  const values: unknown[] = [shape.type];
  for (const [name] of shape.fields) values.push((message as unknown as Record<string, unknown>)[name]);
  const packed = packer.pack(values);
  const frame = new Uint8Array(packed.length + 1);
  frame[0] = CONTROL_MARK;
  frame.set(packed, 1);
  try {
    check(frame, shape.fields);
  } catch (cause) {
    throw new BlindsaltError('option-invalid', `cannot encode ${message.kind}`, { cause });
  }
  return frame;
}

function check(frame: Uint8Array, fields: Fields): void {
  // The type number is below 0x80, so the head is three bytes: mark, array of 1 + fields, type.
  if (frame[1] !== 0x91 + fields.length) malformed('wrong number of fields');
  prescan(frame, 3, fields);
}

/**
 * Decodes one control frame from the given sender against the closed schema.
 * @param maxBytes longest frame accepted, the mark included
 * @throws BlindsaltError `frame-too-large`, or `protocol-error` with a `reason` for the log
 */
export function decodeControl(frame: Uint8Array, sender: Sender, maxBytes: number = MAX_CONTROL_BYTES): Message {
  if (frame.length > maxBytes) throw new BlindsaltError('frame-too-large');
  if (frame[0] !== CONTROL_MARK) malformed('not a control frame');
  const head = frame[1];
  if (head === undefined || head < 0x91 || head > 0x9f) malformed('not an array of a type and fields');
  const type = frame[2];
  const entry = type === undefined || type > 0x7f ? undefined : BY_TYPE.get(type);
  if (entry === undefined) return malformed('unknown type');
  if (entry.sender !== sender) malformed('a message of the other end');
  check(frame, entry.fields);

  const values = unpacker.unpack(frame.subarray(1)) as unknown[];
  const message: Record<string, unknown> = { kind: entry.kind };
  entry.fields.forEach(([name], i) => {
    const value = values[i + 1];
    // A copy: views would keep the frame, or a pool behind it, alive and shared.
    message[name] = value instanceof Uint8Array ? new Uint8Array(value) : value;
  });
  return message as unknown as Message;
}
