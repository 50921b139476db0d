import { readFileSync } from 'node:fs';
import { loadCrypto } from '../crypto/index.js';
import type { Crypto } from '../crypto/types.js';
import { loadOrCreateKeys, type StoredServerKeys } from '../server/key-file.js';

/**
 * The keys of a server that has run before, and the core that they work with.
 * @param file that exists
 * @throws BlindsaltError `keys-invalid`
 */
export async function readServerKeys(
  file: string,
): Promise<{ readonly crypto: Crypto; readonly keys: StoredServerKeys }> {
  const crypto = await loadCrypto();
  return { crypto, keys: await loadOrCreateKeys(file, { domain: domainIn(file), crypto }) };
}

/** The domain that the key file names; the loader says what is wrong with a file that names none. */
function domainIn(file: string): string {
  try {
    const { domain } = JSON.parse(readFileSync(file, 'utf8')) as { domain?: unknown };
    return typeof domain === 'string' && domain !== '' ? domain : 'localhost';
  } catch {
    return 'localhost';
  }
}
