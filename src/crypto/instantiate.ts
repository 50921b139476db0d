import { instantiate, instantiateSync } from '@assemblyscript/loader';
import { BlindsaltError } from '../../proto/errors.js';
import { Core, type CoreExports } from './core.js';
import { computesRight } from './self-check.js';

/** Anything that holds the compiled core. */
export type WasmSource = Uint8Array | ArrayBuffer | WebAssembly.Module | Response | URL;

function unsupported(cause?: unknown): BlindsaltError {
  return new BlindsaltError('environment-unsupported', 'WebAssembly with SIMD is not available here', { cause });
}

/**
 * The exports themselves, not what the loader makes of them: the module has neither classes nor strings nor optional
 * parameters, and a wrapper around each function costs something at each call.
 */
function coreOf(instance: WebAssembly.Instance): Core {
  const core = new Core(instance.exports as CoreExports);
  if (!computesRight(core)) throw unsupported();
  return core;
}

const isBytes = (source: WasmSource): source is Uint8Array | ArrayBuffer =>
  source instanceof Uint8Array || Object.prototype.toString.call(source) === '[object ArrayBuffer]';

/**
 * Compiles on this thread, where engines only validate and leave the rest to the first calls: less than a millisecond,
 * and ten where it is handed to other threads. Undefined where the engine forbids it.
 */
function compileHere(bytes: Uint8Array | ArrayBuffer): WebAssembly.Module | undefined {
  try {
    return new WebAssembly.Module(bytes as BufferSource);
  } catch (error) {
    // Chromium before 115 refuses on the main thread of a page.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Works where a synchronous compilation is forbidden, too. */
export async function instantiateCore(source: WasmSource): Promise<Core> {
  if (source instanceof URL) {
    if (!/^https?:$/.test(source.protocol)) {
      throw new BlindsaltError('option-invalid', 'wasm: only http(s) URLs are fetched; read a file and pass its bytes');
    }
    source = await fetch(source);
  }
  try {
    if (isBytes(source)) source = compileHere(source) ?? (await WebAssembly.compile(source as BufferSource));
    if (source instanceof WebAssembly.Module) {
      // The asynchronous loader asks for `Response`, which Node then takes 100 ms to load.
      try {
        return coreOf(instantiateSync(source).instance);
      } catch (error) {
        // Chromium before 115 refuses on the main thread of a page.
        if (!(error instanceof RangeError)) throw error;
      }
    }
    return coreOf((await instantiate(source)).instance);
  } catch (cause) {
    throw unsupported(cause);
  }
}

/** As `instantiateCore`, at once; Chromium forbids it on the main thread of a page. */
export function instantiateCoreSync(source: Uint8Array | ArrayBuffer | WebAssembly.Module): Core {
  try {
    return coreOf(instantiateSync(source as BufferSource | WebAssembly.Module).instance);
  } catch (cause) {
    throw unsupported(cause);
  }
}
