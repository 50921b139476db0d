import { decodeControl } from '../../proto/codec.js';
import { CONTROL_MARK, SUBPROTOCOL, TYPE, WELCOME_FLAG } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import type { Welcome } from '../../proto/messages.js';
import type { Connection } from './conversation.js';
import { asBlindsaltError, errorOfClose } from './errors.js';
import type { Settings, Stage } from './options.js';
import type { Dialled, Platform } from './platform.js';
import { listenTo, type RawEvent, type RawSocket } from './raw-socket.js';
import { ResumeRunner, type ResumeOptions } from './resume-core.js';
import { wipeRequest, type AttemptRequest, type Runner, type RunnerSink } from './runner.js';

/** By password, or by ticket. */
export type AttemptJob = AttemptRequest | ({ readonly mode: 'resume' } & ResumeOptions);

/** What a successful attempt leaves. */
export interface Authenticated {
  readonly raw: RawSocket;
  readonly welcome: Welcome;
  readonly connection: Connection;
  /** What comes behind `welcome` until somebody else listens to `raw`. */
  readonly early: readonly RawEvent[];
}

/** What answers a re-registration that belongs to a login. */
const RENEWAL: readonly number[] = [TYPE.reregisterChallenge, TYPE.reregistered, TYPE.error];

/** Most that is kept of messages behind `welcome` while the runner is at work, bytes. */
const MAX_EARLY_BYTES = 1024 * 1024;
/** What a message costs beside its content. */
const EARLY_OVERHEAD_BYTES = 128;

/** One connection, one attempt: joins a socket and a runner, and gives out the authenticated socket or one error. */
export class Attempt {
  readonly #platform: Platform;
  readonly #settings: Settings;
  readonly #job: AttemptJob;
  readonly #runner: Runner;
  readonly #abort = (): void => this.#fail(new BlindsaltError('aborted', undefined, { cause: this.#signal?.reason }));
  #dialled: Dialled | undefined;
  #opened = false;
  #over = false;
  /** What came behind `welcome`, for the socket. Undefined before. */
  #early: RawEvent[] | undefined;
  #earlyBytes = 0;
  #isRenewing = false;
  /** Settles when the runner has dealt with what it was given. */
  #received: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resolve: (authenticated: Authenticated) => void = () => undefined;
  #reject: (error: BlindsaltError) => void = () => undefined;

  constructor(platform: Platform, settings: Settings, job: AttemptJob) {
    this.#platform = platform;
    this.#settings = settings;
    this.#job = job;
    const sink: RunnerSink = {
      send: (frame) => this.#dialled?.socket.send(frame as Uint8Array<ArrayBuffer>),
      progress: (stage) => this.#progress(stage),
      life: () => undefined,
      done: (welcome, connection) => this.#done(welcome!, connection),
      failed: (error) => this.#fail(error),
    };
    this.#runner = job.mode === 'resume' ? new ResumeRunner(job, sink) : platform.createRunner(sink);
  }

