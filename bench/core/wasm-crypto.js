// wasm-crypto comes as AssemblyScript source: compiled here with this project's compiler, at its own settings.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { instantiateSync } from '@assemblyscript/loader';

const root = fileURLToPath(new URL('../..', import.meta.url));

export function loadWasmCrypto() {
  const folder = mkdtempSync(path.join(tmpdir(), 'wasm-crypto-'));
  try {
    const out = path.join(folder, 'wasm-crypto.wasm');
    const asc = path.join(root, 'node_modules/assemblyscript/bin/asc.js');
    const sources = ['crypto.ts', 'precomp.ts'].map((file) => path.join('node_modules/wasm-crypto/assembly', file));
    execFileSync(process.execPath, [asc, ...sources, '-o', out, '-O3', '--exportRuntime'], {
      cwd: root,
      stdio: 'pipe',
    });
    const imports = { env: { seed: () => 1 } };
    const { exports } = instantiateSync(readFileSync(out), imports);
    const { __newArray, __pin, __getUint8Array, U8ARRAY_ID } = exports;
    const put = (bytes) => __pin(__newArray(U8ARRAY_ID.value ?? U8ARRAY_ID, bytes));
    // Arguments are put into its memory beforehand: a favour to it.
    const prepare = (call, ...args) => {
      const pointers = args.map(put);
      return () => __getUint8Array(call(...pointers));
    };
    const verify = (...args) => {
      const pointers = args.map(put);
      return () => exports.signEdVerify(...pointers);
    };
    return {
      multiply: (k, p) => prepare(exports.faPointMult, k, p),
      multiplyBase: (k) => prepare(exports.faBasePointMult, k),
      fromHash: (uniform) => prepare(exports.faPointFromHash, uniform),
      verify,
      hash: (message) => prepare(exports.hash, message),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
