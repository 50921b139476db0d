import { BYTES, concat, len16 } from '../../proto/index.js';
import type { Crypto } from '../crypto/types.js';
import { hmacUnder } from './hashed-keys.js';
import type { ServerKeys } from './keys.js';

/** Bytes of a ticket's serial, which stands behind the session id. */
export const SERIAL_BYTES = 16;
/** More ticket keys than these would only be work for every resumption. */
export const MAX_TICKET_KEYS = 8;

const LABEL = len16('blindsalt.v1 ticket');

/** What a client stores. The server stores the serial alone. */
export interface Ticket {
  /** Session id, then serial; 32 bytes. */
  readonly ticketId: Uint8Array;
  /** 64 bytes. */
  readonly ticketSecret: Uint8Array;
}

/** Session id and serial of a ticket. */
export function splitTicketId(ticketId: Uint8Array): { readonly sessionId: Uint8Array; readonly serial: Uint8Array } {
  return { sessionId: ticketId.slice(0, BYTES.sessionId), serial: ticketId.slice(BYTES.sessionId) };
}

function deriveSecret(crypto: Crypto, key: Uint8Array, domain: string, ticketId: Uint8Array): Uint8Array {
  return hmacUnder(crypto, key, concat(LABEL, len16(domain), ticketId));
}

/** The ticket with this serial, its secret derived from the current ticket key. */
export function issueTicket(crypto: Crypto, keys: ServerKeys, sessionId: Uint8Array, serial: Uint8Array): Ticket {
  const ticketId = concat(sessionId, serial);
  return { ticketId, ticketSecret: deriveSecret(crypto, keys.ticketKeys[0]!.key, keys.domain, ticketId) };
}

/**
 * The secret with which `proof` was made over `message`, or undefined. All ticket keys are tried, whichever fits. The
 * caller wipes the secret.
 * @param proof HMAC-SHA-512, 64 bytes
 */
export function findTicketSecret(
  crypto: Crypto,
  keys: ServerKeys,
  ticketId: Uint8Array,
  message: Uint8Array,
  proof: Uint8Array,
): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  for (const { key } of keys.ticketKeys) {
    const secret = deriveSecret(crypto, key, keys.domain, ticketId);
    const expected = crypto.hmacSha512(secret, message);
    const fits = crypto.equal(expected, proof);
    crypto.wipe(expected);
    if (fits) found = secret;
    else crypto.wipe(secret);
  }
  return found;
}
