import { AggregatorRegistry, type Registry } from 'prom-client';
import type { Operations } from './operations.js';
import type { Workers } from './worker-pool.js';

/** In a worker: gives its metrics to the first process when that asks. */
export function answerForMetrics(registry: Registry): void {
  AggregatorRegistry.setRegistries([registry]);
  // It listens for questions from its construction on.
  new AggregatorRegistry();
}

/** In the first process: metrics of all workers together, and whether any of them takes connections. */
export class ClusterMonitor implements Operations {
  readonly #workers: Pick<Workers, 'listening'>;
  readonly #registry = new AggregatorRegistry();
  #isDraining = false;

  constructor(workers: Pick<Workers, 'listening'>) {
    this.#workers = workers;
  }

  drains(): void {
    this.#isDraining = true;
  }

  async metrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.clusterMetrics() };
  }

  async unready(): Promise<string | undefined> {
    if (this.#isDraining) return 'draining';
    return this.#workers.listening > 0 ? undefined : 'no worker takes connections';
  }
}
