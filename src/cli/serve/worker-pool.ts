import cluster, { type Worker } from 'node:cluster';
import { BlindsaltError, type ErrorCode } from '../../../proto/index.js';
import type { Logger } from '../../server/logger.js';
import { Channel, PORT_VARIABLE, type WorkerMessage } from './worker-messages.js';

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 30_000;
/** A worker that lived for so long did not die of what it met at its start. */
const LONG_LIFE_MS = 60_000;
/** Beyond what a worker gives its own connections to say goodbye. */
const STOP_TIMEOUT_MS = 8_000;

export interface Workers {
  /** How many take connections. */
  readonly listening: number;
  readonly port: number;
  /** Every worker reads its certificate again. */
  reload(): Promise<void>;
  /** Every worker says goodbye to its connections and ends. */
  close(): Promise<void>;
}

/**
 * Starts worker processes that share their port: this process accepts connections and hands them out in turn, TLS and all
 * that follows is in the workers. A worker that dies is replaced, later each time when it dies young.
 * @throws what the first worker failed with
 */
export async function startWorkers(count: number, log: Logger, drainMs = 0): Promise<Workers> {
  const pool = new Pool(log, STOP_TIMEOUT_MS + drainMs);
  await pool.begin(count);
  return pool;
}

/** One of the places that are kept filled. */
interface Place {
  worker: Worker;
  channel: Channel;
  startedMs: number;
  /** Deaths in succession, each within a short life. */
  deaths: number;
  isListening: boolean;
  timer?: ReturnType<typeof setTimeout> | undefined;
}

class Pool implements Workers {
  readonly #log: Logger;
  readonly #places: Place[] = [];
  #port: number | undefined;
  /** Whether workers have to ask for the port by its number. Where it was 0, 0 means the same port as long as one lives. */
  #asksByNumber = false;
  #isStopping = false;

  readonly #stopTimeoutMs: number;

  constructor(log: Logger, stopTimeoutMs: number) {
    this.#log = log;
    this.#stopTimeoutMs = stopTimeoutMs;
  }

  get listening(): number {
    return this.#places.filter(({ isListening }) => isListening).length;
  }

  get port(): number {
    return this.#port!;
  }

  /** The first worker alone: it makes the keys and the database, and its failure is that of all. */
  async begin(count: number): Promise<void> {
    await this.#add();
    await Promise.all(Array.from({ length: count - 1 }, () => this.#add()));
  }

  #add(): Promise<void> {
    return new Promise((resolve, reject) => {
      const place = { deaths: 0 } as Place;
      this.#places.push(place);
      this.#fill(place, { resolve, reject });
    });
  }

  #fill(place: Place, first?: { resolve: () => void; reject: (error: Error) => void }): void {
    if (!this.#places.some(({ isListening }) => isListening) && this.#port !== undefined) this.#asksByNumber = true;
    place.startedMs = performance.now();
    const worker = cluster.fork(this.#asksByNumber ? { [PORT_VARIABLE]: String(this.#port) } : {});
    const channel = new Channel((message, callback) => worker.process.send(message, undefined, undefined, callback));
    Object.assign(place, { worker, channel, isListening: false });
    let failure: Error | undefined;
    worker.on('message', (message: WorkerMessage) => {
      switch (message.kind) {
        case 'listening':
          return this.#listens(place, message.port, first?.resolve);
        case 'failed':
          failure = errorOf(message);
          return undefined;
        case 'chat':
          for (const other of this.#places) if (other !== place && other.isListening) other.channel.send(message);
          return undefined;
        default:
          return undefined;
      }
    });
    const ended = (how: string | number): void => {
      const wasListening = place.isListening;
      place.isListening = false;
      if (this.#isStopping) return;
      if (first !== undefined && !wasListening) {
        this.#isStopping = true;
        void this.#stopAll();
        return first.reject(failure ?? new Error(`a worker ended with ${how} before it listened`));
      }
      first = undefined;
      this.#replace(place, failure, how);
    };
    worker.on('exit', (code, signal) => ended(signal ?? code));
    worker.on('error', (error: NodeJS.ErrnoException) => {
      // There was no memory, process or file descriptor to start it with: then nothing exits.
      if (worker.process.pid === undefined) ended(error.code ?? 'error');
    });
  }

  #listens(place: Place, port: number, started: (() => void) | undefined): void {
    this.#port ??= port;
    if (port !== this.#port) {
      // All others died while it started, and the system gave it another port.
      this.#asksByNumber = true;
      place.worker.process.kill('SIGKILL');
      return;
    }
    place.isListening = true;
    started?.();
  }

  #replace(place: Place, failure: Error | undefined, how: string | number): void {
    place.deaths = performance.now() - place.startedMs > LONG_LIFE_MS ? 0 : place.deaths + 1;
    const delayMs = place.deaths === 0 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (place.deaths - 1));
    const code = (failure as BlindsaltError | undefined)?.code;
    this.#log.error({ worker: place.worker.id, how, code, delayMs }, 'a worker ended; another one takes its place');
    place.timer = setTimeout(() => this.#refill(place), delayMs);
  }

  #refill(place: Place): void {
    try {
      this.#fill(place);
    } catch (error) {
      this.#replace(place, error as Error, 'not started');
    }
  }

  reload(): Promise<void> {
    for (const { channel, isListening } of this.#places) if (isListening) channel.send({ kind: 'reload' });
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#isStopping = true;
    return this.#stopAll();
  }

  async #stopAll(): Promise<void> {
    await Promise.all(
      this.#places.map(({ worker, channel, timer }) => {
        clearTimeout(timer);
        if (worker.isDead()) return Promise.resolve();
        return new Promise<void>((resolve) => {
          const late = setTimeout(() => worker.process.kill('SIGKILL'), this.#stopTimeoutMs);
          worker.once('exit', () => {
            clearTimeout(late);
            resolve();
          });
          channel.send({ kind: 'stop' });
        });
      }),
    );
  }
}

function errorOf({ code, message, cause }: Extract<WorkerMessage, { kind: 'failed' }>): Error {
  if (code === 'unexpected') return new Error(message);
  return new BlindsaltError(code as ErrorCode, message, { ...(cause !== undefined && { cause: new Error(cause) }) });
}
