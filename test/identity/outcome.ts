import { BlindsaltError } from '../../proto/errors.js';

/**
 * What a function returns, or `code/reason` of what it throws; anything but a BlindsaltError goes on. Bytes come out as
 * text that says so.
 */
export function outcome(run: () => string | Uint8Array): string {
  try {
    const value = run();
    return typeof value === 'string' ? `= ${value}` : `= ${Buffer.from(value).toString('hex')}`;
  } catch (error) {
    if (!(error instanceof BlindsaltError)) throw error;
    return `${error.code}/${error.reason ?? ''}`;
  }
}
