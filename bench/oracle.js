// Whether time tells what the bytes do not: known or unknown names, enabled or disabled accounts, old or new key stretching.
// `--over engine`: in this process, with the engine itself and nothing between. `--over tls`: with the adapter for ws behind TLS
// 1.3 on loopback in a thread of its own, measured by the client at the socket, many attempts on each connection. Welch's t-test
// over interleaved attempts, whole and cropped as dudect does. Run after a build: npm run bench:oracle
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { loadCrypto } from 'blindsalt/crypto';
import { decodeControl, DEFAULT_KSF, encodeControl, KSF_CEILING, MECHANISM_SCHNORR } from 'blindsalt/proto';
import { createEngine, generateKeys, silentLogger } from 'blindsalt/server';
import { WebSocketServer } from 'blindsalt/server/ws';
import { openMemoryStore } from 'blindsalt/server/store/memory';
import { openSqliteStore } from 'blindsalt/server/store/sqlite';
import { generate } from 'selfsigned';
import { WebSocket } from 'ws';
import { ClientCore } from '../dist/src/client/core.js';

const { values } = parseArgs({
  options: {
    over: { type: 'string', default: 'engine' },
    attempts: { type: 'string', default: '20000' },
    store: { type: 'string', default: 'memory,sqlite' },
    pair: { type: 'string', default: 'control,known,enabled,ksf' },
    names: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
  },
  args: isMainThread ? undefined : [],
});
const ATTEMPTS = Number(values.attempts);
const NAMES = Number(values.names);
const DOMAIN = 'localhost';
const TARGET = 'localhost:443';
const OLD = { ...DEFAULT_KSF.argon2id, iterations: 2 };
const EMPTY = new Uint8Array(0);
const WARM_UP = 1000;
/** On one TLS connection. */
const ATTEMPTS_EACH = 50;
/** Shares of the slowest that are left out: interruptions, collections of garbage. */
const CROPS = [0, 0.01, 0.05, 0.1, 0.25];

const crypto = await loadCrypto();
const name = () => `u${Buffer.from(crypto.randomBytes(6)).toString('hex')}`;

/** Fast enough for a measurement, and on: its work is part of what is measured. */
const fast = { burst: 90, seconds: 0.001 };
const many = { burst: 1_000_000, seconds: 0.001 };
const throttle = {
  ...{ account: fast, newcomers: { burst: 10, seconds: 0.001 }, accountNetwork: many, address: many, network: many },
  ...{ overall: many, signupOverall: many, signupAddress: many, signupNetwork: many },
};
const limits = { maxAttempts: 100 };
const engineOf = (store, keys, ksf) =>
  createEngine({
    domain: DOMAIN,
    store,
    keys,
    ksf,
    throttle,
    limits,
    targets: [TARGET],
    logger: silentLogger,
    audit: false,
  });

/** One end of a connection in this process. */
function connect(engine) {
  const frames = [];
  let wake;
  const transport = {
    send(frame) {
      frames.push({ frame, at: performance.now() });
      wake?.();
    },
    close() {
      wake?.();
    },
  };
  const peer = { address: '192.0.2.1', secure: true, origin: undefined, subprotocolOffered: true };
  const handle = engine.accept(transport, peer, { onAuthenticated() {} });
  const next = async () => {
    if (frames.length === 0) await new Promise((resolve) => (wake = resolve));
    wake = undefined;
    return frames.shift();
  };
  return { handle, next };
}

/** Gives a connection for each attempt, greeted: a new one of the engine's. */
function engineLine(engine) {
  return async () => {
    const { handle, next } = connect(engine);
    await next();
    return { send: (frame) => handle.receive(frame), next, done: () => handle.closed() };
  };
}

