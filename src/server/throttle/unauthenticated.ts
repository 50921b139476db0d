import type { Networks } from './networks.js';
import type { ThrottleSettings } from './rates.js';

/** Connections without a login, by address and by network; as many entries as there are connections at most. */
export class UnauthenticatedCount {
  readonly #settings: Pick<ThrottleSettings, 'connectionsPerAddress' | 'connectionsPerNetwork'>;
  readonly #counts = new Map<string, number>();

  constructor(settings: Pick<ThrottleSettings, 'connectionsPerAddress' | 'connectionsPerNetwork'>) {
    this.#settings = settings;
  }

  hasRoom({ address, network }: Networks): boolean {
    const { connectionsPerAddress, connectionsPerNetwork } = this.#settings;
    const fits = (key: string, max: number): boolean => max === 0 || (this.#counts.get(key) ?? 0) < max;
    return fits(`a${address}`, connectionsPerAddress) && fits(`n${network}`, connectionsPerNetwork);
  }

  enter({ address, network }: Networks): void {
    for (const key of [`a${address}`, `n${network}`]) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  leave({ address, network }: Networks): void {
    for (const key of [`a${address}`, `n${network}`]) {
      const left = (this.#counts.get(key) ?? 0) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    }
  }
}
