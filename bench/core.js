// npm run bench:core: the cryptographic core against others, in one process, interleaved. Prints the table and writes it
// to bench/RESULTS.md. `--chromium` runs the same in Chromium instead; `--rounds N` for longer or shorter runs.
import { execFileSync } from 'node:child_process';
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hasFusedMultiplyAdd, loadCrypto } from 'blindsalt/crypto';
import sodium from 'libsodium-wrappers-sumo';
import * as curves from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { measure } from './core/measure.js';
import { measureNative } from './core/native.js';
import { createOperations } from './core/operations.js';
import { table, writeBlock } from './core/report.js';
import { measureInChromium } from './core/chromium.js';
import { loadWasmCrypto } from './core/wasm-crypto.js';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '101' }, chromium: { type: 'boolean' } },
});
const rounds = Number(values.rounds);

function privateKey(seed) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

function publicKey(bytes) {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), bytes]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

const node = {
  ed25519Sign: (message, seed) => {
    const key = privateKey(seed);
    return () => sign(null, message, key);
  },
  ed25519Verify: (signature, message, bytes) => {
    const key = publicKey(bytes);
    return () => verify(null, message, key, signature);
  },
  sha512: (message) => createHash('sha512').update(message).digest(),
};

const firstLoad = fileURLToPath(new URL('core/first-load.js', import.meta.url));
const byNumber = (a, b) => a - b;

/** Milliseconds until a build can be used, tables included: medians, in fresh processes and in this one. */
async function measureInstantiation(build) {
  const fresh = (...args) => {
    const run = () => Number(execFileSync(process.execPath, [firstLoad, build, ...args], { encoding: 'utf8' }));
    return Array.from({ length: 15 }, run).sort(byNumber);
  };
  const [module, whole] = [fresh('module'), fresh()];
  const again = [];
  for (let i = 0; i < 15; i++) {
    const start = performance.now();
    await loadCrypto({ build });
    again.push(performance.now() - start);
  }
  const ms = (times) => `${times[0].toFixed(1)} / ${times[7].toFixed(1)} ms`;
  return (
    `${build}: compiled, instantiated, tables made ${ms(module)} in a fresh process; all of loadCrypto, self-check ` +
    `included, ${ms(whole)} in a fresh process, ${ms(again.sort(byNumber))} again`
  );
}

/** The operation of native.c that stands beside one of ours. */
function nativeName(name) {
  if (name.startsWith('Schnorr verify')) return 'Ed25519 verify';
  if (name.startsWith('Schnorr sign')) return 'Ed25519 sign';
  return name.replace(' by a signer', '').replace(/^(Ed25519 \w+), 100 bytes$/, '$1');
}

async function inNode() {
  const builds = hasFusedMultiplyAdd() ? ['simd', 'relaxed-simd'] : ['simd'];
  const loading = [];
  const ours = {};
  for (const build of builds) {
    loading.push(await measureInstantiation(build));
    ours[build] = await loadCrypto({ build });
  }
  await sodium.ready;
  const operations = createOperations({
    ours,
    sodium,
    noble: { ...curves, sha512 },
    node,
    wasmCrypto: loadWasmCrypto(),
  });
  const rows = operations.map(({ name, contenders }) => ({ name, times: measure(contenders, { rounds }) }));
  const native = measureNative();
  if (native) {
    for (const row of rows) {
      const times = native.times[nativeName(row.name)];
      if (times) row.times[`native libsodium ${native.version}`] = times;
    }
  }
  return { runtime: `Node ${process.version} (V8 ${process.versions.v8})`, rows, loading };
}

const { runtime, rows, loading } = values.chromium ? await measureInChromium(rounds) : await inNode();
const text = [
  `### Core, ${runtime}`,
  '',
  `${new Date().toISOString().slice(0, 10)}, ${cpus()[0].model}, ${cpus().length} cores, load average ` +
    `${loadavg()[0].toFixed(1)}, ${rounds} rounds. Microseconds for a whole call, bytes to bytes: best round / median ` +
    'round; then how many times faster than libsodium.js in the same run, by best and by median. On a machine that has ' +
    'other work (a load average above its cores), only the best rounds say what the code can do.',
  '',
  table(rows),
  '',
  `Until it can be used${values.chromium ? '' : ', best / median'}: ${loading.join('; ')}.`,
].join('\n');
process.stdout.write(`${text}\n`);
const slug = values.chromium ? 'chromium' : `node-${process.versions.node.split('.')[0]}`;
writeBlock(`core ${slug}`, text);
