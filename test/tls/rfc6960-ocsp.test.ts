import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MAX_OCSP_BYTES, readOcspResponse } from '../../src/server/tls/ocsp-response.js';
import { watchCertificate } from '../../src/server/tls/index.js';
import { selfSigned, type TestPair } from '../support/certificate.js';
import { LogRecorder } from '../support/log-recorder.js';
import { certificatePlace } from '../support/tls-place.js';

const HOUR_MS = 3_600_000;
let pair: TestPair;
let serial: string;
const endings: (() => unknown)[] = [];

beforeAll(async () => {
  pair = await selfSigned('stapled');
  serial = new X509Certificate(pair.cert).serialNumber;
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

function der(tag: number, ...parts: (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)));
  const { length } = body;
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), body]);
}

const time = (ms: number): Buffer =>
  der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14)}Z`));

interface Statement {
  readonly serial?: string;
  /** Tag of certStatus. */
  readonly status?: number;
  readonly thisUpdateMs?: number;
  /** `null`: absent. */
  readonly nextUpdateMs?: number | null;
}

/** An OCSP response as RFC 6960 has it; its signature is no signature, which is for clients to find. */
function response(statement: Statement = {}): Buffer {
  const { status = 0x80, thisUpdateMs = Date.now() - HOUR_MS, nextUpdateMs = Date.now() + HOUR_MS } = statement;
  const digits = statement.serial ?? serial;
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  const certId = der(
    0x30,
    der(0x30, '06052b0e03021a', '0500'),
    der(0x04, Buffer.alloc(20, 1)),
    der(0x04, Buffer.alloc(20, 2)),
    der(0x02, /^[89a-f]/i.test(even) ? `00${even}` : even),
  );
  const certStatus = status === 0xa1 ? der(0xa1, time(thisUpdateMs)) : der(status);
  const single = der(
    0x30,
    certId,
    certStatus,
    time(thisUpdateMs),
    ...(nextUpdateMs === null ? [] : [der(0xa0, time(nextUpdateMs))]),
  );
  const data = der(0x30, der(0xa2, der(0x04, Buffer.alloc(20, 3))), time(thisUpdateMs), der(0x30, single));
  const basic = der(0x30, data, der(0x30, '06082a8648ce3d040302'), der(0x03, '00', Buffer.alloc(70, 4)));
  return der(0x30, der(0x0a, '00'), der(0xa0, der(0x30, der(0x06, '2b0601050507300101'), der(0x04, basic))));
}

async function serving(ocsp: Buffer | undefined) {
  const place = certificatePlace(pair);
  const file = path.join(place.folder, 'ocsp.der');
  if (ocsp !== undefined) writeFileSync(file, ocsp);
  const log = new LogRecorder();
  const server = createServer({ ...pair, minVersion: 'TLSv1.3' });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const watch = watchCertificate(server, { cert: place.cert, key: place.key, ocsp: file, logger: log });
  endings.push(() => {
    watch.close();
    server.close();
    place.remove();
  });
  expect(await watch.reload()).toBe(true);
  return { port: (server.address() as AddressInfo).port, watch, log, file };
}

/** What a client that asks is given. */
function staple(port: number): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    // An option that the types lack.
    const asking = { requestOCSP: true };
    const socket = tls.connect({ host: 'localhost', port, ca: pair.cert, servername: 'localhost', ...asking });
    socket.on('error', reject);
    socket.once('OCSPResponse', (given: Buffer | null) => {
      resolve(given);
      socket.destroy();
    });
  });
}

describe('stapling', () => {
  test('a response of now that says good goes to clients that ask', async () => {
    const given = response();
    const { port, log } = await serving(given);
    expect(await staple(port)).toEqual(given);
    expect(log.lines).toEqual([]);
  });

  test('a client that does not ask is served as ever', async () => {
    const { port } = await serving(response());
    const socket = tls.connect({ host: 'localhost', port, ca: pair.cert, servername: 'localhost' });
    await once(socket, 'secureConnect');
    socket.destroy();
  });

  test.each<[string, () => Buffer | undefined]>([
    ['missing', () => undefined],
    ['malformed', () => Buffer.from('no')],
    ['of-another-certificate', () => response({ serial: '0102' })],
    ['revoked', () => response({ status: 0xa1 })],
    ['unknown', () => response({ status: 0x82 })],
    ['expired', () => response({ nextUpdateMs: Date.now() - 60_000 })],
    ['not-yet-valid', () => response({ thisUpdateMs: Date.now() + HOUR_MS, nextUpdateMs: Date.now() + 2 * HOUR_MS })],
  ])('%s: nothing is stapled, the handshake succeeds, and it is logged', async (reason, make) => {
    const { port, log } = await serving(make());
    expect(await staple(port)).toBeNull();
    expect(log.lines).toEqual([{ level: 'error', reason, message: 'the OCSP response cannot be stapled' }]);
  });

  test('a fresh one is taken with the next reading', async () => {
    const { port, watch, file } = await serving(undefined);
    expect(await staple(port)).toBeNull();
    const fresh = response();
    writeFileSync(file, fresh);
    expect(await watch.reload()).toBe(true);
    expect(await staple(port)).toEqual(fresh);
  });

  test('one that expires meanwhile is no longer given', async () => {
    const soon = Math.ceil(Date.now() / 1000) * 1000 + 1000;
    const { port } = await serving(response({ nextUpdateMs: soon }));
    expect(await staple(port)).not.toBeNull();
    await new Promise((resolve) => setTimeout(resolve, soon - Date.now() + 20));
    expect(await staple(port)).toBeNull();
  });
});

describe('RFC 6960 responses', () => {
  test('what is read', () => {
    const at = Date.UTC(2026, 1, 3, 4, 5, 6);
    expect(readOcspResponse(response({ serial: 'ff01', thisUpdateMs: at, nextUpdateMs: at + HOUR_MS }))).toEqual({
      serialNumber: 0xff01n,
      status: 'good',
      thisUpdateMs: at,
      nextUpdateMs: at + HOUR_MS,
    });
    expect(readOcspResponse(response({ nextUpdateMs: null })).nextUpdateMs).toBeUndefined();
  });

  test('failures of the responder, other kinds, too long ones, and what follows are refused', () => {
    expect(() => readOcspResponse(der(0x30, der(0x0a, '06')))).toThrow(/failure/);
    const other = der(0x30, der(0x0a, '00'), der(0xa0, der(0x30, der(0x06, '2b06'), der(0x04))));
    expect(() => readOcspResponse(other)).toThrow(/basic/);
    expect(() => readOcspResponse(Buffer.alloc(MAX_OCSP_BYTES + 1))).toThrow(/at most/);
    expect(() => readOcspResponse(Buffer.concat([response(), Buffer.alloc(1)]))).toThrow(/follows/);
  });

  test('any damage throws or is read; it never hangs or reads beyond the end', () => {
    const good = response();
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(good.length), (at, byte, cut) => {
        const damaged = Buffer.from(good);
        damaged[at] = byte;
        for (const bytes of [damaged, damaged.subarray(0, cut)]) {
          try {
            expect(typeof readOcspResponse(bytes).serialNumber).toBe('bigint');
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        }
      }),
    );
    for (let cut = 0; cut < good.length; cut += 1) expect(() => readOcspResponse(good.subarray(0, cut))).toThrow();
  });
});
