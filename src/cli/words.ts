import { ERRORS, type BlindsaltError, type ErrorCode } from '../../proto/index.js';
import { brokenRule, waitingTime } from '../client/words.js';

const NO_MATCH = 'Username and password do not match. Check both and try again.';

/** What the command line says instead of the explanation for developers, where that is longer than helpful. */
const WORDS: Partial<Readonly<Record<ErrorCode, string>>> = {
  'login-failed': NO_MATCH,
  'envelope-invalid': NO_MATCH,
  'username-taken': 'That username belongs to somebody already. Choose another, or log in.',
  'registration-closed': 'The server takes no new accounts. Ask its operator for one.',
  'invite-invalid':
    'The code is missing, not valid, expired, used already, or for another username. Ask for a new one.',
  'too-many-attempts': 'Too many attempts. Try again.',
  'connection-failed': 'The server cannot be reached.',
  'handshake-timeout': 'That took too long. Try again.',
  'server-error': 'The server has a problem and changed nothing. Try again later.',
  'session-expired': 'The session reached its limit. Log in again.',
  'session-revoked': 'You were logged out elsewhere. Log in again.',
  'account-disabled': 'The account was closed. Ask the operator.',
  'server-key-mismatch':
    'The server is not the one with the expected key. Do not go on unless its operator confirms a new key.',
  'target-refused': 'The server does not answer to this address. Its operator adds it with --target.',
  'insecure-url': 'The URL must begin with wss:// or https://.',
};

/** Short, helpful words for a failure; its own where somebody wrote some for the case. */
export function wordsFor(error: BlindsaltError): string {
  switch (error.code) {
    case 'username-invalid':
    case 'password-invalid': {
      const rule = brokenRule(error.reason);
      const what = error.code === 'username-invalid' ? 'username' : 'password';
      return rule === undefined || error.reason === 'mismatch' ? error.message : `That ${what} cannot be used: ${rule}`;
    }
    case 'try-later':
      return `Too many attempts, or the server is busy. Try again ${waitingTime(error.retryAfterMs)}.`;
    default:
      return error.message === ERRORS[error.code].meaning ? (WORDS[error.code] ?? error.message) : error.message;
  }
}
