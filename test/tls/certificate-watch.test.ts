import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { generate } from 'selfsigned';
import { connect } from '../../src/client/node.js';
import { watchCertificate, type WatchOptions } from '../../src/server/tls/index.js';
import { until } from '../suites/adapter.js';
import { startAuthenticatedServer, PASSWORD } from '../support/authenticated-server.js';
import { selfSigned, type TestPair } from '../support/certificate.js';
import { LogRecorder } from '../support/log-recorder.js';
import { certificatePlace, look, type CertificatePlace } from '../support/tls-place.js';

jest.setTimeout(30_000);

let before: TestPair;
let after: TestPair;
const endings: (() => unknown)[] = [];

beforeAll(async () => {
  [before, after] = await Promise.all([selfSigned('before'), selfSigned('after')]);
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function serving(change: Partial<WatchOptions> = {}) {
  const place = certificatePlace(before);
  const log = new LogRecorder();
  const server = createServer({ ...before, minVersion: 'TLSv1.3' }, (_request, response) => response.end('here'));
  const files = { cert: place.cert, key: place.key, debounceMs: 30, logger: log };
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const watch = watchCertificate(server, { ...files, ...change });
  endings.push(() => {
    watch.close();
    server.closeAllConnections();
    server.close();
    place.remove();
  });
  const { port } = server.address() as AddressInfo;
  return { place, log, server, watch, port };
}

async function seenAt(port: number): Promise<string | undefined> {
  const { organization, socket } = await look(port);
  socket.destroy();
  return organization;
}

/** Looks until the server shows this certificate. */
async function untilSeen(port: number, organization: string): Promise<void> {
  for (;;) {
    if ((await seenAt(port)) === organization) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function answers(socket: TLSSocket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return String(bytes).split('\r\n')[0]!;
}

const UNUSABLE = 'the new certificate cannot be used; the old one stays';
const errors = (log: LogRecorder): number => log.lines.filter(({ message }) => message === UNUSABLE).length;

describe('watchCertificate', () => {
  test('new connections get the new certificate, open ones live on, and TLS 1.2 stays out', async () => {
    const { place, port, log } = await serving();
    const open = await look(port);
    expect(open.organization).toBe('before');
    place.put(after);
    await untilSeen(port, 'after');
    expect(await answers(open.socket)).toBe('HTTP/1.1 200 OK');
    open.socket.destroy();
    expect(log.lines.at(-1)).toMatchObject({ level: 'info', message: 'certificate loaded anew' });
    await expect(look(port, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/alert|version/i);
  });

  test('an authenticated WebSocket lives on, and the next login meets the new certificate', async () => {
    const place = certificatePlace(after);
    const host = await startAuthenticatedServer();
    const Alice = await host.member('alice');
    const socket = new Alice(host.url);
    await once(socket, 'open');
    const watch = watchCertificate(host.httpServer, { cert: place.cert, key: place.key });
    endings.push(() => (watch.close(), host.stop()));
    expect(await watch.reload()).toBe(true);
    const login = { username: 'alice', password: PASSWORD };
    await expect(connect(host.url, { ca: host.ca }).login(login)).rejects.toMatchObject({ code: 'connection-failed' });
    const other = await connect(host.url, { ca: after.cert }).login(login);
    expect(socket.readyState).toBe(1);
    other.close();
    socket.close();
    place.remove();
  });

  test.each<[string, (place: CertificatePlace) => void]>([
    ['a certificate that is none', (place) => place.put({ cert: 'not what you think' })],
    ['a certificate of another key', (place) => place.put({ cert: after.cert })],
    ['a key that is none', (place) => place.put({ key: '' })],
    ['a file that is gone', (place) => rmSync(place.cert)],
  ])('%s: the old one stays, one error is logged, and what is mended is taken', async (_name, spoil) => {
    const { place, port, log } = await serving({ pollMs: 40 });
    await untilSeen(port, 'before');
    spoil(place);
    await until(() => errors(log) === 1);
    expect(await seenAt(port)).toBe('before');
    // Read again and again meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(errors(log)).toBe(1);
    expect(log.text()).not.toContain('PRIVATE');
    place.put(after);
    await untilSeen(port, 'after');
  });

  test('a pair that is replaced in two steps: not an error in between', async () => {
    const { place, port, log } = await serving({ debounceMs: 800 });
    await untilSeen(port, 'before');
    place.put({ cert: after.cert });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    place.put({ key: after.key });
    await untilSeen(port, 'after');
    expect(errors(log)).toBe(0);
  });

  test('an expired certificate is not taken', async () => {
    const day = 86_400_000;
    const old = await generate([{ name: 'commonName', value: 'localhost' }], {
      algorithm: 'sha256',
      keyType: 'ec',
      notBeforeDate: new Date(Date.now() - 2 * day),
      notAfterDate: new Date(Date.now() - day),
    });
    const { place, port, watch, log } = await serving();
    place.put({ cert: old.cert, key: old.private });
    expect(await watch.reload()).toBe(false);
    expect(errors(log)).toBe(1);
    expect(await seenAt(port)).toBe('before');
  });

  test('authorities of client certificates that are none are not taken', async () => {
    const authorities = certificatePlace(before);
    endings.push(() => authorities.remove());
    const { watch, log } = await serving({ ca: authorities.cert });
    expect(await watch.reload()).toBe(true);
    authorities.put({ cert: 'nobody' });
    expect(await watch.reload()).toBe(false);
    expect(errors(log)).toBe(1);
    authorities.put({ cert: `${before.cert}\n${after.cert}` });
    expect(await watch.reload()).toBe(true);
    // The first one can be read.
    authorities.put({ cert: `${before.cert}\n${after.cert.slice(0, 300)}` });
    expect(await watch.reload()).toBe(false);
    expect(errors(log)).toBe(2);
  });

  test('what the application’s own check refuses is not taken', async () => {
    const check = ({ cert }: { cert: string }): void => {
      if (cert === after.cert) throw new Error('not this one');
    };
    const { place, port, watch } = await serving({ check });
    expect(await watch.reload()).toBe(true);
    place.put(after);
    expect(await watch.reload()).toBe(false);
    expect(await seenAt(port)).toBe('before');
  });

  test('a folder behind a symbolic link that is exchanged elsewhere: found by the poll', async () => {
    const place = certificatePlace(before);
    endings.push(() => place.remove());
    for (const [name, pair] of Object.entries({ first: before, second: after })) {
      mkdirSync(path.join(place.folder, name));
      writeFileSync(path.join(place.folder, name, 'cert.pem'), pair.cert);
      writeFileSync(path.join(place.folder, name, 'key.pem'), pair.key);
    }
    const live = path.join(place.folder, 'live');
    symlinkSync('first', live);
    const files = { cert: path.join(live, 'cert.pem'), key: path.join(live, 'key.pem') };
    const { port } = await serving({ ...files, pollMs: 50 });
    expect(await seenAt(port)).toBe('before');
    symlinkSync('second', `${live}.new`);
    renameSync(`${live}.new`, live);
    await untilSeen(port, 'after');
  });

  test('after close nothing changes any more', async () => {
    const { place, port, watch } = await serving({ pollMs: 20 });
    await watch.reload();
    watch.close();
    place.put(after);
    expect(await watch.reload()).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await seenAt(port)).toBe('before');
  });

  test('options are checked', async () => {
    const { server } = await serving();
    const wrong = (servers: unknown, options: unknown) => () =>
      watchCertificate(servers as typeof server, options as WatchOptions);
    const files = { cert: 'a', key: 'b' };
    expect(wrong([], files)).toThrow(/server/);
    expect(wrong({}, files)).toThrow(/server/);
    expect(wrong(server, { ...files, cert: before.cert })).toThrow(/name of a file/);
    expect(wrong(server, { ...files, key: undefined })).toThrow(/name of a file/);
    expect(wrong(server, { ...files, pollMs: 0 })).toThrow(/pollMs/);
  });
});
