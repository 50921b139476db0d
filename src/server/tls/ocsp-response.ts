/** What an OCSP response (RFC 6960 section 4.2) says of one certificate. Its signature is for clients to check. */
export interface OcspStatement {
  /** Serial number of the certificate. */
  readonly serialNumber: bigint;
  readonly status: 'good' | 'revoked' | 'unknown';
  /** Milliseconds since 1970. */
  readonly thisUpdateMs: number;
  /** Undefined: newer information is always available. */
  readonly nextUpdateMs: number | undefined;
}

/** Longest response that is read, bytes; it travels in every handshake that asks. */
export const MAX_OCSP_BYTES = 16_384;

const TAG = { integer: 0x02, octets: 0x04, oid: 0x06, enumerated: 0x0a, time: 0x18, sequence: 0x30, context0: 0xa0 };
/** id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1 */
const BASIC = '2b0601050507300101';
const STATUS: Readonly<Record<number, OcspStatement['status']>> = { 0x80: 'good', 0xa1: 'revoked', 0x82: 'unknown' };

/**
 * The first statement of a DER response.
 * @throws Error when it is not a successful basic response
 */
export function readOcspResponse(der: Uint8Array): OcspStatement {
  if (der.length > MAX_OCSP_BYTES) throw new Error(`an OCSP response has at most ${MAX_OCSP_BYTES} bytes`);
  const file = new Der(der);
  const response = file.take(TAG.sequence);
  file.end();
  if (response.take(TAG.enumerated).hex() !== '00') throw new Error('the OCSP responder reports a failure');
  const body = response.take(TAG.context0).take(TAG.sequence);
  if (body.take(TAG.oid).hex() !== BASIC) throw new Error('not a basic OCSP response');
  const data = body.take(TAG.octets).take(TAG.sequence).take(TAG.sequence);
  if (data.next === TAG.context0) data.take(TAG.context0);
  data.skip(); // responderID
  data.take(TAG.time); // producedAt
  const single = data.take(TAG.sequence).take(TAG.sequence);
  const certificate = single.take(TAG.sequence);
  certificate.take(TAG.sequence);
  certificate.take(TAG.octets);
  certificate.take(TAG.octets);
  const serialNumber = BigInt(`0x${certificate.take(TAG.integer).hex() || '0'}`);
  const status = STATUS[single.next];
  if (status === undefined) throw new Error('the OCSP response has no known status');
  single.skip();
  const thisUpdateMs = single.take(TAG.time).timeMs();
  const nextUpdateMs = single.next === TAG.context0 ? single.take(TAG.context0).take(TAG.time).timeMs() : undefined;
  return { serialNumber, status, thisUpdateMs, nextUpdateMs };
}

/** A reader of DER elements, in their order. */
class Der {
  #at = 0;

  constructor(readonly bytes: Uint8Array) {}

  /** Tag of the element that comes next; -1 at the end. */
  get next(): number {
    return this.bytes[this.#at] ?? -1;
  }

  take(tag: number): Der {
    if (this.next !== tag) throw new Error('the OCSP response is malformed');
    return this.skip();
  }

  /** The content of the element that comes next. */
  skip(): Der {
    const { bytes } = this;
    let at = this.#at + 2;
    let length = bytes[at - 1] ?? 0x80;
    if (length >= 0x80) {
      const width = length & 0x7f;
      if (width < 1 || width > 3 || at + width > bytes.length) throw new Error('the OCSP response is malformed');
      length = 0;
      for (let i = 0; i < width; i += 1) length = length * 256 + bytes[at + i]!;
      at += width;
    }
    if (at + length > bytes.length) throw new Error('the OCSP response is cut off');
    this.#at = at + length;
    return new Der(bytes.subarray(at, at + length));
  }

  end(): void {
    if (this.#at !== this.bytes.length) throw new Error('something follows the OCSP response');
  }

  hex(): string {
    return Buffer.from(this.bytes).toString('hex');
  }

  /** GeneralizedTime as DER has it: 20261122130000Z. */
  timeMs(): number {
    const text = Buffer.from(this.bytes).toString('latin1');
    const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
    if (match === null) throw new Error('the OCSP response has a malformed time');
    const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return Date.UTC(year, month - 1, day, hour, minute, second);
  }
}
