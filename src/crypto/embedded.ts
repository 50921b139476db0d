import { decodeBase64 } from './base64.js';
import { CORE_WASM_BASE64 } from './core-wasm.generated.js';
import type { Core } from './core.js';
import { instantiateCore, instantiateCoreSync } from './instantiate.js';
import { PROBE_WASM_BASE64 } from './relaxed/probe.generated.js';

/**
 * The two builds of the core: `simd` runs wherever WebAssembly has SIMD; `relaxed-simd` needs relaxed SIMD with fused
 * multiply-add, and is about twice as fast.
 */
export type CoreBuild = 'simd' | 'relaxed-simd';

/** Whether this engine has relaxed SIMD, and its multiply-add rounds once. Any doubt is a no. */
export function hasFusedMultiplyAdd(): boolean {
  try {
    const probe = decodeBase64(PROBE_WASM_BASE64);
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
  return instantiateCore(decodeBase64(base64));
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
  return { core: await instantiateCore(decodeBase64(CORE_WASM_BASE64)), build: 'simd' };
}

/** The baseline build, at once. */
export function instantiateEmbeddedSync(): { core: Core; build: CoreBuild } {
  return { core: instantiateCoreSync(decodeBase64(CORE_WASM_BASE64)), build: 'simd' };
}
