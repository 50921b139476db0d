import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js';
import { SUBPROTOCOL } from '../../../proto/index.js';
import type { Peer } from '../transport.js';
import type { TrustedProxies } from './proxy.js';

const RETRY_AFTER_SECONDS = 5;

/** What is kept of an opening handshake: uWebSockets.js forgets the request when its handler returns or awaits. */
export interface OpeningRequest {
  readonly key: string;
  readonly peer: Peer;
}

/** Copies what the engine and the handshake need. */
export function readRequest(
  response: HttpResponse,
  request: HttpRequest,
  proxies: TrustedProxies,
  isTls: boolean,
): OpeningRequest {
  const headers = new Map<string, string>();
  // `getHeader` gives the first of several lines; a proxy may have appended its own as another one.
  request.forEach((name, value) => {
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  });
  const { address, secure } = proxies.classify({
    remoteAddress: Buffer.from(response.getRemoteAddressAsText()).toString('latin1'),
    encrypted: isTls,
    forwardedFor: headers.get('x-forwarded-for'),
    forwardedProto: headers.get('x-forwarded-proto'),
  });
  const offered = (headers.get('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim());
  return {
    key: headers.get('sec-websocket-key') ?? '',
    peer: { address, secure, origin: headers.get('origin'), subprotocolOffered: offered.includes(SUBPROTOCOL) },
  };
}

/** Upgrades; uWebSockets.js calls the open handler before this returns. */
export type Upgrade = (userData: object) => void;

/** The upgrade of this response, with our subprotocol and without extensions. */
export function upgradeOf(
  response: HttpResponse,
  { key, peer }: OpeningRequest,
  context: us_socket_context_t,
): Upgrade {
  const upgrade = response.upgrade.bind(response);
  return (userData) => upgrade(userData, key, peer.subprotocolOffered ? SUBPROTOCOL : '', '', context);
}

/** Refuses an opening handshake while too many connections have not logged in. */
export function refuseBusy(response: HttpResponse): void {
  response.writeStatus('503 Service Unavailable').writeHeader('Retry-After', String(RETRY_AFTER_SECONDS)).end('', true);
}
