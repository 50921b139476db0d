import { randomBytes } from 'node:crypto';

// WebSocket frames, RFC 6455 section 5, as bytes: what a library would never send can be sent too.

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface WebSocketFrame {
  readonly fin: boolean;
  /** RSV1 to RSV3 as three bits. */
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** Unmasked. */
  readonly payload: Buffer;
}

export interface FrameOptions {
  readonly fin?: boolean;
  readonly rsv?: number;
  /** Clients mask, servers do not. Default true. */
  readonly masked?: boolean;
}

/** One frame as it goes over the socket. */
export function encodeWebSocketFrame(
  opcode: number,
  payload: Uint8Array,
  { fin = true, rsv = 0, masked = true }: FrameOptions = {},
): Buffer {
  const { length } = payload;
  const extra = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8;
  const head = Buffer.alloc(2 + extra + (masked ? 4 : 0));
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (extra === 0 ? length : extra === 2 ? 126 : 127);
  if (extra === 2) head.writeUInt16BE(length, 2);
  if (extra === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = randomBytes(4);
  mask.copy(head, 2 + extra);
  return Buffer.concat([head, xor(payload, mask)]);
}

/** A close frame's payload; undefined: an empty one. */
export function closePayload(code: number | undefined, reason = ''): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}

function xor(payload: Uint8Array, mask: Uint8Array): Buffer {
  const out = Buffer.from(payload);
  for (let i = 0; i < out.length; i += 1) out[i] = out[i]! ^ mask[i & 3]!;
  return out;
}

/** Cuts a stream into frames. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /** Takes bytes of the stream; gives the frames that are complete. @throws RangeError for a frame over 64 MiB */
  push(bytes: Uint8Array): WebSocketFrame[] {
    this.#pending = this.#pending.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#pending, bytes]);
    const frames: WebSocketFrame[] = [];
    for (let frame = this.#take(); frame !== undefined; frame = this.#take()) frames.push(frame);
    return frames;
  }

  #take(): WebSocketFrame | undefined {
    const bytes = this.#pending;
    if (bytes.length < 2) return undefined;
    const masked = (bytes[1]! & 0x80) !== 0;
    const short = bytes[1]! & 0x7f;
    const extra = short < 126 ? 0 : short === 126 ? 2 : 8;
    const start = 2 + extra + (masked ? 4 : 0);
    if (bytes.length < start) return undefined;
    const length = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (length > 64 * 1024 * 1024) throw new RangeError(`a WebSocket frame of ${length} bytes`);
    if (bytes.length < start + length) return undefined;
    const body = bytes.subarray(start, start + length);
    this.#pending = bytes.subarray(start + length);
    return {
      fin: (bytes[0]! & 0x80) !== 0,
      rsv: (bytes[0]! >> 4) & 7,
      opcode: bytes[0]! & 0x0f,
      masked,
      payload: masked ? xor(body, bytes.subarray(start - 4, start)) : Buffer.from(body),
    };
  }
}
