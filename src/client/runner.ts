import type { KsfName } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import type { ProvenLifeFields, Welcome } from '../../proto/messages.js';
import type { Binding } from '../../proto/transcript.js';
import type { Crypto } from '../crypto/types.js';
import { checkNewPassword, preparePassword, prepareUsername } from '../opaque/identity/index.js';
import type { KsfBounds, Stretch } from '../opaque/ksf.js';
import type { Action, Connection } from './conversation.js';
import { ClientCore, type Mode } from './core.js';
import type { Device } from './devices.js';
import { asBlindsaltError } from './errors.js';
import { ExchangeCore } from './exchange-core.js';

interface CommonRequest {
  readonly domain: string;
  readonly username: string;
  /** As typed, in UTF-8; belongs to the runner from here on, which wipes it. */
  readonly password: Uint8Array<ArrayBuffer>;
  readonly ksfs: readonly KsfName[];
  readonly ksfFloors: KsfBounds;
  readonly ksfCeilings: KsfBounds;
  readonly serverKeys: readonly Uint8Array[];
}

/** What a person typed and an application configured, before preparation. Can be cloned into a Worker. */
export interface AttemptRequest extends CommonRequest {
  readonly mode: Mode;
  readonly target: string;
  readonly origin: string;
  readonly invite: string;
  readonly subprotocols: readonly string[];
  readonly deviceLabel: string;
  /** Known of this server, for logins. */
  readonly devices: readonly Device[];
  readonly requireBinding: boolean;
}

/** A proof of the password on an authenticated connection, and maybe a new password. */
export interface ExchangeRequest extends CommonRequest {
  readonly mode: 'exchange';
  readonly connection: Connection;
  /** As `password`. */
  readonly newPassword: Uint8Array<ArrayBuffer> | undefined;
  readonly endOthers: boolean;
}

export type RunnerRequest = AttemptRequest | ExchangeRequest;

/** Where a runner's results go. After `done` or `failed` it calls nothing more. */
export interface RunnerSink {
  send(frame: Uint8Array): void;
  progress(stage: 'stretching' | 'finishing'): void;
  /** Of exchanges: what is left of the session, and its ticket from now on. */
  life(life: ProvenLifeFields): void;
  /** `welcome` is there after an attempt only. */
  done(welcome: Welcome | undefined, connection: Connection): void;
  /** `fatal`: the connection has to be left. */
  failed(error: BlindsaltError, fatal: boolean): void;
}

/** Overwrites the passwords of a request; buffers that were transferred to a Worker are empty here. */
export function wipeRequest({ password, ...rest }: RunnerRequest): void {
  for (const secret of [password, 'newPassword' in rest ? rest.newPassword : undefined]) {
    if (secret !== undefined && secret.length > 0) secret.fill(0);
  }
}

/** Runs one attempt or exchange somewhere: in this thread or in a Worker. */
export interface Runner {
  /**
   * Loads the core and prepares names and password.
   * @throws BlindsaltError `username-invalid`, `password-invalid`, `environment-unsupported`
   */
  prepare(request: RunnerRequest): Promise<void>;
  /** The connection is open; `bindings` are those that this end can compute on it. An exchange begins. */
  open(bindings: readonly Binding[]): void;
  /** Takes a binary message; resolves when what it leads to at once has been reported. */
  receive(frame: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends the attempt and wipes its secrets. */
  dispose(): void;
}

export interface RunnerParts {
  readonly loadCrypto: () => Promise<Crypto>;
  readonly stretch: Stretch;
}

/** Runs the core in this thread. */
export class InlineRunner implements Runner {
  readonly #parts: RunnerParts;
  readonly #sink: RunnerSink;
  #core: ClientCore | ExchangeCore | undefined;
  #createCore: ((bindings: readonly Binding[]) => ClientCore | ExchangeCore) | undefined;
  readonly #passwords: Uint8Array[] = [];
  #disposed = false;

  constructor(parts: RunnerParts, sink: RunnerSink) {
    this.#parts = parts;
    this.#sink = sink;
  }

  async prepare(request: RunnerRequest): Promise<void> {
    try {
      const username = prepareUsername(request.username);
      const text = decodePassword(request.password);
      const password = request.mode === 'signup' ? checkNewPassword(text) : preparePassword(text);
      this.#passwords.push(password);
      let newPassword: Uint8Array | undefined;
      if (request.mode === 'exchange' && request.newPassword !== undefined) {
        newPassword = checkNewPassword(decodePassword(request.newPassword));
        this.#passwords.push(newPassword);
      }
      const crypto = await this.#parts.loadCrypto();
      if (this.#disposed) this.#wipe();
      this.#createCore = (bindings) =>
        request.mode === 'exchange'
          ? new ExchangeCore(crypto, { ...request, username, password, newPassword })
          : new ClientCore(crypto, { ...request, username, password, bindings });
    } catch (error) {
      this.dispose();
      throw error;
    } finally {
      wipeRequest(request);
    }
  }

  open(bindings: readonly Binding[]): void {
    if (this.#disposed) return;
    this.#core = this.#createCore?.(bindings);
    if (this.#core instanceof ExchangeCore) this.#run(this.#core.open());
  }

  receive(frame: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#core !== undefined) this.#run(this.#core.receive(frame));
    return Promise.resolve();
  }

  dispose(): void {
    this.#disposed = true;
    this.#core?.dispose();
    this.#wipe();
  }

  #wipe(): void {
    for (const password of this.#passwords) password.fill(0);
  }

  #run(actions: readonly Action[]): void {
    for (const action of actions) {
      if (this.#disposed) return;
      switch (action.kind) {
        case 'send':
          this.#sink.send(action.frame);
          break;
        case 'stretch':
          void this.#stretch(action);
          break;
        case 'life':
          this.#sink.life(action.life);
          break;
        case 'done':
          this.#sink.done(action.welcome, action.connection);
          break;
        case 'failed':
          this.#sink.failed(action.error, action.fatal);
          break;
      }
    }
  }

  async #stretch({ oprfOutput, ksf }: Extract<Action, { kind: 'stretch' }>): Promise<void> {
    this.#sink.progress('stretching');
    let actions: readonly Action[];
    try {
      const result = await this.#parts.stretch(oprfOutput, ksf);
      if (this.#disposed) {
        result.fill(0);
        return;
      }
      this.#sink.progress('finishing');
      actions = this.#core!.stretched(result);
    } catch (error) {
      actions = this.#core!.fail(asBlindsaltError(error, 'environment-unsupported'));
    } finally {
      oprfOutput.fill(0);
    }
    this.#run(actions);
  }
}

function decodePassword(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // The decoder's own error might carry the input.
    throw new BlindsaltError('password-invalid', 'The password is not valid UTF-8.', { reason: 'encoding' });
  }
}
