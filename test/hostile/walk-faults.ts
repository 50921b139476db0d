// Stores, and clients' stores of tickets, that are broken on purpose: what a walk has to find. Each is named after what it
// does wrong; nothing else about it is different.
import type { Store } from '../../src/server/store.js';
import type { NewTicket } from '../../src/client/tickets.js';
import { OpenTicketStore } from './model-world.js';
import type { WalkOptions } from './walks.js';

type Fault = Pick<WalkOptions, 'changeStore' | 'createTickets'>;

/** The store with some methods replaced. */
const withMethods =
  (change: (store: Store) => Partial<Store>): ((store: Store) => Store) =>
  (store) => {
    const changed = change(store);
    return new Proxy(store, {
      get(target, name) {
        const method = (Reflect.get(changed, name) ?? Reflect.get(target, name)) as unknown;
        return typeof method === 'function' ? (method.bind(target) as unknown) : method;
      },
    });
  };

/** Keeps the first ticket of each session for ever. */
class ForgetfulTickets extends OpenTicketStore {
  #first = '';
  override store(server: string, ticket: NewTicket): Promise<void> {
    const session = Buffer.from(ticket.id.slice(0, 16)).toString('hex');
    if (this.kept !== undefined && session === this.#first) return Promise.resolve();
    this.#first = session;
    return super.store(server, ticket);
  }
}

export const WALK_FAULTS: Readonly<Record<string, Fault>> = {
  'accepts dead tickets': {
    changeStore: withMethods((store) => ({
      async rotateTicket(rotation) {
        if (rotation.mode !== 'resume') return store.rotateTicket(rotation);
        const row = await store.getSession(rotation.sessionId);
        const known = [row?.currentSerial, row?.successorSerial].some(
          (serial) => serial !== undefined && Buffer.compare(serial, rotation.serial) === 0,
        );
        return store.rotateTicket(row === undefined || known ? rotation : { ...rotation, serial: row.currentSerial });
      },
    })),
  },
  'makes the fresh ticket current before the client has it': {
    changeStore: withMethods((store) => ({
      async rotateTicket(rotation) {
        const outcome = await store.rotateTicket(rotation);
        if (rotation.mode !== 'resume' || outcome.result !== 'rotated') return outcome;
        return store.rotateTicket({ ...rotation, serial: rotation.newSerial, newSerial: new Uint8Array(16).fill(7) });
      },
    })),
  },
  'leaves other sessions open when the password changes': {
    changeStore: withMethods((store) => ({
      replaceRecordAndRenew: (replacement) => store.replaceRecordAndRenew({ ...replacement, endOthers: false }),
    })),
  },
  'says that sessions ended which go on': {
    changeStore: withMethods((store) => ({
      endSessions: async ({ userId, sessionId, exceptSessionId }) => {
        const rows = userId === undefined ? [] : await store.listSessions(userId, 0);
        const ids = rows
          .map((row) => row.sessionId)
          .filter((id) => !exceptSessionId || Buffer.compare(id, exceptSessionId) !== 0);
        return sessionId === undefined ? ids : [sessionId];
      },
    })),
  },
  'lets disabled users log in': {
    changeStore: withMethods((store) => ({
      setUserStatus: async (userId) => {
        const user = await store.getUser(userId);
        await store.endSessions({ userId, reason: 'user-disabled', nowMs: 0 });
        return user !== undefined;
      },
    })),
  },
  'gives taken names away': {
    changeStore: withMethods((store) => ({
      async createUserIfAbsent(user, code) {
        const taken = await store.findUser(user.username);
        if (taken !== undefined) await store.deleteUser(taken.userId);
        return store.createUserIfAbsent(user, code);
      },
    })),
  },
  'tells nobody that a session ended': {
    changeStore: withMethods((store) => ({
      watch: (listener) => store.watch((change) => (change.kind === 'session-ended' ? undefined : listener(change))),
    })),
  },
  'is a client that keeps its first ticket': { createTickets: () => new ForgetfulTickets() },
};
