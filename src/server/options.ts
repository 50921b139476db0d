import {
  BlindsaltError,
  DEFAULT_KSF,
  KSF_FLOOR,
  LIMITS,
  maxBufferedBytes,
  type KsfParameters,
  type RegistrationPolicy,
} from '../../proto/index.js';
import { platformRandom } from '../crypto/checks.js';
import type { Crypto, RandomSource } from '../crypto/types.js';
import { prepareDomain, prepareTarget } from '../opaque/identity/index.js';
import { ksfOutOfBounds } from '../opaque/ksf.js';
import type { Limits } from './api.js';
import { DEFAULT_REFUSAL_LIMITS } from './audit/refusals.js';
import type { TrailLimits } from './audit/trail.js';
import type { ServerKeys } from './keys.js';
import { consoleLogger, type Logger } from './logger.js';
import type { Observer } from './observer.js';
import { checkText, MAX_ROLE_BYTES } from './store/checks.js';
import { readThrottle, type ThrottleOptions, type ThrottleSettings } from './throttle/rates.js';
import type { SessionPolicy, Store } from './store.js';

/**
 * Most memory that connections without a login may make the socket library hold, bytes: `maxUnauthenticated` times what a
 * message of `maxMessageBytes` takes while it comes in the smallest pieces that are accepted (`maxBufferedBytes`).
 */
export const MAX_UNAUTHENTICATED_BYTES = 512 * 1024 * 1024;

/** What `createEngine` takes. Give `data`, or `store` and `keys`. */
export interface EngineOptions {
  /** Host name that every account is bound to, for example `example.org`; cannot change later. */
  readonly domain: string;
  /** Folder for the SQLite store (`blindsalt.db`) and the key file (`keys.json`); made when missing. */
  readonly data?: string | undefined;
  readonly store?: Store | undefined;
  readonly keys?: ServerKeys | undefined;
  /** Web origins whose pages may connect, exactly as browsers send them. Default: `https://` and each of `targets`. */
  readonly origins?: readonly string[] | undefined;
  /** Where clients dial: `host:port`, or `host` for any port. Default: the domain at port 443. */
  readonly targets?: readonly string[] | undefined;
  /** Whether clients without an Origin header (not browsers) may connect. Default true. */
  readonly allowNative?: boolean | undefined;
  /** Who may sign up. Default `open`. */
  readonly registration?: RegistrationPolicy | undefined;
  /** Key stretching for new accounts, the preferred first. Default: argon2id, then pbkdf2-sha512. */
  readonly ksf?: readonly KsfParameters[] | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** How many attempts are let through; false for no limit, for tests. Default: docs/throttling.md. */
  readonly throttle?: ThrottleOptions | false | undefined;
  /** Refuse logins that are not bound to their TLS connection (RFC 9266); browsers cannot. Default false. */
  readonly requireBinding?: boolean | undefined;
  /** Roles of new users, beside those of their invite; up to 15. Default none. */
  readonly roles?: readonly string[] | undefined;
  /**
   * What happens to a login beyond `limits.maxSessionsPerUser`: it ends the user's oldest session, or it is refused with
   * `too-many-sessions`. Default `end-oldest`.
   */
  readonly whenSessionsFull?: SessionPolicy['whenFull'] | undefined;
  /** Default: warnings and errors to standard error. */
  readonly logger?: Logger | undefined;
  /**
   * The audit trail, where the store keeps one: how many refusals are written one by one, and for how many days entries
   * are kept; or false for no trail. Default 1000 at once and 120 each minute, of which each prefix of addresses has 200 and
   * 30; the rest is counted. `keepDays` 0, the default: for ever.
   */
  readonly audit?: Partial<TrailLimits> | false | undefined;
  /** Who hears of events and times, for example `createMetrics` of `blindsalt/server/metrics`. */
  readonly observers?: readonly Observer[] | undefined;
  /** Source of randomness; default the platform's. */
  readonly random?: RandomSource | undefined;
  /** Milliseconds since 1970; default `Date.now`. Deadlines run on a monotonic clock of their own. */
  readonly now?: (() => number) | undefined;
  /** The cryptographic core; default the one of `blindsalt/crypto`. */
  readonly crypto?: Crypto | undefined;
}

