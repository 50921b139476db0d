import type { Networks } from './networks.js';
import type { ThrottleSettings } from './rates.js';

/** Connections without a login, by address and by network; as many entries as there are connections at most. */
export class UnauthenticatedCount {
  readonly #settings: Pick<ThrottleSettings, 'connectionsPerAddress' | 'connectionsPerNetwork'>;
  readonly #addresses = new Map<string, number>();
  readonly #networks = new Map<string, number>();

  constructor(settings: Pick<ThrottleSettings, 'connectionsPerAddress' | 'connectionsPerNetwork'>) {
    this.#settings = settings;
  }

  hasRoom({ address, network }: Networks): boolean {
    const { connectionsPerAddress, connectionsPerNetwork } = this.#settings;
    return (
      isBelow(connectionsPerAddress, this.#addresses.get(address)) &&
      isBelow(connectionsPerNetwork, this.#networks.get(network))
    );
  }

  enter({ address, network }: Networks): void {
    add(this.#addresses, address, 1);
    add(this.#networks, network, 1);
  }

  leave({ address, network }: Networks): void {
    add(this.#addresses, address, -1);
    add(this.#networks, network, -1);
  }
}

/** @param max 0: no limit */
function isBelow(max: number, count = 0): boolean {
  return max === 0 || count < max;
}

function add(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
