// Client certificates on `ws`.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { X509Certificate } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { connect, type NodeConnectOptions } from '../../src/client/node.js';
import type { WebSocketServerOptions } from '../../src/server/adapter/ws.js';
import { clientCertificate } from '../../src/server/tls/index.js';
import { startAuthenticatedServer, PASSWORD } from '../support/authenticated-server.js';
import { testAuthority, type TestAuthority, type TestPair } from '../support/certificate.js';
import { look } from '../support/tls-place.js';

jest.setTimeout(30_000);

let company: TestAuthority;
let stranger: TestAuthority;
let own: TestPair;
let foreign: TestPair;
const endings: (() => unknown)[] = [];

beforeAll(async () => {
  [company, stranger] = await Promise.all([testAuthority('company'), testAuthority('stranger')]);
  [own, foreign] = await Promise.all([company.issue('laptop 7'), stranger.issue('laptop 7')]);
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function serving(rejectUnauthorized: boolean, options: Partial<WebSocketServerOptions> = {}) {
  const tlsOptions = { ca: company.cert, requestCert: true, rejectUnauthorized, minVersion: 'TLSv1.3' } as const;
  const host = await startAuthenticatedServer({}, options, tlsOptions);
  endings.push(() => host.stop());
  const seen: (X509Certificate | undefined)[] = [];
  host.wss.on('connection', (_socket, request: IncomingMessage) => seen.push(clientCertificate(request)));
  const enter = async (more: NodeConnectOptions = {}): Promise<string> => {
    const client = connect(host.url, { ca: host.ca, ...more });
    const socket = await client.signup({ username: `user${seen.length}`, password: PASSWORD });
    const { username } = socket.session;
    socket.close();
    return username;
  };
  return { ...host, seen, enter };
}

const subjects = (seen: readonly (X509Certificate | undefined)[]): (string | undefined)[] =>
  seen.map((certificate) => certificate?.subject);

describe('client certificates that are needed', () => {
  test('with one: in, and the application sees it', async () => {
    const { enter, seen } = await serving(true);
    expect(await enter(own)).toBe('user0');
    expect(subjects(seen)).toEqual(['CN=laptop 7']);
  });

  test('without one, and with one of a foreign authority: refused in the TLS handshake', async () => {
    const { enter, seen } = await serving(true);
    await expect(enter()).rejects.toMatchObject({ code: 'connection-failed' });
    await expect(enter(foreign)).rejects.toMatchObject({ code: 'connection-failed' });
    expect(seen).toEqual([]);
  });

  test('a resumed TLS session still shows it', async () => {
    const { port, httpServer } = await serving(true);
    const asked: (string | undefined)[] = [];
    httpServer.on('request', (request, response) => {
      asked.push(clientCertificate(request)?.subject);
      response.end();
    });
    const { socket } = await look(port, own);
    const [session] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    const again = await look(port, { ...own, session });
    expect(again.socket.isSessionReused()).toBe(true);
    again.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(again.socket, 'data');
    again.socket.destroy();
    expect(asked).toEqual(['CN=laptop 7']);
  });
});

describe('client certificates that are asked for', () => {
  test('all get in; only one that is vouched for is seen', async () => {
    const { enter, seen } = await serving(false);
    for (const options of [own, {}, foreign]) await enter(options);
    expect(subjects(seen)).toEqual(['CN=laptop 7', undefined, undefined]);
  });

  test('verifyClient decides before the login', async () => {
    const verifyClient = ({ req }: { req: IncomingMessage }): boolean => clientCertificate(req) !== undefined;
    const { enter, seen } = await serving(false, { verifyClient });
    expect(await enter(own)).toBe('user0');
    await expect(enter()).rejects.toMatchObject({ code: 'connection-failed' });
    await expect(enter(foreign)).rejects.toMatchObject({ code: 'connection-failed' });
    expect(subjects(seen)).toEqual(['CN=laptop 7']);
  });
});

test('a server that asks for none sees none', async () => {
  const host = await startAuthenticatedServer();
  endings.push(() => host.stop());
  const seen: (X509Certificate | undefined)[] = [];
  host.wss.on('connection', (_socket, request: IncomingMessage) => seen.push(clientCertificate(request)));
  const socket = await connect(host.url, { ca: host.ca, ...own }).signup({ username: 'alice', password: PASSWORD });
  socket.close();
  expect(seen).toEqual([undefined]);
});
