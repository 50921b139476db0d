// An encoder and a reader of this suite's own, so that a defect of the project's codec is not shared. PROTOCOL.md, 4.

/** Bytes that stand for themselves: how encodings that are not allowed are made. */
export class Raw {
  constructor(readonly bytes: Uint8Array) {}
}

export type Value = number | string | Uint8Array | readonly Value[] | Raw;

export const raw = (...bytes: readonly (number | Uint8Array)[]): Raw =>
  new Raw(Buffer.concat(bytes.map((part) => (typeof part === 'number' ? Buffer.of(part) : part))));

/** The shortest encoding. */
export function pack(value: Value): Buffer {
  if (value instanceof Raw) return Buffer.from(value.bytes);
  if (typeof value === 'number') return packUint(value);
  if (typeof value === 'string') return packText(Buffer.from(value));
  if (value instanceof Uint8Array) return Buffer.concat([binHead(value.length), value]);
  if (value.length > 15) throw new RangeError('lists here have at most 15 entries');
  return Buffer.concat([Buffer.of(0x90 + value.length), ...value.map(pack)]);
}

function packUint(value: number): Buffer {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new RangeError('not a uint');
  if (value < 0x80) return Buffer.of(value);
  if (value < 0x100) return Buffer.of(0xcc, value);
  return value < 0x1_0000 ? uintWith(0xcd, value) : uintWith(0xce, value);
}

/** An integer behind the head of its width, whether or not that is the shortest: 0xCC, 0xCD, 0xCE or 0xCF. */
export function uintWith(head: 0xcc | 0xcd | 0xce | 0xcf, value: number): Buffer {
  const width = 1 << (head - 0xcc);
  const out = Buffer.alloc(1 + width);
  out[0] = head;
  if (width === 8) out.writeBigUInt64BE(BigInt(value), 1);
  else out.writeUIntBE(value, 1, width);
  return out;
}

/** Text by its bytes, valid UTF-8 or not. */
export function packText(bytes: Uint8Array): Buffer {
  const { length } = bytes;
  const head = length < 32 ? Buffer.of(0xa0 + length) : lengthHead(length < 0x100 ? 0xd9 : 0xda, length);
  return Buffer.concat([head, bytes]);
}

const binHead = (length: number): Buffer => lengthHead(length < 0x100 ? 0xc4 : 0xc5, length);

/** Head with a length of its width: 0xC4 to 0xC6 for bytes, 0xD9 to 0xDB for text, 0xDC and 0xDD for lists. */
export function lengthHead(head: number, length: number): Buffer {
  const width = head === 0xc4 || head === 0xd9 ? 1 : head === 0xc5 || head === 0xda || head === 0xdc ? 2 : 4;
  const out = Buffer.alloc(1 + width);
  out[0] = head;
  out.writeUIntBE(length, 1, width);
  return out;
}

/** A control frame: 0xC1, an array of the type and the fields. */
export function controlFrame(type: Value, fields: readonly Value[]): Buffer {
  return Buffer.concat([Buffer.of(0xc1), pack([type, ...fields])]);
}

/** What was sent is not blindsalt.v1. */
export class WireFault extends Error {}

/** A value as read, with nothing lost. */
export type Read = number | string | Buffer | readonly Read[];

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads values of the subset that section 4 allows, and refuses all else. */
export class Reader {
  #at: number;

  constructor(
    readonly bytes: Uint8Array,
    start = 0,
  ) {
    this.#at = start;
  }

  get isAtEnd(): boolean {
    return this.#at === this.bytes.length;
  }

  /** @param depth lists that may still be opened */
  value(depth = 1): Read {
    const tag = this.#byte();
    if (tag < 0x80) return tag;
    if (tag >= 0x90 && tag <= 0x9f) {
      if (depth === 0) throw new WireFault('a list inside of a list inside of the array');
      return Array.from({ length: tag - 0x90 }, () => this.value(depth - 1));
    }
    if (tag >= 0xa0 && tag <= 0xbf) return this.#text(tag - 0xa0);
    switch (tag) {
      case 0xcc:
        return this.#number(1, 0x80);
      case 0xcd:
        return this.#number(2, 0x100);
      case 0xce:
        return this.#number(4, 0x1_0000);
      case 0xc4:
        return this.#take(this.#number(1, 0));
      case 0xc5:
        return this.#take(this.#number(2, 0x100));
      case 0xd9:
        return this.#text(this.#number(1, 0x20));
      case 0xda:
        return this.#text(this.#number(2, 0x100));
      default:
        throw new WireFault(`a value that begins 0x${tag.toString(16)} is not allowed (section 4)`);
    }
  }

  #byte(): number {
    const byte = this.bytes[this.#at];
    if (byte === undefined) throw new WireFault('the frame is cut off');
    this.#at += 1;
    return byte;
  }

  #number(width: number, least: number): number {
    let value = 0;
    for (let i = 0; i < width; i += 1) value = value * 256 + this.#byte();
    if (value < least) throw new WireFault(`${value} is not in its shortest encoding (section 4)`);
    return value;
  }

  #take(length: number): Buffer {
    if (length > this.bytes.length - this.#at) throw new WireFault('the frame is cut off');
    this.#at += length;
    return Buffer.from(this.bytes.subarray(this.#at - length, this.#at));
  }

  #text(length: number): string {
    const bytes = this.#take(length);
    let text: string;
    try {
      text = utf8.decode(bytes);
    } catch {
      throw new WireFault('text that is not valid UTF-8 (section 4)');
    }
    if (text.includes('\0')) throw new WireFault('text with U+0000 (section 4)');
    if (text.startsWith('\ufeff')) throw new WireFault('text that begins with U+FEFF (section 4)');
    return text;
  }
}
