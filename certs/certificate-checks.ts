import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { BlindsaltError } from '../proto/errors.js';

/** Organization in the names of all development certificates: what they are told by. */
export const DEVELOPMENT_ORGANIZATION = 'blindsalt development only';

type Reason = 'unreadable' | 'mismatch' | 'expired' | 'not-yet-valid';

const invalid = (reason: Reason, message: string, cause?: unknown): BlindsaltError =>
  new BlindsaltError('certificate-invalid', message, { reason, cause });

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, in their order; at least one. */
function readCertificates(pem: string): readonly [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...others] = (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block));
    if (first) return [first, ...others];
  } catch (cause) {
    throw invalid('unreadable', 'The certificate cannot be read.', cause);
  }
  throw invalid('unreadable', 'The certificate file has no certificate in PEM.');
}

/**
 * Whether the PEM text has a certificate of a development CA, or by one. Servers refuse these on addresses other than
 * loopback. Throws `certificate-invalid` when it cannot be read.
 */
export function isDevelopmentCertificate(pem: string): boolean {
  const mark = `O=${DEVELOPMENT_ORGANIZATION}`;
  return readCertificates(pem).some(({ subject, issuer }) =>
    [subject, issuer].some((name) => (name ?? '').split('\n').includes(mark)),
  );
}

/**
 * Checks that the first certificate of `certPem` is valid now and that `keyPem` is its private key. Throws
 * `certificate-invalid` with the `reason`: `unreadable` (either of them, or the key is encrypted), `mismatch`,
 * `expired` or `not-yet-valid`. Nothing of the key is in the message or the cause.
 */
export function checkCertificatePair(certPem: string, keyPem: string, nowMs: number = Date.now()): void {
  const [leaf] = readCertificates(certPem);
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem);
  } catch {
    throw invalid('unreadable', 'The private key cannot be read: it must be PEM, and not encrypted.');
  }
  if (!leaf.checkPrivateKey(key)) throw invalid('mismatch', 'The certificate is not for this private key.');
  if (nowMs < Date.parse(leaf.validFrom)) {
    throw invalid('not-yet-valid', `The certificate is not valid before ${leaf.validFrom}.`);
  }
  if (nowMs > Date.parse(leaf.validTo)) throw invalid('expired', `The certificate expired on ${leaf.validTo}.`);
}
