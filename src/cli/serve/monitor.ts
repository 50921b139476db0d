import type { Registry } from 'prom-client';
import type { Engine } from '../../server/api.js';
import { createMetrics, type Metrics } from '../../server/metrics/index.js';
import type { Operations } from './operations.js';

/** Metrics and readiness of one process. */
export class Monitor implements Operations {
  readonly #metrics: Metrics = createMetrics();
  #engine: Engine | undefined;
  #isDraining = false;

  get observer(): Metrics['observer'] {
    return this.#metrics.observer;
  }

  get registry(): Registry {
    return this.#metrics.registry;
  }

  attach(engine: Engine): void {
    this.#engine = engine;
    this.#metrics.attach(engine);
  }

  /** From now on not ready. */
  drains(): void {
    this.#isDraining = true;
  }

  async metrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#metrics.contentType, text: await this.#metrics.render() };
  }

  async unready(): Promise<string | undefined> {
    if (this.#isDraining) return 'draining';
    if (this.#engine === undefined) return 'starting';
    try {
      await this.#engine.store.getSession(new Uint8Array(16));
    } catch {
      return 'the store does not answer';
    }
    return this.#engine.hasRoom ? undefined : 'as many connections without a login as are allowed';
  }
}
