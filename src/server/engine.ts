import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BlindsaltError, type WireErrorCode } from '../../proto/index.js';
import { loadCrypto } from '../crypto/index.js';
import type { Crypto, RandomSource } from '../crypto/types.js';
import { createAdmin, type Admin } from './admin.js';
import { answerOfSessions } from './session-answers.js';
import type { AcceptHandlers, ConnectionHandle, DrainOptions, Engine, Limits } from './api.js';
import type { AuditEvent, Note } from './audit/events.js';
import { baseOf, noteOfCreate, type Origin } from './audit/notes.js';
import { createAuditSigner } from './audit/signer.js';
import { AuditTrail } from './audit/trail.js';
import type { ConnectionContext } from './connection-state.js';
import { Deadlines } from './deadlines.js';
import type { ConnectionHost } from './connection-host.js';
import { EngineConnection } from './engine-connection.js';
import { forgetHashed } from './hashed-keys.js';
import type { ServerKeys } from './keys.js';
import { drain } from './drain.js';
import { errorFields } from './logger.js';
import { combineObservers, type Observer } from './observer.js';
import { readOptions, type EngineOptions } from './options.js';
import { OpenSessions } from './open-sessions.js';
import { guardRandom } from './randomness.js';
import { SettingHints } from './setting-hints.js';
import { isOriginAllowed } from './start-checks.js';
import type { Answer, Question } from './steps.js';
import type { Attributes, CreateUserResult, ProfileShare, Store } from './store.js';
import { createThrottleAdmin } from './throttle/admin.js';
import type { Networks } from './throttle/networks.js';
import { ThrottleSync } from './throttle/sync.js';
import { Throttle } from './throttle/throttle.js';
import { UnauthenticatedCount } from './throttle/unauthenticated.js';
import { MAX_TICKET_KEYS } from './tickets.js';
import type { Peer, Transport } from './transport.js';
import { WorkQueue } from './work-queue.js';

const DAY_MS = 86_400_000;
/** Computing in one turn of the event loop. */
const SLICE_MS = 4;
/** Messages of one connection that wait for their computing; the protocol has one under way. */
const MAX_WAITING_EACH = 4;

/**
 * Opens the store and the keys, checks every option, and gives an engine to put behind an adapter.
 * @throws BlindsaltError `option-invalid`, `domain-invalid`, `keys-invalid` (damaged, or of another domain),
 * `store-failed`, `crypto-randomness`, `environment-unsupported`
 */
export async function createEngine<A extends object = Attributes>(options: EngineOptions): Promise<Engine<A>> {
  const settings = readOptions(options);
  const random = guardRandom(settings.random);
  const crypto = options.crypto ?? (await loadCrypto({ random }));
  const { store, keys, ownsStore } = await openPlace(options, settings.domain, crypto, random);
  const complaint = complaintOf(keys, settings.domain);
  if (complaint !== undefined) {
    if (ownsStore) await store.close();
    throw new BlindsaltError('keys-invalid', complaint);
  }
  const monotonicMs = (): number => performance.now();
  const startedAtMs = settings.now() - monotonicMs();
  const nowMs = (): number => startedAtMs + monotonicMs();
  const throttle = settings.throttle && new Throttle({ settings: settings.throttle, crypto, keys, random, nowMs });
  const context = { crypto, settings, keys, random, monotonicMs, throttle };
  const engine = new RunningEngine<A>(context, store, ownsStore);
  await engine.start(nowMs);
  return engine;
}

function complaintOf({ domain, ticketKeys }: ServerKeys, expected: string): string | undefined {
  if (domain !== expected) return `the keys were made for ${domain}, not for ${expected}`;
  const isCount = ticketKeys.length >= 1 && ticketKeys.length <= MAX_TICKET_KEYS;
  return isCount ? undefined : `there must be 1 to ${MAX_TICKET_KEYS} ticket keys`;
}

async function openPlace(
  options: EngineOptions,
  domain: string,
  crypto: Crypto,
  random: RandomSource,
): Promise<{ store: Store; keys: ServerKeys; ownsStore: boolean }> {
  const { data } = options;
  if (data === undefined) return { store: options.store!, keys: options.keys!, ownsStore: false };
  const { loadOrCreateKeys } = await import('./key-file.js');
  const { openSqliteStore } = await import('./store/sqlite.js');
  await mkdir(data, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new BlindsaltError('store-failed', `The data folder ${data} cannot be created.`, { cause });
  });
  // Keys first: without them the store is of no use.
  const keys = await loadOrCreateKeys(join(data, 'keys.json'), { domain, crypto, random });
  return { keys, store: await openSqliteStore(join(data, 'blindsalt.db')), ownsStore: true };
}

