import type { Ticket, TicketStore } from './tickets.js';

/** More sockets of one class than these log in each time: tickets outlive the page in some stores. */
const MAX_PLACES = 16;

/** Where one socket finds its ticket and leaves the next. */
export interface TicketPlace {
  readonly tickets: TicketStore | false;
  /** Whose ticket is wanted; nobody else's is given out. */
  reserve(username: string): void;
  /** The socket is closed: the next one goes on with its session. */
  release(): void;
}

/**
 * Lets the sockets of a class share a store, which has one ticket for each server: every socket that is open at a time has
 * a place of its own, and so a session of its own. The first free place is taken, so few are used.
 */
export class TicketPlaces {
  readonly #store: TicketStore | false;
  readonly #places: Place[] = [];

  constructor(store: TicketStore | false) {
    this.#store = store;
  }

  take(): TicketPlace {
    if (this.#store === false) return NO_PLACE;
    let place = this.#places.find(({ isFree }) => isFree);
    if (place === undefined) {
      if (this.#places.length >= MAX_PLACES) return NO_PLACE;
      place = new Place(this.#store, this.#places.length);
      this.#places.push(place);
    }
    return held(place);
  }
}

const NO_PLACE: TicketPlace = { tickets: false, reserve: () => undefined, release: () => undefined };

/** What was released belongs to others. */
function held(place: Place): TicketPlace {
  let isHeld = true;
  place.isFree = false;
  return {
    tickets: place.tickets,
    reserve(username) {
      if (isHeld) place.username = username;
    },
    release() {
      if (isHeld) place.isFree = true;
      isHeld = false;
    },
  };
}

class Place {
  readonly tickets: TicketStore;
  isFree = true;
  username = '';

  constructor(store: TicketStore, index: number) {
    // No domain and no target has a space in it.
    const own = (server: string): string => (index === 0 ? server : `${server} ${index}`);
    this.tickets = {
      load: async (server) => {
        const ticket = await store.load(own(server));
        return ticket !== undefined && this.#isWanted(ticket) ? ticket : undefined;
      },
      store: (server, ticket) => store.store(own(server), ticket),
      remove: (server, sessionId) => store.remove(own(server), sessionId),
      // One device, whatever the place.
      ...(store.loadDevices && { loadDevices: (server) => store.loadDevices!(server) }),
      ...(store.storeDevice && { storeDevice: (server, device) => store.storeDevice!(server, device) }),
      ...(store.removeDevice && { removeDevice: (server, username) => store.removeDevice!(server, username) }),
    };
  }

  /** Names in tickets are prepared. Whoever is not recognised here logs in, which is only slower. */
  #isWanted({ username }: Ticket): boolean {
    return this.username.toLowerCase().normalize('NFC') === username;
  }
}
