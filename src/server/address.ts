import ipaddr from 'ipaddr.js';
import { remembered } from './memo.js';

/** An address in canonical form, IPv4-mapped IPv6 as IPv4, without zone; undefined for anything else. */
export function normalizeAddress(text: string | undefined): string | undefined {
  return text === undefined || text.length > MAX_LENGTH ? undefined : normalizedLately(text);
}

/** In characters; no address is longer. */
const MAX_LENGTH = 64;
/** Clients come back, and proxies are one address for many. */
export const MAX_KEPT = 1000;
const parsedLately = remembered(MAX_KEPT, parse);
const normalizedLately = remembered(MAX_KEPT, (text) => parsedLately(text)?.toString());

/** The same, parsed; not to be changed. Never throws. */
export function parseAddress(text: string | undefined): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  return text === undefined || text.length > MAX_LENGTH ? undefined : parsedLately(text);
}

function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const bare = text.replace(/%.*$/, '');
  // Only the dotted quad counts as IPv4: `127.1` and `0x7f.1` are read differently by different programs.
  if (!bare.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(bare)) return undefined;
  try {
    return ipaddr.process(bare);
  } catch {
    return undefined;
  }
}

/** The address without its last part, for logs and session lists: /24 of IPv4, /48 of IPv6. */
export const addressPrefix = remembered(MAX_KEPT, prefixOf);

function prefixOf(address: string): string {
  const parsed = parseAddress(address);
  if (parsed === undefined) return 'unknown';
  const bits = parsed.kind() === 'ipv4' ? 24 : 48;
  const bytes = parsed.toByteArray().map((byte, i) => (i < bits / 8 ? byte : 0));
  return `${ipaddr.fromByteArray(bytes).toString()}/${bits}`;
}