type Asked<K extends Question['ask']> = Extract<Question, { readonly ask: K }>;

interface TodaysShares {
  readonly day: number;
  readonly answer: Promise<readonly ProfileShare[]>;
  /** Once the store has answered. */
  known: readonly ProfileShare[] | undefined;
}

/** What becomes of notes: the store keeps them, or there is no trail to keep them in. */
const recorded = <T>(note: Note<T>): Note<T> => note;
const unrecorded = (): (() => []) => () => [];

class RunningEngine<A extends object> implements Engine<A>, ConnectionHost {
  readonly domain: string;
  readonly limits: Limits;
  readonly admin: Admin;
  readonly deadlines: Deadlines;
  readonly sessions: OpenSessions;
  readonly work: WorkQueue;
  readonly hints = new SettingHints();
  readonly observer: Required<Observer> | undefined;
  readonly #trail: AuditTrail | undefined;
  readonly #connections = new Set<EngineConnection<A>>();
  #unauthenticated = 0;
  readonly #unauthenticatedBy: UnauthenticatedCount | undefined;
  #sync: ThrottleSync | undefined;
  #isDraining = false;
  #closing: Promise<void> | undefined;
  #shares: TodaysShares | undefined;

  constructor(
    readonly context: ConnectionContext,
    readonly store: Store,
    readonly ownsStore: boolean,
  ) {
    this.domain = context.settings.domain;
    this.limits = context.settings.limits;
    this.deadlines = new Deadlines(context.monotonicMs);
    const { maxWaitingWork: maxWaiting } = this.limits;
    this.work = new WorkQueue({ maxWaiting, maxWaitingEach: MAX_WAITING_EACH, sliceMs: SLICE_MS });
    this.sessions = new OpenSessions(store, context.settings.logger, this.limits);
    const { random, settings, throttle } = context;
    this.admin = createAdmin(store, {
      ...{ random, now: settings.now, newUserRoles: settings.roles, isAudited: settings.audit !== false },
      throttle: createThrottleAdmin(store.throttle, context, settings.now, throttle?.buckets),
    });
    this.#unauthenticatedBy = settings.throttle && new UnauthenticatedCount(settings.throttle);
    this.observer = combineObservers(settings.observers, (error) => {
      settings.logger.error(errorFields(error), 'an observer failed');
    });
    this.#trail = this.#createTrail();
  }

