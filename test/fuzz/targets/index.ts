import type { Target } from '../target.js';
import { DECODER_FAULTS } from './decoder-faults.js';
import { coreTarget } from './core.js';
import { CORE_FAULTS } from './core-faults.js';
import { clientTarget } from './client.js';
import { CLIENT_FAULTS } from './client-faults.js';
import { serverTarget } from './server.js';
import { SERVER_FAULTS } from './server-faults.js';
import { decoderTarget } from './decoder.js';

/** All that can be searched, by name; with a fault, the same rules over something broken. */
export const TARGETS = ['decoder', 'server', 'client', 'core'] as const;

export async function createTarget(name: string, fault?: string): Promise<Target> {
  switch (name) {
    case 'decoder':
      return decoderTarget(fault === undefined ? undefined : DECODER_FAULTS[fault]!);
    case 'server':
      return serverTarget(fault === undefined ? undefined : SERVER_FAULTS[fault]!);
    case 'client':
      return clientTarget(fault === undefined ? undefined : CLIENT_FAULTS[fault]!);
    case 'core':
      return coreTarget(fault === undefined ? undefined : CORE_FAULTS[fault]!);
    default:
      throw new Error(`no target ${name}`);
  }
}
