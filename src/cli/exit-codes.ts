import type { ErrorCode } from '../../proto/index.js';

/** Exit codes of `blindsalt`; scripts may rely on them. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  loginFailed: 3,
  connectionFailed: 4,
  refused: 5,
  local: 6,
  listen: 7,
  auditInvalid: 8,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What `--help` says about each. */
const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done',
  unexpected: 'unexpected failure (a defect: run again with --verbose)',
  usage: 'wrong usage, or an option with a wrong value',
  loginFailed: 'login failed: username and password do not match',
  connectionFailed: 'no connection, connection lost, or not the server that was expected',
  refused: 'refused: name taken or unknown, name, password or code invalid, registration closed, busy',
  local: 'data, keys, database or certificate cannot be used',
  listen: 'cannot listen there: port in use, or not allowed',
  auditInvalid: 'the audit trail does not verify',
  interrupted: 'interrupted at a prompt',
};

/** The exit code that stands for each error code. */
const EXIT_OF: Readonly<Record<ErrorCode, ExitCode>> = {
  'login-failed': EXIT.loginFailed,
  'too-many-attempts': EXIT.loginFailed,
  'envelope-invalid': EXIT.loginFailed,

  'connection-failed': EXIT.connectionFailed,
  'connection-closed': EXIT.connectionFailed,
  timeout: EXIT.connectionFailed,
  'handshake-timeout': EXIT.connectionFailed,
  'domain-mismatch': EXIT.connectionFailed,
  'server-key-mismatch': EXIT.connectionFailed,
  'ksf-out-of-bounds': EXIT.connectionFailed,
  'subprotocol-refused': EXIT.connectionFailed,

  'username-invalid': EXIT.refused,
  'username-taken': EXIT.refused,
  'password-invalid': EXIT.refused,
  'registration-closed': EXIT.refused,
  'invite-invalid': EXIT.refused,
  'user-unknown': EXIT.refused,
  'try-later': EXIT.refused,
  'server-error': EXIT.refused,
  'ksf-unsupported': EXIT.refused,
  'mechanism-unsupported': EXIT.refused,
  'binding-refused': EXIT.refused,
  'target-refused': EXIT.refused,
  'origin-refused': EXIT.refused,
  'tls-required': EXIT.refused,
  'protocol-error': EXIT.refused,
  'early-frame': EXIT.refused,
  'frame-too-large': EXIT.refused,
  'session-expired': EXIT.refused,
  'session-revoked': EXIT.refused,
  'account-disabled': EXIT.refused,
  'resume-failed': EXIT.loginFailed,
  'session-replaced': EXIT.refused,
  'too-many-sessions': EXIT.refused,
  'step-up-required': EXIT.refused,
  'record-changed': EXIT.refused,
  'session-unknown': EXIT.refused,

  'insecure-url': EXIT.usage,
  'domain-invalid': EXIT.usage,
  'option-invalid': EXIT.usage,

  'keys-invalid': EXIT.local,
  'store-failed': EXIT.local,
  'certificate-invalid': EXIT.local,

  'listen-failed': EXIT.listen,

  'audit-invalid': EXIT.auditInvalid,

  aborted: EXIT.interrupted,

  'environment-unsupported': EXIT.unexpected,
  'crypto-length': EXIT.unexpected,
  'crypto-encoding': EXIT.unexpected,
  'crypto-identity': EXIT.unexpected,
  'crypto-randomness': EXIT.unexpected,
};

export function exitCodeOf(code: ErrorCode): ExitCode {
  return EXIT_OF[code];
}

/** The table as `--help` prints it. */
export function exitCodeTable(): string {
  const names = Object.keys(EXIT) as (keyof typeof EXIT)[];
  const lines = names.map((name) => `  ${String(EXIT[name]).padStart(3)}  ${EXIT_MEANINGS[name]}`);
  return ['Exit codes:', ...lines].join('\n');
}
