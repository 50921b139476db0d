import { BlindsaltError } from './errors.js';
import type { Field } from './shapes.js';

/** Refuses a frame: the reason goes to the log, never to the peer. */
export function malformed(reason: string): never {
  throw new BlindsaltError('protocol-error', `malformed control frame: ${reason}`, { reason });
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the fields of one msgpack array against the closed schema, and checks every byte on the way: wire type, shortest
 * header, bounds, valid UTF-8. Nothing but what the schema allows is understood; no length is trusted before it was
 * compared with the field's bounds and the frame's, and nothing is allocated before that.
 */
export class FieldReader {
  readonly #bytes: Uint8Array;
  #at: number;
  /** Of the field under way, for the log. */
  #name = '';

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  /** The next field's value; byte strings are copies, which neither change with the frame nor keep it alive. */
  field(name: string, field: Field): unknown {
    this.#name = name;
    switch (field.kind) {
      case 'uint': {
        const value = this.#uint();
        if (value > field.max) malformed(`${name} out of range`);
        return value;
      }
      case 'bin': {
        const length = this.#binHeader();
        if (!field.lengths.includes(length)) malformed(`${name} has a wrong length`);
        return this.#copy(length);
      }
      case 'blob': {
        const length = this.#binHeader();
        if (length < field.min || length > field.max) malformed(`${name} has a wrong length`);
        return this.#copy(length);
      }
      case 'str':
        return this.#text(field.min, field.max);
      case 'strs': {
        const texts: string[] = [];
        for (let left = this.#listHeader(field.items); left > 0; left--) texts.push(this.#text(1, field.max));
        return texts;
      }
      case 'uints': {
        const numbers: number[] = [];
        for (let left = this.#listHeader(field.items); left > 0; left--) numbers.push(this.#uint());
        return numbers;
      }
    }
  }

  /** After the last field. */
  end(): void {
    if (this.#at !== this.#bytes.length) malformed('trailing bytes');
  }

  /** The next byte, or refusal at the end of the frame. */
  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return malformed(`${this.#name} is cut off`);
    this.#at += 1;
    return byte;
  }

  /** A number in so many bytes, big-endian; refuses what would have fitted a shorter form. */
  #long(size: number, least: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.#byte();
    if (value < least) malformed(`${this.#name} is not in its shortest form`);
    return value;
  }

  #uint(): number {
    const tag = this.#byte();
    if (tag < 0x80) return tag;
    if (tag === 0xcc) return this.#long(1, 0x80);
    if (tag === 0xcd) return this.#long(2, 0x100);
    if (tag === 0xce) return this.#long(4, 0x1_0000);
    return malformed(`${this.#name} is not an unsigned integer`);
  }

  #binHeader(): number {
    const tag = this.#byte();
    if (tag === 0xc4) return this.#long(1, 0);
    if (tag === 0xc5) return this.#long(2, 0x100);
    return malformed(`${this.#name} is not a byte string`);
  }

  #strHeader(): number {
    const tag = this.#byte();
    if (tag >= 0xa0 && tag < 0xc0) return tag - 0xa0;
    if (tag === 0xd9) return this.#long(1, 0x20);
    if (tag === 0xda) return this.#long(2, 0x100);
    return malformed(`${this.#name} is not a text`);
  }

  /** Lists hold at most 15 entries, so only the one-byte header can be the shortest. */
  #listHeader(items: number): number {
    const tag = this.#byte();
    if (tag < 0x90 || tag >= 0xa0) return malformed(`${this.#name} is not a list`);
    const count = tag - 0x90;
    if (count > items) malformed(`${this.#name} has too many entries`);
    return count;
  }

  /** Steps over so many bytes, and answers where they begin. */
  #skip(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) malformed(`${this.#name} is cut off`);
    this.#at = start + length;
    return start;
  }

  #copy(length: number): Uint8Array {
    const start = this.#skip(length);
    const copy = new Uint8Array(length);
    for (let i = 0; i < length; i++) copy[i] = this.#bytes[start + i]!;
    return copy;
  }

  #text(min: number, max: number): string {
    const length = this.#strHeader();
    if (length < min || length > max) malformed(`${this.#name} has a wrong length`);
    const start = this.#skip(length);
    if (isPlainAscii(this.#bytes, start, this.#at)) return asciiText(this.#bytes, start, this.#at);
    if (!isUtf8(this.#bytes, start, this.#at)) malformed(`${this.#name} is not valid UTF-8`);
    return utf8.decode(this.#bytes.subarray(start, this.#at));
  }
}

/** U+0001 to U+007F only. */
function isPlainAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === 0 || bytes[i]! > 0x7f) return false;
  return true;
}

/** Most texts are short and plain, for which a TextDecoder takes longer than this. */
function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

/**
 * RFC 3629, plus two refusals: U+FEFF in front, which some decoders drop, and U+0000 anywhere.
 * So that text survives decoding and encoding on every platform unchanged.
 */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
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
