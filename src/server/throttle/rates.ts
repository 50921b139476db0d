import { BlindsaltError } from '../../../proto/index.js';

/** `burst` attempts at once, then one in `seconds`. */
export interface Rate {
  /** 1–1000000. */
  readonly burst: number;
  /** 0.001–31536000. */
  readonly seconds: number;
}

/** What is counted, and how much of it is let through. See docs/throttling.md. */
export interface ThrottleOptions {
  /** Attempts on one account that failed, from devices that are not known, wherever they come from. Burst at most 100. */
  readonly account?: Rate | undefined;
  /** More of them, for networks that have not failed at this account in the last week. Account and this: at most 100. */
  readonly newcomers?: Rate | undefined;
  /** Attempts on one account from one known device. */
  readonly device?: Rate | undefined;
  /** Attempts on one account from one network (/24, /48). */
  readonly accountNetwork?: Rate | undefined;
  /** Attempts on one account from a network in which its owner has logged in a moment ago. */
  readonly beside?: Rate | undefined;
  /** Proofs of the password in one session: step-up, re-registration. */
  readonly session?: Rate | undefined;
  /** Logins, step-ups and password changes of one account that succeed, in each process. */
  readonly arrivals?: Rate | undefined;
  /** Resumptions of one session that succeed, in each process. */
  readonly resumptions?: Rate | undefined;
  /** Failed attempts from one address (IPv4 /32, IPv6 /64), on whatever account; from one network; from everywhere. */
  readonly address?: Rate | undefined;
  readonly network?: Rate | undefined;
  readonly overall?: Rate | undefined;
  /** Sign-ups from one address, one network, everywhere; successful or not. */
  readonly signupAddress?: Rate | undefined;
  readonly signupNetwork?: Rate | undefined;
  readonly signupOverall?: Rate | undefined;
  /** Wrong codes from one address, one network, everywhere. */
  readonly codeAddress?: Rate | undefined;
  readonly codeNetwork?: Rate | undefined;
  readonly codeOverall?: Rate | undefined;
  /** Connections without a login at a time, from one address and from one network. 0: no such limit. */
  readonly connectionsPerAddress?: number | undefined;
  readonly connectionsPerNetwork?: number | undefined;
  /** Counters kept in memory, 1000–10000000. */
  readonly maxEntries?: number | undefined;
}

export type ThrottleSettings = { readonly [K in keyof ThrottleOptions]-?: NonNullable<ThrottleOptions[K]> };
export type RateName = Exclude<keyof ThrottleOptions, 'connectionsPerAddress' | 'connectionsPerNetwork' | 'maxEntries'>;

export const THROTTLE: ThrottleSettings = {
  account: { burst: 50, seconds: 600 },
  newcomers: { burst: 10, seconds: 1200 },
  device: { burst: 10, seconds: 600 },
  accountNetwork: { burst: 20, seconds: 1800 },
  beside: { burst: 10, seconds: 600 },
  session: { burst: 10, seconds: 600 },
  arrivals: { burst: 1000, seconds: 2 },
  resumptions: { burst: 300, seconds: 30 },
  address: { burst: 30, seconds: 20 },
  network: { burst: 120, seconds: 5 },
  overall: { burst: 6000, seconds: 0.01 },
  signupAddress: { burst: 30, seconds: 120 },
  signupNetwork: { burst: 120, seconds: 30 },
  signupOverall: { burst: 3000, seconds: 0.1 },
  codeAddress: { burst: 10, seconds: 300 },
  codeNetwork: { burst: 40, seconds: 75 },
  codeOverall: { burst: 600, seconds: 1 },
  connectionsPerAddress: 200,
  connectionsPerNetwork: 800,
  maxEntries: 100_000,
};

/** NIST SP 800-63B-4: consecutive failures on one account before it is slow. */
const MAX_CONSECUTIVE = 100;

function refuse(message: string): never {
  throw new BlindsaltError('option-invalid', `throttle: ${message}`);
}

/** Defaults filled in; undefined for `false`. @throws BlindsaltError `option-invalid` */
export function readThrottle(given: ThrottleOptions | false | undefined): ThrottleSettings | undefined {
  if (given === false) return undefined;
  if (given === undefined) return THROTTLE;
  if (typeof given !== 'object' || given === null) refuse('must be false or an object');
  const settings: Record<string, Rate | number> = { ...THROTTLE };
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    if (!Object.hasOwn(THROTTLE, name)) refuse(`unknown option ${JSON.stringify(name)}`);
    if (value === undefined) continue;
    settings[name] = typeof THROTTLE[name as RateName] === 'number' ? readCount(name, value) : readRate(name, value);
  }
  const read = settings as unknown as ThrottleSettings;
  if (read.account.burst + read.newcomers.burst > MAX_CONSECUTIVE) {
    refuse(`account and newcomers together must let at most ${MAX_CONSECUTIVE} attempts through at once`);
  }
  return read;
}

function readCount(name: string, value: unknown): number {
  const [min, max] = name === 'maxEntries' ? [1000, 10_000_000] : [0, 1_000_000];
  const isCount = Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  return isCount ? (value as number) : refuse(`${name} must be ${min} to ${max}`);
}

function readRate(name: string, value: unknown): Rate {
  const { burst, seconds } = (value ?? {}) as Partial<Rate>;
  const isBurst = Number.isInteger(burst) && burst! >= 1 && burst! <= 1_000_000;
  const isTime = typeof seconds === 'number' && seconds >= 0.001 && seconds <= 31_536_000;
  return isBurst && isTime ? { burst: burst!, seconds } : refuse(`${name} must have burst (1 to 1000000) and seconds`);
}
