import { readFileSync } from 'node:fs';
import { BlindsaltError } from '../../proto/index.js';
import { checkAuthorities } from '../server/tls/authorities.js';

/** PEM texts, or the names of their files. */
export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

/** @throws BlindsaltError `certificate-invalid` */
export function readPemPair(files: PemPair): PemPair {
  return { cert: readPem(files.cert, 'certificate'), key: readPem(files.key, 'private key') };
}

/**
 * Certificate authorities, each of which can be read.
 * @throws BlindsaltError `certificate-invalid`
 */
export function readAuthorities(file: string): string {
  const pem = readPem(file, 'file of certificate authorities');
  checkAuthorities(pem, `the file ${file}`);
  return pem;
}

/** @throws BlindsaltError `certificate-invalid` */
function readPem(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new BlindsaltError('certificate-invalid', `The ${what} ${file} cannot be read.`, { cause });
  }
}
