// npm run bench:messages: what one application message costs the server after a login, against a bare echo.
// `--rounds N`, `--only ws|uws`, `--profile FOLDER`, `--no-write`.
import { parseArgs } from 'node:util';
import { writeBlock } from './core/report.js';
import { createAccounts, logIn } from './server/accounts.js';
import { addressOf, Client, maskedFrame } from './server/client.js';
import { run } from './server/load.js';
import {
  circumstances,
  goals,
  median,
  micro,
  nodeMajor,
  ratioOf,
  spread,
  table,
  times,
  uwsHere,
} from './server/report.js';
import { freshFolder, makeCertificate, pinLoad, ServerProcess } from './server/rig.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '32' },
    only: { type: 'string' },
    profile: { type: 'string' },
    'no-write': { type: 'boolean' },
  },
});
const rounds = Number(values.rounds);
const CONNECTIONS = 16;
/**
 * Bytes, and how many messages make a slice: some 30 milliseconds, so that those that are compared see the same machine.
 * 65,536 bytes are the longest message.
 */
const SIZES = [
  [32, 960],
  [1024, 800],
  [16_384, 224],
  [65_536, 80],
];
/**
 * Opened and closed before anything else, as in a server that has been up for a while: until its first collection of the
 * whole heap, V8 lets garbage pile up as it never does again.
 */
const CHURN = 500;
/** Sets of processes, one after the other. */
const GENERATIONS = 4;
/** Slices of each case before anything is measured. */
const WARM_UP = 4;
const LIMIT = 1.05;

pinLoad();
const certificate = await makeCertificate();
const data = freshFolder();
const accounts = await createAccounts(data, CONNECTIONS);

/** A server with its connections: `send(frame, count)` bounces messages until so many came back. */
async function open(kind) {
  const isLogin = kind.endsWith('login');
  const options = isLogin ? { data: freshFolder(data) } : {};
  const server = await ServerProcess.start(kind, certificate, options, values.profile);
  const connect = async (i) => {
    const client = await Client.open(server.port, {
      protocol: isLogin ? 'blindsalt.v1' : '',
      localAddress: addressOf(i),
    });
    if (isLogin) await logIn(client, server.port, accounts[i % accounts.length]);
    return client;
  };
  await run(CHURN, CONNECTIONS, async (i) => (await connect(i)).close());
  const clients = [];
  for (let i = 0; i < CONNECTIONS; i++) clients.push(await connect(i));
  const send = (frame, count) =>
    new Promise((resolve, reject) => {
      let left = count;
      let toSend = count;
      for (const client of clients) {
        client.onMessage = () => {
          left -= 1;
          if (toSend > 0) {
            toSend -= 1;
            client.sendFrame(frame);
          } else if (left === 0) resolve();
        };
        client.gone.then(() => reject(new Error(`${kind}: the connection ended with ${client.closeCode}`)));
        toSend -= 1;
        client.sendFrame(frame);
      }
    });
  return { kind, server, send };
}

const uws = await uwsHere();
const adapters = ['ws', 'uws'].filter((one) => (values.only ?? one) === one && (one === 'ws' || uws.loads));
const cases = adapters.flatMap((adapter) =>
  SIZES.flatMap(([size, count]) =>
    [false, true].map((isBinary) => {
      // 0x61 is a letter, and not the mark of control frames.
      const frame = maskedFrame(Buffer.alloc(size, 0x61), isBinary);
      return { adapter, size, count, isBinary, frame, samples: { bare: [], login: [], control: [], held: [] } };
    }),
  ),
);

/**
 * The second bare server is the control: how far two that do the same are apart is what cannot be told here. The third has as
 * many objects on its heap as the one with the login, since V8 collects a larger heap as a whole more often.
 */
