// Milliseconds from nothing to a usable instance of one build (named by the argument), in a process that has done nothing
// else: tables and self-check included, the import of the package not.
import { loadCrypto } from 'blindsalt/crypto';

const build = process.argv[2];
const start = performance.now();
await loadCrypto({ build });
const elapsed = performance.now() - start;
// Not before: `process.stdout` is made when it is first asked for, which takes milliseconds.
process.stdout.write(String(elapsed));
