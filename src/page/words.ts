import { BlindsaltError, type ErrorCode } from '../../proto/index.js';
import { brokenRule, waitingTime } from '../client/words.js';

const ELSEWHERE = 'This server cannot be used from here';
const DEFECT = 'Something went wrong in this page. Reload it and try again';

/** What the page says for each error code. Reasons and waiting times are added below. */
const WORDS: Readonly<Record<ErrorCode, string>> = {
  'login-failed': 'That username and password do not match. Check both and try again.',
  'envelope-invalid': 'That username and password do not match. Check both and try again.',
  'username-invalid': 'That username cannot be used',
  'username-taken': 'That username belongs to somebody already. Choose another, or log in.',
  'password-invalid': 'That password cannot be used',
  'registration-closed': 'This server takes no new accounts. Ask its operator for one.',
  'invite-invalid': 'That code is missing, not valid, expired, or used already. Ask for a new one.',
  'too-many-attempts': 'Too many attempts. Try once more.',
  'try-later': 'Too many attempts, or the server is busy. Try again',
  timeout: 'The server does not answer. Try again in a moment.',
  'connection-failed': 'The server cannot be reached. Check your connection and try again.',
  'connection-closed': 'The connection was lost. Try again.',
  'handshake-timeout': 'That took too long. Try again.',
  'server-error': 'The server has a problem and changed nothing. Try again later.',
  'session-expired': 'You were logged in for as long as is allowed. Log in again.',
  'session-revoked': 'You were logged out elsewhere. Log in again.',
  'account-disabled': 'This account was closed. Ask the operator.',
  'resume-failed': 'You were logged out. Log in again.',
  'session-replaced': 'You are connected from another window now. Log in again to go on here.',
  'too-many-sessions': 'You are logged in in too many places. Log out somewhere, then try again.',
  'step-up-required': 'Type your password again first.',
  'record-changed': 'The password was changed somewhere else at the same time. Log in again.',
  'session-unknown': 'That session has ended already.',
  'environment-unsupported': 'This browser lacks what is needed to protect the password. Update it or use another one.',
  'server-key-mismatch': 'This is not the server that you know. Do not go on; ask the operator.',
  'domain-mismatch': 'This is not the server that it should be. Do not go on; ask the operator.',
  'ksf-out-of-bounds': 'The server asks for protection that is too weak or too costly. Do not go on; ask the operator.',
  'ksf-unsupported': `${ELSEWHERE}: it shares no way to protect the password with this browser.`,
  'mechanism-unsupported': `${ELSEWHERE}: page and server do not fit together. Reload the page.`,
  'subprotocol-refused': `${ELSEWHERE}: page and server do not fit together. Reload the page.`,
  'binding-refused': `${ELSEWHERE}: it takes no logins from browsers.`,
  'target-refused': `${ELSEWHERE}: it does not answer to this address.`,
  'origin-refused': `${ELSEWHERE}: it does not accept this page.`,
  'tls-required': `${ELSEWHERE}: the connection is not encrypted.`,
  'insecure-url': `${ELSEWHERE}: the connection is not encrypted.`,
  aborted: 'Stopped.',
  'crypto-randomness': 'This browser gives no secure random numbers. Update it or use another one.',
  'protocol-error': DEFECT,
  'early-frame': DEFECT,
  'frame-too-large': DEFECT,
  'domain-invalid': DEFECT,
  'option-invalid': DEFECT,
  'keys-invalid': DEFECT,
  'audit-invalid': DEFECT,
  'store-failed': DEFECT,
  'user-unknown': DEFECT,
  'certificate-invalid': DEFECT,
  'listen-failed': DEFECT,
  'crypto-length': DEFECT,
  'crypto-encoding': DEFECT,
  'crypto-identity': DEFECT,
};

/** What to tell a person of a failure; never anything that they typed. */
export function wordsFor(error: unknown): string {
  if (!(error instanceof BlindsaltError)) return `${DEFECT}.`;
  const words = WORDS[error.code];
  switch (error.code) {
    case 'username-invalid':
    case 'password-invalid': {
      const rule = brokenRule(error.reason);
      return rule === undefined ? `${words}.` : `${words}: ${rule}`;
    }
    case 'try-later':
      return `${words} ${waitingTime(error.retryAfterMs)}.`;
    default:
      return words === DEFECT ? `${DEFECT} (${error.code}).` : words;
  }
}