async function openAll(adapter, order) {
  const servers = {};
  for (const one of order) servers[one] = await open(`${adapter} ${one === 'login' ? 'login' : 'bare'}`);
  const memory = {};
  for (const one of order) memory[one] = await servers[one].server.call('memory');
  await servers.held.server.call('hold', Math.max(0, memory.login.heapUsed - memory.held.heapUsed));
  return servers;
}

/** Every place in turn, for who comes later finds a warmer or a hotter machine. */
const ORDERS = [
  ['bare', 'login', 'control', 'held'],
  ['held', 'control', 'login', 'bare'],
  ['login', 'held', 'bare', 'control'],
  ['control', 'bare', 'held', 'login'],
];
// Two processes of one program differ by a tenth for as long as they live: each generation has new ones.
for (let generation = 0; generation < GENERATIONS; generation++) {
  for (const adapter of adapters) {
    const servers = await openAll(adapter, ORDERS[generation % ORDERS.length]);
    for (const { count, frame, samples } of cases.filter((one) => one.adapter === adapter)) {
      for (let round = -WARM_UP; round < rounds / GENERATIONS; round++) {
        for (const one of ORDERS[(round + WARM_UP) % ORDERS.length]) {
          const { server, send } = servers[one];
          const cpu = await server.cpuOf(() => send(frame, count));
          if (round >= 0) samples[one].push(cpu / count);
        }
      }
    }
    for (const { server } of Object.values(servers)) await server.stop();
  }
}

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const results = cases.map(({ adapter, size, isBinary, samples }) => {
  const bare = samples.bare.map((one, i) => (one + samples.control[i]) / 2);
  return {
    name: `${adapter}, ${isBinary ? 'binary' : 'text'}, ${size.toLocaleString('en-US')} bytes`,
    ...{ adapter, bare: median(bare), login: median(samples.login) },
    ...{ ratio: ratioOf(samples.login, bare), control: ratioOf(samples.control, samples.bare) },
    held: ratioOf(samples.login, samples.held),
  };
});
const of = (adapter) => results.filter((result) => result.adapter === adapter);
const goalOf = (adapter, key, what) => {
  const worst = of(adapter).reduce((a, b) => (a[key].ratio > b[key].ratio ? a : b));
  const all = mean(of(adapter).map((result) => result[key].ratio));
  return {
    what: `application message against ${what}, ${adapter}`,
    goal: `≤ ${LIMIT}×`,
    value: `${spread(worst[key])} at worst (${worst.name}); all cases ${times(all)}`,
    isMet: worst[key].ratio <= LIMIT,
  };
};
const wanted = adapters.flatMap((adapter) => [
  goalOf(adapter, 'ratio', 'bare echo'),
  goalOf(adapter, 'held', 'bare echo with as large a heap'),
]);
const text = [
  `### Messages, Node ${process.version}${values.only ? `, ${values.only}` : ''}`,
  '',
  `${circumstances()}. Server CPU time in microseconds for one message there and back, ${CONNECTIONS} connections with one ` +
    `message under way on each; medians of ${rounds} rounds of some 30 ms in which all took turns, with new processes ${GENERATIONS} times. Ratios ` +
    'round by round with their quartiles: after the login against the mean of two bare servers, and one of these against ' +
    'the other, which do the same: how far that is from 1 is what this machine cannot tell; and after the login against a bare ' +
    'server with as many objects on its heap, which an application would have.',
  '',
  table(
    ['', 'bare, µs', 'after login, µs', 'ratio', 'bare against bare', 'ratio, as large a heap'],
    results.map(({ name, bare, login, ratio, control, held }) => [
      name,
      micro(bare),
      micro(login),
      spread(ratio),
      spread(control),
      spread(held),
    ]),
  ),
  '',
  goals(wanted),
  ...(uws.loads ? [] : ['', uws.why]),
].join('\n');
process.stdout.write(`${text}\n`);
if (!values['no-write']) writeBlock(`messages node-${nodeMajor()}${values.only ? ` ${values.only}` : ''}`, text);
process.exit(0);
