import { CONTROL_MARK, MAX_CONTROL_BYTES } from './constants.js';
import { BlindsaltError } from './errors.js';
import { FieldReader, malformed } from './field-reader.js';
import { FieldWriter, maxBytesOf } from './field-writer.js';
import type { Message } from './messages.js';
import { SHAPES, type Field, type MessageName, type Sender } from './shapes.js';

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

/** Mark, header of the array, type. */
const HEAD_BYTES = 3;
const MAX_ENCODED_BYTES = Math.max(
  ...Object.values(SHAPES).map(({ fields }: { readonly fields: Fields }) =>
    fields.reduce((sum, [, field]) => sum + maxBytesOf(field), HEAD_BYTES),
  ),
);
/** Messages are encoded one after the other, never one inside another. */
const writer = new FieldWriter(new Uint8Array(MAX_ENCODED_BYTES));

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
  const values = message as unknown as Readonly<Record<string, unknown>>;
  try {
    writer.byte(CONTROL_MARK);
    // The type number is below 0x80, and there are at most 14 fields: a byte for each.
    writer.byte(0x91 + shape.fields.length);
    writer.byte(shape.type);
    for (const [name, field] of shape.fields) writer.field(name, field, values[name]);
    return writer.take();
  } catch (cause) {
    writer.clear();
    throw new BlindsaltError('option-invalid', `cannot encode ${message.kind}`, { cause });
  }
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
  if (head !== 0x91 + entry.fields.length) malformed('wrong number of fields');

  const reader = new FieldReader(frame, HEAD_BYTES);
  const message: Record<string, unknown> = { kind: entry.kind };
  for (const [name, field] of entry.fields) message[name] = reader.field(name, field);
  reader.end();
  return message as unknown as Message;
}
