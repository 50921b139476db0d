// The server around it: other routes, closing, plaintext, hostile connections, TLS, and what is refused at start.
import { request } from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { CLOSE } from '../../proto/index.js';
import { authenticate, createSslApp } from '../../src/server/adapter/uws.js';
import { openRaw, type OpenOptions } from '../support/raw-client.js';
import { describeUws, uws, type CertificateFiles } from '../support/uws.js';
import { UwsServers, type TestBehavior } from '../support/uws-servers.js';

/** Data that begins with 0xC1. */
const MARKED = Uint8Array.of(0xc1, 7, 8);

describeUws('uWebSockets.js: server', () => {
  const servers = new UwsServers();

  describe('beside it', () => {
    test('plain routes and unprotected patterns of the app go on as before', async () => {
      const { port, member } = await servers.serve((app, engine) => {
        app.ws('/plain', { message: (ws, message, isBinary) => void ws.send(message, isBinary) });
        authenticate(app, '/ws', {}, { engine }).get('/health', (res) => void res.end('fine'));
      });
      await member('alice');
      const get = (path: string): Promise<[number | undefined, string]> =>
        new Promise((resolve, reject) => {
          request({ port, path, rejectUnauthorized: false, agent: false }, (response) => {
            let text = '';
            response.on('data', (chunk) => (text += String(chunk)));
            response.on('end', () => resolve([response.statusCode, text]));
          })
            .on('error', reject)
            .end();
        });
      expect(await get('/health')).toEqual([200, 'fine']);
      expect((await get('/ws'))[0]).toBe(404);
      const plain = await openRaw(`wss://localhost:${port}/plain`, servers.crypto, { offered: [] });
      servers.after(() => plain.socket.terminate());
      plain.socket.send(MARKED);
      expect((await plain.next()).data).toEqual(Buffer.from(MARKED));
    });

    test('a closed listening socket leaves connections, app.close ends them', async () => {
      let closings = 0;
      const { app, engine, member, open, port, stopListening } = await servers.one({ close: () => (closings += 1) });
      const [alice, stranger] = [await member('alice'), await open()];
      stopListening();
      await expect(openRaw(`wss://localhost:${port}/ws`, servers.crypto)).rejects.toThrow('ECONNREFUSED');
      await stranger.nextControl();
      expect(await stranger.login('alice', 'wrong password')).toMatchObject({ code: 'login-failed' });
      app.close();
      expect([(await alice.closed).code, (await stranger.closed).code]).toEqual([1006, 1006]);
      expect([closings, engine.hasRoom]).toEqual([1, true]);
    });

    test('16,000 fragments of one byte before login: kept as their bytes, ended by the handshake deadline', async () => {
      const { engine, open } = await servers.one({}, { limits: { handshakeTimeoutMs: 2_000 } });
      const stranger = await open();
      await stranger.nextControl();
      for (let i = 0; i < 16_000; i++) stranger.socket.send('x', { fin: false });
      expect((await stranger.closed).code).toBe(CLOSE.handshakeTimeout);
      expect(engine.hasRoom).toBe(true);
    });

    test('an engine that has closed: 503', async () => {
      const { engine, open } = await servers.one({});
      await engine.close();
      await expect(open()).rejects.toThrow('503');
    });

    test('without TLS: from loopback, or through a trusted proxy that says it was TLS', async () => {
      const { member, open } = await servers.serve(
        (app, engine) => void authenticate(app, '/ws', {}, { engine, trustedProxies: ['127.0.0.0/8', '::1'] }),
        { app: uws.App() },
      );
      await member('alice');
      const through = (proto: string): OpenOptions => ({
        headers: { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': proto },
      });
      await member('bob', '/ws', through('https'));
      expect((await (await open('/ws', through('http'))).closed).code).toBe(CLOSE.tlsRequired);
    });

    test('connections that never become a request are ended: silent TCP, silent TLS, half a TLS record, dripped headers', async () => {
      const { port, member } = await servers.one({});
      const secure = (): Promise<tls.TLSSocket> =>
        new Promise((resolve, reject) => {
          const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(socket));
          socket.once('error', reject);
        });
      const hostile: net.Socket[] = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')];
      hostile.push(await secure(), await secure());
      const ended = hostile.map(
        (socket) => new Promise((resolve) => socket.on('error', () => {}).on('close', resolve)),
      );
      hostile[1]!.write(Buffer.from('1603010200010001fc0303', 'hex'));
      hostile[3]!.write('GET /ws HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
      const drip = setInterval(() => hostile[3]!.write('x'), 500);
      servers.after(() => clearInterval(drip));
      for (const socket of hostile) socket.resume();
      await Promise.all(ended);
      await member('alice');
    });
  });

  describe('refused at start', () => {
    test.each<[string, TestBehavior, string]>([
      ['compression', { compression: 1 }, 'compression'],
      ['a message limit of its own', { maxPayloadLength: 1_000_000 }, 'maxMessageBytes'],
      ['an idleTimeout that ends the process', { idleTimeout: 7 }, 'idleTimeout'],
      ['no idleTimeout', { idleTimeout: 0 }, 'idleTimeout'],
      ['an idleTimeout above the range', { idleTimeout: 961 }, 'idleTimeout'],
      ['a lifetime above the range', { maxLifetime: 241 }, 'maxLifetime'],
      ['backpressure without end', { maxBackpressure: 0 }, 'maxBackpressure'],
      ['a handler that is none', { open: 'me' as never }, 'open'],
      ['no behaviour', null as never, 'behavior'],
    ])('%s', async (_name, behavior, word) => {
      const [app, engine] = [await servers.app(), await servers.engine()];
      expect(() => authenticate(app, '/ws', behavior, { engine })).toThrow(
        expect.objectContaining({ code: 'option-invalid', message: expect.stringContaining(word) }),
      );
    });

    test('what is no app, no engine, no list of protocols, no CIDR', async () => {
      const [app, engine] = [await servers.app(), await servers.engine()];
      const invalid = expect.objectContaining({ code: 'option-invalid' });
      expect(() => authenticate({} as never, '/ws', {}, { engine })).toThrow(invalid);
      expect(() => authenticate(app, '/ws', {}, {} as never)).toThrow(invalid);
      expect(() => authenticate(app, '/ws', {}, undefined as never)).toThrow(invalid);
      expect(() => authenticate(app, '/ws', {}, { engine, protocols: 'chat' as never })).toThrow(invalid);
      expect(() => authenticate(app, '/ws', {}, { engine, trustedProxies: ['everybody'] })).toThrow(invalid);
    });

    test('behaviours within the ranges pass', async () => {
      const [app, engine] = [await servers.app(), await servers.engine()];
      const { maxMessageBytes } = engine.limits;
      const behavior = { idleTimeout: 8, maxLifetime: 240, maxBackpressure: 1024, maxPayloadLength: maxMessageBytes };
      expect(authenticate(app, '/a', behavior, { engine })).toBe(app);
      expect(authenticate(app, '/b', { ...behavior, idleTimeout: 960, compression: 0 }, { engine })).toBe(app);
    });
  });

  describe('createSslApp', () => {
    test('speaks TLS 1.3 only', async () => {
      const { port } = await servers.one({});
      const attempt = (options: tls.ConnectionOptions): Promise<string | null> =>
        new Promise((resolve, reject) => {
          const socket = tls.connect({ port, host: 'localhost', rejectUnauthorized: false, ...options }, () => {
            resolve(socket.getProtocol());
            socket.destroy();
          });
          socket.on('error', reject);
        });
      expect(await attempt({})).toBe('TLSv1.3');
      await expect(attempt({ maxVersion: 'TLSv1.2' })).rejects.toThrow();
      await expect(attempt({ maxVersion: 'TLSv1.2', ciphers: 'ALL:@SECLEVEL=0' })).rejects.toThrow();
    });

    test.each<[string, (files: CertificateFiles) => unknown, string]>([
      ['nothing', () => undefined, 'option-invalid'],
      ['an empty object', () => ({}), 'option-invalid'],
      ['no key', ({ cert_file_name }) => ({ cert_file_name }), 'option-invalid'],
      ['client certificates', (files) => ({ ...names(files), ca_file_name: files.cert_file_name }), 'option-invalid'],
      ['other ciphers', (files) => ({ ...names(files), ssl_ciphers: 'ALL' }), 'option-invalid'],
      ['an unknown option', (files) => ({ ...names(files), cert: 'x' }), 'option-invalid'],
      ['a missing file', (files) => ({ ...names(files), key_file_name: '/nowhere.pem' }), 'certificate-invalid'],
      ['no key in it', ({ cert_file_name: c }) => ({ cert_file_name: c, key_file_name: c }), 'certificate-invalid'],
    ])('refuses %s', async (_name, options, code) => {
      await expect(createSslApp(options(servers.certificate) as never)).rejects.toMatchObject({ code });
    });
  });
});

function names({ cert_file_name, key_file_name }: CertificateFiles): Record<string, string> {
  return { cert_file_name, key_file_name };
}
