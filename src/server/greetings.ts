import {
  BINDING_TLS_EXPORTER,
  MECHANISM_SCHNORR,
  PROTOCOL_VERSION,
  type Hello,
  type Welcome,
} from '../../proto/index.js';
import type { Settings } from './options.js';
import type { PeerFacts } from './start-checks.js';
import type { User } from './store.js';

const NONE = new Uint8Array(0);

/** The first message: what this server is and can. */
export function helloMessage(settings: Settings, peer: PeerFacts, serverNonce: Uint8Array): Hello {
  const { domain, registration, limits } = settings;
  return {
    kind: 'hello',
    serverNonce,
    domain,
    versions: [PROTOCOL_VERSION],
    mechanisms: [MECHANISM_SCHNORR],
    bindings: peer.tlsExporter === undefined ? [] : [BINDING_TLS_EXPORTER],
    registration,
    limits: [limits.maxMessageBytes, limits.handshakeTimeoutMs, limits.maxAttempts],
    puzzle: NONE,
  };
}

/** The message after which the connection is the application's. */
export function welcomeMessage(
  { limits }: Settings,
  sessionId: Uint8Array,
  { userId, username, roles }: User,
  subprotocol: string,
): Welcome {
  return {
    kind: 'welcome',
    sessionId,
    userId,
    username,
    subprotocol,
    idleSeconds: limits.idleSeconds,
    absoluteSeconds: limits.absoluteSeconds,
    roles,
    ticketId: NONE,
    ticketSecret: NONE,
    deviceId: NONE,
    deviceSecret: NONE,
    flags: 0,
    proof: NONE,
  };
}
