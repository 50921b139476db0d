import { BlindsaltError } from '../../proto/index.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import { wordsFor } from './words.js';

/** Exits with 2: the command line itself is wrong. */
export const usageError = (message: string): BlindsaltError => new BlindsaltError('option-invalid', message);

/** What is told of a failure. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly exitCode: ExitCode;
}

/** One line, without secrets, for any failure. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof BlindsaltError) {
    return { code: error.code, message: oneLine(explain(error)), exitCode: exitCodeOf(error.code) };
  }
  const text = error instanceof Error ? error.message : String(error);
  return { code: 'unexpected', message: oneLine(text), exitCode: EXIT.unexpected };
}

function explain(error: BlindsaltError): string {
  const parts = [wordsFor(error)];
  const cause = causeText(error);
  if (cause !== '' && !error.message.includes(cause)) parts.push(`(${cause})`);
  if (error.code !== 'try-later' && error.retryAfterMs !== undefined && error.retryAfterMs > 0) {
    parts.push(`Try again in ${Math.ceil(error.retryAfterMs / 1000)} s.`);
  }
  if (isCertificateTrustProblem(cause)) {
    parts.push('For a development server give its CA: --ca DATA/certs/ca.pem');
  }
  return parts.join(' ');
}

/** Causes are shown where they come from the machine (sockets, files), never for a failed login. */
function causeText(error: BlindsaltError): string {
  switch (error.code) {
    case 'connection-failed':
    case 'connection-closed':
    case 'store-failed':
    case 'keys-invalid':
    case 'certificate-invalid':
    case 'listen-failed':
      return error.cause instanceof Error ? firstMessage(error.cause) : '';
    default:
      return '';
  }
}

/** A connection attempt to several addresses fails with an AggregateError, whose own message is empty. */
function firstMessage(error: Error): string {
  if (error instanceof AggregateError && error.message === '') {
    const inner: unknown = error.errors[0];
    return inner instanceof Error ? inner.message : '';
  }
  return error.message;
}

function isCertificateTrustProblem(cause: string): boolean {
  return /self.signed certificate|unable to (verify|get)|issuer certificate/i.test(cause);
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
