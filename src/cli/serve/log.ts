import { destination, pino, stdTimeFunctions } from 'pino';
import type { Logger } from '../../server/logger.js';

/** One JSON object a line to standard error; written at once, so that the last line before the end is not lost. */
export function createLog(level: string): Logger {
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime }, destination({ fd: 2, sync: true }));
}