/** The same over TLS, each for some attempts. */
function tlsLine(port, ca) {
  let open;
  const dial = async () => {
    const socket = new WebSocket(`wss://localhost:${port}`, 'blindsalt.v1', { ca, perMessageDeflate: false });
    const frames = [];
    let wake;
    socket.on('message', (frame) => {
      frames.push({ frame, at: performance.now() });
      wake?.();
    });
    await once(socket, 'open');
    socket._socket.setNoDelay(true);
    const next = async () => {
      if (frames.length === 0) await new Promise((resolve) => (wake = resolve));
      wake = undefined;
      return frames.shift();
    };
    await next();
    return { socket, next, left: ATTEMPTS_EACH };
  };
  return async () => {
    if (open === undefined || open.left === 0) {
      open?.socket.terminate();
      open = await dial();
    }
    open.left -= 1;
    const { socket, next } = open;
    return { send: (frame) => socket.send(frame), next, done() {} };
  };
}

async function signUp(engine, username) {
  const { handle, next } = connect(engine);
  const core = new ClientCore(crypto, {
    ...{ mode: 'signup', domain: DOMAIN, target: TARGET, username, origin: '', invite: '', subprotocols: [] },
    ...{ deviceLabel: '', bindings: [], requireBinding: false, serverKeys: [], ksfs: ['argon2id'] },
    ...{ ksfFloors: {}, ksfCeilings: KSF_CEILING, password: new TextEncoder().encode('correct horse battery') },
  });
  for (;;) {
    let actions = core.receive((await next()).frame);
    if (actions[0]?.kind === 'stretch') actions = core.stretched(crypto.sha512(actions[0].oprfOutput));
    if (actions[0]?.kind === 'failed') throw actions[0].error;
    if (actions.some(({ kind }) => kind === 'done')) break;
    handle.receive(actions[0].frame);
  }
  handle.closed();
}

const element = crypto.ristretto255.fromUniformBytes(crypto.randomBytes(64));
const key = crypto.scalar.reduce(crypto.randomBytes(64));
/** Well-formed, so that it is verified to the end. */
const proof = crypto.schnorr.sign(new Uint8Array(64), key, new TextEncoder().encode('blindsalt.v1 login client'));
const finish = encodeControl({ kind: 'loginFinish', proof });

/** Microseconds from start to challenge, and from finish to error. */
async function attempt(line, username) {
  const { send, next, done } = await line();
  const start = encodeControl({
    ...{ kind: 'loginStart', username, clientNonce: crypto.randomBytes(32), target: TARGET, binding: '', origin: '' },
    ...{ subprotocols: [], deviceLabel: '', deviceProof: EMPTY, puzzleAnswer: EMPTY },
    ...{ mechanism: MECHANISM_SCHNORR, mechanismData: element },
  });
  const startedAt = performance.now();
  send(start);
  const challenge = await next();
  const finishedAt = performance.now();
  send(finish);
  const error = await next();
  done();
  if (challenge.frame[2] !== 21)
    throw new Error(`no challenge: ${JSON.stringify(decodeControl(challenge.frame, 'server'))}`);
  if (error.frame[2] !== 1) throw new Error('no error');
  return [1000 * (challenge.at - startedAt), 1000 * (error.at - finishedAt)];
}

const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;
const variance = (list, m) => list.reduce((sum, x) => sum + (x - m) ** 2, 0) / (list.length - 1);
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];

/** Welch's t and the difference of means, at the crop at which |t| is largest; the difference of medians beside. */
function compare(a, b) {
  const all = [...a, ...b].sort((x, y) => x - y);
  let worst;
  for (const crop of CROPS) {
    const limit = all[Math.min(all.length - 1, Math.floor(all.length * (1 - crop)))];
    const [x, y] = [a, b].map((list) => list.filter((us) => us <= limit));
    const [mx, my] = [mean(x), mean(y)];
    const t = (mx - my) / Math.sqrt(variance(x, mx) / x.length + variance(y, my) / y.length);
    if (worst === undefined || Math.abs(t) > Math.abs(worst.t)) worst = { t, crop, us: mx - my };
  }
  return { ...worst, medianUs: median(a) - median(b), typicalUs: median([...a, ...b]) };
}

async function measure(line, lists) {
  const times = [
    [[], []],
    [[], []],
  ];
  for (let i = -WARM_UP; i < ATTEMPTS; i++) {
    const [byte, other] = crypto.randomBytes(2);
    const side = byte & 1;
    const list = lists[side];
    const [start, end] = await attempt(line, list[(other * 257 + i + WARM_UP) % list.length]);
    if (i < 0) continue;
    times[0][side].push(start);
    times[1][side].push(end);
  }
  return times.map(([a, b]) => compare(a, b));
}

