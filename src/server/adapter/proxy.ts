import type ipaddr from 'ipaddr.js';
import { BlindsaltError } from '../../../proto/index.js';
import { normalizeAddress, parseAddress } from '../address.js';
import type { Peer } from '../transport.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Header = string | readonly string[] | undefined;

/** Entries of X-Forwarded-For that are looked at, from the right; no chain of proxies is longer. */
const MAX_HOPS = 32;

/** What a request says of where it came from. */
export interface RequestOrigin {
  /** Address at the other end of the TCP connection. */
  readonly remoteAddress: string | undefined;
  /** TLS ends in this process. */
  readonly encrypted: boolean;
  readonly forwardedFor: Header;
  readonly forwardedProto: Header;
}

export interface PeerClass {
  /** The client's address; the proxy's where the proxy does not say, `unknown` for sockets without one. */
  readonly address: string;
  readonly secure: Peer['secure'];
  /** The TCP connection comes from a trusted proxy, so its TLS is not the client's. */
  readonly viaProxy: boolean;
}

/** Addresses of proxies whose X-Forwarded headers are believed. */
export class TrustedProxies {
  readonly #ranges: readonly (readonly [Address, number])[];

  /**
   * @param cidrs like `10.0.0.0/8`, `2001:db8::/32`, or single addresses
   * @throws BlindsaltError `option-invalid`
   */
  constructor(cidrs: readonly string[] = []) {
    if (!Array.isArray(cidrs)) throw new BlindsaltError('option-invalid', 'trustedProxies must be a list of CIDRs');
    this.#ranges = (cidrs as readonly string[]).map(readRange);
  }

  /** False: forwarding headers do not matter, whoever sends them. */
  get areTrusted(): boolean {
    return this.#ranges.length > 0;
  }

  /** Sorts a request in. Never throws, whatever the headers hold. */
  classify(request: RequestOrigin): PeerClass {
    const remote = parseAddress(request.remoteAddress);
    const address = normalizeAddress(request.remoteAddress) ?? 'unknown';
    const direct = request.encrypted || (remote?.range() === 'loopback' && 'loopback');
    if (remote === undefined || !this.#includes(remote)) {
      return { address, secure: direct, viaProxy: false };
    }
    const hasForwarded = request.forwardedFor !== undefined || request.forwardedProto !== undefined;
    // A client of its own on the proxy's machine, or a proxy that passes TLS through.
    if (!hasForwarded) return { address, secure: direct, viaProxy: false };
    return {
      address: this.#clientBehind(remote, request.forwardedFor).toString(),
      secure: isSecureProto(request.forwardedProto),
      viaProxy: true,
    };
  }

  /** The rightmost entry that is no trusted proxy; what stands left of it could be anybody's invention. */
  #clientBehind(proxy: Address, header: Header): Address {
    let nearest = proxy;
    for (const entry of entries(header).slice(-MAX_HOPS).reverse()) {
      const address = parseAddress(withoutPort(entry));
      if (address === undefined) return nearest;
      nearest = address;
      if (!this.#includes(address)) return nearest;
    }
    return nearest;
  }

  #includes(address: Address): boolean {
    return this.#ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
  }
}

function readRange(cidr: string): [Address, number] {
  const [text = '', bitsText, ...rest] = typeof cidr === 'string' ? cidr.split('/') : [];
  const address = parseAddress(text);
  const isMapped = text.includes(':') && address?.kind() === 'ipv4';
  const width = address?.kind() === 'ipv4' ? 32 : 128;
  const bits =
    bitsText === undefined ? width : /^\d{1,3}$/.test(bitsText) ? Number(bitsText) - (isMapped ? 96 : 0) : -1;
  if (address === undefined || rest.length > 0 || bits < 0 || bits > width) {
    throw new BlindsaltError('option-invalid', `trustedProxies: ${JSON.stringify(cidr)} is not a CIDR`);
  }
  return [address, bits];
}

function entries(header: Header): readonly string[] {
  if (header === undefined) return [];
  const text = typeof header === 'string' ? header : header.join(',');
  return text.split(',').map((entry) => entry.trim());
}

/** Some proxies write `192.0.2.1:4711` or `[2001:db8::1]:4711`. */
function withoutPort(entry: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(entry);
  if (bracketed !== null) return bracketed[1]!;
  return /^[\d.]+:\d+$/.test(entry) ? entry.slice(0, entry.indexOf(':')) : entry;
}

/** Every proxy on the way that says anything must say that it was TLS. */
function isSecureProto(header: Header): boolean {
  const protos = entries(header).map((proto) => proto.toLowerCase());
  return protos.length > 0 && protos.every((proto) => proto === 'https' || proto === 'wss');
}
