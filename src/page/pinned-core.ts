import { BlindsaltError } from '../../proto/index.js';
import { CORE_WASM_SHA256 } from '../crypto/core-wasm.generated.js';
import { hasFusedMultiplyAdd, loadCrypto } from '../crypto/index.js';
import { CORE_WASM_SHA256 as RELAXED_WASM_SHA256 } from '../crypto/relaxed/core-wasm.generated.js';

let core: Promise<ArrayBuffer> | undefined;

/**
 * The core's WebAssembly, loaded once: the build with fused multiply-add where this browser has it, else the other. The
 * browser compares it with the hash that this page was built with, and gives out nothing else.
 * @throws BlindsaltError `connection-failed`
 */
export function loadPinnedCore(): Promise<ArrayBuffer> {
  core ??= fetchCore().catch((cause: unknown) => {
    core = undefined;
    throw new BlindsaltError('connection-failed', 'core.wasm could not be loaded, or is not the expected one.', {
      cause,
    });
  });
  return core;
}

async function fetchCore(): Promise<ArrayBuffer> {
  if (hasFusedMultiplyAdd()) {
    try {
      const wasm = await fetchPinned('/core-relaxed.wasm', RELAXED_WASM_SHA256);
      // Does it compute what it should? Here it sees no secret.
      await loadCrypto({ wasm });
      return wasm;
    } catch {
      // Whatever is wrong with it, there is the other.
    }
  }
  return fetchPinned('/core.wasm', CORE_WASM_SHA256);
}

async function fetchPinned(path: string, sha256: string): Promise<ArrayBuffer> {
  const response = await fetch(path, { integrity: `sha256-${sha256}`, credentials: 'omit' });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.arrayBuffer();
}