/** Options after validation, with defaults. */
export interface Settings {
  readonly domain: string;
  readonly origins: ReadonlySet<string>;
  /** Hosts (as URLs spell them) whose https origins are allowed at any port. */
  readonly originHosts: ReadonlySet<string>;
  readonly targets: ReadonlySet<string>;
  /** Hosts that are targets at any port. */
  readonly targetHosts: ReadonlySet<string>;
  readonly allowNative: boolean;
  readonly registration: RegistrationPolicy;
  readonly ksf: readonly KsfParameters[];
  readonly limits: Limits;
  readonly throttle: ThrottleSettings | undefined;
  readonly requireBinding: boolean;
  readonly roles: readonly string[];
  readonly whenSessionsFull: SessionPolicy['whenFull'];
  readonly logger: Logger;
  readonly audit: TrailLimits | false;
  readonly observers: readonly Observer[];
  readonly random: RandomSource;
  readonly now: () => number;
}

const KNOWN: ReadonlySet<string> = new Set<keyof EngineOptions>([
  'domain',
  'data',
  'store',
  'keys',
  'origins',
  'targets',
  'allowNative',
  'registration',
  'ksf',
  'limits',
  'throttle',
  'requireBinding',
  'roles',
  'whenSessionsFull',
  'logger',
  'audit',
  'observers',
  'random',
  'now',
  'crypto',
]);
const POLICIES: readonly string[] = ['open', 'invite', 'closed'] satisfies RegistrationPolicy[];
const LIMIT_RANGES: Readonly<Record<keyof Limits, readonly [min: number, max: number]>> = {
  maxMessageBytes: [4096, 64 * 1024 * 1024],
  handshakeTimeoutMs: [100, 600_000],
  maxAttempts: [1, 100],
  maxUnauthenticated: [1, 1_000_000],
  // 0: no such limit.
  idleSeconds: [0, 31_536_000],
  absoluteSeconds: [0, 31_536_000],
  // 0: no notice.
  expiryWarningSeconds: [0, 3_600],
  // More than clients are told (PROTOCOL.md 9.2) would be no fresh proof.
  freshPasswordSeconds: [1, 60],
  maxSessionsPerUser: [1, 10_000],
  maxWaitingWork: [1, 1_000_000],
  requestsPerMinute: [1, 60_000],
};
/** `welcome` carries no more. */
export const MAX_ROLES = 15;

function refuse(message: string, cause?: unknown): never {
  throw new BlindsaltError('option-invalid', message, { cause });
}

/** Checks every option and fills in defaults. @throws BlindsaltError `option-invalid`, `domain-invalid` */
export function readOptions(options: EngineOptions): Settings {
  if (typeof options !== 'object' || options === null) refuse('createEngine takes an object of options');
  for (const name of Object.keys(options)) if (!KNOWN.has(name)) refuse(`unknown option ${JSON.stringify(name)}`);
  readPlace(options);
  if (typeof options.domain !== 'string') refuse('domain must be a host name');
  const domain = readDomain(options.domain);
  const { targets, targetHosts } = readTargets(texts('targets', options.targets ?? [prepareTarget(domain, 443)]));
  const { origins, originHosts } =
    options.origins === undefined
      ? sameHostOrigins(targets, targetHosts)
      : { origins: readOrigins(texts('origins', options.origins)), originHosts: new Set<string>() };
  const registration = options.registration ?? 'open';
  if (!POLICIES.includes(registration)) refuse(`registration must be one of ${POLICIES.join(', ')}`);
  const roles = [...texts('roles', options.roles ?? [])];
  if (roles.length > MAX_ROLES) refuse(`roles must be at most ${MAX_ROLES}`);
  // What stores refuse, and `welcome` cannot carry, would otherwise come up when somebody signs up.
  for (const role of roles) checkText('roles', role, 1, MAX_ROLE_BYTES);
  return {
    domain,
    origins,
    originHosts,
    targets,
    targetHosts,
    allowNative: flag('allowNative', options.allowNative, true),
    registration,
    ksf: readKsf(options.ksf),
    limits: readLimits(options.limits),
    throttle: readThrottle(options.throttle),
    requireBinding: flag('requireBinding', options.requireBinding, false),
    roles,
    whenSessionsFull: readPolicy(options.whenSessionsFull),
    logger: readLogger(options.logger),
    audit: readAudit(options.audit),
    observers: readObservers(options.observers),
    random: callable('random', options.random, platformRandom),
    now: callable('now', options.now, Date.now),
  };
}

