import { BYTES } from '../../proto/constants.js';
import { isDevice, type Device, type IssuedDevice } from './devices.js';
import { memoryDevices, type Ticket, type TicketStore } from './tickets.js';

/** Whose session it is. */
export interface TicketOwner {
  readonly userId: Uint8Array;
  readonly username: string;
}

/** What the server gives out; both empty for none. */
export interface IssuedTicket {
  readonly ticketId: Uint8Array;
  readonly ticketSecret: Uint8Array;
}

/** Turns at one store, by server: connectors may share a store. */
const turns = new WeakMap<TicketStore, Map<string, Promise<unknown>>>();

/** The tickets of one server in one store. Failures of the store are reported and end no connection. */
export class TicketKeeper {
  readonly #store: TicketStore | undefined;
  readonly #server: string;
  readonly #onFailure: (cause: unknown) => void;
  /** Of a store that keeps none, or where there is no store. */
  readonly #devices = memoryDevices();

  constructor(store: TicketStore | undefined, server: string, onFailure: (cause: unknown) => void) {
    this.#store = store;
    this.#server = server;
    this.#onFailure = onFailure;
  }

  /** From loading a ticket to keeping its successor nobody else may use the store. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    if (this.#store === undefined) return task();
    let queues = turns.get(this.#store);
    if (queues === undefined) {
      queues = new Map<string, Promise<unknown>>();
      turns.set(this.#store, queues);
    }
    const turn = (queues.get(this.#server) ?? Promise.resolve()).then(task);
    queues.set(
      this.#server,
      turn.catch(() => undefined),
    );
    return turn;
  }

  async load(): Promise<Ticket | undefined> {
    try {
      return await this.#store?.load(this.#server);
    } catch (cause) {
      this.#onFailure(cause);
      return undefined;
    }
  }

  /**
   * Keeps a ticket, and overwrites its bytes here.
   * @param isOnlyOne whether what was kept before is worth nothing now
   */
  async keep(
    { userId, username }: TicketOwner,
    { ticketId, ticketSecret }: IssuedTicket,
    isOnlyOne: boolean,
  ): Promise<void> {
    if (this.#store === undefined) {
      ticketSecret.fill(0);
      return;
    }
    try {
      const isTicket = ticketId.length === BYTES.ticketId && ticketSecret.length === BYTES.ticketSecret;
      if (!isTicket && !isOnlyOne) return;
      if (!isTicket) return await this.#store.remove(this.#server);
      const secret = new Uint8Array(ticketSecret);
      try {
        await this.#store.store(this.#server, { id: ticketId, secret, userId, username });
      } catch (cause) {
        if (isOnlyOne) await this.#store.remove(this.#server).catch(() => undefined);
        throw cause;
      } finally {
        secret.fill(0);
      }
    } catch (cause) {
      this.#onFailure(cause);
    } finally {
      ticketSecret.fill(0);
    }
  }

  async loadDevices(): Promise<readonly Device[]> {
    try {
      const store = this.#store?.loadDevices === undefined ? this.#devices : this.#store;
      return (await store.loadDevices?.(this.#server)) ?? [];
    } catch (cause) {
      this.#onFailure(cause);
      return [];
    }
  }

  /** Keeps what makes this device known to the server, and overwrites its secret here. */
  async keepDevice(username: string, { deviceId, deviceSecret }: IssuedDevice): Promise<void> {
    try {
      if (!isDevice({ deviceId, deviceSecret })) return;
      const store = this.#store?.storeDevice === undefined ? this.#devices : this.#store;
      await store.storeDevice?.(this.#server, { username, deviceId, deviceSecret });
    } catch (cause) {
      this.#onFailure(cause);
    } finally {
      deviceSecret.fill(0);
    }
  }

  async removeDevice(username: string): Promise<void> {
    try {
      const store = this.#store?.removeDevice === undefined ? this.#devices : this.#store;
      await store.removeDevice?.(this.#server, username);
    } catch (cause) {
      this.#onFailure(cause);
    }
  }

  async remove(sessionId?: Uint8Array): Promise<void> {
    try {
      await this.#store?.remove(this.#server, sessionId);
    } catch (cause) {
      this.#onFailure(cause);
    }
  }
}
