// What docs/uws.md says differs from `ws` and cannot be hidden: this holds it to that.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import tls from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { generate } from 'selfsigned';
import { authenticate, createSslApp } from '../../src/server/adapter/uws.js';
import { CLOSE } from '../../proto/index.js';
import { until } from '../suites/adapter.js';
import { certificateFiles, describeUws, listenAt, listenShared } from '../support/uws.js';
import { UwsServers } from '../support/uws-servers.js';

/** A client's frame under an all-zero mask. */
function frame(firstByte: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(firstByte, 0x80 | payload.length, 0, 0, 0, 0), payload]);
}

/** Fingerprint of the certificate that a new connection gets. */
function servedFingerprint(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ port, host: 'localhost', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describeUws('uWebSockets.js: differences', () => {
  const servers = new UwsServers();

  describe('clients see 1006 where ws sends a code', () => {
    test.each<[string, Buffer]>([
      ['invalid UTF-8', frame(0x81, Uint8Array.of(0xc1, 0x80))],
      ['a reserved opcode', frame(0x83, Uint8Array.of(1))],
      ['a reserved bit, as of compressed messages', frame(0xc1, Uint8Array.of(1))],
      ['a continuation of nothing', frame(0x80, Uint8Array.of(1))],
      ['a ping in fragments', frame(0x09, Uint8Array.of(1))],
    ])('%s', async (_name, bytes) => {
      const messages: unknown[] = [];
      const closings: number[] = [];
      const { member, engine } = await servers.one({
        message: (_ws, message) => void messages.push(message),
        close: (_ws, code) => void closings.push(code),
      });
      const client = await member('alice');
      (client.socket as unknown as { readonly _socket: tls.TLSSocket })._socket.write(bytes);
      expect((await client.closed).code).toBe(1006);
      await until(() => closings.length === 1);
      expect(messages).toEqual([]);
      expect(engine.hasRoom).toBe(true);
    });
  });

  test('no channel binding: not offered, and whoever requires it gets nobody in', async () => {
    const { open } = await servers.one({}, { requireBinding: true });
    const client = await open();
    expect(await client.nextControl()).toMatchObject({ kind: 'hello', bindings: [] });
    expect(await client.login('alice', 'correct horse')).toMatchObject({ code: 'binding-refused' });
    expect((await client.closed).code).toBe(CLOSE.bindingRefused);
  });

  test('a new certificate: a second app on the same port, then the first stops listening, its connections stay', async () => {
    const { member, port, stopListening } = await servers.one(
      { message: (ws, message, isBinary) => void ws.send(message, isBinary) },
      { isShared: true },
    );
    const alice = await member('alice');
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
      curve: 'P-256',
    });
    const renewed = await certificateFiles({ cert, key });
    servers.after(() => renewed.remove());
    const { cert_file_name, key_file_name } = renewed;
    const second = await createSslApp({ cert_file_name, key_file_name });
    servers.after(() => second.close());
    authenticate(second, '/ws', {}, { engine: await servers.engine() });
    expect(listenAt(second, port)).toMatchObject({ port });
    stopListening();
    const old = new X509Certificate(await readFile(servers.certificate.cert_file_name));
    expect(await servedFingerprint(port)).toBe(new X509Certificate(cert).fingerprint256);
    expect(await servedFingerprint(port)).not.toBe(old.fingerprint256);
    alice.socket.send('still here');
    expect(await alice.nextApplication()).toBe('still here');
  });

  test('a port is shared with whoever asks, unless it is exclusive', async () => {
    const EXCLUSIVE = 1;
    const apps = await Promise.all([servers.app(), servers.app(), servers.app(), servers.app()]);
    expect(listenAt(apps[1], listenShared(apps[0]).port)).toBeDefined();
    expect(listenAt(apps[3], listenShared(apps[2], EXCLUSIVE).port)).toBeUndefined();
  });
});
