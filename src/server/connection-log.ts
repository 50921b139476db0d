import type { Origin } from './audit/notes.js';
import { errorFields, type Logger, type LogLevel } from './logger.js';

// What is logged of a connection. Each line's fields are written out: objects put together by spreading have a hidden
// class of their own each, which costs more than all else here.

export function logLine(
  logger: Logger,
  { connectionId, addressPrefix }: Origin,
  level: LogLevel,
  message: string,
  code: string | undefined,
  reason: string | undefined,
): void {
  logger[level]({ connectionId, addressPrefix, code, reason }, message);
}

export function logOpen(
  logger: Logger,
  { connectionId, addressPrefix }: Origin,
  sessionId: string,
  isResumed: boolean,
): void {
  logger.info({ connectionId, addressPrefix, sessionId }, isResumed ? 'session resumed' : 'session begins');
}

export function logClosing(
  logger: Logger,
  { connectionId, addressPrefix }: Origin,
  closeCode: number,
  reason: string,
): void {
  logger.debug({ connectionId, addressPrefix, closeCode, reason }, 'closing');
}

export function logFailure(logger: Logger, { connectionId, addressPrefix }: Origin, error: unknown): void {
  logger.error({ connectionId, addressPrefix, ...errorFields(error) }, 'failed');
}