const PAIRS = {
  control: 'known and known (control)',
  known: 'known and unknown',
  enabled: 'enabled and disabled',
  ksf: 'old and new key stretching',
};

/** An engine with users of all kinds. */
async function prepare(storeName, count) {
  const folder = await mkdtemp(join(tmpdir(), 'blindsalt-oracle-'));
  const store = storeName === 'memory' ? openMemoryStore() : await openSqliteStore(join(folder, 'users.db'));
  const keys = generateKeys({ domain: DOMAIN, crypto });
  const names = () => Array.from({ length: count }, name);
  const before = await engineOf(store, keys, [OLD]);
  const old = names();
  for (const username of old) await signUp(before, username);
  await before.close();
  const engine = await engineOf(store, keys, [DEFAULT_KSF.argon2id]);
  const [known, again, disabled, unknown] = [names(), names(), names(), names()];
  for (const username of [...known, ...again, ...disabled]) await signUp(engine, username);
  for (const username of disabled) await engine.admin.disableUser(username);
  const lists = { control: [known, again], known: [known, unknown], enabled: [known, disabled], ksf: [old, known] };
  const stop = async () => {
    await engine.close();
    await store.close();
    await rm(folder, { recursive: true });
  };
  return { engine, lists, stop };
}

/** In a thread: the engine behind TLS, until it is told to stop. */
async function serve({ storeName, count }) {
  const { engine, lists, stop } = await prepare(storeName, count);
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    ...{ algorithm: 'sha256', keyType: 'ec', curve: 'P-256' },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  });
  const server = createServer({ cert: made.cert, key: made.private, minVersion: 'TLSv1.3' });
  const sockets = new WebSocketServer({ server, engine });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  parentPort.postMessage({ port: server.address().port, ca: made.cert, lists });
  await once(parentPort, 'message');
  await stop();
  sockets.close();
  server.closeAllConnections();
  server.close();
}

async function overTls(storeName) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { storeName, count: NAMES } });
  const [{ port, ca, lists }] = await once(worker, 'message');
  const stop = async () => {
    worker.postMessage('stop');
    await once(worker, 'exit');
  };
  return { line: tlsLine(port, ca), lists, stop };
}

async function overEngine(storeName) {
  const { engine, lists, stop } = await prepare(storeName, NAMES);
  return { line: engineLine(engine), lists, stop };
}

async function run(storeName) {
  const { line, lists, stop } = await (values.over === 'tls' ? overTls : overEngine)(storeName);
  const rows = [];
  for (const pair of values.pair.split(',')) {
    const [start, end] = await measure(line, lists[pair]);
    for (const [phase, result] of [
      ['start to challenge', start],
      ['finish to error', end],
    ]) {
      const isEven = Math.abs(result.t) < 4.5 || Math.abs(result.us) < 1;
      rows.push({ store: storeName, pair: PAIRS[pair], phase, ...result, isEven });
      if (values.json) console.log(JSON.stringify(rows.at(-1)));
    }
  }
  await stop();
  return rows;
}

async function report() {
  const rows = [];
  for (const storeName of values.store.split(',')) rows.push(...(await run(storeName)));
  if (!values.json) {
    console.log(
      `Node ${process.versions.node}, ${cpus()[0].model}; over ${values.over}: ${ATTEMPTS} attempts for each pair, ${NAMES} names each`,
    );
    console.log('| store | pair | phase | typical µs | Welch t | crop | difference of means µs | of medians µs | |');
    console.log('| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |');
    for (const { store, pair, phase, typicalUs, t, crop, us, medianUs, isEven } of rows) {
      const cells = [store, pair, phase, typicalUs.toFixed(1), t.toFixed(2), crop, us.toFixed(3), medianUs.toFixed(3)];
      console.log(`| ${cells.join(' | ')} | ${isEven ? 'even' : 'DIFFERS'} |`);
    }
  }
  process.exitCode = rows.every(({ isEven }) => isEven) ? 0 : 1;
}

await (isMainThread ? report() : serve(workerData));
