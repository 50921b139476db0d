import { X509Certificate } from 'node:crypto';
import { BlindsaltError } from '../../../proto/errors.js';

const BEGIN = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/;

/**
 * Checks every certificate of a PEM text. Node takes any text for authorities: it stops at the first certificate that it
 * cannot read, says nothing, and trusts only those before it.
 * @param where what it is called in the message
 * @throws BlindsaltError `certificate-invalid`; the message says which one
 */
export function checkAuthorities(pem: string, where: string): void {
  const lines = pem.split('\n');
  const starts = lines.flatMap((line, at) => (BEGIN.test(line) ? [at] : []));
  if (starts.length === 0) throw new BlindsaltError('certificate-invalid', `No PEM certificate in ${where}.`);
  for (const [index, start] of starts.entries()) {
    try {
      new X509Certificate(lines.slice(start, starts[index + 1]).join('\n'));
    } catch (cause) {
      const which = starts.length === 1 ? 'The certificate' : `Certificate ${index + 1} of ${starts.length}`;
      const message = `${which} in ${where}, which begins in line ${start + 1}, cannot be read.`;
      throw new BlindsaltError('certificate-invalid', message, { cause });
    }
  }
}
