import { CORE_WASM_BASE64 } from './core-wasm.generated.js';
import type { Core } from './core.js';
import { instantiateCore, instantiateCoreSync } from './instantiate.js';
import { PROBE_WASM_BASE64 } from './relaxed/probe.generated.js';

/**
 * The two builds of the core: `simd` runs wherever WebAssembly has SIMD; `relaxed-simd` needs relaxed SIMD with fused
 * multiply-add, and is about twice as fast.
 */
export type CoreBuild = 'simd' | 'relaxed-simd';

/** What newer engines, and Node, have for it: several times faster than a loop that has not been compiled yet. */
interface Decoders {
  readonly Uint8Array: { fromBase64?(base64: string): Uint8Array };
  readonly Buffer?: { from(base64: string, encoding: 'base64'): Uint8Array };
}

function decode(base64: string): Uint8Array {
  const { Uint8Array: native, Buffer } = globalThis as unknown as Decoders;
  if (native.fromBase64) return native.fromBase64(base64);
  if (Buffer) return Buffer.from(base64, 'base64');
  const binary = atob(base64);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Whether this engine has relaxed SIMD, and its multiply-add rounds once. Any doubt is a no. */
export function hasFusedMultiplyAdd(): boolean {
  try {
    const probe = decode(PROBE_WASM_BASE64);
    if (!WebAssembly.validate(probe as BufferSource)) return false;
    // Small enough (under 4 KB) to be compiled at once everywhere.
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(probe as BufferSource));
    return (exports as { fused(): number }).fused() === 1;
  } catch {
    return false;
  }
}

async function instantiateRelaxed(): Promise<Core> {
  const { CORE_WASM_BASE64: base64 } = await import('./relaxed/core-wasm.generated.js');
  return instantiateCore(decode(base64));
}

/** Instantiates one build, or the best that works here: whatever is wrong with the relaxed one, the other is taken. */
export async function instantiateEmbedded(build?: CoreBuild): Promise<{ core: Core; build: CoreBuild }> {
  if (build === 'relaxed-simd') return { core: await instantiateRelaxed(), build };
  if (!build && hasFusedMultiplyAdd()) {
    try {
      return { core: await instantiateRelaxed(), build: 'relaxed-simd' };
    } catch {
      // fall through
    }
  }
  return { core: await instantiateCore(decode(CORE_WASM_BASE64)), build: 'simd' };
}

/** The baseline build, at once. */
export function instantiateEmbeddedSync(): { core: Core; build: CoreBuild } {
  return { core: instantiateCoreSync(decode(CORE_WASM_BASE64)), build: 'simd' };
}
