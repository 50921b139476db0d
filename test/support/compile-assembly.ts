import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export function withFolder<T>(body: (folder: string) => T): T {
  const folder = mkdtempSync(path.join(tmpdir(), 'assembly-'));
  try {
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Compiles one file of assembly/testing as scripts/build-core.js compiles the core, and gives what it exports. */
export function compileAssembly<T>(source: string, ...flags: string[]): T {
  return withFolder((folder) => {
    const wasm = path.join(folder, 'testing.wasm');
    const asc = path.join(root, 'node_modules/assemblyscript/bin/asc.js');
    const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', ...flags];
    execFileSync(process.execPath, [asc, source, '-o', wasm, ...options], { cwd: root });
    return new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasm))).exports as T;
  });
}
