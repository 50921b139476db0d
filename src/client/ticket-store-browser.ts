import { BlindsaltError } from '../../proto/errors.js';
import { MAX_DEVICES, type Device } from './devices.js';
import { importTicketSecret, isOfSession, type Ticket, type TicketStore } from './tickets.js';

interface StoredTicket extends Ticket {
  readonly storedAtMs: number;
}

interface StoredDevice extends Device {
  readonly storedAtMs: number;
}

const TABLE = 'tickets';
const DEVICES = 'devices';
const DATABASE = 'blindsalt';
/** Between server and place in keys; in neither of them. */
const SEPARATOR = '\n';
/** How long a page that was just left may take to let go of its place. */
const LEAVE_MS = 1000;

/**
 * Tickets in IndexedDB: they outlive the page and the browser. The secret is a WebCrypto key that scripts can use but not
 * read, and that is not in localStorage. Each tab has a place of its own, held by a Web Lock: two tabs never use one
 * session. A tab that is loaded again finds its own; a new tab takes up one that nobody holds.
 *
 * Fails (`environment-unsupported`) where there is no IndexedDB, WebCrypto or Web Locks.
 */
export function browserTickets(): TicketStore {
  /** Places of this tab, by server. */
  const held = new Map<string, string>();
  let opening: Promise<IDBDatabase> | undefined;
  const database = (): Promise<IDBDatabase> => {
    const reset = (): void => {
      opening = undefined;
    };
    opening ??= openDatabase(reset).catch((error: unknown) => {
      reset();
      throw error;
    });
    return opening;
  };

  const read = async (key: string): Promise<StoredTicket | undefined> =>
    request((await database()).transaction(TABLE).objectStore(TABLE).get(key) as IDBRequest<StoredTicket | undefined>);

  /** A place with a ticket that this tab holds now; its own before that which was used last. */
  const take = async (server: string): Promise<string | undefined> => {
    const known = held.get(server);
    if (known !== undefined) return known;
    const own = hint(server);
    if (own !== undefined && (await read(own)) !== undefined && (await lock(own, LEAVE_MS))) {
      held.set(server, own);
      return own;
    }
    const range = keysOf(server);
    const table = (await database()).transaction(TABLE).objectStore(TABLE);
    const [keys, tickets] = await Promise.all([
      request(table.getAllKeys(range) as IDBRequest<string[]>),
      request(table.getAll(range) as IDBRequest<StoredTicket[]>),
    ]);
    const newest = keys
      .map((key, i) => ({ key, storedAtMs: tickets[i]?.storedAtMs ?? 0 }))
      .sort((a, b) => b.storedAtMs - a.storedAtMs);
    for (const { key } of newest) {
      if (!(await lock(key, 0))) continue;
      held.set(server, key);
      setHint(server, key);
      return key;
    }
    return undefined;
  };

  return {
    async load(server) {
      const key = await take(server);
      return key === undefined ? undefined : read(key);
    },
    async store(server, { id, secret, userId, username }) {
      const stored: StoredTicket = {
        id: id.slice(),
        key: await importTicketSecret(secret),
        userId: userId.slice(),
        username,
        storedAtMs: Date.now(),
      };
      let key = await take(server);
      if (key === undefined) {
        key = server + SEPARATOR + crypto.randomUUID();
        await lock(key, LEAVE_MS);
        held.set(server, key);
        setHint(server, key);
      }
      await write(await database(), TABLE, (table) => table.put(stored, key));
    },
    async remove(server, sessionId) {
      // Also that of a page before this one, which has not been loaded here.
      const key = await take(server);
      if (key === undefined) return;
      const ticket = await read(key);
      if (ticket === undefined || (sessionId !== undefined && !isOfSession(ticket, sessionId))) return;
      await write(await database(), TABLE, (table) => table.delete(key));
    },
    async loadDevices(server) {
      const table = (await database()).transaction(DEVICES).objectStore(DEVICES);
      return request(table.getAll(keysOf(server)) as IDBRequest<StoredDevice[]>);
    },
    async storeDevice(server, { username, deviceId, deviceSecret }) {
      const device: StoredDevice = {
        username,
        deviceId: deviceId.slice(),
        deviceSecret: deviceSecret.slice(),
        storedAtMs: Date.now(),
      };
      await write(await database(), DEVICES, (table) => {
        const all = table.getAll(keysOf(server)) as IDBRequest<StoredDevice[]>;
        all.onsuccess = () => {
          const others = all.result.filter((known) => known.username !== username);
          others.sort((a, b) => b.storedAtMs - a.storedAtMs);
          for (const old of others.slice(MAX_DEVICES - 1)) table.delete(server + SEPARATOR + old.username);
          table.put(device, server + SEPARATOR + username);
        };
      });
    },
    async removeDevice(server, username) {
      await write(await database(), DEVICES, (table) => table.delete(server + SEPARATOR + username));
    },
  };
}

/** @param onClosed the database cannot be used any more: it has to be opened again */
async function openDatabase(onClosed: () => void): Promise<IDBDatabase> {
  const { indexedDB, navigator } = globalThis as { indexedDB?: IDBFactory; navigator?: { locks?: LockManager } };
  if (indexedDB === undefined || navigator?.locks === undefined) {
    throw new BlindsaltError('environment-unsupported', 'There is no IndexedDB, or there are no Web Locks.');
  }
  const opening = indexedDB.open(DATABASE, 2);
  opening.onupgradeneeded = ({ oldVersion }) => {
    if (oldVersion < 1) opening.result.createObjectStore(TABLE);
    opening.result.createObjectStore(DEVICES);
  };
  return request(opening).then((database) => {
    // Another tab has a newer version of this code: it goes first.
    database.onversionchange = () => {
      database.close();
      onClosed();
    };
    database.onclose = onClosed;
    return database;
  });
}

function keysOf(server: string): IDBKeyRange {
  return IDBKeyRange.bound(server + SEPARATOR, `${server}${SEPARATOR}\uffff`);
}

function request<T>(pending: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    pending.onsuccess = () => resolve(pending.result);
    pending.onerror = () => reject(pending.error ?? new Error('IndexedDB failed'));
  });
}

/** Resolves when it is on the disk. */
function write(database: IDBDatabase, name: string, change: (table: IDBObjectStore) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(name, 'readwrite', { durability: 'strict' });
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('IndexedDB failed'));
    change(transaction.objectStore(name));
  });
}

/** Holds a place for as long as this page lives. */
function lock(key: string, waitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const options: LockOptions = waitMs === 0 ? { ifAvailable: true } : { signal: AbortSignal.timeout(waitMs) };
    navigator.locks
      .request(`blindsalt ticket ${key}`, options, (granted) => {
        resolve(granted !== null);
        return granted === null ? undefined : new Promise<void>(() => undefined);
      })
      .catch(() => resolve(false));
  });
}

/** Which place this tab had before it was loaded again. Not secret. */
function hint(server: string): string | undefined {
  try {
    return sessionStorage.getItem(`blindsalt ${server}`) ?? undefined;
  } catch {
    return undefined;
  }
}

function setHint(server: string, key: string): void {
  try {
    sessionStorage.setItem(`blindsalt ${server}`, key);
  } catch {
    // Then any place that is free will do.
  }
}
