import {
  BlindsaltError,
  closeCodeOf,
  ERRORS,
  isWireErrorCode,
  type ErrorCode,
  type WireErrorCode,
} from '../../proto/errors.js';
import type { ErrorMessage } from '../../proto/messages.js';

/**
 * The error that a server's `error` frame stands for; unknown codes count as `server-error`. It has a close code when that
 * close follows.
 * @param isOpen after `welcome`, where `try-later` answers a request and the connection goes on
 */
export function errorOfFrame(message: ErrorMessage, isOpen = false): BlindsaltError {
  const code: WireErrorCode = isWireErrorCode(message.code) ? message.code : 'server-error';
  return new BlindsaltError(code, undefined, {
    closeCode: isOpen && code === 'try-later' ? undefined : closeCodeOf(code),
    retryAfterMs: message.retryAfterSeconds > 0 ? message.retryAfterSeconds * 1000 : undefined,
  });
}

/** The error that a closed connection stands for when no `error` frame said more. */
export function errorOfClose(closeCode: number, cause?: unknown): BlindsaltError {
  const named = (Object.keys(ERRORS) as ErrorCode[]).find((code) => closeCodeOf(code) === closeCode);
  return new BlindsaltError(named ?? 'connection-closed', undefined, { closeCode, cause });
}

/** Turns what went wrong over bytes of the server's into one of our codes. */
export function asProtocolError(error: unknown): BlindsaltError {
  if (!(error instanceof BlindsaltError)) return new BlindsaltError('protocol-error', undefined, { cause: error });
  switch (error.code) {
    case 'crypto-length':
    case 'crypto-encoding':
    case 'crypto-identity':
      return new BlindsaltError('protocol-error', undefined, { cause: error, reason: error.code });
    default:
      return error;
  }
}

/** A BlindsaltError as it crosses between threads. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly closeCode?: number | undefined;
  readonly cause?: ErrorRecord | { readonly message: string } | undefined;
}

export function toErrorRecord(error: BlindsaltError): ErrorRecord {
  const { code, message, reason, retryAfterMs, closeCode, cause } = error;
  return { code, message, reason, retryAfterMs, closeCode, cause: causeRecord(cause) };
}

function causeRecord(cause: unknown): ErrorRecord['cause'] {
  if (cause instanceof BlindsaltError) return toErrorRecord(cause);
  return cause instanceof Error ? { message: cause.message } : undefined;
}

export function fromErrorRecord(record: ErrorRecord): BlindsaltError {
  const { reason, retryAfterMs, closeCode, cause } = record;
  return new BlindsaltError(record.code, record.message, {
    reason,
    retryAfterMs,
    closeCode,
    cause: cause === undefined ? undefined : 'code' in cause ? fromErrorRecord(cause) : new Error(cause.message),
  });
}

/** Any thrown value as a BlindsaltError: itself, or the cause of one with `code`. */
export function asBlindsaltError(error: unknown, code: ErrorCode): BlindsaltError {
  return error instanceof BlindsaltError ? error : new BlindsaltError(code, undefined, { cause: error });
}
