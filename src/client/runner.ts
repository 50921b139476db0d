import type { KsfName } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import type { Welcome } from '../../proto/messages.js';
import type { Binding } from '../../proto/transcript.js';
import type { Crypto } from '../crypto/types.js';
import { checkNewPassword, preparePassword, prepareUsername } from '../opaque/identity/index.js';
import type { KsfBounds, Stretch } from '../opaque/ksf.js';
import { ClientCore, type Action, type Mode } from './core.js';
import { asBlindsaltError } from './errors.js';

/** What a person typed and an application configured, before preparation. Can be cloned into a Worker. */
export interface AttemptRequest {
  readonly mode: Mode;
  readonly domain: string;
  readonly target: string;
  readonly origin: string;
  readonly username: string;
  /** As typed, in UTF-8; belongs to the runner from here on, which wipes it. */
  readonly password: Uint8Array<ArrayBuffer>;
  readonly invite: string;
  readonly subprotocols: readonly string[];
  readonly deviceLabel: string;
  readonly requireBinding: boolean;
  readonly ksfs: readonly KsfName[];
  readonly ksfFloors: KsfBounds;
  readonly ksfCeilings: KsfBounds;
  readonly serverKeys: readonly Uint8Array[];
}

/** Where a runner's results go. After `done` or `failed` it calls nothing more. */
export interface RunnerSink {
  send(frame: Uint8Array): void;
  progress(stage: 'stretching' | 'finishing'): void;
  done(welcome: Welcome): void;
  failed(error: BlindsaltError): void;
}

/** Runs one attempt somewhere: in this thread or in a Worker. */
export interface Runner {
  /**
   * Loads the core and prepares names and password.
   * @throws BlindsaltError `username-invalid`, `password-invalid`, `environment-unsupported`
   */
  prepare(request: AttemptRequest): Promise<void>;
  /** The connection is open; `bindings` are those that this end can compute on it. */
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
  #core: ClientCore | undefined;
  #createCore: ((bindings: readonly Binding[]) => ClientCore) | undefined;
  #password: Uint8Array | undefined;
  #disposed = false;

  constructor(parts: RunnerParts, sink: RunnerSink) {
    this.#parts = parts;
    this.#sink = sink;
  }

  async prepare(request: AttemptRequest): Promise<void> {
    try {
      const username = prepareUsername(request.username);
      const text = decodePassword(request.password);
      const password = request.mode === 'signup' ? checkNewPassword(text) : preparePassword(text);
      this.#password = password;
      const crypto = await this.#parts.loadCrypto();
      if (this.#disposed) password.fill(0);
      this.#createCore = (bindings) => new ClientCore(crypto, { ...request, username, password, bindings });
    } catch (error) {
      this.dispose();
      throw error;
    } finally {
      request.password.fill(0);
    }
  }

  open(bindings: readonly Binding[]): void {
    if (!this.#disposed) this.#core = this.#createCore?.(bindings);
  }

  receive(frame: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#core !== undefined) this.#run(this.#core.receive(frame));
    return Promise.resolve();
  }

  dispose(): void {
    this.#disposed = true;
    this.#core?.dispose();
    this.#password?.fill(0);
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
        case 'done':
          this.#sink.done(action.welcome);
          break;
        case 'failed':
          this.#sink.failed(action.error);
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
