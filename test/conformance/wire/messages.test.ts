import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { closePayload, encodeWebSocketFrame, OPCODE } from '../../../src/conformance/wire/framing.js';
import { MessageReader } from '../../../src/conformance/wire/messages.js';

const { text, binary, continuation, ping, pong, close } = OPCODE;
const FRAGMENTS = [
  encodeWebSocketFrame(text, Buffer.from('he'), { fin: false }),
  encodeWebSocketFrame(ping, Buffer.from('?')),
  encodeWebSocketFrame(continuation, Buffer.from('llo'), { fin: false }),
  encodeWebSocketFrame(pong, Buffer.from('!')),
  encodeWebSocketFrame(continuation, Buffer.alloc(0)),
  encodeWebSocketFrame(binary, Buffer.of(1, 2)),
  encodeWebSocketFrame(close, closePayload(4480, 'why')),
  encodeWebSocketFrame(close, closePayload(undefined)),
];
const MESSAGES = [
  { kind: 'ping', payload: Buffer.from('?') },
  { kind: 'pong', payload: Buffer.from('!') },
  { kind: 'text', data: Buffer.from('hello') },
  { kind: 'binary', data: Buffer.of(1, 2) },
  { kind: 'close', code: 4480, reason: 'why' },
  { kind: 'close', code: 1005, reason: '' },
];

describe('RFC 6455, 5.4 and 5.5: messages out of frames', () => {
  test('fragments are joined, control frames between them come first; wherever the stream is cut', () => {
    const stream = Buffer.concat(FRAGMENTS);
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 6 }), (cuts) => {
        const reader = new MessageReader('client');
        const places = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const messages = places.slice(1).flatMap((end, i) => reader.push(stream.subarray(places[i], end)));
        expect(messages).toEqual(MESSAGES);
        expect(reader.faults).toEqual([]);
      }),
    );
  });

  test('what is wrong with the framing is noted', () => {
    const reader = new MessageReader('server');
    const frames = [
      encodeWebSocketFrame(binary, Buffer.of(1), { masked: true }),
      encodeWebSocketFrame(binary, Buffer.of(2), { masked: false, rsv: 4 }),
      encodeWebSocketFrame(continuation, Buffer.of(3), { masked: false }),
      encodeWebSocketFrame(3, Buffer.of(4), { masked: false }),
    ];
    expect(reader.push(Buffer.concat(frames))).toEqual([
      { kind: 'binary', data: Buffer.of(1) },
      { kind: 'binary', data: Buffer.of(2) },
    ]);
    expect(reader.faults).toEqual([
      'a masked frame from the server (RFC 6455, 5.1)',
      'reserved bits 4 set without an extension (RFC 6455, 5.2)',
      'a frame with opcode 0',
      'a frame with opcode 3',
    ]);
    expect(new MessageReader('client').push(frames[1]!)).toHaveLength(1);
  });
});
