/** Facts beside a log line. Never a secret, a username or a full address. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where the server logs to; pino's logger fits as it is. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}
export type LogLevel = keyof Logger;

/** Logs nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Warnings and errors to standard error, one JSON object a line; the default, so that a failing store is not silent. Single
 * refusals are `info`, except for one in an hour of each kind that a wrong option causes, `target-refused` for example.
 */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (fields, message) => print('warn', fields, message),
  error: (fields, message) => print('error', fields, message),
};

function print(level: LogLevel, fields: LogFields, message: string): void {
  process.stderr.write(`${JSON.stringify({ level, ...fields, message: `blindsalt: ${message}` })}\n`);
}

/** What may be logged of a failure: codes or class names; never messages, which may quote data. */
export function errorFields(error: unknown): { readonly code: string; readonly cause?: string } {
  if (!(error instanceof Error)) return { code: 'unknown' };
  return { code: nameOf(error), ...(error.cause instanceof Error && { cause: nameOf(error.cause) }) };
}

function nameOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
