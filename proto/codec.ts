import { Packr, RESET_BUFFER_MODE, Unpackr } from 'msgpackr';
import { CONTROL_MARK, MAX_CONTROL_BYTES } from './constants.js';
import { BlindsaltError } from './errors.js';
import type { Message } from './messages.js';
import { SHAPES, type Field, type MessageName, type Sender } from './shapes.js';
import { malformed, prescan } from './prescan.js';

// msgpackr after our own look at every byte: the general decoder sees only what the schema allows.
const packer = new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });
const unpacker = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number', copyBuffers: true });
/** Where frames are read, one after the other: msgpackr hangs a view on each buffer it reads, which costs more than the rest. */
const reading = new Uint8Array(MAX_CONTROL_BYTES);
const readingRange = { start: 1, end: 0 };

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
  try {
    // Written into a buffer that everybody in the process shares who packs with msgpackr: behind what others hold, and the
    // space is free again afterwards. A buffer of our own would become theirs.
    const packed = packer.pack(values, RESET_BUFFER_MODE);
    const frame = new Uint8Array(packed.length + 1);
    frame[0] = CONTROL_MARK;
    frame.set(packed, 1);
    // Some of it may be secret.
    packed.fill(0);
    check(frame, shape.fields);
    return frame;
  } catch (cause) {
    throw new BlindsaltError('option-invalid', `cannot encode ${message.kind}`, { cause });
  }
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

  const values = unpack(frame);
  const message: Record<string, unknown> = { kind: entry.kind };
  for (const [i, [name]] of entry.fields.entries()) message[name] = values[i + 1];
  return message as unknown as Message;
}

/** A checked frame's type and fields; byte strings are copies. */
function unpack(frame: Uint8Array): unknown[] {
  const buffer = frame.length <= reading.length ? reading : new Uint8Array(frame.length);
  buffer.set(frame);
  readingRange.end = frame.length;
  try {
    return unpacker.unpack(buffer, readingRange) as unknown[];
  } finally {
    buffer.fill(0, 0, frame.length);
  }
}
