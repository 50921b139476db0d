// Files of certificate authorities: Node stops at the first block that it cannot read, and says nothing.
import { createServer, connect, rootCertificates } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { checkAuthorities } from '../../src/server/tls/authorities.js';
import { selfSigned, testAuthority, type TestPair } from '../support/certificate.js';

let own: TestPair;
let one: string;
const NONE = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';

beforeAll(async () => {
  own = await selfSigned();
  one = (await testAuthority('one')).cert.trim();
});

const complaint = (pem: string): string => {
  try {
    checkAuthorities(pem, 'the bundle');
    return 'none';
  } catch (error) {
    return (error as Error).message;
  }
};

/** Whether Node trusts our certificate with these authorities. */
async function isTrusted(ca: string): Promise<boolean> {
  const server = createServer(own, (socket) => socket.end().on('error', () => {})).listen(0, 'localhost');
  await once(server, 'listening');
  const socket = connect({ host: 'localhost', port: (server.address() as AddressInfo).port, ca });
  const isTrusted = await new Promise<boolean>((resolve) => {
    socket.once('secureConnect', () => resolve(true)).once('error', () => resolve(false));
  });
  socket.destroy();
  server.close();
  return isTrusted;
}

describe('checkAuthorities', () => {
  test.each<[string, () => string]>([
    ['one', () => own.cert],
    ['several, with comments, CRLF and blank lines', () => `# ours\n${one}\n\n--\n${own.cert}`.replace(/\n/g, '\r\n')],
    ['with a byte order mark', () => `\ufeff${one}\n${own.cert}`],
    ['with the older label', () => `${one}\n${own.cert.replaceAll(' CERTIFICATE', ' X509 CERTIFICATE')}`],
  ])('%s: fine, and Node trusts the last, too', async (_name, pem) => {
    expect(complaint(pem())).toBe('none');
    expect(await isTrusted(pem())).toBe(true);
  });

  test('all authorities that Node brings', () => {
    expect(rootCertificates.length).toBeGreaterThan(50);
    expect(complaint(rootCertificates.join('\n'))).toBe('none');
  });

  test.each<[string, () => string, RegExp]>([
    ['damaged', () => `${one}\n${NONE}\n${own.cert}`, /^Certificate 2 of 3 in the bundle, /],
    ['cut off', () => `${one}\n${one.slice(0, 200)}\n${own.cert}`, /^Certificate 2 of 3 in the bundle, /],
    ['indented', () => `${one}\n  ${own.cert}`, /^Certificate 2 of 2 in the bundle, /],
    ['the first', () => `\n${NONE}\n${own.cert}`, /^Certificate 1 of 2 in the bundle, which begins in line 2, /],
    ['the only one', () => NONE, /^The certificate in the bundle, which begins in line 1, cannot be read\.$/],
    ['none at all', () => 'nobody', /^No PEM certificate in the bundle\.$/],
    ['a key only', () => own.key, /^No PEM certificate in the bundle\.$/],
  ])('%s: refused, and Node would not have trusted the last', async (_name, pem, message) => {
    expect(complaint(pem())).toMatch(message);
    expect(await isTrusted(pem())).toBe(false);
  });

  const block = (begin: string, content: string, end = begin): string =>
    `-----BEGIN ${begin}-----\n${content}\n-----END ${end}-----`;
  const respelt = (begin: string): string => own.cert.replace('-----BEGIN CERTIFICATE-----', begin);

  test.each<[string, () => string]>([
    ['a key that is not base64', () => `${block('PRIVATE KEY', '!!!!')}\n${own.cert}`],
    ['a revocation list that is cut off', () => `-----BEGIN X509 CRL-----\nMIIB\n${own.cert}`],
    ['damaged PKCS #7', () => `${block('PKCS7', '%%%')}\n${own.cert}`],
    ['labels that do not fit together', () => `${block('FOO', 'AAAA', 'BAR')}\n${own.cert}`],
    ['a label in small letters', () => respelt('-----BEGIN Certificate-----')],
    ['four dashes', () => respelt('----BEGIN CERTIFICATE----')],
  ])('between certificates %s: refused, and Node would not have trusted the last', async (_name, rest) => {
    const pem = `${one}\n${rest()}`;
    const line = one.split('\n').length + 1;
    expect(complaint(pem)).toBe(
      `Line ${line} of the bundle neither begins nor ends a certificate. ` +
        'Only certificates belong there: take out blocks of other kinds, or correct the line.',
    );
    expect(await isTrusted(pem)).toBe(false);
  });

  test.each<[string, () => string, number]>([
    ['a whole key at the end', () => `${one}\n${own.key}`, 1],
    ['a whole key at the beginning', () => `${own.key.trim()}\n${one}`, 0],
    ['an end twice', () => `${one}\n-----END CERTIFICATE-----\n${own.cert}`, 1],
    ['an end without a begin', () => `-----END CERTIFICATE-----\n${one}`, 0],
  ])('%s: refused', (_name, pem, after) => {
    const line = after * one.split('\n').length + 1;
    expect(complaint(pem())).toMatch(new RegExp(`^Line ${line} of the bundle `));
  });
});
