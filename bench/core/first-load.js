// Milliseconds from nothing to a usable instance of one build (named by the argument), in a process that has done nothing
// else; the import of the package not included. Two numbers from two processes: with `module` as second argument,
// compilation, instantiation and tables; without, all of `loadCrypto`, self-check and wrapping included.
import { readFileSync } from 'node:fs';
import { loadCrypto } from 'blindsalt/crypto';

const [build, part] = process.argv.slice(2);
const file = build === 'simd' ? 'core.wasm' : 'core-relaxed.wasm';
const bytes = readFileSync(new URL(`../../build/${file}`, import.meta.url));
const start = performance.now();
if (part === 'module') new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.init();
else await loadCrypto({ build });
const elapsed = performance.now() - start;
// Not before: `process.stdout` is made when it is first asked for, which takes milliseconds.
process.stdout.write(String(elapsed));
