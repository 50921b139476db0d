import { BYTES, KSF_FLOOR, type KsfName } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import { prepareDomain, prepareTarget } from '../opaque/identity/domain.js';
import type { KsfBounds } from '../opaque/ksf.js';
import { memoryTickets, type TicketStore } from './tickets.js';

/**
 * How far a login is: opening the connection; waiting for the server; stretching the key, which takes longest; waiting
 * for the server's last word.
 */
export type Stage = 'connecting' | 'exchanging' | 'stretching' | 'finishing';

/** A server public key, 32 bytes, or the same in base64url. */
export type ServerKey = Uint8Array | string;

export interface ConnectOptions {
  /** The server's domain, which every account is bound to. Default: the host of the URL. */
  readonly domain?: string | undefined;
  /** The application's subprotocols, in order of preference: up to 8 of 1–64 bytes. The chosen one is `socket.protocol`. */
  readonly protocols?: string | readonly string[] | undefined;
  /** Accept only this server key, or one of these. Default: at sign-up any (TLS vouches), at login the account's. */
  readonly serverKey?: ServerKey | readonly ServerKey[] | undefined;
  /** Refuse to log in unless bound to the TLS connection (RFC 9266). Impossible in browsers. Default false. */
  readonly requireBinding?: boolean | undefined;
  /**
   * What this client is called in the list of sessions, at most 64 bytes of UTF-8. Default empty: what a device is tells of
   * its user, so the application decides.
   */
  readonly deviceLabel?: string | undefined;
  /** Ends an attempt that is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Longest time for one attempt, milliseconds. Default 60,000. */
  readonly timeoutMs?: number | undefined;
  readonly onProgress?: ((stage: Stage) => void) | undefined;
  /** Key stretching functions that the server may ask for. Default: argon2id and pbkdf2-sha512. */
  readonly ksfs?: readonly KsfName[] | undefined;
  /** Higher floors than the protocol's (`KSF_FLOOR`); lower ones are refused. */
  readonly ksfFloors?: KsfBounds | undefined;
  /** Other ceilings than the recommended (`KSF_CEILING`). */
  readonly ksfCeilings?: KsfBounds | undefined;
  /**
   * Where the tickets for `resume` are kept; false for none at all. Default: in memory, for `resume` of this very object.
   * A store may serve several servers.
   */
  readonly tickets?: TicketStore | false | undefined;
  /** Told when the store of tickets failed; the connection goes on without. */
  readonly onTicketsUnavailable?: ((cause: unknown) => void) | undefined;
}

/** Options after validation. */
export interface Settings {
  readonly url: string;
  readonly domain: string;
  readonly target: string;
  readonly subprotocols: readonly string[];
  readonly serverKeys: readonly Uint8Array[];
  readonly requireBinding: boolean;
  readonly deviceLabel: string;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly onProgress: (stage: Stage) => void;
  readonly ksfs: readonly KsfName[];
  readonly ksfFloors: KsfBounds;
  readonly ksfCeilings: KsfBounds;
  readonly tickets: TicketStore | undefined;
  readonly onTicketsUnavailable: (cause: unknown) => void;
}

const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const KSF_NAMES = Object.keys(KSF_FLOOR) as KsfName[];
const MAX_SUBPROTOCOLS = 8;
const MAX_LABEL_BYTES = 64;
const KNOWN: readonly string[] = [
  'domain',
  'protocols',
  'serverKey',
  'requireBinding',
  'deviceLabel',
  'signal',
  'timeoutMs',
  'onProgress',
  'ksfs',
  'ksfFloors',
  'ksfCeilings',
  'tickets',
  'onTicketsUnavailable',
] satisfies (keyof ConnectOptions)[];

/**
 * Checks URL and options.
 * @param base what a relative URL is relative to
 * @param own the options that the platform has beside these
 * @throws BlindsaltError `option-invalid`, `insecure-url`, `domain-invalid`
 */
