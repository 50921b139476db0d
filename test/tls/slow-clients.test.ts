// Clients that keep a connection as long as they can with as few bytes as they can: every stage has its deadline.
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { CLOSE } from '../../proto/index.js';
import { loadCrypto } from '../../src/crypto/index.js';
import { authenticate } from '../../src/server/adapter/uws.js';
import { SERVER_TIMEOUTS } from '../../src/server/adapter/ws.js';
import { startAuthenticatedServer } from '../support/authenticated-server.js';
import { openRaw } from '../support/raw-client.js';
import { holdOpen, STAGES, type Stage } from '../support/slow-client.js';
import { UwsServers } from '../support/uws-servers.js';
import { describeUws } from '../support/uws.js';

// Longer than any deadline here by far: what is not bounded fails by this.
jest.setTimeout(40_000);

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

describe('ws on node:https', () => {
  async function serving() {
    const short = { handshakeTimeout: 500, headersTimeout: 500, requestTimeout: 800, connectionsCheckingInterval: 50 };
    expect(Object.keys(short).sort()).toEqual(Object.keys(SERVER_TIMEOUTS).sort());
    const limits = { handshakeTimeoutMs: 700 };
    const server = await startAuthenticatedServer({ limits }, { path: '/ws', closeTimeoutMs: 200 }, short);
    endings.push(() => server.stop());
    server.httpServer.on('request', (request, response) => {
      request.resume().on('end', () => response.end());
    });
    return { port: server.port, crypto: await loadCrypto() };
  }

  test.each<[Stage, RegExp]>([
    ['tcp: silent', /^$/],
    ['tls: ClientHello in drops', /^$/],
    ['http: silent', /^(HTTP\/1.1 408 .*)?$/s],
    ['http: header in drops', /^(HTTP\/1.1 408 .*)?$/s],
    ['http: body in drops', /^(HTTP\/1.1 408 .*)?$/s],
    ['ws: silent', /handshake-timeout/],
    ['ws: frame in drops', /handshake-timeout/],
    ['ws: fragments in drops', /handshake-timeout/],
  ])('%s: ended, and nothing holds it open', async (stage, answer) => {
    const { port } = await serving();
    const { received, pieces } = await holdOpen(port, stage, 20);
    expect(received.toString('latin1')).toMatch(answer);
    // It was dripping to the end.
    if (stage.endsWith('drops')) expect(pieces).toBeGreaterThan(5);
  });

  test('ws: pings: more than a few end it at once', async () => {
    const { port } = await serving();
    expect((await holdOpen(port, 'ws: pings', 5)).pieces).toBeGreaterThan(32);
  });

  test('every stage is tried', () => {
    expect(STAGES).toHaveLength(9);
  });

  test('many of them at once do not keep others out', async () => {
    const { port, crypto } = await serving();
    const held = STAGES.flatMap((stage) => Array.from({ length: 10 }, () => holdOpen(port, stage, 50)));
    const client = await openRaw(`wss://localhost:${port}/ws`, crypto, { target: `localhost:${port}` });
    expect(await client.nextControl()).toMatchObject({ kind: 'hello' });
    await Promise.all(held);
    expect((await client.closed).code).toBe(CLOSE.handshakeTimeout);
  });
});

describeUws('uWebSockets.js', () => {
  const servers = new UwsServers();

  // Its ten seconds for TLS and headers cannot be changed, so that all are tried side by side.
  test('every stage is ended', async () => {
    const { port } = await servers.serve(
      (app, engine) => {
        authenticate(app, '/ws', {}, { engine });
        app.any('/*', (response) => {
          response.onAborted(() => {});
          response.onData((_chunk, isLast) => {
            if (isLast) response.end();
          });
        });
      },
      { limits: { handshakeTimeoutMs: 700 } },
    );
    const held = await Promise.all(STAGES.map((stage) => holdOpen(port, stage, 100)));
    for (const [i, { received }] of held.entries()) {
      if (STAGES[i]!.startsWith('ws')) expect(received.toString('latin1')).toContain('handshake-timeout');
    }
  });
});
