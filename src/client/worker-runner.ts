import { BlindsaltError } from '../../proto/errors.js';
import type { Binding } from '../../proto/transcript.js';
import { fromErrorRecord } from './errors.js';
import type { RunnerRequest, Runner, RunnerSink } from './runner.js';
import type { FromWorker, ToWorker, WasmInput, WorkerGreeting } from './worker-messages.js';

/** What is used of a Worker. */
export type WorkerLike = Pick<Worker, 'postMessage' | 'addEventListener' | 'removeEventListener' | 'terminate'>;

/** The Worker's script could not be loaded or started: the attempt can still be made in this thread. */
export class WorkerUnavailable extends Error {
  override readonly name = 'WorkerUnavailable';
}

/** How long a Worker may take to answer the first time: its script has to be loaded. */
const READY_MS = 10_000;

/** Runs the core in a Worker. */
export class WorkerRunner implements Runner {
  readonly #worker: WorkerLike;
  readonly #owned: boolean;
  readonly #wasm: WasmInput | undefined;
  readonly #sink: RunnerSink;
  readonly #port: MessagePort;
  readonly #acknowledge: (() => void)[] = [];
  readonly #crashed = (event: Event): void => {
    event.preventDefault();
    this.#lost();
  };
  #preparing: { resolve(): void; reject(error: Error): void } | undefined;
  readonly #readyTimer: ReturnType<typeof setTimeout>;
  #request: RunnerRequest | undefined;
  #disposed = false;

  /** @param owned whether the Worker is to end with the attempt */
  constructor(
    worker: WorkerLike,
    owned: boolean,
    wasm: WasmInput | undefined,
    sink: RunnerSink,
    readyMs: number = READY_MS,
  ) {
    this.#worker = worker;
    this.#owned = owned;
    this.#wasm = wasm;
    this.#sink = sink;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#handle(data);
    worker.addEventListener('error', this.#crashed);
    // A Worker of the caller's may have failed before anybody listened.
    this.#readyTimer = setTimeout(() => this.#lost(), readyMs);
    const greeting: WorkerGreeting = { blindsalt: 1, port: port2 };
    worker.postMessage(greeting, [port2]);
  }

  /** @throws WorkerUnavailable before the password has left this thread */
  prepare(request: RunnerRequest): Promise<void> {
    this.#request = request;
    return new Promise((resolve, reject) => {
      this.#preparing = { resolve, reject };
    });
  }

  open(_bindings: readonly Binding[]): void {
    this.#post({ op: 'open' });
  }

  receive(frame: Uint8Array<ArrayBuffer>): Promise<void> {
    return new Promise((resolve) => {
      this.#acknowledge.push(resolve);
      // Copied, not transferred: the socket's buffer may be a part of a larger one.
      this.#post({ op: 'receive', frame });
    });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#post({ op: 'dispose' });
    this.#disposed = true;
    clearTimeout(this.#readyTimer);
    this.#worker.removeEventListener('error', this.#crashed);
    if (this.#owned) this.#worker.terminate();
    this.#port.close();
    this.#settle();
  }

  #handle(message: FromWorker): void {
    if (this.#disposed) return;
    switch (message.op) {
      case 'ready': {
        clearTimeout(this.#readyTimer);
        const request = this.#request;
        this.#request = undefined;
        if (request === undefined) break;
        const secrets = [request.password.buffer];
        if (request.mode === 'exchange' && request.newPassword !== undefined) secrets.push(request.newPassword.buffer);
        this.#post({ op: 'prepare', request, wasm: this.#wasm }, secrets);
        break;
      }
      case 'prepared':
        this.#preparing?.resolve();
        break;
      case 'refused':
        this.#preparing?.reject(fromErrorRecord(message.error));
        break;
      case 'send':
        this.#sink.send(message.frame);
        break;
      case 'progress':
        this.#sink.progress(message.stage);
        break;
      case 'received':
        this.#acknowledge.shift()?.();
        break;
      case 'life':
        this.#sink.life(message.life);
        break;
      case 'done':
        this.#sink.done(message.welcome, message.connection);
        break;
      case 'failed':
        this.#sink.failed(fromErrorRecord(message.error), message.fatal);
        break;
    }
  }

  #lost(): void {
    if (this.#request !== undefined) {
      this.#preparing?.reject(new WorkerUnavailable('the Worker could not be started'));
      return;
    }
    const error = new BlindsaltError('environment-unsupported', 'The Worker ended unexpectedly.');
    this.#preparing?.reject(error);
    this.#sink.failed(error, true);
  }

  #settle(): void {
    for (const resolve of this.#acknowledge.splice(0)) resolve();
  }

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (!this.#disposed) this.#port.postMessage(message, transfer);
  }
}
