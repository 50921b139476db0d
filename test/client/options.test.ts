// What `connect` accepts: URLs, options, credentials.
import { describe, expect, test } from '@jest/globals';
import { KSF_CEILING, KSF_FLOOR, type KsfName } from '../../proto/constants.js';
import { connect, type LoginCredentials, type NodeConnectOptions } from '../../src/client/node.js';
import { settle } from '../../src/client/options.js';

const code = (expected: string): unknown => expect.objectContaining({ name: 'BlindsaltError', code: expected });

describe('URL, domain and target', () => {
  test.each([
    ['wss://chat.example', 'wss://chat.example/', 'chat.example', 'chat.example:443'],
    ['wss://Chat.EXAMPLE:8443/ws?x=1#y', 'wss://chat.example:8443/ws?x=1', 'chat.example', 'chat.example:8443'],
    ['https://chat.example/ws', 'wss://chat.example/ws', 'chat.example', 'chat.example:443'],
    ['wss://bücher.example', 'wss://xn--bcher-kva.example/', 'xn--bcher-kva.example', 'xn--bcher-kva.example:443'],
    ['ws://localhost', 'ws://localhost/', 'localhost', 'localhost:80'],
    ['ws://app.localhost:81', 'ws://app.localhost:81/', 'app.localhost', 'app.localhost:81'],
    ['ws://127.1:8080', 'ws://127.0.0.1:8080/', '127.0.0.1', '127.0.0.1:8080'],
    ['ws://[0:0::1]:8080', 'ws://[::1]:8080/', '::1', '[::1]:8080'],
    ['wss://[2001:DB8::1]', 'wss://[2001:db8::1]/', '2001:db8::1', '[2001:db8::1]:443'],
  ])('%s', (input, url, domain, target) => {
    expect(settle(input, {})).toMatchObject({ url, domain, target });
    expect(settle(new URL(input), { domain: 'Other.example' })).toMatchObject({ domain: 'other.example', target });
  });

  test.each(['ws://chat.example', 'http://chat.example', 'ws://localhost.example', 'ws://128.0.0.1', 'ws://[::2]'])(
    '%s is insecure',
    (url) => expect(() => connect(url)).toThrow(code('insecure-url')),
  );

  test.each(['', 'chat.example', '/ws', 'ftp://chat.example', 'wss://', 'wss://user:secret@chat.example'])(
    '%s is no URL to connect to',
    (url) => expect(() => connect(url)).toThrow(code('option-invalid')),
  );

  test('the error does not repeat what stood in the URL', () => {
    expect(() => connect('wss://user:secret@chat.example')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    );
  });

  test.each(['', 'chat.example.', 'chat_example', 'chat.example:443'])('domain %j is refused', (domain) => {
    expect(() => connect('wss://chat.example', { domain })).toThrow(code('domain-invalid'));
  });
});

describe('options', () => {
  const key = new Uint8Array(32).fill(0xfb);
  test.each<[string, NodeConnectOptions]>([
    ['nine subprotocols', { protocols: Array.from({ length: 9 }, (_, i) => `p${i}`) }],
    ['a subprotocol twice', { protocols: ['a', 'a'] }],
    ['an empty subprotocol', { protocols: '' }],
    ['a subprotocol of 65 bytes', { protocols: ['é'.repeat(32) + 'x'] }],
    ['a device label of 65 bytes', { deviceLabel: 'x'.repeat(65) }],
    ['a device label with a lone surrogate', { deviceLabel: '\ud800' }],
    ['a device label with U+0000', { deviceLabel: 'a\0' }],
    ['no time at all', { timeoutMs: 0 }],
    ['more time than timers have', { timeoutMs: 2 ** 31 }],
    ['a server key of 31 bytes', { serverKey: key.subarray(1) }],
    ['a server key in hexadecimal', { serverKey: 'fb'.repeat(32) }],
    ['an empty list of server keys', { serverKey: [] }],
    ['no key stretching function', { ksfs: [] }],
    ['an unknown key stretching function', { ksfs: ['scrypt' as KsfName] }],
    ['a floor below the protocol’s', { ksfFloors: { argon2id: { ...KSF_FLOOR.argon2id, iterations: 1 } } }],
    ['a ceiling that is no integer', { ksfCeilings: { argon2id: { ...KSF_CEILING.argon2id, iterations: 2.5 } } }],
    ['an Origin header', { headers: { origin: 'https://chat.example' } }],
    ['a header of the handshake', { headers: { 'Sec-WebSocket-Protocol': 'x' } }],
    ['a limit of zero', { maxMessageBytes: 0 }],
    ['the name of a file for tickets', { tickets: 'tickets.json' as never }],
    ['a misspelt name', { serverKeys: key } as never],
    ['an option of browsers', { worker: false } as never],
  ])('%s', (_name, options) => {
    expect(() => connect('wss://chat.example', options)).toThrow(code('option-invalid'));
  });

  test('the message says which and what instead', () => {
    const message = (url: string, options: object): string => {
      try {
        connect(url, options);
      } catch (error) {
        return (error as Error).message;
      }
      return 'nothing thrown';
    };
    expect(message('/ws', {})).toContain('wss://chat.example/ws');
    expect(message('wss://chat.example', { requireBindings: true })).toBe('unknown option "requireBindings"');
    expect(message('wss://chat.example', { tickets: 'tickets.json' })).toContain('fileTickets(path)');
    expect(message('wss://chat.example', { serverKey: 'x' })).toContain('base64url');
  });

  test('server keys as bytes and in base64url are the same', () => {
    const text = Buffer.from(key).toString('base64url');
    expect(settle('wss://chat.example', { serverKey: [key, text] }).serverKeys).toEqual([key, key]);
    expect(settle('wss://chat.example', { serverKey: text }).serverKeys).toEqual([key]);
    expect(settle('wss://chat.example', {}).serverKeys).toEqual([]);
  });
});

describe('credentials', () => {
  const { login, signup } = connect('wss://chat.invalid');
  test.each<[string, unknown, string]>([
    ['none', undefined, 'option-invalid'],
    ['no username', { password: 'x' }, 'option-invalid'],
    ['no password', { username: 'alice' }, 'option-invalid'],
    ['a number for a password', { username: 'alice', password: 12345678 }, 'option-invalid'],
    ['an empty username', { username: '', password: 'correct horse' }, 'username-invalid'],
  ])('%s: a rejection, not an exception', async (_name, credentials, expected) => {
    for (const method of [login, signup]) {
      const refused = method(credentials as LoginCredentials);
      await expect(refused).rejects.toEqual(code(expected));
      if (expected === 'option-invalid') await expect(refused).rejects.toThrow('{ username, password }');
    }
  });
});
