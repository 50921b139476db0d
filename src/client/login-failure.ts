import { CLOSE, retryAfterClose, type Retry } from '../../proto/close-codes.js';
import { closeCodeOf, type BlindsaltError } from '../../proto/errors.js';

/**
 * Codes of `close` events when there was no login, beside those that the server closed with. No server sends them; their
 * ranges mean what those of `CLOSE` mean, so `retryAfterClose` classifies them.
 */
export const FAILURE_CLOSE = {
  /** Cannot work unchanged: the reason has the error's code, `server-key-mismatch` for example. */
  refused: 4429,
  /** Somebody has to type: `login-failed`, `username-invalid`, `password-invalid`, or no credentials (`aborted`). */
  loginFailed: 4449,
} as const;

/** As of a connection that was lost: nothing is known. */
export const ABNORMAL = 1006;

/** The `error` event of a login that failed; `error.closeCode` is the code of the `close` event that follows. */
export class LoginErrorEvent extends Event {
  readonly error: BlindsaltError;
  readonly message: string;

  /** @internal */
  constructor(error: BlindsaltError) {
    super('error');
    this.error = error;
    this.message = error.message;
  }
}

/** What went wrong, as a close code that a reconnecting library can act upon. */
export function failureCode(error: BlindsaltError): number {
  const told = error.closeCode ?? closeCodeOf(error.code);
  if (told !== undefined) return told;
  switch (error.code) {
    case 'connection-failed':
    case 'connection-closed':
    case 'timeout':
      return ABNORMAL;
    case 'login-failed':
    case 'username-invalid':
    case 'password-invalid':
    case 'aborted':
      return FAILURE_CLOSE.loginFailed;
    default:
      return FAILURE_CLOSE.refused;
  }
}

/** Whether an attempt that failed may be repeated by itself. */
export function retryAfterError(error: BlindsaltError): Retry {
  if (error.closeCode === CLOSE.sessionReplaced) return 'never';
  // The same password would be refused again, for as long as nobody ends a session elsewhere.
  if (error.closeCode === CLOSE.tooManySessions) return 'never';
  if (error.closeCode !== undefined) return retryAfterClose(error.closeCode);
  switch (error.code) {
    case 'connection-failed':
    case 'connection-closed':
    case 'timeout':
      return 'later';
    case 'login-failed':
    case 'username-invalid':
    case 'password-invalid':
      return 'login';
    default:
      return 'never';
  }
}
