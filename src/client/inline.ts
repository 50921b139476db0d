// Imported dynamically by pages, so that they load core and tables only where there is no Worker.
import { loadCrypto, type WasmSource } from '../crypto/index.js';
import { stretch } from '../opaque/ksf.js';
import { InlineRunner, type Runner, type RunnerSink } from './runner.js';
import type { WasmInput } from './worker-messages.js';

/** A runner in this thread, whose core comes from `wasm` or from the package. */
export function inlineRunner(sink: RunnerSink, wasm: WasmInput | undefined): Runner {
  return new InlineRunner(
    { loadCrypto: () => loadCrypto(wasm === undefined ? {} : { wasm: toSource(wasm) }), stretch },
    sink,
  );
}

function toSource(wasm: WasmInput): WasmSource {
  return typeof wasm === 'string' ? new URL(wasm) : wasm;
}
