import { CONTROL_MARK, SUBPROTOCOL, TYPE } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import type { Welcome } from '../../proto/messages.js';
import { asBlindsaltError, errorOfClose } from './errors.js';
import type { Settings, Stage } from './options.js';
import type { Dialled, Platform } from './platform.js';
import type { AttemptRequest, Runner } from './runner.js';
import { BlindsaltSocket, listenTo, type RawEvent } from './websocket.js';

/** One connection, one attempt: joins a socket and a runner, and gives out the authenticated socket or one error. */
export class Attempt {
  readonly #platform: Platform;
  readonly #settings: Settings;
  readonly #request: AttemptRequest;
  readonly #runner: Runner;
  readonly #abort = (): void => this.#fail(new BlindsaltError('aborted', undefined, { cause: this.#signal?.reason }));
  #dialled: Dialled | undefined;
  #opened = false;
  #over = false;
  /** What came behind `welcome`, for the socket. Undefined before. */
  #early: RawEvent[] | undefined;
  /** Settles when the runner has dealt with what it was given. */
  #received: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resolve: (socket: BlindsaltSocket) => void = () => undefined;
  #reject: (error: BlindsaltError) => void = () => undefined;

  constructor(platform: Platform, settings: Settings, request: AttemptRequest) {
    this.#platform = platform;
    this.#settings = settings;
    this.#request = request;
    this.#runner = platform.createRunner({
      send: (frame) => this.#dialled?.socket.send(frame as Uint8Array<ArrayBuffer>),
      progress: (stage) => this.#progress(stage),
      done: (welcome) => this.#done(welcome),
      failed: (error) => this.#fail(error),
    });
  }

  run(): Promise<BlindsaltSocket> {
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
      await this.#runner.prepare(this.#request);
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
    if (this.#over) return;
    if (this.#early !== undefined) {
      this.#early.push(event);
      return;
    }
    switch (event.type) {
      case 'message': {
        if (typeof event.data === 'string') {
          this.#fail(new BlindsaltError('early-frame'));
          return;
        }
        const frame = new Uint8Array(event.data);
        // What comes next belongs to the application, if the runner, maybe in another thread, agrees.
        if (frame[0] === CONTROL_MARK && frame[2] === TYPE.welcome) this.#early = [];
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

  #closed(code: number): BlindsaltError {
    const cause = this.#dialled?.failure();
    if (this.#opened) return errorOfClose(code, cause);
    return asBlindsaltError(cause ?? new Error('the connection was refused'), 'connection-failed');
  }

  #done(welcome: Welcome): void {
    if (this.#over || this.#dialled === undefined) return;
    this.#end();
    this.#runner.dispose();
    this.#resolve(new BlindsaltSocket(this.#dialled.socket, welcome, this.#early));
  }

  #fail(error: BlindsaltError): void {
    if (this.#over) return;
    this.#end();
    // A buffer that was transferred to a Worker is empty here, and cannot be filled.
    if (this.#request.password.length > 0) this.#request.password.fill(0);
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