  run(): Promise<Authenticated> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      if (this.#signal?.aborted === true) {
        this.#abort();
        return;
      }
      this.#signal?.addEventListener('abort', this.#abort);
      this.#timer = setTimeout(() => this.#fail(new BlindsaltError('timeout')), this.#settings.timeoutMs);
      void this.#start();
    });
  }

  get #signal(): AbortSignal | undefined {
    return this.#settings.signal;
  }

  async #start(): Promise<void> {
    this.#progress('connecting');
    try {
      // First: what cannot work opens no connection.
      await this.#runner.prepare(this.#job as AttemptRequest);
    } catch (error) {
      this.#fail(asBlindsaltError(error, 'environment-unsupported'));
      return;
    }
    if (this.#over) return;
    try {
      this.#dialled = this.#platform.dial(this.#settings.url, SUBPROTOCOL);
      const { socket } = this.#dialled;
      listenTo(socket, (event) => this.#take(event));
      socket.onopen = () => this.#open();
    } catch (error) {
      this.#fail(asBlindsaltError(error, 'connection-failed'));
    }
  }

  #open(): void {
    if (this.#over || this.#dialled === undefined) return;
    const { socket } = this.#dialled;
    if (socket.protocol !== SUBPROTOCOL || socket.extensions !== '') {
      const what = socket.protocol !== SUBPROTOCOL ? 'did not select blindsalt.v1' : 'selected an extension';
      this.#fail(new BlindsaltError('connection-failed', `The server ${what}.`));
      return;
    }
    this.#opened = true;
    this.#progress('exchanging');
    try {
      this.#runner.open(this.#dialled.bindings());
    } catch (error) {
      this.#fail(asBlindsaltError(error, 'connection-failed'));
    }
  }

  #take(event: RawEvent): void {
    if (this.#early !== undefined && !this.#concernsRunner(event)) {
      // The server has proved itself only when the runner agrees, which stretches keys for a while first.
      if (!this.#over && event.type === 'message') {
        this.#earlyBytes += typeof event.data === 'string' ? 2 * event.data.length : event.data.byteLength;
        this.#earlyBytes += EARLY_OVERHEAD_BYTES;
        if (this.#earlyBytes > MAX_EARLY_BYTES) {
          this.#early = [];
          this.#fail(new BlindsaltError('protocol-error', 'The server sent over 1 MiB before it was known.'));
          return;
        }
      }
      this.#early.push(event);
      return;
    }
    if (this.#over) return;
    switch (event.type) {
      case 'message': {
        if (typeof event.data === 'string') {
          this.#fail(new BlindsaltError('early-frame'));
          return;
        }
        const frame = new Uint8Array(event.data);
        // What comes next belongs to the application, if the runner, maybe in another thread, agrees.
        if (frame[0] === CONTROL_MARK && frame[2] === TYPE.welcome) this.#welcomed(frame);
        this.#received = this.#runner.receive(frame);
        break;
      }
      case 'close':
        // An `error` frame that came before says more.
        void this.#received.then(() => this.#fail(this.#closed(event.code)));
        break;
      case 'error':
        break;
    }
  }

  #welcomed(frame: Uint8Array): void {
    if (this.#early !== undefined) return;
    this.#early = [];
    try {
      const message = decodeControl(frame, 'server');
      const flags = message.kind === 'welcome' ? message.flags : 0;
      this.#isRenewing = this.#job.mode === 'login' && (flags & WELCOME_FLAG.reregister) !== 0;
    } catch {
      // The runner will say so.
    }
  }

  /** Behind `welcome`: answers to a re-registration under way, and the end of the connection meanwhile. */
  #concernsRunner(event: RawEvent): boolean {
    if (this.#over || !this.#isRenewing) return false;
    if (event.type !== 'message') return event.type === 'close';
    if (typeof event.data === 'string') return false;
    const [mark, , type] = new Uint8Array(event.data, 0, Math.min(3, event.data.byteLength));
    return mark === CONTROL_MARK && RENEWAL.includes(type ?? -1);
  }

  #closed(code: number): BlindsaltError {
    const cause = this.#dialled?.failure();
    if (this.#opened) return errorOfClose(code, cause);
    return asBlindsaltError(cause ?? new Error('the connection was refused'), 'connection-failed');
  }

  #done(welcome: Welcome, connection: Connection): void {
    if (this.#over || this.#dialled === undefined) return;
    this.#end();
    this.#runner.dispose();
    this.#resolve({ raw: this.#dialled.socket, welcome, connection, early: this.#early ?? [] });
  }

  #fail(error: BlindsaltError): void {
    if (this.#over) return;
    this.#end();
    if (this.#job.mode !== 'resume') wipeRequest(this.#job);
    this.#runner.dispose();
    this.#dialled?.leave();
    this.#reject(error);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#abort);
  }

  #progress(stage: Stage): void {
    if (this.#over) return;
    try {
      this.#settings.onProgress(stage);
    } catch (error) {
      // The application's mistake is the application's to see, and no reason to fail.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
