import type { Origin } from './audit/notes.js';
import type { ConnectionHost } from './connection-host.js';
import { errorFields, type Logger } from './logger.js';
import type { Action } from './steps.js';

// What is logged of a connection. Each line's fields are written out: objects put together by spreading have a hidden
// class of their own each, which costs more than all else here.

export function logAction(
  logger: Logger,
  { connectionId, addressPrefix }: Origin,
  { level, message, code, reason }: Extract<Action, { readonly do: 'log' }>,
  { hints, deadlines }: Pick<ConnectionHost, 'hints' | 'deadlines'>,
): void {
  const option = code === undefined ? undefined : hints.take(reason, deadlines.monotonicMs());
  if (option === undefined) return logger[level]({ connectionId, addressPrefix, code, reason }, message);
  const hint = 'refused: is this option as it should be? More of these within the hour are logged as info';
  logger.warn({ connectionId, addressPrefix, code, reason, option }, hint);
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
