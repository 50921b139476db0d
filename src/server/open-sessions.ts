import type { Limits } from './api.js';
import type { Logger } from './logger.js';
import { errorFields } from './logger.js';
import { MultiMap } from './multi-map.js';
import { fromHex, toHex } from './hex.js';
import type { SessionEndReason, SessionTouch, Store, StoreChange, User } from './store.js';

/** At most so long a session is open without a look into the store. */
const VALIDATION_MS = 60_000;
/** What a store takes at once. */
const BATCH = 1000;
/** So long it waits at most to be written when clients that left were heard last: whole crowds leave at once. */
const WRITE_BEHIND_MS = 1000;

/** A connection that has a session, or is about to get one. */
export interface SessionConnection {
  /** The session was ended; undefined: nobody remembers why. */
  onSessionEnded(reason: SessionEndReason | undefined): void;
  /** The session was resumed; connections of lower epochs have lost it. */
  onSessionEpoch(epoch: number): void;
  onUserChanged(user: User): void;
  /** Undefined before `welcome`. */
  readonly openSession:
    | {
        /** Both ids in hexadecimal. */
        readonly sessionId: string;
        readonly userId: string;
        readonly lastSeenAtMs: number;
        /** What the store had of that at `welcome`. */
        readonly knownSeenAtMs: number;
      }
    | undefined;
}

/**
 * Which connections have which session, and what the store says of them: told by its feed, and asked for on a schedule.
 * A connection is followed from before its session begins, so that nothing that happens meanwhile is missed.
 */
export class OpenSessions {
  readonly #store: Store;
  readonly #logger: Logger;
  /** By ids in hexadecimal. */
  readonly #bySession = new MultiMap<SessionConnection>();
  readonly #byUser = new MultiMap<SessionConnection>();
  /** Those that are followed but not open yet, and whether they may have missed something of their user. */
  readonly #pending = new Map<SessionConnection, boolean>();
  readonly #stopWatching: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  /** What the store may lag behind without taking a session for idle too early, milliseconds. */
  readonly #lagMs: number;
  /** Users that are being read, by id. */
  readonly #reloads = new Map<string, { isOutdated: boolean }>();
  #touches: SessionTouch[] = [];
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #flushing: Promise<void> | undefined;

  constructor(store: Store, logger: Logger, { idleSeconds }: Limits) {
    this.#store = store;
    this.#logger = logger;
    this.#stopWatching = store.watch((change) => this.#take(change));
    // The store is to hear of a client before it would take the session for idle.
    const interval = idleSeconds === 0 ? VALIDATION_MS : Math.min(VALIDATION_MS, (idleSeconds * 1000) / 3);
    this.#timer = setInterval(() => void this.validate(), interval).unref();
    this.#lagMs = Math.min(WRITE_BEHIND_MS, interval / 2);
  }

  /** From now on the connection hears of this session. @param sessionId in hexadecimal */
  follow(sessionId: string, connection: SessionConnection): void {
    this.#bySession.add(sessionId, connection);
    this.#pending.set(connection, false);
  }

  unfollow(sessionId: string, connection: SessionConnection): void {
    this.#bySession.delete(sessionId, connection);
    this.#pending.delete(connection);
  }

  /** The connection has got its session; those that had it before lose it. Ids in hexadecimal. */
  opened(sessionId: string, userId: string, epoch: number, connection: SessionConnection): void {
    this.#byUser.add(userId, connection);
    for (const other of this.#bySession.of(sessionId)) other.onSessionEpoch(epoch);
    const hasMissed = this.#pending.get(connection) === true;
    this.#pending.delete(connection);
    if (!hasMissed) return;
    void this.reloadUser(userId);
    void this.validate([connection]);
  }

  /** The connection is gone; notes when its client was heard last. */
  closed(connection: SessionConnection): void {
    const { openSession } = connection;
    if (openSession === undefined) return;
    const { userId, lastSeenAtMs, knownSeenAtMs } = openSession;
    this.#byUser.delete(userId, connection);
    if (lastSeenAtMs < knownSeenAtMs + this.#lagMs) return;
    this.#touches.push(touchOf(openSession));
    if (this.#touches.length >= BATCH) this.#startFlush();
    else this.#flushTimer ??= setTimeout(() => this.#startFlush(), this.#lagMs).unref();
  }

  #startFlush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#flushing ??= this.#flush();
  }

  #take(change: StoreChange): void {
    switch (change.kind) {
      case 'session-ended':
        for (const one of this.#bySession.of(toHex(change.sessionId))) one.onSessionEnded(change.reason);
        return;
      case 'session-epoch':
        for (const one of this.#bySession.of(toHex(change.sessionId))) one.onSessionEpoch(change.epoch);
        return;
      case 'user-changed':
        this.#missSomething();
        void this.reloadUser(toHex(change.userId));
        return;
      case 'gap':
        this.#missSomething();
        void this.validate();
        for (const [first] of this.#byUser.groups()) {
          if (first?.openSession !== undefined) void this.reloadUser(first.openSession.userId);
        }
    }
  }

  #missSomething(): void {
    for (const connection of this.#pending.keys()) this.#pending.set(connection, true);
  }

  /**
   * Reads a user anew and tells the connections; a deleted one's sessions have ended, which is told by itself. One look at
   * a time: stores may answer two out of order, and an older row must not come last.
   * @param userId in hexadecimal
   */
  async reloadUser(userId: string): Promise<void> {
    const running = this.#reloads.get(userId);
    if (running !== undefined) running.isOutdated = true;
    if (running !== undefined || !this.#byUser.has(userId)) return;
    const reload = { isOutdated: true };
    this.#reloads.set(userId, reload);
    while (reload.isOutdated) {
      reload.isOutdated = false;
      try {
        const user = await this.#store.getUser(fromHex(userId));
        if (user !== undefined) for (const one of this.#byUser.of(userId)) one.onUserChanged(user);
      } catch (error) {
        this.#failed('a user that changed could not be read', error);
      }
    }
    this.#reloads.delete(userId);
  }

  /** Looks up open sessions (without a list: all), and notes when their clients were heard last. */
  async validate(which?: readonly SessionConnection[]): Promise<void> {
    const open = which ?? this.#byUser.groups().flat();
    for (let from = 0; from < open.length; from += BATCH) {
      const batch = open.slice(from, from + BATCH).filter((one) => one.openSession !== undefined);
      try {
        const epochs = await this.#store.touchSessions(batch.map((one) => touchOf(one.openSession!)));
        epochs.forEach((epoch, i) => {
          if (epoch === undefined) batch[i]!.onSessionEnded(undefined);
          else batch[i]!.onSessionEpoch(epoch);
        });
      } catch (error) {
        this.#failed('open sessions could not be looked up', error);
      }
    }
  }

  async #flush(): Promise<void> {
    while (this.#touches.length > 0) {
      const touches = this.#touches.splice(0, BATCH);
      try {
        await this.#store.touchSessions(touches);
      } catch (error) {
        this.#failed('when clients were heard last could not be noted', error);
      }
    }
    this.#flushing = undefined;
  }

  #failed(message: string, error: unknown): void {
    this.#logger.error(errorFields(error), message);
  }

  /** After the last connection has closed. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopWatching();
    await this.#flushing;
    this.#startFlush();
    await this.#flushing;
  }
}

function touchOf({ sessionId, lastSeenAtMs }: NonNullable<SessionConnection['openSession']>): SessionTouch {
  return { sessionId: fromHex(sessionId), lastSeenAtMs };
}