function readDomain(given: string): string {
  try {
    return prepareDomain(given);
  } catch (cause) {
    const message = `domain: ${JSON.stringify(given)} is not a host name; it has no scheme, port or path`;
    throw new BlindsaltError('domain-invalid', message, { cause });
  }
}

function readPlace({ data, store, keys }: EngineOptions): void {
  if (data === undefined) {
    if (store === undefined || keys === undefined) refuse('give data (a folder), or store and keys');
  } else {
    if (typeof data !== 'string' || data === '') refuse('data must be the path of a folder');
    if (store !== undefined || keys !== undefined) refuse('give either data, or store and keys');
  }
}

function flag(name: string, value: boolean | undefined, fallback: boolean): boolean {
  if (value !== undefined && typeof value !== 'boolean') refuse(`${name} must be true or false`);
  return value ?? fallback;
}

function callable<F>(name: string, value: F | undefined, fallback: F): F {
  if (value !== undefined && typeof value !== 'function') refuse(`${name} must be a function`);
  return value ?? fallback;
}

function readPolicy(policy: SessionPolicy['whenFull'] | undefined): SessionPolicy['whenFull'] {
  if (policy === undefined || policy === 'end-oldest' || policy === 'refuse') return policy ?? 'end-oldest';
  return refuse('whenSessionsFull must be end-oldest or refuse');
}

function texts(name: string, value: readonly string[]): readonly string[] {
  const isTexts = Array.isArray(value) && value.every((entry) => typeof entry === 'string');
  return isTexts ? value : refuse(`${name} must be a list of texts`);
}

const TRAIL: TrailLimits = { ...DEFAULT_REFUSAL_LIMITS, keepDays: 0 };

function readAudit(audit: EngineOptions['audit']): TrailLimits | false {
  if (audit === false) return false;
  if (audit !== undefined && (typeof audit !== 'object' || audit === null)) refuse('audit must be false or an object');
  const limits: Record<string, number> = { ...TRAIL };
  for (const [name, value] of Object.entries(audit ?? {})) {
    if (!Object.hasOwn(TRAIL, name)) refuse(`unknown option audit.${name}`);
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < 0 || value > 1_000_000) refuse(`audit.${name} must be 0 to 1000000`);
    limits[name] = value;
  }
  return limits as unknown as TrailLimits;
}

function readObservers(observers: EngineOptions['observers'] = []): readonly Observer[] {
  const list: readonly Observer[] = Array.isArray(observers) ? observers : refuse('observers must be a list');
  if (!list.every((one) => typeof one === 'object' && one !== null)) refuse('observers must be objects');
  return [...list];
}

function readLogger(logger: Logger | undefined): Logger {
  if (logger === undefined) return consoleLogger;
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    if (typeof logger?.[level] !== 'function') refuse(`logger must have the method ${level}`);
  }
  return logger;
}

