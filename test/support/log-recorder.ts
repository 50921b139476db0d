import type { LogFields, Logger } from '../../src/server/index.js';

export interface LogLine extends LogFields {
  readonly level: string;
  readonly message: string;
}

/** Keeps what was logged, at every level. */
export class LogRecorder implements Logger {
  readonly lines: LogLine[] = [];
  readonly debug = this.#at('debug');
  readonly info = this.#at('info');
  readonly warn = this.#at('warn');
  readonly error = this.#at('error');

  #at(level: string): (fields: LogFields, message: string) => void {
    return (fields, message) => this.lines.push({ ...fields, level, message });
  }

  text(): string {
    return this.lines.map((line) => JSON.stringify(line)).join('\n');
  }
}
