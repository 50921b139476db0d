import type { Binding } from '../../proto/transcript.js';
import type { RunnerRequest, Runner, RunnerSink } from './runner.js';
import { WorkerRunner, WorkerUnavailable, type WorkerLike } from './worker-runner.js';
import type { WasmInput } from './worker-messages.js';

/** A Worker; the URL of its script (in pages with Trusted Types a `TrustedScriptURL`); false for none. */
export type WorkerOption = URL | string | { toString(): string } | Worker | false | undefined;

export interface BrowserRunnerOptions {
  readonly worker: WorkerOption;
  readonly wasm: WasmInput | undefined;
  /** Told why the attempt is made in the page's own thread. */
  readonly onWorkerUnavailable: (cause: unknown) => void;
}

/** Runs the core in a Worker if that can be started, else in this thread. */
export class BrowserRunner implements Runner {
  readonly #options: BrowserRunnerOptions;
  readonly #sink: RunnerSink;
  #runner: Runner | undefined;
  #disposed = false;

  constructor(options: BrowserRunnerOptions, sink: RunnerSink) {
    this.#options = options;
    this.#sink = sink;
  }

  async prepare(request: RunnerRequest): Promise<void> {
    const { worker, wasm, onWorkerUnavailable } = this.#options;
    if (worker !== false) {
      try {
        const [instance, owned] = startWorker(worker);
        this.#runner = new WorkerRunner(instance, owned, wasm, this.#sink);
        await this.#runner.prepare(request);
        return;
      } catch (cause) {
        if (this.#disposed || (this.#runner !== undefined && !(cause instanceof WorkerUnavailable))) throw cause;
        this.#runner?.dispose();
        onWorkerUnavailable(cause);
      }
    }
    const { inlineRunner } = await import('./inline.js');
    if (this.#disposed) return;
    this.#runner = inlineRunner(this.#sink, wasm);
    await this.#runner.prepare(request);
  }

  open(bindings: readonly Binding[]): void {
    this.#runner?.open(bindings);
  }

  receive(frame: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#runner?.receive(frame) ?? Promise.resolve();
  }

  dispose(): void {
    this.#disposed = true;
    this.#runner?.dispose();
  }
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): unknown };
}

let trustedUrl: unknown;

function startWorker(option: Exclude<WorkerOption, false>): [worker: WorkerLike, owned: boolean] {
  if (option !== undefined) {
    if (typeof Worker === 'function' && option instanceof Worker) return [option, false];
    return [new Worker(option as URL, { type: 'module' }), true];
  }
  try {
    // Written so that bundlers recognise it.
    return [new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }), true];
  } catch (error) {
    const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
    if (!(error instanceof TypeError) || trustedTypes === undefined) throw error;
    // The page demands Trusted Types, and has to allow the policy `blindsalt`.
    trustedUrl ??= trustedTypes
      .createPolicy('blindsalt', { createScriptURL: () => new URL('./worker.js', import.meta.url).href })
      .createScriptURL('');
    return [new Worker(trustedUrl as URL, { type: 'module' }), true];
  }
}
