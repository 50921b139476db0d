// The process of one server. Commands come from rig.js.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const KINDS = {
  'ws bare': async (options) => (await import('./kinds/bare.js')).startWs(options),
  'ws login': async (options) => (await import('./kinds/login.js')).startWs(options),
  'uws bare': async (options) => (await import('./kinds/bare.js')).startUws(options),
  'uws login': async (options) => (await import('./kinds/login.js')).startUws(options),
  'two requests': async (options) => (await import('./kinds/two-requests.js')).start(options),
  peer: async (options) => (await import('./kinds/peer.js')).start(options),
};

const [, , kind, json] = process.argv;
const options = JSON.parse(json);
const pem = { cert: readFileSync(options.certFile), key: readFileSync(options.keyFile) };
let delay;
let server;

function memory() {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  return { rss, heapUsed, heapTotal, external };
}

/** What an application would have beside. */
const held = [];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const commands = {
  async start() {
    server = await KINDS[kind]({ ...options, ...pem });
    return { port: server.port, ...server.facts };
  },
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  /**
   * After everything that is not needed any more was thrown away. With a rest of more than five seconds V8 takes the
   * process for idle, and gives back what it reserved for young objects while there was work.
   */
  async memory(restMs = 0) {
    globalThis.gc();
    await pause(restMs);
    for (let i = 0; i < 4; i++) {
      globalThis.gc();
      await pause(100);
    }
    return memory();
  },
  /** Holds so many bytes more, in small objects. */
  hold(bytes) {
    const heapUsed = () => {
      globalThis.gc();
      return process.memoryUsage().heapUsed;
    };
    const target = heapUsed() + bytes;
    while (heapUsed() < target) for (let i = 0; i < 1000; i++) held.push({ i, name: `name ${i}`, list: [i] });
  },
  rss: () => process.memoryUsage.rss(),
  delayStart() {
    delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
  },
  delayStop() {
    delay.disable();
    const ms = (nanoseconds) => nanoseconds / 1e6;
    return { p50: ms(delay.percentile(50)), p99: ms(delay.percentile(99)), max: ms(delay.max) };
  },
  /** Microseconds of one login's cryptography on the server, without sockets and store. */
  crypto: (rounds) => server.measureCrypto(rounds),
  stop() {
    setImmediate(() => process.exit(0));
  },
};

process.on('message', async ({ id, command, value }) => {
  try {
    process.send({ id, result: await commands[command](value) });
  } catch (error) {
    process.send({ id, error: error.stack });
  }
});
process.on('disconnect', () => process.exit(1));