  #createTrail(): AuditTrail | undefined {
    const { crypto, keys, settings, monotonicMs } = this.context;
    const { audit: store } = this.store;
    if (store === undefined || settings.audit === false) return undefined;
    const { now, logger, audit: limits } = settings;
    const signer = createAuditSigner(crypto, keys);
    const onGap = (event: AuditEvent): void => this.observer?.onEvent(event);
    return new AuditTrail({ store, signer, keys, logger, now, monotonicMs, limits, onGap });
  }

  /** @param nowMs for counters of attempts: since 1970, on a clock that nobody sets */
  async start(nowMs: () => number): Promise<void> {
    await this.#trail?.start();
    const { throttle, settings } = this.context;
    if (throttle === undefined || this.store.throttle === undefined) return;
    this.#sync = new ThrottleSync(throttle.buckets, this.store.throttle, nowMs, settings.logger);
    await this.#sync.start();
  }

  get waitingWork(): number {
    return this.work.length;
  }

  get hasRoom(): boolean {
    return !this.#isDraining && this.#closing === undefined && this.#unauthenticated < this.limits.maxUnauthenticated;
  }

  accept(transport: Transport, peer: Peer, handlers: AcceptHandlers<A>): ConnectionHandle {
    const connection = new EngineConnection<A>(this, transport, peer, handlers);
    const refusal = this.#refusalOf(peer, connection.networks);
    this.#connections.add(connection);
    this.#unauthenticated += 1;
    if (connection.networks !== undefined) this.#unauthenticatedBy?.enter(connection.networks);
    this.observer?.onConnection('opened', false);
    if (this.#isDraining || this.#closing !== undefined) connection.run({ type: 'shutdown' });
    else if (refusal !== undefined) connection.run({ type: 'refused', ...refusal });
    else connection.run({ type: 'opened' });
    return connection;
  }

  #refusalOf(
    peer: Peer,
    networks: Networks | undefined,
  ): { readonly code: WireErrorCode; readonly reason: string } | undefined {
    const { settings } = this.context;
    if (!peer.secure) return { code: 'tls-required', reason: 'plaintext' };
    if (!peer.subprotocolOffered) return { code: 'subprotocol-refused', reason: 'not-offered' };
    if (!isOriginAllowed(settings, peer.origin)) return { code: 'origin-refused', reason: 'origin-header' };
    if (!this.hasRoom) return { code: 'try-later', reason: 'unauthenticated-cap' };
    if (networks !== undefined && this.#unauthenticatedBy?.hasRoom(networks) === false) {
      return { code: 'try-later', reason: 'throttled-connections' };
    }
    return undefined;
  }

  discardSession(sessionId: Uint8Array): void {
    const { settings } = this.context;
    const nowMs = settings.now();
    const ended: AuditEvent = { event: 'session-ended', atMs: nowMs, sessionId, reason: 'not-delivered' };
    const note = (): AuditEvent[] => (this.#trail === undefined ? [] : [ended]);
    this.store.endSessions({ sessionId, reason: 'logout', nowMs }, note).catch((error: unknown) => {
      settings.logger.error(errorFields(error), 'a session whose connection was lost could not be ended');
    });
  }

  leaveUnauthenticated(networks: Networks | undefined): void {
    this.#unauthenticated -= 1;
    if (networks !== undefined) this.#unauthenticatedBy?.leave(networks);
  }

  refused(event: AuditEvent): void {
    this.#trail?.refused(event);
    this.observer?.onEvent(event);
  }

  forget(connection: ConnectionHandle): void {
    this.#connections.delete(connection as EngineConnection<A>);
  }

  /** Asks the store; what happened there is told when it is on disk. */
  answer(question: Question, origin: Origin): Promise<Answer> {
    const { observer } = this;
    if (observer !== undefined) return this.#answerObserved(observer, question, origin);
    return this.#ask(question, origin, this.#trail === undefined ? unrecorded : recorded);
  }

  async #answerObserved(observer: Required<Observer>, question: Question, origin: Origin): Promise<Answer> {
    let events: readonly AuditEvent[] = [];
    const isKept = this.#trail !== undefined;
    const noted = <T>(note: Note<T>): Note<T> => {
      return (outcome) => {
        // Not added to: a store may ask twice, and the last time counts.
        events = note(outcome);
        return isKept ? events : [];
      };
    };
    const { monotonicMs } = this.context;
    const beganAtMs = monotonicMs();
    let failed = true;
    try {
      const answer = await this.#ask(question, origin, noted);
      failed = false;
      for (const event of events) observer.onEvent(event);
      return answer;
    } finally {
      const durationMs = monotonicMs() - beganAtMs;
      observer.onStoreCall(question.ask, durationMs, failed);
      if (question.ask === 'login') observer.onStage('lookup', durationMs);
      if (question.ask === 'begin') observer.onStage('commit', durationMs);
    }
  }

  #ask(question: Question, origin: Origin, noted: <T>(note: Note<T>) => Note<T>): Promise<Answer> {
    switch (question.ask) {
      case 'login':
        return this.#lookUp(question.username);
      case 'code':
        return this.#findCode(question);
      case 'create':
        return this.#create(question, noted(noteOfCreate(question, baseOf(origin))));
      default:
        return answerOfSessions(this.store, question, { origin, noted });
    }
  }

  async #lookUp(username: string): Promise<Answer> {
    const shares = this.#todaysShares();
    const row = await this.store.getUserOrDecoy(username);
    return { to: 'login', row, shares: shares.known ?? (await shares.answer) };
  }

  async #findCode({ use, username }: Asked<'code'>): Promise<Answer> {
    return { to: 'code', kind: await this.store.findCode(use, username) };
  }

  async #create({ user, code }: Asked<'create'>, note: Note<CreateUserResult>): Promise<Answer> {
    return { to: 'create', outcome: await this.store.createUserIfAbsent(user, code, note) };
  }

  /** The store keeps them for the day; here they save it the question. */
  #todaysShares(): TodaysShares {
    const day = Math.floor(this.context.settings.now() / DAY_MS);
    if (this.#shares?.day === day) return this.#shares;
    const shares: TodaysShares = { day, answer: this.store.profileShares(day), known: undefined };
    this.#shares = shares;
    shares.answer.then(
      (known) => (shares.known = known),
      () => {
        if (this.#shares === shares) this.#shares = undefined;
      },
    );
    return shares;
  }

  drain(options: DrainOptions = {}): Promise<void> {
    this.#isDraining = true;
    return drain(this.#connections, this.context.random, options).then(() => this.close());
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    for (const connection of [...this.#connections]) connection.run({ type: 'shutdown' });
    this.deadlines.clear();
    await this.sessions.close();
    await this.#sync?.stop();
    await this.#trail?.close();
    if (this.ownsStore) await this.store.close();
    this.#forgetKeys();
  }

  /** The keys themselves are the application's. */
  #forgetKeys(): void {
    const { keys, throttle } = this.context;
    throttle?.close();
    forgetHashed(keys.fakeKey);
    for (const { key } of keys.ticketKeys) forgetHashed(key);
  }
}
