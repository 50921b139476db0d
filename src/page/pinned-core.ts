import { BlindsaltError } from '../../proto/index.js';
import { CORE_WASM_SHA256 } from '../crypto/core-wasm.generated.js';

let core: Promise<ArrayBuffer> | undefined;

/**
 * The core's WebAssembly, loaded once. The browser compares it with the hash that this page was built with, and gives out
 * nothing else.
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
  const response = await fetch('/core.wasm', { integrity: `sha256-${CORE_WASM_SHA256}`, credentials: 'omit' });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.arrayBuffer();
}
