import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import {
  checkCertificatePair,
  ensureDevelopmentCertificates,
  isDevelopmentCertificate,
  trustInstructions,
  type DevelopmentCertificates,
} from '../../certs/development-ca.js';

const DAY_MS = 86_400_000;
const posixTest = process.platform === 'win32' ? test.skip : test;
const read = (file: string): Promise<string> => readFile(file, 'utf8');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blindsalt-certs-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Connects to a server with these files; answers the name that was verified, or the error's code. */
async function handshake(made: DevelopmentCertificates, ca: string, servername: string): Promise<string> {
  const server = tls.createServer({
    cert: await read(made.certFile),
    key: await read(made.keyFile),
    minVersion: 'TLSv1.3',
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise((resolve) => {
      const socket = tls.connect({
        host: '127.0.0.1',
        port,
        ca,
        // No SNI for addresses; their check is the same.
        ...(/^[\d.:]+$/.test(servername) ? {} : { servername }),
        checkServerIdentity: (_, certificate) => tls.checkServerIdentity(servername, certificate),
      });
      socket.on('secureConnect', () => {
        resolve(`${socket.getProtocol()} authorized=${socket.authorized}`);
        socket.destroy();
      });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  } finally {
    server.close();
  }
}

describe('what is made', () => {
  test.each(['localhost', '127.0.0.1'])('a client that trusts the CA connects to %s', async (name) => {
    const made = await ensureDevelopmentCertificates(folder);
    expect(await handshake(made, await read(made.caFile), name)).toBe('TLSv1.3 authorized=true');
  });

  test('is for ::1 too', async () => {
    const { certFile } = await ensureDevelopmentCertificates(folder);
    // OpenSSL's check: tls.checkServerIdentity of some Node releases (nodejs/node#64144) accepts no IPv6 address at all.
    expect(new X509Certificate(await read(certFile)).checkIP('::1')).toBe('::1');
  });

  test('other names, and clients that trust another CA, are refused', async () => {
    const made = await ensureDevelopmentCertificates(folder);
    const ca = await read(made.caFile);
    expect(await handshake(made, ca, 'example.org')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await handshake(made, ca, '127.0.0.2')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    const other = await ensureDevelopmentCertificates(join(folder, 'other'));
    expect(await handshake(made, await read(other.caFile), 'localhost')).toMatch(/^(UNABLE_TO|SELF_SIGNED|CERT_)/);
  });

  test('is a P-256 leaf for servers under a CA that may sign leaves only, for at most 397 days', async () => {
    const { certFile, caFile, caName, spkiSha256, expiresAtMs } = await ensureDevelopmentCertificates(folder);
    const [leaf, ca] = [new X509Certificate(await read(certFile)), new X509Certificate(await read(caFile))];
    for (const certificate of [leaf, ca]) {
      expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
      const lifetime = Date.parse(certificate.validTo) - Date.parse(certificate.validFrom);
      expect(lifetime).toBeLessThanOrEqual(397 * DAY_MS);
      expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.now());
    }
    expect(ca.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(expiresAtMs).toBe(Date.parse(leaf.validTo));
    expect(ca.subject).toContain(`CN=${caName}\n`);
    expect(leaf.issuer).toBe(ca.subject);
    expect(Buffer.from(spkiSha256, 'base64')).toHaveLength(32);
  });

  test('has no private key of the CA anywhere', async () => {
    const { caFile } = await ensureDevelopmentCertificates(folder);
    expect((await readdir(folder)).sort()).toEqual(['ca.pem', 'leaf.key', 'leaf.pem']);
    const ca = new X509Certificate(await read(caFile));
    const key = await read(join(folder, 'leaf.key'));
    expect(() => checkCertificatePair(ca.toString(), key)).toThrow(expect.objectContaining({ reason: 'mismatch' }));
  });

  posixTest('has a key with mode 0600 whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const { keyFile } = await ensureDevelopmentCertificates(folder);
      expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });
});

describe('what is there already', () => {
  test('is used again until 14 days before its end, then all is made anew', async () => {
    const first = await ensureDevelopmentCertificates(folder);
    expect(first.created).toBe(true);
    const again = await ensureDevelopmentCertificates(folder, { nowMs: first.expiresAtMs - 15 * DAY_MS });
    expect(again).toEqual({ ...first, created: false });
    const later = await ensureDevelopmentCertificates(folder, { nowMs: first.expiresAtMs - 13 * DAY_MS });
    expect(later.created).toBe(true);
    expect(later.caName).not.toBe(first.caName);
    expect(later.expiresAtMs).toBeGreaterThan(first.expiresAtMs + 300 * DAY_MS);
  });

  const damages: readonly [string, (made: DevelopmentCertificates) => Promise<void>][] = [
    ['the key is missing', ({ keyFile }) => rm(keyFile)],
    ['the CA is missing', ({ caFile }) => rm(caFile)],
    ['the leaf is damaged', ({ certFile }) => writeFile(certFile, 'damaged')],
    ['the key is empty', ({ keyFile }) => writeFile(keyFile, '')],
    [
      'the CA is another',
      async ({ caFile }) => {
        const other = await ensureDevelopmentCertificates(join(folder, 'other'));
        await writeFile(caFile, await read(other.caFile));
      },
    ],
    [
      'the key is another',
      async ({ keyFile }) => {
        const other = await ensureDevelopmentCertificates(join(folder, 'other'));
        await writeFile(keyFile, await read(other.keyFile));
      },
    ],
  ];
  test.each(damages)('is made anew when %s', async (_, damage) => {
    const first = await ensureDevelopmentCertificates(folder);
    await damage(first);
    const second = await ensureDevelopmentCertificates(folder);
    expect(second.created).toBe(true);
    expect(await handshake(second, await read(second.caFile), 'localhost')).toBe('TLSv1.3 authorized=true');
  });

  posixTest('is made anew when others could read the key', async () => {
    const first = await ensureDevelopmentCertificates(folder);
    await chmod(first.keyFile, 0o644);
    const second = await ensureDevelopmentCertificates(folder);
    expect(second.created).toBe(true);
    expect((await stat(second.keyFile)).mode & 0o777).toBe(0o600);
  });

  test('belongs together when many make it at once', async () => {
    await Promise.all(Array.from({ length: 4 }, () => ensureDevelopmentCertificates(folder)));
    const made = await ensureDevelopmentCertificates(folder);
    expect(made.created).toBe(false);
    expect(await handshake(made, await read(made.caFile), 'localhost')).toBe('TLSv1.3 authorized=true');
  });

  test('a folder that cannot be written is certificate-invalid', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(ensureDevelopmentCertificates(join(file, 'certs'))).rejects.toMatchObject({
      code: 'certificate-invalid',
    });
  });
});

describe('checks', () => {
  let made: { cert: string; key: string; ca: string; until: number };
  let place: string;
  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'blindsalt-certs-'));
    const files = await ensureDevelopmentCertificates(place);
    const [cert, key, ca] = await Promise.all([files.certFile, files.keyFile, files.caFile].map(read));
    made = { cert: cert!, key: key!, ca: ca!, until: files.expiresAtMs };
  });
  afterAll(() => rm(place, { recursive: true }));

  const refused = (reason: string): unknown => expect.objectContaining({ code: 'certificate-invalid', reason });

  test('a pair is accepted, with a chain behind the leaf too', () => {
    checkCertificatePair(made.cert, made.key);
    checkCertificatePair(made.cert + made.ca, made.key);
  });

  test('a certificate and the key of another do not match', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    expect(() => checkCertificatePair(made.cert, other)).toThrow(refused('mismatch'));
    // The key belongs to the first certificate, as servers present it.
    expect(() => checkCertificatePair(made.ca + made.cert, made.key)).toThrow(refused('mismatch'));
  });

  test('what cannot be read is told apart from what does not match', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const encrypted = privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'p',
    }) as string;
    for (const cert of ['', 'text', made.key, made.cert.replace(/\n.{20}/, '\nAAAA')]) {
      expect(() => checkCertificatePair(cert, made.key)).toThrow(refused('unreadable'));
    }
    for (const key of ['', 'text', made.cert, encrypted, made.key.slice(0, 80)]) {
      expect(() => checkCertificatePair(made.cert, key)).toThrow(refused('unreadable'));
    }
  });

  test('expired and future certificates are refused', () => {
    checkCertificatePair(made.cert, made.key, made.until);
    expect(() => checkCertificatePair(made.cert, made.key, made.until + 1000)).toThrow(refused('expired'));
    expect(() => checkCertificatePair(made.cert, made.key, made.until - 400 * DAY_MS)).toThrow(
      refused('not-yet-valid'),
    );
  });

  test('development certificates are told from others', async () => {
    expect(isDevelopmentCertificate(made.cert)).toBe(true);
    expect(isDevelopmentCertificate(made.ca)).toBe(true);
    const { generate } = await import('selfsigned');
    const other = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec', algorithm: 'sha256' });
    expect(isDevelopmentCertificate(other.cert)).toBe(false);
    expect(isDevelopmentCertificate(other.cert + made.ca)).toBe(true);
    expect(() => isDevelopmentCertificate('text')).toThrow(refused('unreadable'));
  });
});

test('instructions are one line each, with the path quoted for the shell', () => {
  const caFile = "/home/o'neil/my data/certs/ca.pem";
  const subject = { caFile, caName: 'blindsalt development CA 01234567', spkiSha256: 'AAAA+/==' };
  const instructions = trustInstructions(subject);
  const quoted = `'/home/o'\\''neil/my data/certs/ca.pem'`;
  for (const { command } of instructions) {
    expect(command).not.toContain('\n');
    expect(command.includes(quoted) || command.includes('--ignore-certificate-errors-spki-list=AAAA+/==')).toBe(true);
  }
  const places = instructions.map(({ where }) => where).join();
  for (const place of ['Chromium', 'Firefox', 'Node', 'macOS', 'Debian', 'Fedora']) expect(places).toContain(place);
  expect(trustInstructions({ ...subject, caFile: 'data/certs/ca.pem' })[3]!.command).toBe(
    `export NODE_EXTRA_CA_CERTS=${join(process.cwd(), 'data/certs/ca.pem')}`,
  );
});
