import { FrameReader, OPCODE, type WebSocketFrame } from './framing.js';

// Whole WebSocket messages out of a stream of bytes, RFC 6455 sections 5.4 and 5.5.

export type DataMessage = { readonly kind: 'text' | 'binary'; readonly data: Buffer };
/** 1005 for a close frame without a code. */
export type CloseMessage = { readonly kind: 'close'; readonly code: number; readonly reason: string };
export type WebSocketMessage =
  DataMessage | CloseMessage | { readonly kind: 'ping' | 'pong'; readonly payload: Buffer };

/** What comes over a connection; `end`: it is over without a (further) close frame. */
export type SocketEvent = DataMessage | CloseMessage | { readonly kind: 'end' };

/** Joins fragments; what the framing has wrong is noted, not refused, so that a suite can tell of it. */
export class MessageReader {
  readonly #frames = new FrameReader();
  #message: { readonly kind: 'text' | 'binary'; readonly parts: Buffer[] } | undefined;
  /** Defects of the framing, in words. */
  readonly faults: string[] = [];

  constructor(readonly from: 'client' | 'server') {}

  /** Takes bytes of the stream; gives the messages that are complete. @throws RangeError for a frame over 64 MiB */
  push(bytes: Uint8Array): readonly WebSocketMessage[] {
    return this.#frames.push(bytes).flatMap((frame) => this.#take(frame) ?? []);
  }

  #take({ fin, rsv, opcode, masked, payload }: WebSocketFrame): WebSocketMessage | undefined {
    const { from } = this;
    if (masked !== (from === 'client')) {
      this.faults.push(`${masked ? 'a masked' : 'an unmasked'} frame from the ${from} (RFC 6455, 5.1)`);
    }
    if (rsv !== 0) this.faults.push(`reserved bits ${rsv} set without an extension (RFC 6455, 5.2)`);
    switch (opcode) {
      case OPCODE.ping:
        return { kind: 'ping', payload };
      case OPCODE.pong:
        return { kind: 'pong', payload };
      case OPCODE.close: {
        const code = payload.length >= 2 ? payload.readUInt16BE() : 1005;
        return { kind: 'close', code, reason: payload.subarray(2).toString() };
      }
      case OPCODE.text:
      case OPCODE.binary:
        this.#message = { kind: opcode === OPCODE.text ? 'text' : 'binary', parts: [] };
    }
    const isPart = opcode === OPCODE.text || opcode === OPCODE.binary || opcode === OPCODE.continuation;
    if (!isPart || this.#message === undefined) return void this.faults.push(`a frame with opcode ${opcode}`);
    this.#message.parts.push(payload);
    if (!fin) return undefined;
    const { kind, parts } = this.#message;
    this.#message = undefined;
    return { kind, data: Buffer.concat(parts) };
  }
}
