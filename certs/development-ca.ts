import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BlindsaltError } from '../proto/errors.js';
import { checkCertificatePair, DEVELOPMENT_ORGANIZATION, isDevelopmentCertificate } from './certificate-checks.js';

export { checkCertificatePair, isDevelopmentCertificate } from './certificate-checks.js';
export { trustInstructions, type TrustInstruction } from './trust.js';

/** Where the development certificates lie, and what is needed to trust them. */
export interface DevelopmentCertificates {
  /** The CA's certificate: what browsers and clients are told to trust. */
  readonly caFile: string;
  /** The server's certificate. */
  readonly certFile: string;
  /** The server's private key, mode 0600. */
  readonly keyFile: string;
  /** Common name of the CA; each one that is made has its own. */
  readonly caName: string;
  /** SHA-256 of the server's public key (SPKI), base64. */
  readonly spkiSha256: string;
  readonly expiresAtMs: number;
  /** Whether this call made them. */
  readonly created: boolean;
}

export interface DevelopmentCertificateOptions {
  /** Milliseconds since 1970; now by default. */
  readonly nowMs?: number | undefined;
}

interface Pems {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Browsers refuse leaves of more than 397 days; one day is left for rounding. */
const LIFETIME_MS = 396 * DAY_MS;
/** Made anew when less than this is left. */
const RENEWAL_MS = 14 * DAY_MS;
const ALT_NAMES = ['DNS:localhost', 'IP Address:127.0.0.1', 'IP Address:0:0:0:0:0:0:0:1'] as const;

/**
 * A CA and the leaf it signs, ECDSA over P-256. The CA's private key is never written anywhere and gone when this
 * returns: whoever trusts the CA trusts this one leaf, for loopback names, and nothing that could be signed later. That
 * is why the CA needs no name constraints (which `selfsigned` cannot write).
 */
async function generatePems(nowMs: number): Promise<Pems> {
  const { generate } = await import('selfsigned');
  const common = {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // A clock that is a little behind must not refuse a fresh certificate.
    notBeforeDate: new Date(nowMs - HOUR_MS),
    notAfterDate: new Date(nowMs - HOUR_MS + LIFETIME_MS),
  } as const;
  const organization = { name: 'O', value: DEVELOPMENT_ORGANIZATION };
  // Trust stores confuse CAs of one name and different keys.
  const caName = `blindsalt development CA ${randomBytes(4).toString('hex')}`;
  const ca = await generate([{ name: 'commonName', value: caName }, organization], {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  const leaf = await generate([{ name: 'commonName', value: 'localhost' }, organization], {
    ...common,
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  const ended = (pem: string): string => `${pem.trimEnd()}\n`;
  return { ca: ended(ca.cert), cert: ended(leaf.cert), key: ended(leaf.private) };
}

const filesIn = (folder: string): { caFile: string; certFile: string; keyFile: string } => ({
  caFile: join(folder, 'ca.pem'),
  certFile: join(folder, 'leaf.pem'),
  keyFile: join(folder, 'leaf.key'),
});

/** What lies in the folder, if it is whole, belongs together, was kept private, and lasts for a while. */
async function loadUsable(folder: string, nowMs: number): Promise<Pems | undefined> {
  const { caFile, certFile, keyFile } = filesIn(folder);
  try {
    if (process.platform !== 'win32' && ((await stat(keyFile)).mode & 0o077) !== 0) return undefined;
    const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map((file) => readFile(file, 'utf8')));
    checkCertificatePair(cert!, key!, nowMs + RENEWAL_MS);
    checkCertificatePair(cert!, key!, nowMs);
    const authority = new X509Certificate(ca!);
    const leaf = new X509Certificate(cert!);
    const names = leaf.subjectAltName?.split(', ') ?? [];
    const usable =
      isDevelopmentCertificate(cert!) &&
      leaf.checkIssued(authority) &&
      leaf.verify(authority.publicKey) &&
      Date.parse(authority.validTo) >= Date.parse(leaf.validTo) &&
      ALT_NAMES.every((name) => names.includes(name));
    return usable ? { ca: ca!, cert: cert!, key: key! } : undefined;
  } catch {
    // Missing, damaged, expired or mixed up: all made anew.
    return undefined;
  }
}

async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, text, { mode, flag: 'wx' });
    if (process.platform !== 'win32') await chmod(temporary, mode);
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

function describe(folder: string, { ca, cert }: Pems, created: boolean): DevelopmentCertificates {
  const leaf = new X509Certificate(cert);
  const spki = leaf.publicKey.export({ type: 'spki', format: 'der' });
  return {
    ...filesIn(folder),
    caName: /^CN=(.*)$/m.exec(new X509Certificate(ca).subject)?.[1] ?? '',
    spkiSha256: createHash('sha256').update(spki).digest('base64'),
    expiresAtMs: Date.parse(leaf.validTo),
    created,
  };
}

/**
 * Makes sure that `ca.pem`, `leaf.pem` and `leaf.key` (mode 0600) lie in the folder: a certificate for localhost,
 * 127.0.0.1 and ::1 and the CA that signed it. They are made together, and made anew when one is missing or damaged, when
 * they do not belong together, when others may read the key, or when less than 14 of their 396 days are left. Throws
 * `certificate-invalid` (with `cause`) when the folder cannot be written.
 */
export async function ensureDevelopmentCertificates(
  folder: string,
  options: DevelopmentCertificateOptions = {},
): Promise<DevelopmentCertificates> {
  const nowMs = options.nowMs ?? Date.now();
  const found = await loadUsable(folder, nowMs);
  if (found) return describe(folder, found, false);
  try {
    // Another process that does the same may mix its files with ours; then both see it and try again.
    for (let attempt = 0; attempt < 8; attempt++) {
      const { caFile, certFile, keyFile } = filesIn(folder);
      const pems = await generatePems(nowMs);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await replaceFile(keyFile, pems.key, 0o600);
      await replaceFile(certFile, pems.cert, 0o644);
      await replaceFile(caFile, pems.ca, 0o644);
      await new Promise((resume) => setTimeout(resume, attempt * 20 * Math.random()));
      const made = await loadUsable(folder, nowMs);
      if (made) return describe(folder, made, made.cert === pems.cert);
    }
  } catch (cause) {
    throw new BlindsaltError('certificate-invalid', `The development certificates cannot be made in ${folder}.`, {
      cause,
    });
  }
  throw new BlindsaltError('certificate-invalid', `The development certificates in ${folder} keep changing.`);
}
