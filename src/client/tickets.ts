import { BYTES } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import { withDevice, type Device } from './devices.js';

/** What a session is resumed with. The secret can be used, not read. */
export interface Ticket {
  /** Session id 16 bytes, serial 16 bytes. Not secret. */
  readonly id: Uint8Array;
  /** HMAC-SHA-512, for `sign` and `verify`; see `importTicketSecret`. */
  readonly key: CryptoKey;
  /** Whose session it is, 16 bytes; the server has to say the same. */
  readonly userId: Uint8Array;
  readonly username: string;
}

/** A ticket as the server gave it out. */
export interface NewTicket {
  /** 32 bytes. */
  readonly id: Uint8Array;
  /** 64 bytes; overwritten with zeros when the promise of `store` has settled. */
  readonly secret: Uint8Array<ArrayBuffer>;
  readonly userId: Uint8Array;
  readonly username: string;
}

/**
 * Where tickets are kept: at most one for each server and place (tab, file). A ticket is used once and replaced, so each
 * operation has to take effect as a whole and to last when its promise resolves: whoever loads gets the old ticket or
 * the new one. No two clients may have the same ticket at a time (the server would see a thief and end the session):
 * what another tab or process holds is not given out.
 *
 * `server` names domain and address, as `chat.example chat.example:443`.
 */
export interface TicketStore {
  load(server: string): Promise<Ticket | undefined>;
  /** Replaces the ticket of this place. */
  store(server: string, ticket: NewTicket): Promise<void>;
  /** Forgets the ticket of this place; if `sessionId` (16 bytes) is given, only one of that session. */
  remove(server: string, sessionId?: Uint8Array): Promise<void>;
  /**
   * What logins show that this device is known by, PROTOCOL.md 8.1: at most one for each account, shared by all places,
   * kept through logouts. A store without these methods makes the device known for as long as the connector lives.
   */
  loadDevices?(server: string): Promise<readonly Device[]>;
  /** Replaces that of the same username; keeps the `MAX_DEVICES` stored last. The bytes are copied. */
  storeDevice?(server: string, device: Device): Promise<void>;
  removeDevice?(server: string, username: string): Promise<void>;
}

/**
 * A ticket's secret as a key that cannot be read again; for stores.
 * @param secret 64 bytes
 * @throws BlindsaltError `environment-unsupported`
 */
export async function importTicketSecret(secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const { subtle } = globalThis.crypto as { subtle?: SubtleCrypto };
  if (subtle === undefined) throw new BlindsaltError('environment-unsupported', 'There is no WebCrypto.');
  return subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-512' }, false, ['sign', 'verify']);
}

/** Whether a ticket belongs to a session. */
export function isOfSession(ticket: { readonly id: Uint8Array }, sessionId: Uint8Array): boolean {
  return sameBytes(ticket.id.subarray(0, BYTES.sessionId), sessionId);
}

/** Known devices for as long as the page or process lives. */
export function memoryDevices(): Required<Pick<TicketStore, 'loadDevices' | 'storeDevice' | 'removeDevice'>> {
  const devices = new Map<string, readonly Device[]>();
  return {
    loadDevices: (server) => Promise.resolve(devices.get(server) ?? []),
    storeDevice(server, { username, deviceId, deviceSecret }) {
      const copy = { username, deviceId: deviceId.slice(), deviceSecret: deviceSecret.slice() };
      devices.set(server, withDevice(devices.get(server) ?? [], copy));
      return Promise.resolve();
    },
    removeDevice(server, username) {
      devices.set(
        server,
        (devices.get(server) ?? []).filter((device) => device.username !== username),
      );
      return Promise.resolve();
    },
  };
}

/** For what is not secret. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => b[i] === byte);
}

/** Tickets for as long as the page or process lives. */
export function memoryTickets(): TicketStore {
  const tickets = new Map<string, Ticket>();
  return {
    ...memoryDevices(),
    load: (server) => Promise.resolve(tickets.get(server)),
    async store(server, { id, secret, userId, username }) {
      const key = await importTicketSecret(secret);
      tickets.set(server, { id: id.slice(), key, userId: userId.slice(), username });
    },
    remove(server, sessionId) {
      const ticket = tickets.get(server);
      if (ticket !== undefined && (sessionId === undefined || isOfSession(ticket, sessionId))) tickets.delete(server);
      return Promise.resolve();
    },
  };
}
