import ipaddr from 'ipaddr.js';
import { MAX_KEPT, parseAddress } from '../address.js';
import { remembered } from '../memo.js';

/** Where a connection comes from, for counting: its address or what one customer has of them, and the network around. */
export interface Networks {
  /** IPv4 /32, IPv6 /64. */
  readonly address: string;
  /** IPv4 /24, IPv6 /48. */
  readonly network: string;
}

const NAT64 = ipaddr.parseCIDR('64:ff9b::/96');

const networksLately = remembered(MAX_KEPT, compute);

/**
 * Undefined for loopback and for what is no address: nothing can be told apart there, and a limit would let one client
 * lock all others out. IPv4 inside IPv6 (mapped, NAT64) counts as IPv4.
 */
export function networksOf(address: string | undefined): Networks | undefined {
  return address === undefined ? undefined : networksLately(address);
}

function compute(address: string): Networks | undefined {
  let parsed = parseAddress(address);
  if (parsed instanceof ipaddr.IPv6 && parsed.match(NAT64)) {
    parsed = ipaddr.fromByteArray(parsed.toByteArray().slice(12));
  }
  if (parsed === undefined || parsed.range() === 'loopback') return undefined;
  const bytes = parsed.toByteArray();
  const [near, far] = bytes.length === 4 ? [4, 3] : [8, 6];
  const text = (length: number): string => `${bytes.length}:${bytes.slice(0, length).join('.')}`;
  return { address: text(near), network: text(far) };
}
