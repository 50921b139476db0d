import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TrustedProxies, type RequestOrigin } from '../../src/server/adapter/proxy.js';
import { addressPrefix, normalizeAddress } from '../../src/server/address.js';

const PROXIES = new TrustedProxies(['10.0.0.0/8', '2001:db8:1::/48', '192.0.2.5', '127.0.0.1']);
const from = (remoteAddress: string | undefined, change: Partial<RequestOrigin> = {}) =>
  PROXIES.classify({
    remoteAddress,
    encrypted: false,
    forwardedFor: undefined,
    forwardedProto: undefined,
    ...change,
  });

describe('who is secure', () => {
  test.each<[string, string | undefined, Partial<RequestOrigin>, boolean | 'loopback']>([
    ['TLS from anywhere', '198.51.100.1', { encrypted: true }, true],
    ['plaintext from elsewhere', '198.51.100.1', {}, false],
    ['plaintext from a private network', '192.168.1.1', {}, false],
    ['plaintext from loopback', '127.0.0.1', {}, 'loopback'],
    ['plaintext from IPv6 loopback', '::1', {}, 'loopback'],
    ['plaintext from mapped loopback', '::ffff:127.0.0.1', {}, 'loopback'],
    ['no address at all', undefined, {}, false],
    ['an untrusted client that claims TLS', '198.51.100.1', { forwardedProto: 'https' }, false],
    ['a proxy that says https', '10.1.2.3', { forwardedProto: 'https' }, true],
    ['a proxy that says wss', '10.1.2.3', { forwardedProto: 'WSS' }, true],
    ['a proxy that says http', '10.1.2.3', { forwardedProto: 'http' }, false],
    ['a proxy that says both', '10.1.2.3', { forwardedProto: 'https, http' }, false],
    ['a proxy that says nothing', '10.1.2.3', {}, false],
    ['a proxy with an address only', '10.1.2.3', { forwardedFor: '198.51.100.1' }, false],
    ['a proxy over TLS whose client came without', '10.1.2.3', { encrypted: true, forwardedProto: 'http' }, false],
    ['a trusted machine that passes TLS through', '10.1.2.3', { encrypted: true }, true],
    ['a proxy on loopback that says http', '127.0.0.1', { forwardedProto: 'http' }, false],
    ['a mapped proxy', '::ffff:10.1.2.3', { forwardedProto: 'https' }, true],
  ])('%s', (_name, remoteAddress, change, secure) => {
    expect(from(remoteAddress, change).secure).toBe(secure);
  });
});

test('a CIDR of mapped addresses', () => {
  const proxies = new TrustedProxies(['::ffff:10.0.0.0/104']);
  const request = { encrypted: false, forwardedFor: undefined, forwardedProto: 'https' };
  expect(proxies.classify({ ...request, remoteAddress: '10.255.0.1' }).secure).toBe(true);
  expect(proxies.classify({ ...request, remoteAddress: '11.0.0.1' }).secure).toBe(false);
  expect(() => new TrustedProxies(['::ffff:10.0.0.0/95'])).toThrow('CIDR');
});

describe('who the client is', () => {
  test.each<[string, string, RequestOrigin['forwardedFor'], string]>([
    ['one entry', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['the rightmost untrusted', '10.0.0.1', '1.1.1.1, 198.51.100.7, 10.2.2.2', '198.51.100.7'],
    ['what the client invented stands left of it', '10.0.0.1', '127.0.0.1, 10.9.9.9, 198.51.100.7', '198.51.100.7'],
    ['several header lines', '10.0.0.1', ['203.0.113.1', '198.51.100.7'], '198.51.100.7'],
    ['all trusted: the leftmost', '10.0.0.1', '10.3.3.3, 10.2.2.2', '10.3.3.3'],
    ['with ports', '10.0.0.1', '198.51.100.7:4711', '198.51.100.7'],
    ['IPv6 with port', '10.0.0.1', '[2001:db8:2::1]:4711', '2001:db8:2::1'],
    ['mapped', '10.0.0.1', '::ffff:198.51.100.7', '198.51.100.7'],
    ['garbage: the nearest that is known', '10.0.0.1', '198.51.100.7, garbage', '10.0.0.1'],
    ['garbage behind a trusted one', '10.0.0.1', 'garbage, 10.2.2.2', '10.2.2.2'],
    ['an octal-looking address', '10.0.0.1', '0177.0.0.1', '10.0.0.1'],
    ['an address with fewer parts', '10.0.0.1', '127.1', '10.0.0.1'],
    ['empty', '10.0.0.1', '', '10.0.0.1'],
    ['an untrusted remote', '198.51.100.1', '1.1.1.1', '198.51.100.1'],
    ['an IPv6 proxy', '2001:db8:1::5', '198.51.100.7', '198.51.100.7'],
    ['an IPv6 stranger', '2001:db8:2::5', '198.51.100.7', '2001:db8:2::5'],
  ])('%s', (_name, remoteAddress, forwardedFor, address) => {
    expect(from(remoteAddress, { forwardedFor, forwardedProto: 'https' }).address).toBe(address);
  });

  test('headers of a stranger never throw, and never make anything but an address', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 100 }),
      fc
        .array(fc.constantFrom('10.0.0.1', ',', ' ', '::', '[', ']', ':', '1', '/', '%', 'ffff:', '999.'), {
          maxLength: 60,
        })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, text, (forwardedFor, forwardedProto) => {
        const peer = from('10.0.0.1', { forwardedFor, forwardedProto });
        expect(normalizeAddress(peer.address)).toBe(peer.address);
      }),
      { numRuns: 2000 },
    );
  });

  test('a header of 100,000 entries is looked at from the right, and not all of it', () => {
    const forwardedFor = `${'10.0.0.9,'.repeat(100_000)}10.0.0.8`;
    expect(from('10.0.0.1', { forwardedFor }).address).toBe('10.0.0.9');
  });
});

test.each(['10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0/8', 'proxy', '', '::/129', '1.2.3.4/x'])(
  'no CIDR: %s',
  (cidr) => {
    expect(() => new TrustedProxies([cidr])).toThrow(expect.objectContaining({ code: 'option-invalid' }));
  },
);

test.each([
  ['192.0.2.77', '192.0.2.0/24'],
  ['::ffff:192.0.2.77', '192.0.2.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
  ['::1', '::/48'],
  ['fe80::1%eth0', 'fe80::/48'],
  ['unknown', 'unknown'],
  ['', 'unknown'],
])('prefix of %s', (address, prefix) => {
  expect(addressPrefix(address)).toBe(prefix);
});