export function settle(
  input: string | URL,
  options: ConnectOptions,
  base?: string,
  own: readonly string[] = [],
): Settings {
  const url = checkUrl(input, base);
  // A misspelt `serverKey` or `requireBinding` must not pass for none.
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name) && !own.includes(name)) invalid(name, `unknown option ${JSON.stringify(name)}`);
  }
  const protocols = typeof options.protocols === 'string' ? [options.protocols] : [...(options.protocols ?? [])];
  if (protocols.length > MAX_SUBPROTOCOLS || new Set(protocols).size < protocols.length) invalid('protocols');
  if (!protocols.every((name) => isText(name, 1, MAX_LABEL_BYTES))) invalid('protocols');
  const deviceLabel = options.deviceLabel ?? '';
  if (!isText(deviceLabel, 0, MAX_LABEL_BYTES)) invalid('deviceLabel');
  const timeoutMs = options.timeoutMs ?? 60_000;
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 2 ** 31 - 1) invalid('timeoutMs');
  const ksfs: readonly KsfName[] = [...(options.ksfs ?? KSF_NAMES)];
  if (ksfs.length === 0 || !ksfs.every((name) => KSF_NAMES.includes(name))) invalid('ksfs');
  return {
    url: url.href,
    domain: prepareDomain(options.domain ?? url.hostname),
    target: prepareTarget(url.hostname, Number(url.port || (url.protocol === 'wss:' ? 443 : 80))),
    subprotocols: protocols,
    serverKeys: checkServerKeys(options.serverKey),
    requireBinding: options.requireBinding ?? false,
    deviceLabel,
    signal: options.signal,
    timeoutMs,
    onProgress: options.onProgress ?? (() => undefined),
    ksfs,
    ksfFloors: checkBounds('ksfFloors', options.ksfFloors, KSF_FLOOR),
    ksfCeilings: checkBounds('ksfCeilings', options.ksfCeilings),
    tickets: options.tickets === false ? undefined : checkTickets(options.tickets),
    onTicketsUnavailable: options.onTicketsUnavailable ?? (() => undefined),
  };
}

function checkUrl(input: string | URL, base: string | undefined): URL {
  let url: URL;
  try {
    url = new URL(input, base);
  } catch {
    return invalid('url', 'url must be one like wss://chat.example/ws');
  }
  // As the platform's WebSocket has it.
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.username !== '' || url.password !== '') invalid('url', 'the URL must not contain a name or password');
  if (url.protocol !== 'wss:' && url.protocol !== 'ws:') invalid('url', 'the URL must begin with wss://');
  if (url.protocol === 'ws:' && !LOOPBACK.test(url.hostname)) throw new BlindsaltError('insecure-url');
  url.hash = '';
  return url;
}

function checkTickets(tickets: TicketStore = memoryTickets()): TicketStore {
  const isStore = (['load', 'store', 'remove'] as const).every((method) => typeof tickets?.[method] === 'function');
  return isStore ? tickets : invalid('tickets', 'tickets must be false or a store, like fileTickets(path)');
}

function checkServerKeys(option: ConnectOptions['serverKey']): Uint8Array[] {
  if (option === undefined) return [];
  const keys = typeof option === 'string' || option instanceof Uint8Array ? [option] : option;
  if (keys.length === 0) return invalid('serverKey');
  return keys.map((key) => {
    const bytes = typeof key === 'string' ? fromBase64Url(key) : key;
    if (bytes instanceof Uint8Array && bytes.length === BYTES.element) return bytes.slice();
    return invalid(
      'serverKey',
      'serverKey must be 32 bytes, or the same in base64url, as `blindsalt keys show` prints it',
    );
  });
}

function fromBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]{43}=?$/.test(text)) return undefined;
  const binary = atob(text.slice(0, 43).replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function checkBounds(name: string, bounds: KsfBounds = {}, least?: Required<KsfBounds>): KsfBounds {
  for (const [ksf, parameters] of Object.entries(bounds)) {
    if (!KSF_NAMES.includes(ksf as KsfName)) invalid(name);
    for (const parameter of ['memoryKiB', 'iterations', 'parallelism'] as const) {
      const minimum = least?.[ksf as KsfName][parameter] ?? 0;
      const value = parameters[parameter];
      if (!Number.isInteger(value) || value < minimum) invalid(name, `${name} has a wrong ${parameter} for ${ksf}`);
    }
  }
  return bounds;
}

/** Whether a string has so many bytes of UTF-8 and survives encoding (no lone surrogate, no U+0000, no BOM in front). */
export function isText(value: unknown, min: number, max: number): value is string {
  if (typeof value !== 'string' || /\p{Surrogate}|\0|^\ufeff/u.test(value)) return false;
  const { length } = new TextEncoder().encode(value);
  return length >= min && length <= max;
}

export const GIVE_BOTH = 'give { username, password }: username as text, password as text or its UTF-8';

export const GIVE_CREDENTIALS = 'credentials must be { username, password }, or a function that gives them';

export function invalid(name: string, message = `the option ${name} has a wrong value`): never {
  throw new BlindsaltError('option-invalid', message, { reason: name });
}
