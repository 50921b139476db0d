import type { KsfParameters, RegistrationPolicy } from '../../../proto/index.js';
import { prepareDomain, prepareTarget } from '../../opaque/identity/index.js';
import { readKsf } from '../../server/options.js';
import { usageError } from '../failure.js';
import { isLoopback } from '../loopback.js';
import { readNumber } from '../number-option.js';

/** Options of `serve` as commander hands them over. */
export interface RawServeOptions {
  readonly dev?: boolean;
  readonly cert?: string;
  readonly key?: string;
  readonly clientCa?: string;
  readonly ocsp?: string;
  readonly workers?: string;
  readonly host?: string;
  readonly port: string;
  readonly data: string;
  readonly domain?: string;
  readonly target?: readonly string[];
  readonly origin?: readonly string[];
  readonly registration: RegistrationPolicy;
  readonly ksf?: readonly string[];
  readonly logLevel: string;
  readonly operationsPort?: string;
  readonly drainDelay?: string;
  readonly drainSeconds?: string;
  readonly auditDays?: string;
}

export interface ServeOptions {
  readonly dev: boolean;
  /** PEM files; undefined with `dev`. */
  readonly pair: { readonly cert: string; readonly key: string } | undefined;
  /** PEM file; clients need a certificate of these authorities. */
  readonly clientCa: string | undefined;
  /** DER file of an OCSP response for the certificate. */
  readonly ocsp: string | undefined;
  /** Processes that serve. */
  readonly workers: number;
  /** Addresses to listen on, all at the same port; those marked optional are left out where the machine lacks them. */
  readonly addresses: readonly { readonly host: string; readonly optional: boolean }[];
  readonly port: number;
  readonly data: string;
  readonly domain: string;
  /** `host:port` each, for the port that the server got. */
  targets(port: number): readonly string[];
  /** Undefined: https:// and each target. */
  readonly origins: readonly string[] | undefined;
  readonly registration: RegistrationPolicy;
  /** Of new accounts, the preferred one first; undefined: the engine's own. */
  readonly ksf: readonly KsfParameters[] | undefined;
  readonly logLevel: string;
  /** Of 127.0.0.1; undefined for none. */
  readonly operationsPort: number | undefined;
  /** How long the server is not ready before anything closes, and over how long connections close. */
  readonly drain: { readonly delayMs: number; readonly windowMs: number };
  /** Entries of the audit trail that are older are removed; 0: none. */
  readonly auditDays: number;
}

/** More is for ever: 0. */
const MAX_AUDIT_DAYS = 36_500;
/** Loopback as URLs spell it after parsing: `127.1`, `[0:0:0:0:0:0:0:1]` and `LOCALHOST` become one of these. */
const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]'];
const LOOPBACK_ADDRESSES = [
  { host: '127.0.0.1', optional: false },
  { host: '::1', optional: true },
];

const PORTS = [0, 65_535] as const;
/** More processes than this are a slip of the finger. */
const MAX_WORKERS = 128;
/** A server that is stopped does not take longer: who supervises it would kill it. */
const MAX_DRAIN_SECONDS = 600;

/** @throws BlindsaltError `option-invalid`, `domain-invalid` */
export function readServeOptions(raw: RawServeOptions): ServeOptions {
  const dev = raw.dev === true;
  if (dev && (raw.cert !== undefined || raw.key !== undefined)) throw usageError('--dev brings its own certificate');
  if (!dev && (raw.cert === undefined || raw.key === undefined)) {
    throw usageError('give --cert and --key, or --dev for a development server on this machine');
  }
  if (dev && raw.ocsp !== undefined)
    throw usageError('--ocsp needs --cert: nobody vouches for development certificates');
  if (dev && raw.host !== undefined && !isLoopback(raw.host)) {
    throw usageError(`--dev listens on loopback only, not on ${raw.host}`);
  }
  if (!dev && raw.domain === undefined) throw usageError('--domain is needed: every account is bound to it');
  const domain = prepareDomain(raw.domain ?? 'localhost');
  if (dev && domain !== 'localhost') throw usageError('--dev serves the domain localhost only');
  const extraTargets = (raw.target ?? []).map(readTarget);
  return {
    dev,
    pair: raw.cert !== undefined && raw.key !== undefined ? { cert: raw.cert, key: raw.key } : undefined,
    clientCa: raw.clientCa,
    ocsp: raw.ocsp,
    workers: readNumber('--workers', raw.workers ?? '1', [1, MAX_WORKERS]),
    addresses: addressesOf(raw.host, dev),
    port: readNumber('--port', raw.port, PORTS),
    data: raw.data,
    domain,
    targets: (port) => {
      if (dev) return [...LOOPBACK_HOSTS.map((host) => `${host}:${port}`), ...extraTargets];
      return extraTargets.length > 0 ? extraTargets : [prepareTarget(domain, port)];
    },
    origins: raw.origin,
    registration: raw.registration,
    ksf: raw.ksf && readKsf(raw.ksf.map(parseKsf)),
    logLevel: raw.logLevel,
    operationsPort:
      raw.operationsPort === undefined ? undefined : readNumber('--operations-port', raw.operationsPort, PORTS),
    drain: {
      delayMs: 1000 * readNumber('--drain-delay', raw.drainDelay ?? '0', [0, MAX_DRAIN_SECONDS]),
      windowMs: dev ? 0 : 1000 * readNumber('--drain-seconds', raw.drainSeconds ?? '5', [0, MAX_DRAIN_SECONDS]),
    },
    auditDays: readNumber('--audit-days', raw.auditDays ?? '0', [0, MAX_AUDIT_DAYS]),
  };
}

function addressesOf(host: string | undefined, dev: boolean): ServeOptions['addresses'] {
  if (host === undefined && !dev) return [{ host: '', optional: false }];
  if (host === undefined || host.toLowerCase() === 'localhost') return LOOPBACK_ADDRESSES;
  return [{ host: host.replace(/^\[(.*)\]$/, '$1'), optional: false }];
}

function readTarget(text: string): string {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  if (match === null) throw usageError(`--target ${text} is not host:port`);
  return prepareTarget(match[1]!, Number(match[2]));
}

/** `argon2id:65536:3:1` (KiB, passes, lanes) or `pbkdf2-sha512:210000`. */
function parseKsf(text: string): KsfParameters {
  const [name, ...numbers] = text.split(':');
  const [a, b, c] = numbers.map((number) => (/^\d{1,10}$/.test(number) ? Number(number) : NaN));
  let ksf: KsfParameters | undefined;
  if (name === 'argon2id' && numbers.length === 3) ksf = { name, memoryKiB: a!, iterations: b!, parallelism: c! };
  if (name === 'pbkdf2-sha512' && numbers.length === 1) ksf = { name, memoryKiB: 0, iterations: a!, parallelism: 0 };
  if (ksf === undefined)
    throw usageError(`--ksf ${text} is neither argon2id:KIB:PASSES:LANES nor pbkdf2-sha512:ROUNDS`);
  return ksf;
}
