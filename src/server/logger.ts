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

/** Warnings and errors to standard error, one JSON object a line; the default, so that a failing store is not silent. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (fields, message) => console.warn(line('warn', fields, message)),
  error: (fields, message) => console.error(line('error', fields, message)),
};

function line(level: LogLevel, fields: LogFields, message: string): string {
  return JSON.stringify({ level, ...fields, message: `blindsalt: ${message}` });
}

/** What may be logged of a failure: its code, or its class; never its message, which may quote data. */
export function errorFields(error: unknown): { readonly code: string; readonly cause?: string } {
  if (!(error instanceof Error)) return { code: 'unknown' };
  const code = (error as { code?: unknown }).code;
  const cause = error.cause;
  return {
    code: typeof code === 'string' ? code : error.name,
    ...(cause instanceof Error && { cause: String((cause as { code?: unknown }).code ?? cause.name) }),
  };
}
