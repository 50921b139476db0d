import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import {
  LABEL,
  NO_BINDING,
  Transcript,
  concat,
  len16,
  oprfInput,
  proofMessage,
  withoutProof,
  type IncrementalHash,
  type TranscriptHash,
} from '../../proto/index.js';

function incremental(hash = createHash('sha512')): IncrementalHash {
  return {
    update: (bytes) => hash.update(bytes),
    digest: (last = new Uint8Array(0)) => new Uint8Array(hash.copy().update(last).digest()),
    clone: () => incremental(hash.copy()),
  };
}
const once = (bytes: Uint8Array) => new Uint8Array(createHash('sha512').update(bytes).digest());
const sha512: TranscriptHash = Object.assign(once, { create: () => incremental() });
const ascii = (text: string) => new TextEncoder().encode(text);
const u32 = (n: number) => Uint8Array.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);

describe('transcript', () => {
  const hello = ascii('hello frame');
  const start = ascii('start frame');
  const finish = concat(ascii('finish'), Uint8Array.from([0xc4, 0x40]), new Uint8Array(64));

  test('is the hash that PROTOCOL.md defines', () => {
    const transcript = new Transcript(sha512);
    transcript.append(hello);
    transcript.append(start);
    const frames = once(concat(u32(11), hello, u32(11), start, u32(6), ascii('finish')));
    const binding = { type: 'tls-exporter', value: new Uint8Array(32).fill(9) };
    expect(transcript.hash(LABEL.loginClient, binding, withoutProof(finish))).toEqual(
      once(concat(len16(LABEL.loginClient), len16('tls-exporter'), len16(binding.value), frames)),
    );
  });

  test('differs by label, binding, frame, order and frame boundary', () => {
    const of = (
      frames: Uint8Array[],
      label: (typeof LABEL)[keyof typeof LABEL] = LABEL.loginClient,
      binding = NO_BINDING,
    ) => {
      const transcript = new Transcript(sha512);
      for (const frame of frames) transcript.append(frame);
      return Buffer.from(transcript.hash(label, binding)).toString('hex');
    };
    const all = [
      of([hello, start]),
      of([start, hello]),
      of([hello]),
      of([concat(hello, start)]),
      of([hello, start], LABEL.loginServer),
      of([hello, start], LABEL.signupClient),
      of([hello, start], LABEL.signupServer),
      of([hello, start], LABEL.loginClient, { type: 'tls-exporter', value: new Uint8Array(0) }),
      of([hello, start], LABEL.loginClient, { type: '', value: ascii('tls-exporter') }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  test('of an exchange after welcome begins with what was before, and the session', () => {
    const transcript = new Transcript(sha512);
    transcript.append(hello);
    const sessionId = new Uint8Array(16).fill(3);
    const exchange = transcript.exchange(sessionId);
    exchange.append(start);
    const frames = once(concat(u32(80), once(concat(u32(11), hello)), sessionId, u32(11), start));
    expect(exchange.hash(LABEL.stepUpClient, NO_BINDING)).toEqual(
      once(concat(len16(LABEL.stepUpClient), len16(''), len16(''), frames)),
    );
    expect(transcript.exchange(sessionId).hash(LABEL.stepUpClient, NO_BINDING, start)).toEqual(
      exchange.hash(LABEL.stepUpClient, NO_BINDING),
    );
    expect(withoutProof(new Uint8Array(140), 2)).toHaveLength(8);
  });

  test('hashing does not disturb what follows', () => {
    const transcript = new Transcript(sha512);
    transcript.append(hello);
    const before = transcript.hash(LABEL.loginServer, NO_BINDING, start);
    expect(transcript.hash(LABEL.loginServer, NO_BINDING, start)).toEqual(before);
    transcript.append(start);
    expect(transcript.hash(LABEL.loginServer, NO_BINDING)).toEqual(before);
  });

  test('length prefixes keep fields apart', () => {
    const nonce = new Uint8Array(32);
    expect(proofMessage('ab', 'c', nonce, nonce)).not.toEqual(proofMessage('a', 'bc', nonce, nonce));
    expect(oprfInput('a', 'b', ascii('cd'))).not.toEqual(oprfInput('a', 'bc', ascii('d')));
    expect(() => len16(new Uint8Array(65536))).toThrow(RangeError);
  });
});
