// What the audit trail costs: logins with it and without it, in this process, over SQLite files. Blocks of logins in turn, so that
// both see the same machine; client's and server's work together, so that only the difference says something.
// After a build: node bench/audit.js
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadCrypto } from 'blindsalt/crypto';
import { createEngine, generateKeys, silentLogger } from 'blindsalt/server';
import { openSqliteStore } from 'blindsalt/server/store/sqlite';
import { checkWithClient, DOMAIN, onChannel, signUp } from './server/accounts.js';

const { values } = parseArgs({
  options: { blocks: { type: 'string', default: '40' }, logins: { type: 'string', default: '64' } },
});
const [BLOCKS, LOGINS] = [Number(values.blocks), Number(values.logins)];

const crypto = await loadCrypto();
const folder = await mkdtemp(join(tmpdir(), 'blindsalt-audit-'));

async function start(name, audit) {
  const store = await openSqliteStore(join(folder, `${name}.db`));
  const keys = generateKeys({ domain: DOMAIN, crypto });
  const options = { domain: DOMAIN, targets: [DOMAIN], logger: silentLogger, throttle: false };
  const engine = await createEngine({ ...options, store, keys, ...(audit === false && { audit }) });
  const users = [];
  for (let i = 0; i < LOGINS; i++) users.push(await onChannel(engine, (channel) => signUp(channel, `user${i}`)));
  return { engine, store, users, times: [] };
}

/** Microseconds for each of a block's logins. */
async function block({ engine, users }, atOnce) {
  const logIn = (user) => onChannel(engine, (channel) => checkWithClient(channel, 443, user));
  const beganAt = performance.now();
  for (let i = 0; i < users.length; i += atOnce) {
    await Promise.all(users.slice(i, i + atOnce).map(logIn));
  }
  return (1000 * (performance.now() - beganAt)) / users.length;
}

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];

console.log(`Node ${process.versions.node}, ${cpus()[0].model}; ${BLOCKS} blocks of ${LOGINS} logins each`);
console.log('| logins at once | µs without | µs with | difference |');
console.log('| ---: | ---: | ---: | ---: |');
for (const atOnce of [1, 32]) {
  const sides = [await start(`without${atOnce}`, false), await start(`with${atOnce}`)];
  for (let i = -4; i < BLOCKS; i++) {
    for (const side of i % 2 === 0 ? sides : sides.toReversed()) {
      const us = await block(side, atOnce);
      if (i >= 0) side.times.push(us);
    }
  }
  const [without, withIt] = sides.map(({ times }) => median(times));
  const differences = sides[1].times.map((us, i) => us - sides[0].times[i]);
  console.log(`| ${atOnce} | ${without.toFixed(0)} | ${withIt.toFixed(0)} | ${median(differences).toFixed(0)} |`);
  const { seq } = await sides[1].store.audit.head();
  if (seq < BLOCKS * LOGINS) throw new Error('the trail has too few entries');
  for (const { engine, store } of sides) {
    await engine.close();
    await store.close();
  }
}
await rm(folder, { recursive: true });
