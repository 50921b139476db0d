// Both real ends over a simulated network: the client's connector on one side, engines over one store on the other. The
// network loses answers, cuts and delays; processes are killed in the middle of a write.
import type { Store } from '../../src/server/store.js';
import { decodeControl, type Message } from '../../proto/index.js';
import { createConnector, type Connector } from '../../src/client/connect.js';
import { settle } from '../../src/client/options.js';
import type { Platform } from '../../src/client/platform.js';
import { InlineRunner } from '../../src/client/runner.js';
import type { RawSocket } from '../../src/client/raw-socket.js';
import { importTicketSecret, type NewTicket, type Ticket, type TicketStore } from '../../src/client/tickets.js';
import type { Crypto } from '../../src/crypto/index.js';
import { createEngine, type Engine, type ServerKeys, type Session } from '../../src/server/index.js';
import type { ConnectionHandle } from '../../src/server/api.js';
import { makeServerKeys } from '../support/server-keys.js';

export const DOMAIN = 'localhost';
export const IDLE_SECONDS = 3_600;
export const ABSOLUTE_SECONDS = 86_400;

/** What may go wrong with one attempt of a client. */
export type Trouble =
  | { readonly what: 'none' }
  /** The connection is cut instead of delivering this frame of the server's (1: hello). */
  | { readonly what: 'lose-answer'; readonly frame: number }
  /** It is cut instead of delivering this frame of the client's. */
  | { readonly what: 'lose-question'; readonly frame: number }
  /** The server's process dies before or behind its next write to the store. */
  | { readonly what: 'kill'; readonly when: 'before' | 'behind'; readonly write: number };

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const SERVER_WRITES = [
  'createUserIfAbsent',
  'beginSession',
  'rotateTicket',
  'replaceRecordAndRenew',
  'endSessions',
  'deleteUser',
];

/** Keeps the secrets as well, so that a copy can be used as a thief would. */
export class OpenTicketStore implements TicketStore {
  kept: { readonly ticket: NewTicket } | undefined;

  async load(): Promise<Ticket | undefined> {
    if (this.kept === undefined) return undefined;
    const { id, secret, userId, username } = this.kept.ticket;
    return { id, key: await importTicketSecret(secret), userId, username };
  }

  store(_server: string, ticket: NewTicket): Promise<void> {
    this.kept = { ticket: { ...ticket, id: ticket.id.slice(), secret: ticket.secret.slice() } };
    return Promise.resolve();
  }

  remove(_server: string, sessionId?: Uint8Array): Promise<void> {
    if (
      this.kept !== undefined &&
      (sessionId === undefined || hex(this.kept.ticket.id.slice(0, 16)) === hex(sessionId))
    ) {
      this.kept = undefined;
    }
    return Promise.resolve();
  }
}

/** What the wire showed of one connection, lost frames included. */
export interface Wire {
  readonly sent: Message[];
  readonly answered: Message[];
  /** The application was told of a session. */
  session: Session | undefined;
  isServerOpen: boolean;
  isClientOpen: boolean;
  /** Messages that the server sent after it let go. */
  framesAfterEnd: number;
  cut(): void;
}

export interface StoreSource {
  /** Opens what the process before left. */
  open(): Promise<Store>;
  destroy(): Promise<void>;
}

interface Process {
  readonly engine: Engine;
  readonly store: Store;
  readonly wires: Set<Wire>;
  isDead: boolean;
}

export class World {
  readonly wires: Wire[] = [];
  /** Everything that servers answered, in its order. */
  readonly log: { readonly wire: Wire; readonly message: Message | 'closed'; readonly to: Message | undefined }[] = [];
  nowMs = Date.UTC(2030, 0, 1);
  #process!: Process;
  #toDie: { readonly when: 'before' | 'behind'; write: number } | undefined;
  /** How many tasks a message takes; grows and falls, to mix the orders. */
  delay = 0;

  private constructor(
    readonly crypto: Crypto,
    readonly source: StoreSource,
    readonly keys: ServerKeys,
    readonly changeStore: (store: Store) => Store,
  ) {}

  static async create(
    crypto: Crypto,
    source: StoreSource,
    changeStore = (store: Store): Store => store,
  ): Promise<World> {
    const world = new World(crypto, source, makeServerKeys(crypto, DOMAIN), changeStore);
    await world.restart();
    return world;
  }

  /** The store of the living process, for looking. */
  get store(): Store {
    return this.#process.store;
  }

  get admin(): Engine['admin'] {
    return this.#process.engine.admin;
  }

  /** Kills what runs, and starts a process over what is stored. */
  async restart(): Promise<void> {
    this.kill();
    this.#toDie = undefined;
    const store = this.changeStore(await this.source.open());
    const process: Process = { store, wires: new Set(), isDead: false, engine: undefined as never };
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const engine = await createEngine({
      domain: DOMAIN,
      keys: this.keys,
      store: this.#mortal(store, process),
      crypto: this.crypto,
      now: () => this.nowMs,
      logger,
      limits: { idleSeconds: IDLE_SECONDS, absoluteSeconds: ABSOLUTE_SECONDS, maxAttempts: 100 },
    });
    Object.assign(process, { engine });
    this.#process = process;
  }

  kill(): void {
    const process = this.#process as Process | undefined;
    if (process === undefined || process.isDead) return;
    process.isDead = true;
    for (const wire of process.wires) wire.cut();
    // Its timers only: its store and its sockets are out of its reach.
    void process.engine.close();
  }

  async close(): Promise<void> {
    this.kill();
    await this.source.destroy();
  }

  dieAt(when: 'before' | 'behind', write: number): void {
    this.#toDie = { when, write };
  }

