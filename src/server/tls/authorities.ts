import { X509Certificate } from 'node:crypto';
import { BlindsaltError } from '../../../proto/errors.js';

const BEGIN = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/;
const BOUNDARY = /^-----(BEGIN|END) (?:X509 |TRUSTED )?CERTIFICATE-----\s*$/;

/**
 * Checks every certificate of a PEM text, and that it holds nothing else than certificates and comments. Node takes any
 * text for authorities: it stops at the first block of whatever kind that it cannot read, says nothing, and trusts only
 * the certificates before it; and a certificate whose first line is misspelt is a comment.
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
  const stray = strayBoundary(lines);
  if (stray === undefined) return;
  const advice = 'Only certificates belong there: take out blocks of other kinds, or correct the line.';
  const message = `Line ${stray + 1} of ${where} neither begins nor ends a certificate. ${advice}`;
  throw new BlindsaltError('certificate-invalid', message);
}

/** Index of the first line that looks like the begin or end of a block, and is not the next one of a certificate. */
function strayBoundary(lines: readonly string[]): number | undefined {
  let next = 'BEGIN';
  for (const [at, raw] of lines.entries()) {
    // OpenSSL goes past a byte order mark, at the beginning only.
    const line = at === 0 ? raw.replace(/^\ufeff/, '') : raw;
    if (!line.startsWith('----')) continue;
    if (BOUNDARY.exec(line)?.[1] !== next) return at;
    next = next === 'BEGIN' ? 'END' : 'BEGIN';
  }
  return undefined;
}
