// TLS of `serve`: certificates that change under it, client certificates, headers of pages.
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.js';
import { connect } from '../../src/client/node.js';
import { until } from '../suites/adapter.js';
import { selfSigned, testAuthority, type TestPair } from '../support/certificate.js';
import { blindsalt, serve, temporaryFolder, type RunningServer } from '../support/cli.js';
import { certificatePlace, look, type CertificatePlace } from '../support/tls-place.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(90_000);

const PASSWORD = 'correct horse battery';
const folder = temporaryFolder();
const file = (name: string, text: string): string => {
  const where = path.join(folder.path, name);
  writeFileSync(where, text);
  return where;
};
let before: TestPair;
let after: TestPair;

beforeAll(async () => {
  [before, after] = await Promise.all([selfSigned('before'), selfSigned('after')]);
});
afterAll(() => folder.remove());

const own = (place: CertificatePlace): string[] => ['--domain', 'localhost', '--cert', place.cert, '--key', place.key];

async function seenAt(port: number): Promise<string | undefined> {
  const { organization, socket } = await look(port);
  socket.destroy();
  return organization;
}

test('SIGHUP: a new certificate for new connections, open ones live on; a broken file changes nothing', async () => {
  const place = certificatePlace(before);
  const server = await serve(path.join(folder.path, 'reload'), own(place), { dev: false });
  try {
    const client = connect(server.url.replace('https', 'wss'), { ca: before.cert });
    const socket = await client.signup({ username: 'alice', password: PASSWORD });
    const answer = new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(data)));

    place.put({ cert: 'not what you think', key: 'neither' });
    process.kill(server.pid, 'SIGHUP');
    await until(() => server.stderr().includes('the new certificate cannot be used; the old one stays'));
    expect(await seenAt(server.port)).toBe('before');

    place.put(after);
    process.kill(server.pid, 'SIGHUP');
    await until(() => server.stderr().includes('certificate loaded anew'));
    expect(await seenAt(server.port)).toBe('after');
    socket.send('still here');
    expect(await answer).toBe('alice: still here');
    socket.close();
    await expect(look(server.port, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/alert|version/i);
    expect(server.stderr()).not.toContain('PRIVATE');
  } finally {
    expect(await server.stop()).toMatchObject({ code: 0 });
    place.remove();
  }
});

describe('--client-ca', () => {
  let server: RunningServer;
  let mine: string[];
  let foreign: string[];

  beforeAll(async () => {
    const [company, stranger] = await Promise.all([testAuthority('company'), testAuthority('stranger')]);
    const [pair, other] = await Promise.all([company.issue('laptop'), stranger.issue('laptop')]);
    mine = ['--client-cert', file('own.pem', pair.cert), '--client-key', file('own.key', pair.key)];
    foreign = ['--client-cert', file('other.pem', other.cert), '--client-key', file('other.key', other.key)];
    server = await serve(path.join(folder.path, 'mutual'), ['--client-ca', file('company.pem', company.cert)]);
  });
  afterAll(() => server.stop());

  const signup = (name: string, more: readonly string[]) => {
    const args = ['signup', server.url, name, '--password-stdin', '--ca', server.ca, ...more];
    return blindsalt(args, { input: PASSWORD });
  };

  test('with a certificate of that authority: in', async () => {
    expect(await signup('alice', mine)).toMatchObject({ code: EXIT.ok });
  });

  test('without one, and with a foreign one: no connection', async () => {
    for (const more of [[], foreign]) {
      const { code, stderr } = await signup('bob', more);
      expect(stderr).toMatch(/^blindsalt: connection-failed: [^\n]+\n$/);
      expect(code).toBe(EXIT.connectionFailed);
    }
  });

  test.each<[string, () => string[], string, number]>([
    ['a certificate without its key', () => mine.slice(0, 2), 'option-invalid', EXIT.usage],
    [
      'a key of another certificate',
      () => [...mine.slice(0, 2), ...foreign.slice(2)],
      'certificate-invalid',
      EXIT.local,
    ],
    ['a file that is missing', () => ['--client-cert', 'no', '--client-key', 'no'], 'certificate-invalid', EXIT.local],
  ])('%s is refused before anything is dialled', async (_name, more, code, exitCode) => {
    const finished = await signup('bob', more());
    expect(finished.stderr).toMatch(new RegExp(`^blindsalt: ${code}: [^\\n]+\\n$`));
    expect(finished.code).toBe(exitCode);
  });
});

describe('options', () => {
  test.each([
    ['--ocsp with --dev', ['--dev', '--ocsp', 'x'], 'option-invalid', EXIT.usage],
    ['no workers', ['--dev', '--workers', '0'], 'option-invalid', EXIT.usage],
    ['a client CA that is missing', ['--dev', '--client-ca', 'missing.pem'], 'certificate-invalid', EXIT.local],
    ['a client CA that is none', ['--dev', '--client-ca', file('no.pem', 'no')], 'certificate-invalid', EXIT.local],
  ])('%s', async (_name, args, word, exitCode) => {
    const data = path.join(folder.path, 'options');
    const { code, stderr } = await blindsalt(['serve', '--port', '0', '--data', data, ...args]);
    expect(stderr).toMatch(new RegExp(`^blindsalt: ${word}: [^\\n]+\\n$`));
    expect(code).toBe(exitCode);
  });
});

describe('HSTS', () => {
  /** The header on a page. */
  const asked = (port: number, host: string): Promise<{ status: number; hsts: unknown }> =>
    new Promise((resolve, reject) => {
      const headers = { host: `${host}:${port}` };
      request({ host: '127.0.0.1', port, headers, rejectUnauthorized: false }, (response) => {
        response.resume();
        resolve({ status: response.statusCode!, hsts: response.headers['strict-transport-security'] });
      })
        .on('error', reject)
        .end();
    });

  test('on every page of a public domain; not on localhost, which belongs to other servers too', async () => {
    const place = certificatePlace(before);
    const args = ['--domain', 'chat.example', '--host', '127.0.0.1', ...own(place).slice(2)];
    const [server, local] = await Promise.all([
      serve(path.join(folder.path, 'hsts'), args, { dev: false }),
      serve(path.join(folder.path, 'local')),
    ]);
    try {
      expect(await asked(server.port, 'chat.example')).toEqual({ status: 200, hsts: 'max-age=31536000' });
      expect(await asked(server.port, 'evil.example')).toEqual({ status: 421, hsts: 'max-age=31536000' });
      expect(await asked(local.port, 'localhost')).toEqual({ status: 200, hsts: undefined });
    } finally {
      await Promise.all([server.stop(), local.stop()]);
      place.remove();
    }
  });
});
