import { destination, pino, stdTimeFunctions } from 'pino';
import { shown } from '../output.js';
import type { Logger } from '../../server/logger.js';

/**
 * One JSON object a line to standard error, on a terminal a line for people; written at once, so that the last line before the end is not lost.
 * @param worker number of the worker process, if it is one
 */
export function createLog(level: string, worker?: number): Logger {
  const base = worker === undefined ? null : { worker };
  const options = { level, base, timestamp: stdTimeFunctions.isoTime };
  return process.stderr.isTTY ? pino(options, forPeople) : pino(options, destination({ fd: 2, sync: true }));
}

const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'WARN', 50: 'ERROR' };

const forPeople = {
  write(line: string): void {
    const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const words = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
    const text = `${String(time).slice(11, 19)} ${LEVELS[Number(level)] ?? ''} ${String(msg)} ${words.join(' ')}`;
    process.stderr.write(`${shown(text.trimEnd(), process.stderr)}\n`);
  },
};
