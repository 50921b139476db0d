import { KSF_FLOOR } from '../../proto/constants.js';
import { loadCrypto } from '../../src/crypto/index.js';
import { createEngine, silentLogger, type Engine, type EngineOptions } from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { makeServerKeys } from './server-keys.js';

/** An engine for `localhost` at any port, with an empty store and the least key stretching that clients accept. */
export async function localEngine(options: Partial<EngineOptions> = {}): Promise<Engine> {
  return createEngine({
    domain: 'localhost',
    targets: ['localhost'],
    store: openMemoryStore(),
    keys: makeServerKeys(await loadCrypto(), 'localhost'),
    ksf: [KSF_FLOOR['pbkdf2-sha512']],
    logger: silentLogger,
    ...options,
  });
}
