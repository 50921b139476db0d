// What the state machine of a connection checks in start messages and in the records of sign-ups.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { closeCodeOf, type SignupChallenge, type StartFields, type WireErrorCode } from '../../proto/index.js';
import { createBench, type Bench } from '../support/connection-bench.js';
import { expectClosedWith, freshName } from '../support/connection-play.js';

let bench: Bench;

beforeAll(async () => {
  bench = await createBench();
  expect(await bench.connect().signup('alice')).toMatchObject({ kind: 'welcome' });
});

describe('checks of start messages', () => {
  type Start = Partial<StartFields & { mechanism: string; mechanismData: Uint8Array }>;

  test.each<[name: string, change: Start, code: WireErrorCode]>([
    ['a target with another host', { target: 'evil.example:443' }, 'target-refused'],
    ['a target with another port', { target: 'localhost:444' }, 'target-refused'],
    ['a target without port', { target: 'localhost' }, 'target-refused'],
    ['a target in capitals', { target: 'LOCALHOST:443' }, 'target-refused'],
    ['an origin without header', { origin: 'https://localhost' }, 'origin-refused'],
    ['a binding that was not offered', { binding: 'tls-exporter' }, 'binding-refused'],
    ['an unknown binding', { binding: 'tls-unique' }, 'binding-refused'],
    ['a puzzle answer without a puzzle', { puzzleAnswer: Uint8Array.of(1) }, 'protocol-error'],
    ['a username in capitals', { username: 'Alice' }, 'username-invalid'],
    ['a username with a space', { username: 'al ice' }, 'username-invalid'],
    ['a username of mixed scripts', { username: 'pаypal' }, 'username-invalid'],
    ['a username of 65 code points', { username: 'a'.repeat(65) }, 'username-invalid'],
    ['an unknown mechanism', { mechanism: '3DH' }, 'mechanism-unsupported'],
    ['an element of 31 bytes', { mechanismData: new Uint8Array(31).fill(1) }, 'protocol-error'],
    ['an element of 33 bytes', { mechanismData: new Uint8Array(33).fill(1) }, 'protocol-error'],
    ['the identity', { mechanismData: new Uint8Array(32) }, 'protocol-error'],
    [
      'a negative field element',
      { mechanismData: Uint8Array.of(1, ...new Array<number>(31).fill(0)) },
      'protocol-error',
    ],
    ['a non-canonical field element', { mechanismData: new Uint8Array(32).fill(0xff) }, 'protocol-error'],
  ])('%s', (_name, change, code) => {
    for (const kind of ['loginStart', 'signupStart'] as const) {
      if (kind === 'signupStart' && change.mechanism !== undefined) continue;
      const connection = bench.connect();
      connection.frame(connection.client[kind]('alice', 'correct horse', change));
      expect(connection.pending).toBeUndefined();
      if (closeCodeOf(code) !== undefined) {
        expectClosedWith(connection, code);
      } else {
        expect(connection.client.take(connection.frames[1]!)).toMatchObject({ kind: 'error', code });
        expect(connection.close).toBeUndefined();
      }
    }
  });

  test('a username-invalid attempt may be followed by a good one', async () => {
    const connection = bench.connect();
    connection.frame(connection.client.loginStart('Alice', 'correct horse'));
    connection.client.take(connection.frames[1]!);
    expect(await connection.login('alice')).toMatchObject({ kind: 'welcome' });
  });

  test('origins: the header is listed and repeated', async () => {
    const header = 'https://localhost';
    expect(await bench.connect({ header, origin: header }).login('alice')).toMatchObject({ kind: 'welcome' });
    for (const origin of ['', 'https://localhost:8443', 'https://LOCALHOST', 'null']) {
      expect(await bench.connect({ header, origin }).login('alice')).toMatchObject({ code: 'origin-refused' });
    }
  });

  test('plaintext from loopback: only for a target on loopback', async () => {
    const targets = ['localhost', '127.0.0.1:443', '[::1]:443', 'a.localhost:443', 'example.org:443'];
    const server = await createBench({ keys: bench.keys, store: bench.store, targets });
    for (const target of ['localhost:443', 'localhost:8080', '127.0.0.1:443', '[::1]:443', 'a.localhost:443']) {
      const connection = server.connect({ isPlainLoopback: true, target });
      expect(await connection.login('alice')).toMatchObject({ kind: 'welcome' });
    }
    const proxied = server.connect({ isPlainLoopback: true, target: 'example.org:443' });
    expect(await proxied.login('alice')).toMatchObject({ code: 'tls-required' });
    expectClosedWith(proxied, 'tls-required');
    expect(await server.connect({ target: 'example.org:443' }).login('alice')).toMatchObject({ kind: 'welcome' });
  });

  test('a required binding', async () => {
    const strict = await createBench({ requireBinding: true, keys: bench.keys, store: bench.store });
    const tlsExporter = new Uint8Array(32).fill(1);
    expect(await strict.connect({ tlsExporter }).login('alice')).toMatchObject({ code: 'binding-refused' });
    const binding = { type: 'tls-exporter', value: tlsExporter };
    expect(await strict.connect({ tlsExporter, binding }).login('alice')).toMatchObject({ kind: 'welcome' });
  });

  test('key stretching: the server’s preference among what the client has', async () => {
    const connection = bench.connect();
    const ask = async (ksfs: string[]) => connection.exchange(connection.client.signupStart('carol', 'x', { ksfs }));
    expect(await ask(['pbkdf2-sha512', 'argon2id'])).toMatchObject({ ksf: 'argon2id', ksfMemoryKiB: 65_536 });
    expect(await ask(['new', 'pbkdf2-sha512'])).toMatchObject({ ksf: 'pbkdf2-sha512', ksfIterations: 210_000 });
    expect(await ask(['new'])).toMatchObject({ code: 'ksf-unsupported' });
    expect(await ask([])).toMatchObject({ code: 'ksf-unsupported' });
  });
});

describe('sign-up records', () => {
  const attempt = async (change: (record: Uint8Array) => void) => {
    const connection = bench.connect();
    const challenge = await connection.exchange(connection.client.signupStart(freshName(), 'correct horse'));
    const finish = connection.client.signupFinish(challenge as SignupChallenge);
    // Mark, array, type, bin 8 header of two bytes, then the record.
    change(finish.subarray(5, 5 + 192));
    connection.frame(finish);
    return connection;
  };

  test.each<[string, (record: Uint8Array) => void]>([
    ['the identity as client key', (record) => record.fill(0, 0, 32)],
    ['a client key that does not decode', (record) => record.fill(0xff, 0, 32)],
    ['a client key whose private key is not known', (record) => record.set(bench.keys.serverKeys[0]!.publicKey)],
    ['an envelope changed after signing', (record) => (record[191]! ^= 1)],
    ['a masking key changed after signing', (record) => (record[32]! ^= 1)],
  ])('%s: protocol-error, and no user', async (_name, change) => {
    const connection = await attempt(change);
    expect(connection.pending).toBeUndefined();
    expectClosedWith(connection, 'protocol-error');
  });

  test('unchanged it is accepted', async () => {
    expect((await attempt(() => {})).pending).toMatchObject({ ask: 'create' });
  });

  test('each sign-up has its own credential identifier and user id', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const connection = await attempt(() => {});
      const question = connection.pending as {
        user: { userId: Uint8Array; credential: { credentialIdentifier: Uint8Array } };
      };
      seen.add(Buffer.from(question.user.userId).toString('hex'));
      seen.add(Buffer.from(question.user.credential.credentialIdentifier).toString('hex'));
    }
    expect(seen.size).toBe(10);
  });
});