  disarm(): void {
    this.#toDie = undefined;
  }

  get isDead(): boolean {
    return this.#process.isDead;
  }

  /** Calls of a dead process do nothing and answer nothing. */
  #mortal(store: Store, process: Process): Store {
    const die = (): Promise<never> => {
      this.kill();
      return new Promise<never>(() => undefined);
    };
    return new Proxy(store, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as unknown;
        if (typeof method !== 'function') return method;
        return (...args: unknown[]): unknown => {
          if (process.isDead) return name === 'watch' ? () => undefined : new Promise<never>(() => undefined);
          const call = (): unknown => (method as (...args: unknown[]) => unknown).apply(target, args);
          if (this.#toDie === undefined || !SERVER_WRITES.includes(String(name))) return call();
          this.#toDie.write -= 1;
          if (this.#toDie.write > 0) return call();
          const { when } = this.#toDie;
          this.#toDie = undefined;
          return when === 'before' ? die() : Promise.resolve(call()).then(die, die);
        };
      },
    });
  }

  connector(tickets: TicketStore, trouble: () => Trouble): Connector {
    const platform: Platform = {
      origin: '',
      dial: (url) => {
        const { socket, leave } = this.#dial(url, trouble());
        return { socket, bindings: () => [], failure: () => undefined, leave };
      },
      createRunner: (sink) =>
        new InlineRunner(
          {
            loadCrypto: () => Promise.resolve(this.crypto),
            // The server cannot tell how keys are stretched.
            stretch: (output) => Promise.resolve(this.crypto.sha512(output)),
          },
          sink,
        ),
    };
    return createConnector(platform, settle(`wss://${DOMAIN}/`, { domain: DOMAIN, tickets, timeoutMs: 60_000 }));
  }

  #dial(url: string, trouble: Trouble): { socket: RawSocket; leave: () => void } {
    const process = this.#process;
    this.#toDie = undefined;
    if (trouble.what === 'kill') this.dieAt(trouble.when, trouble.write);
    let handle: ConnectionHandle | undefined;
    let fromServer = 0;
    let fromClient = 0;
    const later = (task: () => void): void => {
      const tasks = this.delay;
      const wait = (left: number): void =>
        void (left === 0 ? queueMicrotask(task) : setImmediate(() => wait(left - 1)));
      wait(tasks);
    };
    const socket: RawSocket & { readyState: number } = {
      binaryType: 'arraybuffer',
      readyState: 0,
      bufferedAmount: 0,
      extensions: '',
      protocol: 'blindsalt.v1',
      url,
      onopen: null,
      onmessage: null,
      onclose: null,
      onerror: null,
      send: (data) => {
        if (socket.readyState !== 1) return;
        if (typeof data === 'string') return later(() => void handle?.receiveText());
        const frame = Uint8Array.from(data);
        fromClient += 1;
        if (frame[0] === 0xc1) wire.sent.push(decodeControl(frame, 'client'));
        if (trouble.what === 'lose-question' && trouble.frame === fromClient) return wire.cut();
        later(() => {
          if (wire.isServerOpen && !process.isDead) handle?.receive(frame);
        });
      },
      close: (code = 1000) => shut(code, ''),
    };
    const shut = (code: number, reason: string): void => {
      if (wire.isServerOpen) {
        wire.isServerOpen = false;
        if (!process.isDead) handle?.closed();
      }
      if (!wire.isClientOpen) return;
      wire.isClientOpen = false;
      socket.readyState = 3;
      later(() => socket.onclose?.({ code, reason, wasClean: code !== 1006 } as never));
    };
    const wire: Wire = {
      sent: [],
      answered: [],
      session: undefined,
      isServerOpen: true,
      isClientOpen: true,
      framesAfterEnd: 0,
      cut: () => shut(1006, ''),
    };
    const deliver = (frame: Uint8Array): void => {
      const copy = Uint8Array.from(frame);
      fromServer += 1;
      if (trouble.what === 'lose-answer' && trouble.frame === fromServer) return queueMicrotask(() => wire.cut());
      later(() => {
        if (socket.readyState === 1) socket.onmessage?.({ data: copy.buffer } as never);
      });
    };
    this.wires.push(wire);
    process.wires.add(wire);
    later(() => {
      if (process.isDead) return shut(1006, '');
      if (!wire.isClientOpen) return;
      socket.readyState = 1;
      socket.onopen?.({} as never);
      handle = process.engine.accept(
        {
          send: (frame) => {
            if (!wire.isServerOpen || process.isDead) {
              wire.framesAfterEnd += 1;
              return;
            }
            const message = decodeControl(frame, 'server');
            wire.answered.push(message);
            this.log.push({ wire, message, to: wire.sent.at(-1) });
            deliver(frame);
          },
          // What was sent before is still delivered.
          close: (code, reason) => {
            if (process.isDead) return;
            wire.session = undefined;
            if (code === 1000) this.log.push({ wire, message: 'closed', to: wire.sent.at(-1) });
            later(() => later(() => shut(code, reason)));
          },
        },
        { address: '192.0.2.1', secure: true, origin: undefined, subprotocolOffered: true },
        {
          onAuthenticated: (session) => void (wire.session = session),
          onClosed: () => void (wire.session = undefined),
        },
      );
    });
    return { socket, leave: () => shut(4480, '') };
  }

  /** Until nothing is under way: all that is asked of the world is answered within some tasks. */
  async rest(): Promise<void> {
    for (let i = 0; i < 12 + 6 * this.delay; i++) await new Promise((resolve) => setImmediate(resolve));
  }
}
