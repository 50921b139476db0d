import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { generate } from 'selfsigned';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { EXIT } from '../../src/cli/exit-codes.js';
import { blindsalt, serve, temporaryFolder, type RunningServer } from '../support/cli.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(90_000);

const folder = temporaryFolder();
const data = path.join(folder.path, 'data');
const PASSWORD = 'correct horse battery';
let server: RunningServer;

beforeAll(async () => {
  server = await serve(data);
  expect(await blindsalt(['certs', '--data', path.join(folder.path, 'other')])).toMatchObject({ code: EXIT.ok });
  const own = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  writeFileSync(path.join(folder.path, 'own.pem'), own.cert);
  writeFileSync(path.join(folder.path, 'own.key'), own.private);
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

function ask(path: string, { method = 'GET', host }: { method?: string; host?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: server.port,
        path,
        method,
        ca: readFileSync(server.ca),
        servername: 'localhost',
        headers: { host: host ?? `localhost:${server.port}` },
      },
      (incoming) => {
        let body = '';
        incoming.setEncoding('utf8').on('data', (text: string) => (body += text));
        incoming.on('end', () => resolve({ status: incoming.statusCode!, headers: incoming.headers, body }));
      },
    );
    outgoing.on('error', reject).end();
  });
}

function handshake(options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: server.port,
      ca: readFileSync(server.ca),
      servername: 'localhost',
      ...options,
    });
    socket.on('secureConnect', () => {
      resolve(socket.getProtocol() ?? '');
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

describe('what it says and makes', () => {
  test('one line on standard output; what to do next on standard error', () => {
    expect(server.stdout()).toBe(`blindsalt listening on https://localhost:${server.port}\n`);
    expect(server.stderr()).toContain(`signup wss://localhost:${server.port}`);
    expect(server.stderr()).toContain(server.ca);
  });

  test('keys and certificates are for their owner only', () => {
    expect(statSync(data).mode & 0o777).toBe(0o700);
    for (const file of ['keys.json', 'certs/leaf.key']) expect(statSync(path.join(data, file)).mode & 0o077).toBe(0);
    expect(existsSync(path.join(data, 'blindsalt.db'))).toBe(true);
  });
});

describe('the page', () => {
  test('strict headers on every answer', async () => {
    for (const where of ['/', '/app.js', '/worker.js', '/core.wasm', '/missing']) {
      const { headers } = await ask(where);
      const policy = String(headers['content-security-policy']).split('; ');
      expect(policy).toEqual(
        expect.arrayContaining([
          "default-src 'none'",
          "script-src 'self' 'wasm-unsafe-eval'",
          `connect-src 'self' wss://localhost:${server.port}`,
          "object-src 'none'",
          "base-uri 'none'",
          "frame-ancestors 'none'",
          "require-trusted-types-for 'script'",
        ]),
      );
      expect(policy.join()).not.toContain('unsafe-inline');
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
      });
    }
  });

  test.each([
    ['/', 'text/html'],
    ['/app.js', 'text/javascript'],
    ['/worker.js', 'text/javascript'],
    ['/style.css', 'text/css'],
    ['/core.wasm', 'application/wasm'],
    ['/core-relaxed.wasm', 'application/wasm'],
    ['/icon.svg', 'image/svg+xml'],
  ])('%s is %s', async (where, type) => {
    const { status, headers } = await ask(where);
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(new RegExp(`^${type.replace('+', '\\+')}`));
  });

  test('is filled in', async () => {
    const { body } = await ask('/?x=1');
    expect(body).toContain('name="blindsalt-domain" content="localhost"');
    expect(body).not.toContain('{{');
  });

  test.each(['/../package.json', '/%2e%2e/keys.json', '/keys.json', '//', '/app.js/', '/constructor'])(
    '%s: nothing',
    async (where) => {
      expect((await ask(where)).status).toBe(404);
    },
  );

  test('other methods, other hosts', async () => {
    expect((await ask('/', { method: 'POST' })).status).toBe(405);
    expect(await ask('/', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect((await ask('/', { host: 'evil.example' })).status).toBe(421);
  });

  test('TLS 1.3 only', async () => {
    expect(await handshake({})).toBe('TLSv1.3');
    expect(await handshake({ maxVersion: 'TLSv1.2' })).toMatch(/ALERT|PROTOCOL_VERSION/);
  });
});

describe('what it refuses, each with its exit code and one line', () => {
  test.each<[string, () => string[], string, number]>([
    ['a port in use', () => ['--dev', '--port', String(server.port)], 'listen-failed', EXIT.listen],
    ['a certificate that is not there', () => pair('missing.pem', 'missing.key'), 'certificate-invalid', EXIT.local],
    [
      'a certificate that does not match its key',
      () => pair(path.join(data, 'certs/leaf.pem'), path.join(folder.path, 'other/certs/leaf.key')),
      'certificate-invalid',
      EXIT.local,
    ],
    ['a certificate that is none', () => pair(text('no.pem'), text('no.key')), 'certificate-invalid', EXIT.local],
    [
      'a development certificate outside loopback',
      () => [...pair(path.join(data, 'certs/leaf.pem'), path.join(data, 'certs/leaf.key')), '--host', '0.0.0.0'],
      'certificate-invalid',
      EXIT.local,
    ],
    ['an address of another machine', () => [...foreignPair(), '--host', '192.0.2.1'], 'listen-failed', EXIT.listen],
    [
      'another domain than that of its keys',
      () => [...ownPair(), '--domain', 'example.org'],
      'keys-invalid',
      EXIT.local,
    ],
    ['an origin that is none', () => ['--dev', '--origin', 'nonsense'], 'option-invalid', EXIT.usage],
    ['a file where the data folder should be', () => ['--dev', '--data', text('file')], 'store-failed', EXIT.local],
  ])('%s', async (_name, args, word, exitCode) => {
    const { code, stdout, stderr } = await blindsalt(['serve', '--port', '0', '--data', data, ...args()]);
    expect(stderr).toMatch(new RegExp(`^blindsalt: ${word}: [^\\n]+\\n$`));
    expect(stdout).toBe('');
    expect(code).toBe(exitCode);
  });

  const pair = (cert: string, key: string): string[] => ['--domain', 'localhost', '--cert', cert, '--key', key];
  const ownPair = (): string[] => [
    ...pair(path.join(data, 'certs/leaf.pem'), path.join(data, 'certs/leaf.key')),
    ...['--host', 'localhost'],
  ];
  /** Of no development CA. */
  const foreignPair = (): string[] => pair(path.join(folder.path, 'own.pem'), path.join(folder.path, 'own.key'));
  const text = (name: string): string => {
    const file = path.join(folder.path, name);
    writeFileSync(file, 'not what you think\n');
    return file;
  };

  test('--verbose adds the stack', async () => {
    const { stderr } = await blindsalt(['serve', '--dev', '--port', String(server.port), '--data', data, '--verbose']);
    expect(stderr).toMatch(/^ +at /m);
  });
});

describe('with a certificate of its own', () => {
  test('serves the domain at its targets', async () => {
    const certificate = path.join(folder.path, 'own.pem');
    const args = ['--domain', 'localhost', '--cert', certificate, '--key', path.join(folder.path, 'own.key')];
    const other = await serve(path.join(folder.path, 'own'), args, { dev: false });
    try {
      const login = ['signup', other.url, 'alice', '--password-stdin', '--ca', certificate];
      expect(await blindsalt(login, { input: PASSWORD })).toMatchObject({ code: EXIT.ok });
      const elsewhere = `wss://127.0.0.1:${other.port}`;
      const refused = await blindsalt(['login', elsewhere, ...login.slice(2)], { input: PASSWORD });
      expect(refused.stderr).toMatch(/^blindsalt: target-refused: /);
      expect(refused.code).toBe(EXIT.refused);
    } finally {
      await other.stop();
    }
  });
});

describe('registration', () => {
  test('invite: a code for one sign-up', async () => {
    const own = path.join(folder.path, 'invites');
    const other = await serve(own, ['--registration', 'invite']);
    try {
      const signup = (name: string, ...more: string[]) =>
        blindsalt(['signup', other.url, name, '--password-stdin', '--ca', other.ca, ...more], { input: PASSWORD });
      expect((await signup('alice')).stderr).toMatch(/^blindsalt: invite-invalid: /);
      const code = (await blindsalt(['invites', 'create', '--data', own])).stdout.trim();
      expect(await signup('alice', '--invite', code)).toMatchObject({ code: EXIT.ok });
      expect(await signup('bob', '--invite', code)).toMatchObject({ code: EXIT.refused });
      const second = (await blindsalt(['invites', 'create', '--data', own])).stdout;
      const args = ['signup', other.url, 'bob', '--password-stdin', '--ca', other.ca, '--invite', '-'];
      expect(await blindsalt(args, { input: PASSWORD })).toMatchObject({ code: EXIT.usage });
      expect(await blindsalt(args, { input: `${second}${PASSWORD}\n` })).toMatchObject({ code: EXIT.ok });
      const login = ['login', other.url, 'bob', '--password-stdin', '--ca', other.ca, '--send', 'x'];
      expect(await blindsalt(login, { input: PASSWORD })).toMatchObject({ code: EXIT.ok });
    } finally {
      await other.stop();
    }
  });

  test('closed: nobody, but a reset code works', async () => {
    const own = path.join(folder.path, 'closed');
    const open = await serve(own);
    const account = (at: RunningServer, command: string, password: string, ...more: string[]) =>
      blindsalt([command, at.url, 'alice', '--password-stdin', '--ca', at.ca, ...more], { input: password });
    expect(await account(open, 'signup', PASSWORD)).toMatchObject({ code: EXIT.ok });
    await open.stop();
    const closed = await serve(own, ['--registration', 'closed']);
    try {
      expect((await account(closed, 'signup', 'new password')).stderr).toMatch(/^blindsalt: registration-closed: /);
      const code = (await blindsalt(['users', 'reset', 'alice', '--data', own])).stdout.trim();
      expect(await account(closed, 'signup', 'new password', '--invite', code)).toMatchObject({ code: EXIT.ok });
      expect(await account(closed, 'login', 'new password')).toMatchObject({ code: EXIT.ok });
    } finally {
      await closed.stop();
    }
  });
});

describe('the end', () => {
  test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])('%s: exit code 0', async (signal) => {
    const other = await serve(path.join(folder.path, 'ends'));
    expect(await other.stop(signal)).toMatchObject({ code: 0, signal: null });
  });

  test('kill -9 and a restart: all accounts are there and log in', async () => {
    const own = path.join(folder.path, 'killed');
    const names = ['alice', 'bob', 'carol'];
    let other = await serve(own);
    for (const name of names) {
      const args = ['signup', other.url, name, '--password-stdin', '--ca', other.ca];
      expect(await blindsalt(args, { input: `${PASSWORD} ${name}` })).toMatchObject({ code: EXIT.ok });
    }
    expect(await other.stop('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    other = await serve(own);
    try {
      for (const name of names) {
        const args = ['login', other.url, name, '--password-stdin', '--ca', other.ca, '--send', 'back'];
        const { code, stdout } = await blindsalt(args, { input: `${PASSWORD} ${name}` });
        expect(stdout).toBe(`${name}: back\n`);
        expect(code).toBe(EXIT.ok);
      }
    } finally {
      await other.stop();
    }
  });
});
