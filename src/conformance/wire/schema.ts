import { controlFrame, Reader, WireFault, type Read, type Value } from './msgpack.js';

// The messages of PROTOCOL.md, section 5, written down a second time.

export type FieldType =
  | { readonly is: 'uint'; readonly max: number }
  | { readonly is: 'bin'; readonly lengths: readonly number[] }
  | { readonly is: 'bytes'; readonly min: number; readonly max: number }
  | { readonly is: 'text'; readonly min: number; readonly max: number }
  | { readonly is: 'texts'; readonly items: number; readonly max: number }
  | { readonly is: 'uints'; readonly items: number };

export interface MessageType {
  readonly type: number;
  /** As PROTOCOL.md calls it. */
  readonly name: string;
  readonly from: 'client' | 'server';
  readonly section: string;
  readonly fields: readonly (readonly [name: string, type: FieldType])[];
}

const uint = (max = 0xffff_ffff): FieldType => ({ is: 'uint', max });
const bin = (...lengths: number[]): FieldType => ({ is: 'bin', lengths });
const bytes = (min: number, max: number): FieldType => ({ is: 'bytes', min, max });
const text = (min: number, max: number): FieldType => ({ is: 'text', min, max });
const texts = (items: number, max: number): FieldType => ({ is: 'texts', items, max });
const uints = (items: number): FieldType => ({ is: 'uints', items });

const START: MessageType['fields'] = [
  ['username', text(1, 255)],
  ['clientNonce', bin(32)],
  ['target', text(1, 262)],
  ['binding', text(0, 32)],
  ['origin', text(0, 300)],
  ['subprotocols', texts(8, 64)],
  ['deviceLabel', text(0, 64)],
  ['deviceProof', bin(0, 80)],
  ['puzzleAnswer', bytes(0, 64)],
];
const CHALLENGE: MessageType['fields'] = [
  ['serverNonce', bin(32)],
  ['serverKeyId', bin(16)],
  ['ksf', text(1, 32)],
  ['ksfMemoryKiB', uint()],
  ['ksfIterations', uint()],
  ['ksfParallelism', uint()],
  ['mechanismData', bytes(0, 255)],
  ['proof', bin(64)],
];
const LIFE: MessageType['fields'] = [
  ['idleSeconds', uint()],
  ['absoluteSeconds', uint()],
  ['ticketId', bin(0, 32)],
  ['ticketSecret', bin(0, 64)],
];

/** What a proof of the password gives out. */
const RENEWED: MessageType['fields'] = [...LIFE, ['deviceId', bin(0, 16)], ['deviceSecret', bin(0, 32)]];

const client = (type: number, name: string, section: string, fields: MessageType['fields'] = []): MessageType => ({
  type,
  name,
  from: 'client',
  section,
  fields,
});
const server = (type: number, name: string, section: string, fields: MessageType['fields']): MessageType => ({
  type,
  name,
  from: 'server',
  section,
  fields,
});

export const MESSAGES: readonly MessageType[] = [
  server(0, 'hello', '5.1', [
    ['serverNonce', bin(32)],
    ['domain', text(1, 253)],
    ['versions', uints(8)],
    ['mechanisms', texts(8, 64)],
    ['bindings', texts(8, 32)],
    ['registration', text(1, 16)],
    ['limits', uints(15)],
    ['puzzle', bytes(0, 64)],
  ]),
  server(1, 'error', '5.10', [
    ['code', text(1, 32)],
    ['retryAfterSeconds', uint()],
  ]),
  server(2, 'welcome', '5.9', [
    ['sessionId', bin(16)],
    ['userId', bin(16)],
    ['username', text(1, 255)],
    ['subprotocol', text(0, 64)],
    ['idleSeconds', uint()],
    ['absoluteSeconds', uint()],
    ['roles', texts(15, 64)],
    ['ticketId', bin(0, 32)],
    ['ticketSecret', bin(0, 64)],
    ['deviceId', bin(0, 16)],
    ['deviceSecret', bin(0, 32)],
    ['flags', uint()],
    ['proof', bin(0, 64)],
  ]),
  client(10, 'signup-start', '5.3', [
    ...START,
    ['invite', text(0, 64)],
    ['ksfs', texts(8, 32)],
    ['mechanismData', bytes(0, 255)],
  ]),
  server(11, 'signup-challenge', '5.4', CHALLENGE),
  client(12, 'signup-finish', '5.5', [
    ['record', bin(192)],
    ['proof', bin(64)],
  ]),
  client(20, 'login-start', '5.6', [...START, ['mechanism', text(1, 64)], ['mechanismData', bytes(0, 255)]]),
  server(21, 'login-challenge', '5.7', CHALLENGE),
  client(22, 'login-finish', '5.8', [['proof', bin(64)]]),
  client(30, 'resume', '5.11', [...START.slice(1), ['ticketId', bin(32)], ['proof', bin(64)]]),
  client(40, 'refresh', '5.12'),
  server(41, 'refreshed', '5.12', LIFE),
  client(50, 'step-up-start', '5.13', [
    ['clientNonce', bin(32)],
    ['mechanism', text(1, 64)],
    ['mechanismData', bytes(0, 255)],
  ]),
  server(51, 'step-up-challenge', '5.14', CHALLENGE),
  client(52, 'step-up-finish', '5.14', [['proof', bin(64)]]),
  server(53, 'stepped-up', '5.14', RENEWED),
  client(60, 're-register-start', '5.15', [
    ['clientNonce', bin(32)],
    ['ksfs', texts(8, 32)],
    ['mechanismData', bytes(0, 255)],
  ]),
  server(61, 're-register-challenge', '5.15', CHALLENGE),
  client(62, 're-register-finish', '5.16', [
    ['record', bin(192)],
    ['endOthers', uint(1)],
    ['oldProof', bin(64)],
    ['newProof', bin(64)],
  ]),
  server(63, 're-registered', '5.16', RENEWED),
  client(70, 'sessions-list', '5.17'),
  server(71, 'session-entry', '5.17', [
    ['sessionId', bin(0, 16)],
    ['deviceLabel', text(0, 64)],
    ['createdAtSeconds', uint()],
    ['lastSeenAtSeconds', uint()],
    ['addressPrefix', text(0, 64)],
    ['current', uint(1)],
  ]),
  client(72, 'revoke', '5.18', [
    ['sessionId', bin(0, 16)],
    ['scope', uint(2)],
  ]),
  client(74, 'logout', '5.18', [['everywhere', uint(1)]]),
  client(76, 'delete-account', '5.18'),
  server(79, 'done', '5.18', [['count', uint()]]),
  server(80, 'expiring', '5.19', [
    ['secondsLeft', uint()],
    ['limit', uint(1)],
  ]),
  server(81, 'user-changed', '5.20', [['roles', texts(15, 64)]]),
];

