// A relay between client and server with a certificate that the client trusts for the same host name.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { BINDING_TLS_EXPORTER, CLOSE, decodeControl, encodeControl, type Message } from '../../proto/index.js';
import { connect, memoryTickets, type NodeConnectOptions } from '../../src/client/node.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { until } from '../suites/adapter.js';
import { startAuthenticatedServer, PASSWORD, type AuthenticatedServer } from '../support/authenticated-server.js';
import { selfSigned } from '../support/certificate.js';
import { LogRecorder } from '../support/log-recorder.js';
import { openRaw } from '../support/raw-client.js';
import { startByteRelay, startFrameRelay, type Relay, type RelayCertificate } from '../support/tls-relay.js';

jest.setTimeout(30_000);

let crypto: Crypto;
let foreign: RelayCertificate;
const log = new LogRecorder();
/** Binding is possible, and not required. */
let server: AuthenticatedServer;
const strictLog = new LogRecorder();
let strict: AuthenticatedServer;

beforeAll(async () => {
  crypto = await loadCrypto();
  foreign = await selfSigned('relay');
  [server, strict] = await Promise.all([
    startAuthenticatedServer({ logger: log }),
    startAuthenticatedServer({ logger: strictLog, requireBinding: true }),
  ]);
  await Promise.all([server.member('alice'), strict.member('alice')]);
});
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});
afterAll(() => Promise.all([server.stop(), strict.stop()]));

const endings: (() => unknown)[] = [];
async function ended(starting: Promise<Relay>): Promise<Relay> {
  const relay = await starting;
  endings.push(() => relay.stop());
  return relay;
}

async function through(relay: Relay, place: AuthenticatedServer, more: NodeConnectOptions = {}): Promise<unknown> {
  // The client trusts both.
  const options = { ca: [place.ca, foreign.cert], ...more };
  const credentials = { username: 'alice', password: PASSWORD };
  try {
    const socket = await connect(`wss://localhost:${relay.port}/`, options).login(credentials);
    const { username } = socket.session;
    socket.close();
    return username;
  } catch (error) {
    return error;
  }
}

/** Messages of one kind are changed on their way. */
function rewrite<K extends Message['kind']>(
  sender: 'client' | 'server',
  kind: K,
  change: (message: Extract<Message, { kind: K }>) => Message,
): (frame: Uint8Array) => Uint8Array {
  return (frame) => {
    const message = decodeControl(new Uint8Array(frame), sender);
    return message.kind === kind ? encodeControl(change(message as Extract<Message, { kind: K }>)) : frame;
  };
}

const withoutBinding = rewrite('server', 'hello', (hello) => ({ ...hello, bindings: [] }));
const claimBinding = rewrite('client', 'loginStart', (start) => ({ ...start, binding: BINDING_TLS_EXPORTER }));

/** The client refused the proof of the server, and told nobody why. */
function expectUnproven(outcome: unknown): void {
  expect(outcome).toMatchObject({ code: 'login-failed', cause: { code: 'protocol-error', reason: 'server-proof' } });
}

/** Of one connection, the last thing that is logged of the attempt. */
async function expectLogged(recorder: LogRecorder, since: number, line: object): Promise<void> {
  await until(() => recorder.lines.slice(since).some(({ message }) => message !== 'closing'));
  const fresh = recorder.lines.slice(since);
  expect(fresh).toEqual(expect.arrayContaining([expect.objectContaining(line)]));
  expect(fresh.map(({ message }) => message)).not.toContain('session begins');
}

const LEFT = { level: 'info', message: 'left without an answer to the challenge', reason: 'awaiting-login-finish' };

describe('RFC 9266 tls-exporter, ws and the Node client', () => {
  test('without a relay: in, where binding is required too', async () => {
    const socket = await connect(strict.url, { ca: strict.ca }).login({ username: 'alice', password: PASSWORD });
    expect(socket.session.username).toBe('alice');
    socket.close();
  });

  test.each([
    ['binding not required', () => [server, log] as const],
    ['binding required', () => [strict, strictLog] as const],
  ])('a relay that passes on every byte, %s: the client refuses the server’s proof', async (_name, which) => {
    const [place, recorder] = which();
    const since = recorder.lines.length;
    const relay = await ended(startByteRelay(foreign, place.port));
    expectUnproven(await through(relay, place));
    expect(relay.bytesSeen()).toBeGreaterThan(200);
    await expectLogged(recorder, since, LEFT);
  });

  test('hello’s offer is cut out: it is in the transcript, and the client refuses the proof', async () => {
    const since = log.lines.length;
    expectUnproven(
      await through(await ended(startFrameRelay(foreign, server.port, { toClient: withoutBinding })), server),
    );
    await expectLogged(log, since, LEFT);
  });

  test('the same where binding is required: 4406 from the server', async () => {
    const since = strictLog.lines.length;
    const relay = await ended(startFrameRelay(foreign, strict.port, { toClient: withoutBinding }));
    expect(await through(relay, strict)).toMatchObject({
      code: 'binding-refused',
      closeCode: CLOSE.bindingRefused,
    });
    await expectLogged(strictLog, since, { level: 'info', code: 'binding-refused', reason: 'binding-missing' });
  });

  test('cut out of hello, and claimed to the server in the client’s name', async () => {
    const since = strictLog.lines.length;
    const tampering = { toClient: withoutBinding, toServer: claimBinding };
    expectUnproven(await through(await ended(startFrameRelay(foreign, strict.port, tampering)), strict));
    await expectLogged(strictLog, since, LEFT);
  });

  test('a client that requires it leaves before it has named anybody', async () => {
    const relay = await ended(startFrameRelay(foreign, server.port, { toClient: withoutBinding }));
    expect(await through(relay, server, { requireBinding: true })).toMatchObject({ code: 'binding-refused' });
    expect(relay.bytesSeen()).toBe(0);
  });

  test('the relay passes other clients on that bind nothing: it is the binding that stops it', async () => {
    const relay = await ended(startByteRelay(foreign, server.port));
    const client = await openRaw(`wss://localhost:${relay.port}/`, crypto, { target: `localhost:${relay.port}` });
    expect(await client.nextControl()).toMatchObject({ kind: 'hello', bindings: [BINDING_TLS_EXPORTER] });
    expect(await client.signup('bob', PASSWORD)).toMatchObject({ kind: 'welcome', username: 'bob' });
    endings.push(() => client.socket.terminate());
  });

  test('a ticket does not resume through it either', async () => {
    const tickets = memoryTickets();
    const options = { ca: [server.ca, foreign.cert], tickets };
    const socket = await connect(server.url, options).login({ username: 'alice', password: PASSWORD });
    socket.close();
    const relay = await ended(startByteRelay(foreign, server.port));
    const attempt = connect(`wss://localhost:${relay.port}/`, options).resume();
    await expect(attempt).rejects.toMatchObject({ code: 'resume-failed' });
  });
});
