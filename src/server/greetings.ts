import {
  BINDING_TLS_EXPORTER,
  MECHANISM_SCHNORR,
  PROTOCOL_VERSION,
  WELCOME_FLAG,
  type Hello,
  type LifeFields,
  type ProvenLifeFields,
  type Welcome,
} from '../../proto/index.js';
import { NO_PROOF } from './exchange.js';
import type { Settings } from './options.js';
import type { PeerFacts } from './start-checks.js';
import type { SessionRow, User } from './store.js';
import type { IssuedDevice } from './throttle/devices.js';
import type { Ticket } from './tickets.js';

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

/** What is left of a session, and its ticket from now on. */
export function lifeFields(session: SessionRow, ticket: Ticket, nowMs: number): LifeFields {
  return { idleSeconds: session.idleSeconds, absoluteSeconds: secondsLeft(session, nowMs), ...ticket };
}

/** The same after a proof of the password, which makes a known device of the client. */
export function provenLifeFields(
  session: SessionRow,
  ticket: Ticket,
  nowMs: number,
  device: IssuedDevice,
): ProvenLifeFields {
  return { ...lifeFields(session, ticket, nowMs), ...device };
}

/** Seconds until the absolute limit, at least 1; 0 without one. */
export function secondsLeft({ absoluteExpiresAtMs }: SessionRow, nowMs: number): number {
  if (absoluteExpiresAtMs === undefined) return 0;
  return Math.max(1, Math.ceil((absoluteExpiresAtMs - nowMs) / 1000));
}

export interface WelcomeFacts {
  readonly session: SessionRow;
  readonly user: User;
  readonly subprotocol: string;
  readonly ticket: Ticket;
  /** After a proof of the password. */
  readonly device: IssuedDevice | undefined;
  readonly nowMs: number;
  /** The client is to register anew. */
  readonly isOutdated: boolean;
  /** Room for a proof is left, 64 zero bytes. */
  readonly hasProof: boolean;
}

/** The message after which the connection is the application's. */
export function welcomeMessage(facts: WelcomeFacts): Welcome {
  const { session, user, subprotocol, ticket, device } = facts;
  const { userId, username, roles } = user;
  return {
    kind: 'welcome',
    sessionId: session.sessionId,
    userId,
    username,
    subprotocol,
    idleSeconds: session.idleSeconds,
    absoluteSeconds: secondsLeft(session, facts.nowMs),
    ticketId: ticket.ticketId,
    ticketSecret: ticket.ticketSecret,
    roles,
    deviceId: device?.deviceId ?? NONE,
    deviceSecret: device?.deviceSecret ?? NONE,
    flags: facts.isOutdated ? WELCOME_FLAG.reregister : 0,
    proof: facts.hasProof ? NO_PROOF : NONE,
  };
}
