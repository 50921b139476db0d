// Where uWebSockets.js is missing or its binary does not load: one clear sentence.
import { afterEach, expect, jest, test } from '@jest/globals';
import { certificateFiles } from '../support/uws.js';

afterEach(() => {
  jest.resetModules();
});

test.each<[string, () => object, RegExp]>([
  [
    'not installed',
    () => {
      throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    },
    /^uWebSockets\.js is not installed: npm install \S+/,
  ],
  [
    'a binary that does not load',
    () => {
      throw new Error('This version of uWS.js supports only …\n\nError: libc.so.6: version not found');
    },
    /^uWebSockets\.js has no binary that loads on Node [\d.]+, \w+ \w+$/,
  ],
  ['another module of that name', () => ({ default: {} }), /^the module uWebSockets\.js has no SSLApp$/],
])('%s', async (_name, factory, message) => {
  jest.unstable_mockModule('uWebSockets.js', factory);
  const { createSslApp } = await import('../../src/server/adapter/uws.js');
  const { cert_file_name, key_file_name, ...certificate } = await certificateFiles();
  await expect(createSslApp({ cert_file_name, key_file_name })).rejects.toMatchObject({
    code: 'environment-unsupported',
    message: expect.stringMatching(message),
  });
  await certificate.remove();
});