function readTargets(entries: readonly string[]): { targets: ReadonlySet<string>; targetHosts: ReadonlySet<string> } {
  const targets = new Set<string>();
  const targetHosts = new Set<string>();
  if (entries.length === 0) refuse('targets must not be empty');
  for (const entry of entries) {
    const match = /^(.+):(\d{1,5})$/.exec(entry);
    // A bare IPv6 address ends like a port: only brackets tell them apart.
    const hasPort = match !== null && (entry.startsWith('[') || !match[1]!.includes(':'));
    try {
      if (hasPort) targets.add(prepareTarget(match[1]!, Number(match[2])));
      else targetHosts.add(prepareTarget(entry, 443).slice(0, -':443'.length));
    } catch (cause) {
      refuse(`targets: ${JSON.stringify(entry)} is neither host:port nor host`, cause);
    }
  }
  return { targets, targetHosts };
}

function sameHostOrigins(
  targets: ReadonlySet<string>,
  targetHosts: ReadonlySet<string>,
): { origins: ReadonlySet<string>; originHosts: ReadonlySet<string> } {
  // URL drops the default port, as browsers do.
  return {
    origins: new Set([...targets].map((target) => new URL(`https://${target}`).origin)),
    originHosts: targetHosts,
  };
}

function readOrigins(entries: readonly string[]): ReadonlySet<string> {
  for (const entry of entries) {
    let origin: string | undefined;
    try {
      origin = new URL(entry).origin;
    } catch {
      origin = undefined;
    }
    if (origin !== entry || !/^https?:/.test(entry)) {
      refuse(`origins: ${JSON.stringify(entry)} is not an origin as browsers send it, like https://example.org`);
    }
  }
  return new Set(entries);
}

/** The list as it counts, with the default for none. @throws BlindsaltError `option-invalid` */
export function readKsf(list: readonly KsfParameters[] | undefined): readonly KsfParameters[] {
  if (list === undefined) return [DEFAULT_KSF.argon2id, DEFAULT_KSF['pbkdf2-sha512']];
  if (!Array.isArray(list) || list.length === 0) refuse('ksf must be a list of parameters');
  const parameters: readonly KsfParameters[] = list;
  for (const ksf of parameters) {
    if (!Object.hasOwn(KSF_FLOOR, ksf?.name)) refuse('ksf: unknown name');
    const broken = ksfOutOfBounds(ksf);
    if (broken === undefined) continue;
    const { parameter, min, max } = broken;
    refuse(`ksf: ${ksf.name} ${parameter} must be ${min} to ${max}: clients refuse anything else`);
  }
  return parameters.map(({ name, memoryKiB, iterations, parallelism }) => ({
    name,
    memoryKiB,
    iterations,
    parallelism,
  }));
}

function readLimits(given: Partial<Limits> = {}): Limits {
  if (typeof given !== 'object' || given === null) refuse('limits must be an object');
  const limits: Record<keyof Limits, number> = { ...LIMITS };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(LIMIT_RANGES, name)) refuse(`limits: unknown limit ${JSON.stringify(name)}`);
    if (value === undefined) continue;
    const [min, max] = LIMIT_RANGES[name as keyof Limits];
    if (!Number.isInteger(value) || value < min || value > max) refuse(`limits.${name} must be ${min} to ${max}`);
    limits[name as keyof Limits] = value;
  }
  const most = Math.floor(MAX_UNAUTHENTICATED_BYTES / maxBufferedBytes(limits.maxMessageBytes));
  if (limits.maxUnauthenticated > most) {
    const { maxMessageBytes, maxUnauthenticated } = limits;
    refuse(
      `limits: with a maxMessageBytes of ${maxMessageBytes}, maxUnauthenticated must be at most ${most} ` +
        `(it is ${maxUnauthenticated}): strangers could fill more than ${MAX_UNAUTHENTICATED_BYTES} bytes of memory`,
    );
  }
  return limits;
}
