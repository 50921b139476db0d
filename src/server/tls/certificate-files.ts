import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { BlindsaltError } from '../../../proto/index.js';
import { checkAuthorities } from './authorities.js';
import { readOcspResponse } from './ocsp-response.js';

/** Names of files; all but `ocsp` are PEM. */
export interface CertificateFiles {
  /** The certificate and its chain. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
  readonly passphrase?: string | undefined;
  /** Certificate authorities of client certificates. */
  readonly ca?: string | undefined;
  /** OCSP response for the certificate, DER, which somebody else keeps fresh. */
  readonly ocsp?: string | undefined;
}

/** What was in the files. */
export interface LoadedCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
  readonly ocsp: Buffer | undefined;
  /** Of all of them. */
  readonly digest: string;
}

export async function readCertificateFiles({ cert, key, ca, ocsp }: CertificateFiles): Promise<LoadedCertificate> {
  const [certBytes, keyBytes, caBytes, ocspBytes] = await Promise.all([
    read(cert, 'certificate'),
    read(key, 'private key'),
    ca === undefined ? undefined : read(ca, 'file of certificate authorities'),
    // A staple is a courtesy: no server stays down for want of one.
    ocsp === undefined ? undefined : readFile(ocsp).catch(() => undefined),
  ]);
  const hash = createHash('sha256');
  for (const part of [certBytes, keyBytes, caBytes, ocspBytes]) {
    hash.update(`${part?.length ?? -1}:`).update(part ?? '');
  }
  return { cert: certBytes, key: keyBytes, ca: caBytes, ocsp: ocspBytes, digest: hash.digest('hex') };
}

async function read(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new BlindsaltError('certificate-invalid', `The ${what} ${file} cannot be read.`, { cause });
  }
}

/**
 * Throws unless the key is the certificate's, both can be used with these options, and the certificate is valid now.
 * @throws BlindsaltError `certificate-invalid`; nothing of the key is in it
 */
export function checkLoaded(loaded: LoadedCertificate, context: SecureContextOptions, nowMs: number): X509Certificate {
  if (loaded.ca !== undefined) checkAuthorities(loaded.ca.toString('latin1'), 'the file of certificate authorities');
  let leaf: X509Certificate;
  try {
    createSecureContext(context);
    leaf = new X509Certificate(loaded.cert);
  } catch (cause) {
    throw new BlindsaltError('certificate-invalid', 'The certificate and its key cannot be used.', { cause });
  }
  if (nowMs < Date.parse(leaf.validFrom) || nowMs > Date.parse(leaf.validTo)) {
    const message = `The certificate is valid from ${leaf.validFrom} to ${leaf.validTo} only.`;
    throw new BlindsaltError('certificate-invalid', message);
  }
  return leaf;
}

/** A response to staple until `untilMs`, or why there is none. */
export type Staple =
  { readonly response: Buffer; readonly untilMs: number } | { readonly response: undefined; readonly problem: string };

/** Whether the response is about this certificate, says `good`, and is of now. */
export function stapleOf(ocsp: Buffer | undefined, leaf: X509Certificate, nowMs: number): Staple {
  const none = (problem: string): Staple => ({ response: undefined, problem });
  if (ocsp === undefined) return none('missing');
  try {
    const { serialNumber, status, thisUpdateMs, nextUpdateMs } = readOcspResponse(ocsp);
    if (serialNumber !== BigInt(`0x${leaf.serialNumber}`)) return none('of-another-certificate');
    if (status !== 'good') return none(status);
    const untilMs = nextUpdateMs ?? Infinity;
    if (nowMs >= untilMs) return none('expired');
    if (nowMs < thisUpdateMs) return none('not-yet-valid');
    return { response: ocsp, untilMs };
  } catch {
    return none('malformed');
  }
}
