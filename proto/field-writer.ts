import { isUtf8 } from './field-reader.js';
import type { Field } from './shapes.js';

const utf8 = new TextEncoder();
const SURROGATE = /\p{Surrogate}/u;

/** The value is not what the schema says: a defect of the caller. */
function refuse(name: string, problem: string): never {
  throw new RangeError(`${name} ${problem}`);
}

/** Most bytes that a field takes, its header included. */
export function maxBytesOf(field: Field): number {
  switch (field.kind) {
    case 'uint':
      return 5;
    case 'bin':
      return 3 + Math.max(...field.lengths);
    case 'blob':
    case 'str':
      return 3 + field.max;
    case 'strs':
      return 1 + field.items * (3 + field.max);
    case 'uints':
      return 1 + field.items * 5;
  }
}

/**
 * Writes fields in msgpack, each in its shortest form, into a buffer with room for all that the schema allows.
 * What does not fit the schema is refused with a RangeError before it is written.
 */
export class FieldWriter {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  field(name: string, field: Field, value: unknown): void {
    switch (field.kind) {
      case 'uint':
        return this.#uint(name, value, field.max);
      case 'bin':
        if (!(value instanceof Uint8Array) || !field.lengths.includes(value.length)) refuse(name, 'has a wrong length');
        return this.#bin(value);
      case 'blob':
        if (!(value instanceof Uint8Array) || value.length < field.min || value.length > field.max) {
          refuse(name, 'has a wrong length');
        }
        return this.#bin(value);
      case 'str':
        return this.#str(name, value, field.min, field.max);
      case 'strs':
        for (const text of this.#list(name, value, field.items)) this.#str(name, text, 1, field.max);
        return;
      case 'uints':
        for (const number of this.#list(name, value, field.items)) this.#uint(name, number, 0xffff_ffff);
        return;
    }
  }

  /** A copy of what was written; the buffer forgets it, for some of it is secret. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#at);
    this.clear();
    return taken;
  }

  clear(): void {
    this.#bytes.fill(0, 0, this.#at);
    this.#at = 0;
  }

  #bigEndian(value: number, size: number): void {
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) this.byte((value >>> shift) & 0xff);
  }

  #uint(name: string, value: unknown, max: number): void {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
      return refuse(name, 'out of range');
    }
    if (value < 0x80) return this.byte(value);
    const size = value < 0x100 ? 1 : value < 0x1_0000 ? 2 : 4;
    this.byte(size === 1 ? 0xcc : size === 2 ? 0xcd : 0xce);
    this.#bigEndian(value, size);
  }

  #bin(value: Uint8Array): void {
    const size = value.length < 0x100 ? 1 : 2;
    this.byte(size === 1 ? 0xc4 : 0xc5);
    this.#bigEndian(value.length, size);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  #str(name: string, value: unknown, min: number, max: number): void {
    if (typeof value !== 'string') return refuse(name, 'is not a text');
    const isAscii = isPlainAscii(value);
    const bytes = isAscii ? undefined : utf8.encode(value);
    const length = bytes?.length ?? value.length;
    if (length < min || length > max) refuse(name, 'has a wrong length');
    if (length < 0x20) this.byte(0xa0 + length);
    else {
      const size = length < 0x100 ? 1 : 2;
      this.byte(size === 1 ? 0xd9 : 0xda);
      this.#bigEndian(length, size);
    }
    if (bytes === undefined) {
      for (let i = 0; i < length; i++) this.byte(value.charCodeAt(i));
      return;
    }
    if (SURROGATE.test(value) || !isUtf8(bytes, 0, length)) refuse(name, 'is not valid UTF-8');
    this.#bytes.set(bytes, this.#at);
    this.#at += length;
  }

  #list(name: string, value: unknown, items: number): readonly unknown[] {
    if (!Array.isArray(value) || value.length > items) return refuse(name, 'has too many entries');
    this.byte(0x90 + value.length);
    return value;
  }
}

/** U+0001 to U+007F only, each of which is one byte. */
function isPlainAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0 || unit > 0x7f) return false;
  }
  return true;
}
