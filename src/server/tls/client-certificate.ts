import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';

/**
 * The certificate that the client showed in the TLS handshake, if one of the server's `ca` vouches for it; undefined
 * without one, with a foreign one, and where TLS ends in a proxy. The request is that of `connection` of
 * `blindsalt/server/ws`, of `verifyClient`, or of a page.
 */
export function clientCertificate(request: IncomingMessage): X509Certificate | undefined {
  const socket = request.socket as Partial<TLSSocket>;
  if (socket.encrypted !== true || socket.authorized !== true) return undefined;
  return socket.getPeerX509Certificate?.();
}
