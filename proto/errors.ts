import { CLOSE, type CloseCode } from './close-codes.js';

interface ErrorEntry {
  /** Sent in `error` frames. */
  readonly wire: boolean;
  /** The connection ends with this code; absent when it goes on or when there is no connection. */
  readonly close?: CloseCode;
  readonly meaning: string;
  readonly remedy: string;
}

/** Every code that this project gives, on the wire or to the caller. `docs/errors.md` is generated from it. */
export const ERRORS = {
  'login-failed': {
    wire: true,
    meaning:
      'Username and password do not match, the user does not exist or is disabled, or the server could not prove itself. Nobody outside learns which.',
    remedy: 'Let the person type the password again. Never repeat the attempt without them.',
  },
  'username-invalid': {
    wire: true,
    meaning: 'The username is not allowed (RFC 8265 UsernameCaseMapped, one script, 1–64 code points).',
    remedy: 'Show which rule was broken (`reason`) and ask for another username.',
  },
  'username-taken': {
    wire: true,
    meaning: 'Sign-up finished, but the username belongs to somebody else.',
    remedy: 'Ask for another username, or log in.',
  },
  'password-invalid': {
    wire: false,
    meaning:
      'The password is not allowed: fewer than 8 code points at sign-up, over 4096 bytes, empty, or characters outside RFC 8265 OpaqueString.',
    remedy: 'Show the `reason` and ask for another password.',
  },
  'domain-invalid': {
    wire: false,
    meaning: 'The domain or the target is not a host name or IP address in canonical form.',
    remedy: 'Correct the option.',
  },
  'registration-closed': {
    wire: true,
    meaning: 'The server takes no sign-ups.',
    remedy: 'Ask the operator for an account.',
  },
  'invite-invalid': {
    wire: true,
    meaning: 'The invite or reset code is missing, unknown, expired, used, or for another username.',
    remedy: 'Ask for a new code.',
  },
  'ksf-unsupported': {
    wire: true,
    meaning: 'Client and server share no key stretching function that both allow.',
    remedy: 'Use a client with argon2id, or allow pbkdf2-sha512 on the server.',
  },
  'ksf-out-of-bounds': {
    wire: false,
    meaning: 'The server asked for key stretching below the floor or above the ceiling of this client.',
    remedy: 'Do not go on: the server is misconfigured or hostile.',
  },
  'mechanism-unsupported': {
    wire: true,
    meaning: 'The login mechanism is not offered by the other end.',
    remedy: 'Update the older end.',
  },
  'binding-refused': {
    wire: true,
    close: CLOSE.bindingRefused,
    meaning: 'Channel binding is required and missing, or does not match the connection.',
    remedy: 'Connect without a TLS-terminating proxy, from a client that has TLS exporters.',
  },
  'target-refused': {
    wire: true,
    close: CLOSE.targetRefused,
    meaning: 'The host and port that the client dialled are not on the server’s list.',
    remedy:
      'Add the target to the server’s `targets`, or dial the right address; a relay in between is refused this way.',
  },
  'origin-refused': {
    wire: true,
    close: CLOSE.originRefused,
    meaning: 'The page’s origin is not on the server’s list, or does not equal the Origin header.',
    remedy: 'Add the origin to the server’s `origins`.',
  },
  'subprotocol-refused': {
    wire: true,
    close: CLOSE.subprotocolRefused,
    meaning: 'The client did not offer the subprotocol blindsalt.v1.',
    remedy: 'Connect with a blindsalt client; offer other subprotocols inside it.',
  },
  'tls-required': {
    wire: true,
    close: CLOSE.tlsRequired,
    meaning: 'The connection is not encrypted and does not come from loopback or a trusted proxy that says it was.',
    remedy: 'Use wss://, or configure `trustedProxies`.',
  },
  'protocol-error': {
    wire: true,
    close: CLOSE.protocolError,
    meaning: 'A control frame was malformed, unknown, out of order or repeated.',
    remedy: 'A defect of the client, or tampering: do not retry unchanged.',
  },
  'early-frame': {
    wire: true,
    close: CLOSE.earlyFrame,
    meaning: 'An application frame came before `welcome`.',
    remedy: 'Send only after login.',
  },
  'frame-too-large': {
    wire: true,
    close: CLOSE.frameTooLarge,
    meaning: 'A control frame was over 4096 bytes.',
    remedy: 'A defect of the client: do not retry unchanged.',
  },
  'too-many-attempts': {
    wire: true,
    close: CLOSE.tooManyAttempts,
    meaning: 'The connection used up its attempts.',
    remedy: 'Let the person try again on a new connection.',
  },
  'handshake-timeout': {
    wire: true,
    close: CLOSE.handshakeTimeout,
    meaning: 'The connection did not authenticate in time.',
    remedy: 'Connect again when there is somebody to log in.',
  },
  'try-later': {
    wire: true,
    close: CLOSE.tryLater,
    meaning: 'The server is busy, or throttles this account, address or connection.',
    remedy: 'Wait for `retryAfterMs` and try again.',
  },
  'server-error': {
    wire: true,
    close: CLOSE.serverError,
    meaning:
      'The server could not do its part, for example because its store failed. Nothing was changed, but after a sign-up the account may exist.',
    remedy: 'Try again later, after a sign-up by logging in; the operator finds the cause in the log.',
  },
  'session-expired': {
    wire: true,
    close: CLOSE.sessionExpired,
    meaning: 'The session reached its idle or absolute limit.',
    remedy: 'Log in again.',
  },
  'session-revoked': {
    wire: true,
    close: CLOSE.sessionRevoked,
    meaning: 'The session was ended by its user or an administrator, or one of its old tickets was used.',
    remedy: 'Log in again.',
  },
  'account-disabled': {
    wire: true,
    close: CLOSE.accountDisabled,
    meaning: 'The account was disabled or deleted while a session was open.',
    remedy: 'Ask the operator.',
  },
  'resume-failed': {
    wire: true,
    close: CLOSE.resumeFailed,
    meaning:
      'The ticket is unknown, the proof of its possession is wrong, or a proof of the password has replaced it since. Nothing was changed.',
    remedy: 'Forget the ticket and log in with the password.',
  },
  'session-replaced': {
    wire: true,
    close: CLOSE.sessionReplaced,
    meaning: 'Another connection has resumed this session.',
    remedy: 'Nothing, if it was this application; never resume again by itself.',
  },
  'too-many-sessions': {
    wire: true,
    close: CLOSE.tooManySessions,
    meaning: 'The user has as many sessions as the server allows.',
    remedy: 'End one elsewhere, or let the operator raise the limit.',
  },
  'step-up-required': {
    wire: true,
    meaning: 'This needs a proof of the password that is at most a minute old.',
    remedy: 'Ask for the password, call `stepUp`, and try again.',
  },
  'record-changed': {
    wire: true,
    meaning: 'The credential was changed by somebody else at the same time; nothing was done.',
    remedy: 'Ask the person whether it was them; try again.',
  },
  'session-unknown': {
    wire: true,
    meaning: 'No open session of this user has that id.',
    remedy: 'List the sessions again.',
  },
  'domain-mismatch': {
    wire: false,
    meaning: 'The server says it is another domain than the one the client was configured for.',
    remedy: 'Correct the `domain` option or the URL; otherwise do not go on.',
  },
  'server-key-mismatch': {
    wire: false,
    meaning: 'The server’s public key is not the pinned one.',
    remedy: 'Do not go on unless the operator confirms a new key.',
  },
  'insecure-url': {
    wire: false,
    meaning: 'The URL is not wss:// (ws:// is accepted for loopback addresses only).',
    remedy: 'Use wss://.',
  },
  'connection-failed': {
    wire: false,
    meaning: 'The connection could not be opened, or the server did not select blindsalt.v1.',
    remedy: 'Check the address and the certificate (`cause` has the details).',
  },
  'connection-closed': {
    wire: false,
    meaning: 'The connection ended before login was complete.',
    remedy: 'Look at `closeCode`; try again.',
  },
  aborted: { wire: false, meaning: 'The caller’s AbortSignal fired.', remedy: 'None needed.' },
  timeout: {
    wire: false,
    meaning: 'The server did not answer within the client’s `timeoutMs`.',
    remedy: 'Try again later.',
  },
  'environment-unsupported': {
    wire: false,
    meaning: 'The platform lacks something needed: WebAssembly SIMD, secure randomness, WebCrypto or WebSocket.',
    remedy: 'Use a newer browser or runtime; pages need a secure context.',
  },
  'option-invalid': {
    wire: false,
    meaning: 'An option has a wrong type or value; the message names it.',
    remedy: 'Correct the option.',
  },
  'keys-invalid': {
    wire: false,
    meaning: 'The key file is damaged, readable by others, or was made for another domain.',
    remedy:
      'Restore it from the backup, correct its mode (0600), or use the right `domain`. Never delete it: all accounts depend on it.',
  },
  'audit-invalid': {
    wire: false,
    meaning: 'The audit trail was changed after it was written, or is signed by a key that was not expected.',
    remedy: 'Compare it with an export or a backup, and find out who could write the file.',
  },
  'store-failed': {
    wire: false,
    meaning:
      'The store could not read or write (disk full, file locked or damaged, connection lost). The operation did not happen.',
    remedy: 'See `cause`; free space or restore the store.',
  },
  'user-unknown': { wire: false, meaning: 'No user has that name.', remedy: 'Check the name with `users list`.' },
  'certificate-invalid': {
    wire: false,
    meaning:
      'The certificate cannot be read, does not match its key, or is a development certificate outside loopback.',
    remedy: 'Give the matching pair of PEM files.',
  },
  'listen-failed': {
    wire: false,
    meaning:
      'The server cannot listen at that address and port: in use, not allowed, or not an address of this machine.',
    remedy: 'Choose another `--port` or `--host`, or stop the program that listens there.',
  },
  'crypto-length': { wire: false, meaning: 'A byte string has the wrong length.', remedy: 'Correct the call.' },
  'crypto-encoding': {
    wire: false,
    meaning: 'Bytes are not a canonical group element or scalar.',
    remedy: 'Refuse the input: its sender is defective or hostile.',
  },
  'crypto-identity': {
    wire: false,
    meaning: 'The identity element, or a zero scalar, where the protocol forbids it.',
    remedy: 'Refuse the input: its sender is defective or hostile.',
  },
  'crypto-randomness': {
    wire: false,
    meaning: 'The source of randomness is missing, failed, or gave too few bytes.',
    remedy: 'Do not go on; use a platform with a CSPRNG.',
  },
  'envelope-invalid': {
    wire: false,
    meaning: 'The envelope does not open: the password is wrong, or the server is not the one it was made with.',
    remedy: 'Treat it as `login-failed`.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;
/** Codes that may stand in an `error` frame. */
export type WireErrorCode = { [K in ErrorCode]: (typeof ERRORS)[K]['wire'] extends true ? K : never }[ErrorCode];

export function isWireErrorCode(code: string): code is WireErrorCode {
  return Object.hasOwn(ERRORS, code) && ERRORS[code as ErrorCode].wire;
}

/** The close code that follows an `error` frame with this code, or undefined when the connection goes on. */
export function closeCodeOf(code: ErrorCode): CloseCode | undefined {
  return (ERRORS[code] as ErrorEntry).close;
}

export interface BlindsaltErrorOptions {
  readonly cause?: unknown;
  /** Which rule was broken, in one kebab-case word; never the offending input. */
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly closeCode?: number | undefined;
}

/** The one error class: `code` is stable, `message` is for people, secrets are in neither. */
export class BlindsaltError extends Error {
  override readonly name = 'BlindsaltError';
  readonly code: ErrorCode;
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly closeCode: number | undefined;

  constructor(code: ErrorCode, message?: string, options: BlindsaltErrorOptions = {}) {
    super(message ?? ERRORS[code].meaning, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.retryAfterMs = options.retryAfterMs;
    this.closeCode = options.closeCode;
  }
}