const BY_TYPE = new Map(MESSAGES.map((message) => [message.type, message]));
const BY_NAME = new Map(MESSAGES.map((message) => [message.name, message]));

/** @throws Error for a name that PROTOCOL.md does not have */
export function messageType(name: string): MessageType {
  const found = BY_NAME.get(name);
  if (found === undefined) throw new Error(`no message ${name}`);
  return found;
}

export type Fields = Readonly<Record<string, Read>>;

export interface WireMessage {
  readonly name: string;
  readonly from: 'client' | 'server';
  readonly fields: Fields;
}

/** A message with the frame that it came in. */
export interface Received extends WireMessage {
  readonly frame: Buffer;
}

export const bytesOf = (message: WireMessage, field: string): Buffer => message.fields[field] as Buffer;
export const textOf = (message: WireMessage, field: string): string => message.fields[field] as string;
export const numberOf = (message: WireMessage, field: string): number => message.fields[field] as number;

/** Encodes a message from its fields by name; values may be `Raw`. Nothing is checked. */
export function encodeMessage(name: string, fields: Readonly<Record<string, Value>>): Buffer {
  const { type, fields: shape } = messageType(name);
  return controlFrame(
    type,
    shape.map(([field]) => fields[field] ?? ''),
  );
}

/** Decodes a control frame of the given end, as strictly as section 4 has it. @throws WireFault */
export function decodeMessage(frame: Uint8Array, from: 'client' | 'server'): WireMessage {
  if (frame[0] !== 0xc1) throw new WireFault('not a control frame');
  const head = frame[1] ?? 0;
  if (head < 0x91 || head > 0x9f) throw new WireFault('no array behind 0xC1');
  const message = BY_TYPE.get(frame[2] ?? 0xff);
  if (message === undefined) throw new WireFault(`type ${frame[2]} is not in section 5`);
  if (message.from !== from) throw new WireFault(`a ${from} must not send ${message.name}`);
  if (head - 0x91 !== message.fields.length) {
    throw new WireFault(`${message.name} has ${message.fields.length} fields (${message.section}), not ${head - 0x91}`);
  }
  const reader = new Reader(frame, 3);
  const fields: Record<string, Read> = {};
  for (const [name, type] of message.fields) {
    const value = reader.value();
    const fault = faultOf(value, type);
    if (fault !== undefined) throw new WireFault(`${message.name}.${name} ${fault} (${message.section})`);
    fields[name] = value;
  }
  if (!reader.isAtEnd) throw new WireFault(`bytes behind the array of ${message.name} (section 4)`);
  return { name: message.name, from, fields };
}

function faultOf(value: Read, type: FieldType): string | undefined {
  switch (type.is) {
    case 'uint':
      if (typeof value !== 'number') return 'is no integer';
      return value > type.max ? `is ${value}, over ${type.max}` : undefined;
    case 'bin':
      if (!Buffer.isBuffer(value)) return 'is no byte string';
      return type.lengths.includes(value.length)
        ? undefined
        : `has ${value.length} bytes, not ${type.lengths.join(' or ')}`;
    case 'bytes':
      if (!Buffer.isBuffer(value)) return 'is no byte string';
      return value.length < type.min || value.length > type.max ? `has ${value.length} bytes` : undefined;
    case 'text':
      return textFault(value, type.min, type.max);
    case 'texts': {
      if (!Array.isArray(value)) return 'is no list';
      if (value.length > type.items) return `has ${value.length} entries`;
      for (const entry of value as readonly Read[]) {
        const fault = textFault(entry, 1, type.max);
        if (fault !== undefined) return `has an entry that ${fault}`;
      }
      return undefined;
    }
    case 'uints':
      if (!Array.isArray(value)) return 'is no list';
      if (value.length > type.items) return `has ${value.length} entries`;
      return (value as readonly Read[]).every((entry) => typeof entry === 'number')
        ? undefined
        : 'has an entry that is no integer';
  }
}

function textFault(value: Read, min: number, max: number): string | undefined {
  if (typeof value !== 'string') return 'is no text';
  const length = Buffer.byteLength(value);
  return length < min || length > max ? `has ${length} bytes, not ${min} to ${max}` : undefined;
}
