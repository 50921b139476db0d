import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BlindsaltError, type WireErrorCode } from '../../proto/index.js';
import { loadCrypto } from '../crypto/index.js';
import type { Crypto, RandomSource } from '../crypto/types.js';
import { createAdmin, type Admin } from './admin.js';
import type { AcceptHandlers, ConnectionHandle, Engine, Limits } from './api.js';
import type { ConnectionContext } from './connection-state.js';
import { Deadlines } from './deadlines.js';
import { EngineConnection, type ConnectionHost } from './engine-connection.js';
import type { ServerKeys } from './keys.js';
import { readOptions, type EngineOptions } from './options.js';
import { guardRandom } from './randomness.js';
import { isOriginAllowed } from './start-checks.js';
import type { Answer, Question } from './steps.js';
import type { Attributes, ProfileShare, Store } from './store.js';
import type { Peer, Transport } from './transport.js';

const DAY_MS = 86_400_000;

/**
 * Opens the store and the keys, checks every option, and gives an engine to put behind an adapter.
 * @throws BlindsaltError `option-invalid`, `domain-invalid`, `keys-invalid` (damaged, or of another domain),
 * `store-failed`, `crypto-randomness`, `environment-unsupported`
 */
export async function createEngine<A extends Attributes = Attributes>(options: EngineOptions): Promise<Engine<A>> {
  const settings = readOptions(options);
  const random = guardRandom(settings.random);
  const crypto = options.crypto ?? (await loadCrypto({ random }));
  const { store, keys, ownsStore } = await openPlace(options, settings.domain, crypto, random);
  if (keys.domain !== settings.domain) {
    if (ownsStore) await store.close();
    throw new BlindsaltError('keys-invalid', `the keys were made for ${keys.domain}, not for ${settings.domain}`);
  }
  return new RunningEngine<A>({ crypto, settings, keys, random }, store, ownsStore);
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
  await mkdir(data, { recursive: true, mode: 0o700 });
  // Keys first: without them the store is of no use.
  const keys = await loadOrCreateKeys(join(data, 'keys.json'), { domain, crypto, random });
  return { keys, store: await openSqliteStore(join(data, 'blindsalt.db')), ownsStore: true };
}

class RunningEngine<A extends Attributes> implements Engine<A>, ConnectionHost {
  readonly domain: string;
  readonly limits: Limits;
  readonly admin: Admin;
  readonly deadlines = new Deadlines();
  readonly #connections = new Set<EngineConnection<A>>();
  #unauthenticated = 0;
  #closing: Promise<void> | undefined;
  #shares: { readonly day: number; readonly answer: Promise<readonly ProfileShare[]> } | undefined;

  constructor(
    readonly context: ConnectionContext,
    readonly store: Store,
    readonly ownsStore: boolean,
  ) {
    this.domain = context.settings.domain;
    this.limits = context.settings.limits;
    this.admin = createAdmin(store, { random: context.random, now: context.settings.now });
  }

  get hasRoom(): boolean {
    return this.#closing === undefined && this.#unauthenticated < this.limits.maxUnauthenticated;
  }

  accept(transport: Transport, peer: Peer, handlers: AcceptHandlers<A>): ConnectionHandle {
    const connection = new EngineConnection<A>(this, transport, peer, handlers);
    const refusal = this.#refusalOf(peer);
    this.#connections.add(connection);
    this.#unauthenticated += 1;
    if (this.#closing !== undefined) connection.run({ type: 'shutdown' });
    else if (refusal !== undefined) connection.run({ type: 'refused', ...refusal });
    else connection.run({ type: 'opened' });
    return connection;
  }

  #refusalOf(peer: Peer): { readonly code: WireErrorCode; readonly reason: string } | undefined {
    const { settings } = this.context;
    if (!peer.secure) return { code: 'tls-required', reason: 'plaintext' };
    if (!peer.subprotocolOffered) return { code: 'subprotocol-refused', reason: 'not-offered' };
    if (!isOriginAllowed(settings, peer.origin)) return { code: 'origin-refused', reason: 'origin-header' };
    if (!this.hasRoom) return { code: 'try-later', reason: 'unauthenticated-cap' };
    return undefined;
  }

  leaveUnauthenticated(): void {
    this.#unauthenticated -= 1;
  }

  forget(connection: ConnectionHandle): void {
    this.#connections.delete(connection as EngineConnection<A>);
  }

  async answer(question: Question): Promise<Answer> {
    const { store } = this;
    switch (question.ask) {
      case 'login': {
        const [row, shares] = await Promise.all([store.getUserOrDecoy(question.username), this.#todaysShares()]);
        return { to: 'login', row, shares };
      }
      case 'code': {
        const { use, username } = question;
        return { to: 'code', kind: await store.findCode(use, username) };
      }
      case 'user':
        return { to: 'user', user: await store.getUser(question.userId) };
      case 'create':
        return { to: 'create', outcome: await store.createUserIfAbsent(question.user, question.code) };
    }
  }

  /** The store keeps them for the day; here they save it the question. */
  #todaysShares(): Promise<readonly ProfileShare[]> {
    const day = Math.floor(this.context.settings.now() / DAY_MS);
    if (this.#shares?.day !== day) {
      const answer = this.store.profileShares(day);
      this.#shares = { day, answer };
      answer.catch(() => {
        if (this.#shares?.answer === answer) this.#shares = undefined;
      });
    }
    return this.#shares.answer;
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    for (const connection of [...this.#connections]) connection.run({ type: 'shutdown' });
    this.deadlines.clear();
    if (this.ownsStore) await this.store.close();
  }
}
