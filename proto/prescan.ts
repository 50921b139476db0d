import { BlindsaltError } from './errors.js';
import type { Field } from './shapes.js';

/** Refuses a frame: the reason goes to the log, never to the peer. */
export function malformed(reason: string): never {
  throw new BlindsaltError('protocol-error', `malformed control frame: ${reason}`, { reason });
}

/**
 * Walks one msgpack array of exactly `fields` and checks every byte against them: wire type, shortest header, bounds,
 * valid UTF-8, nothing behind. Reads only; allocates nothing; never trusts a length it has not compared with the frame's.
 * After it has passed, a general msgpack decoder may look at the bytes.
 */
export function prescan(bytes: Uint8Array, start: number, fields: readonly (readonly [string, Field])[]): void {
  let at = start;
  for (const [name, field] of fields) at = skip(bytes, at, field, name);
  if (at !== bytes.length) malformed('trailing bytes');
}

function skip(bytes: Uint8Array, at: number, field: Field, name: string): number {
  switch (field.kind) {
    case 'uint': {
      const [value, next] = uintAt(bytes, at, name);
      if (value > field.max) malformed(`${name} out of range`);
      return next;
    }
    case 'bin': {
      const [length, next] = binHeader(bytes, at, name);
      if (!field.lengths.includes(length)) malformed(`${name} has a wrong length`);
      return within(bytes, next, length, name);
    }
    case 'blob': {
      const [length, next] = binHeader(bytes, at, name);
      if (length < field.min || length > field.max) malformed(`${name} has a wrong length`);
      return within(bytes, next, length, name);
    }
    case 'str':
      return text(bytes, at, field.min, field.max, name);
    case 'strs': {
      const [count, first] = listHeader(bytes, at, field.items, name);
      let next = first;
      for (let i = 0; i < count; i++) next = text(bytes, next, 1, field.max, name);
      return next;
    }
    case 'uints': {
      const [count, first] = listHeader(bytes, at, field.items, name);
      let next = first;
      for (let i = 0; i < count; i++) next = uintAt(bytes, next, name)[1];
      return next;
    }
  }
}

/** The byte at a position, or refusal at the end of the frame. */
function byteAt(bytes: Uint8Array, at: number, name: string): number {
  const byte = bytes[at];
  return byte === undefined ? malformed(`${name} is cut off`) : byte;
}

function bigEndian(bytes: Uint8Array, at: number, count: number, name: string): number {
  let value = 0;
  for (let i = 0; i < count; i++) value = value * 256 + byteAt(bytes, at + i, name);
  return value;
}

/** Header with its length in `size` bytes; refuses what would have fitted a shorter one. */
function long(bytes: Uint8Array, at: number, size: number, least: number, name: string): [number, number] {
  const value = bigEndian(bytes, at + 1, size, name);
  if (value < least) malformed(`${name} is not in its shortest form`);
  return [value, at + 1 + size];
}

function uintAt(bytes: Uint8Array, at: number, name: string): [value: number, next: number] {
  const tag = byteAt(bytes, at, name);
  if (tag < 0x80) return [tag, at + 1];
  if (tag === 0xcc) return long(bytes, at, 1, 0x80, name);
  if (tag === 0xcd) return long(bytes, at, 2, 0x100, name);
  if (tag === 0xce) return long(bytes, at, 4, 0x1_0000, name);
  return malformed(`${name} is not an unsigned integer`);
}

function binHeader(bytes: Uint8Array, at: number, name: string): [length: number, next: number] {
  const tag = byteAt(bytes, at, name);
  if (tag === 0xc4) return long(bytes, at, 1, 0, name);
  if (tag === 0xc5) return long(bytes, at, 2, 0x100, name);
  return malformed(`${name} is not a byte string`);
}

function strHeader(bytes: Uint8Array, at: number, name: string): [length: number, next: number] {
  const tag = byteAt(bytes, at, name);
  if (tag >= 0xa0 && tag < 0xc0) return [tag - 0xa0, at + 1];
  if (tag === 0xd9) return long(bytes, at, 1, 0x20, name);
  if (tag === 0xda) return long(bytes, at, 2, 0x100, name);
  return malformed(`${name} is not a text`);
}

/** Lists hold at most 15 entries, so only the one-byte header can be the shortest. */
function listHeader(bytes: Uint8Array, at: number, items: number, name: string): [count: number, next: number] {
  const tag = byteAt(bytes, at, name);
  if (tag >= 0x90 && tag < 0xa0) {
    const count = tag - 0x90;
    if (count > items) malformed(`${name} has too many entries`);
    return [count, at + 1];
  }
  return malformed(`${name} is not a list`);
}

function within(bytes: Uint8Array, at: number, length: number, name: string): number {
  if (length > bytes.length - at) malformed(`${name} is cut off`);
  return at + length;
}

function text(bytes: Uint8Array, at: number, min: number, max: number, name: string): number {
  const [length, first] = strHeader(bytes, at, name);
  if (length < min || length > max) malformed(`${name} has a wrong length`);
  const end = within(bytes, first, length, name);
  if (!isUtf8(bytes, first, end)) malformed(`${name} is not valid UTF-8`);
  return end;
}

/**
 * RFC 3629, plus two refusals: U+FEFF in front, which some decoders drop, and U+0000 anywhere.
 * So that text survives decoding and encoding on every platform unchanged.
 */
function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start >= 3 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) return false;
  let at = start;
  while (at < end) {
    const lead = bytes[at++]!;
    if (lead < 0x80) {
      if (lead === 0) return false;
      continue;
    }
    let more: number;
    let low = 0x80;
    let high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) more = 1;
    else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead === 0xe0) low = 0xa0;
      if (lead === 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead === 0xf0) low = 0x90;
      if (lead === 0xf4) high = 0x8f;
    } else return false;
    if (end - at < more) return false;
    for (; more > 0; more--) {
      const next = bytes[at++]!;
      if (next < low || next > high) return false;
      low = 0x80;
      high = 0xbf;
    }
  }
  return true;
}
