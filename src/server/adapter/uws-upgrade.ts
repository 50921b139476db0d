import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js';
import { SUBPROTOCOL } from '../../../proto/index.js';
import { retryAfterSeconds } from '../retry-after.js';
import type { Peer } from '../transport.js';
import type { TrustedProxies } from './proxy.js';

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
  const remoteAddress = Buffer.from(response.getRemoteAddressAsText()).toString('latin1');
  const { areTrusted } = proxies;
  const header = areTrusted ? allLines(request) : (name: string) => request.getHeader(name) || undefined;
  const { address, secure } = proxies.classify({
    remoteAddress,
    encrypted: isTls,
    // Each header is asked for in C++.
    forwardedFor: areTrusted ? header('x-forwarded-for') : undefined,
    forwardedProto: areTrusted ? header('x-forwarded-proto') : undefined,
  });
  return {
    key: header('sec-websocket-key') ?? '',
    peer: { address, secure, origin: header('origin'), subprotocolOffered: isOffered(request, header) },
  };
}

type HeaderOf = (name: string) => string | undefined;

/** `getHeader` gives the first of several lines; a proxy may have appended its own as another one. */
function allLines(request: HttpRequest): HeaderOf {
  const headers = new Map<string, string>();
  request.forEach((name, value) => {
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  });
  return (name) => headers.get(name);
}

/** The first line hardly ever is not the only one. */
function isOffered(request: HttpRequest, header: HeaderOf): boolean {
  const name = 'sec-websocket-protocol';
  const first = header(name);
  if (first === undefined || first === SUBPROTOCOL) return first === SUBPROTOCOL;
  const all = allLines(request)(name) ?? '';
  return all.split(',').some((offered) => offered.trim() === SUBPROTOCOL);
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
  response.writeStatus('503 Service Unavailable').writeHeader('Retry-After', String(retryAfterSeconds())).end('', true);
}
