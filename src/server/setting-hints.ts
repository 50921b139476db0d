/** Refusals for which the server's own settings may be to blame, by their reason, with the option to look at. */
const OPTIONS: Readonly<Record<string, string>> = {
  'target-unlisted': 'targets',
  'origin-header': 'origins',
  plaintext: 'trustedProxies',
  'plaintext-from-afar': 'trustedProxies',
  'ksf-not-shared': 'ksf',
};

const HOUR_MS = 3_600_000;

/**
 * Refusals are logged as `info`, since strangers cause them in any number, and loggers that show warnings only do not show
 * them. Whoever set a server up wrongly would see nothing: so one in an hour of each kind that a setting can cause is a warning.
 */
export class SettingHints {
  readonly #lastMs = new Map<string, number>();

  /**
   * The option to name in a warning about this refusal; undefined for no warning.
   * @param monotonicMs a clock that nobody sets
   */
  take(reason: string | undefined, monotonicMs: number): string | undefined {
    if (reason === undefined || !Object.hasOwn(OPTIONS, reason)) return undefined;
    const lastMs = this.#lastMs.get(reason);
    if (lastMs !== undefined && monotonicMs - lastMs < HOUR_MS) return undefined;
    this.#lastMs.set(reason, monotonicMs);
    return OPTIONS[reason];
  }
}
