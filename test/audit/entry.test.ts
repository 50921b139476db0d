// What the chain is made over, against the words that describe it.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { AUDIT_EVENTS, type AuditEvent } from '../../src/server/audit/events.js';
import { decodeBody, encodeBody, entryHash, u64 } from '../../src/server/audit/entry.js';

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:@/,= +-]{0,199}$/),
);
const time = fc.nat({ max: Number.MAX_SAFE_INTEGER });

const events: fc.Arbitrary<AuditEvent> = fc.record({
  event: fc.constantFrom(...AUDIT_EVENTS),
  atMs: time,
  userId: optional(bytes(16)),
  sessionId: optional(bytes(16)),
  addressPrefix: optional(text),
  connectionId: optional(text),
  code: optional(text),
  reason: optional(text),
  actor: optional(text),
  count: optional(time),
  detail: optional(text),
});

describe('an entry of the audit trail', () => {
  test('has a body that is JSON as JSON.stringify writes it, with the members of the event', () => {
    fc.assert(
      fc.property(events, fc.boolean(), (event, isSigned) => {
        const signed = isSigned ? { key: '0011223344556677', signature: 'Zm9v-_Zm9v' } : {};
        const body = encodeBody(event, signed);
        expect(JSON.stringify(JSON.parse(body))).toBe(body);
        const { userId, sessionId, addressPrefix } = event;
        expect(decodeBody(body)).toMatchObject({ at: event.atMs, event: event.event, ...signed });
        const { user, session, from, count } = decodeBody(body)!;
        expect([user, session]).toEqual([
          userId && Buffer.from(userId).toString('hex'),
          sessionId && Buffer.from(sessionId.subarray(0, 8)).toString('hex'),
        ]);
        expect(count).toBe(event.count);
        expect([undefined, 'other', addressPrefix]).toContain(from);
        expect(from === undefined).toBe(addressPrefix === undefined);
      }),
    );
  });

  test('has the SHA-256 of label, number, hash before and body', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), bytes(32), text, (seq, prev, body) => {
        const hash = createHash('sha256')
          .update('blindsalt.v1 audit entry\0')
          .update(u64(seq))
          .update(prev)
          .update(body);
        expect(Buffer.from(entryHash(seq, prev, body))).toEqual(hash.digest());
      }),
    );
  });
});
