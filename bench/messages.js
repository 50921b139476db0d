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
    rounds: { type: 'string', default: '31' },
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
const CHURN = 1500;
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
const cases = [];
for (const adapter of adapters) {
  // The second bare server is the control: how far two that do the same are apart is what cannot be told here.
  const servers = {
    bare: await open(`${adapter} bare`),
    login: await open(`${adapter} login`),
    control: await open(`${adapter} bare`),
  };
  for (const [size, count] of SIZES) {
    for (const isBinary of [false, true]) {
      // 0x61 is a letter, and not the mark of control frames.
      const frame = maskedFrame(Buffer.alloc(size, 0x61), isBinary);
      cases.push({ adapter, servers, size, count, isBinary, frame, samples: { bare: [], login: [], control: [] } });
    }
  }
}

/** Every order in turn, for who comes later finds a warmer or a hotter machine. */
const ORDERS = [
  ['bare', 'login', 'control'],
  ['control', 'login', 'bare'],
  ['login', 'control', 'bare'],
  ['bare', 'control', 'login'],
  ['control', 'bare', 'login'],
  ['login', 'bare', 'control'],
];
for (const { servers, count, frame, samples } of cases) {
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const one of ORDERS[(round + WARM_UP) % ORDERS.length]) {
      const { server, send } = servers[one];
      const cpu = await server.cpuOf(() => send(frame, count));
      if (round >= 0) samples[one].push(cpu / count);
    }
  }
}
for (const { server } of new Set(cases.flatMap(({ servers }) => Object.values(servers)))) await server.stop();

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const results = cases.map(({ adapter, size, isBinary, samples }) => {
  const bare = samples.bare.map((one, i) => (one + samples.control[i]) / 2);
  return {
    name: `${adapter}, ${isBinary ? 'binary' : 'text'}, ${size.toLocaleString('en-US')} bytes`,
    ...{ adapter, bare: median(bare), login: median(samples.login) },
    ...{ ratio: ratioOf(samples.login, bare), control: ratioOf(samples.control, samples.bare) },
  };
});
const of = (adapter) => results.filter((result) => result.adapter === adapter);
const wanted = adapters.map((adapter) => {
  const worst = of(adapter).reduce((a, b) => (a.ratio.ratio > b.ratio.ratio ? a : b));
  return {
    what: `application message against bare echo, ${adapter}`,
    goal: `≤ ${LIMIT}×`,
    value: `${spread(worst.ratio)} at worst (${worst.name}); all cases ${times(mean(of(adapter).map(({ ratio }) => ratio.ratio)))}`,
    isMet: worst.ratio.ratio <= LIMIT,
  };
});
const text = [
  `### Messages, Node ${process.version}${values.only ? `, ${values.only}` : ''}`,
  '',
  `${circumstances()}. Server CPU time in microseconds for one message there and back, ${CONNECTIONS} connections with one ` +
    `message under way on each; medians of ${rounds} rounds of some 30 ms in which all took turns in every order. Ratios ` +
    'round by round with their quartiles: after the login against the mean of two bare servers, and one of these against ' +
    'the other, which do the same: how far that is from 1 is what this machine cannot tell.',
  '',
  table(
    ['', 'bare, µs', 'after login, µs', 'ratio', 'bare against bare'],
    results.map(({ name, bare, login, ratio, control }) => [
      name,
      micro(bare),
      micro(login),
      spread(ratio),
      spread(control),
    ]),
  ),
  '',
  goals(wanted),
  ...(uws.loads ? [] : ['', uws.why]),
].join('\n');
process.stdout.write(`${text}\n`);
if (!values['no-write']) writeBlock(`messages node-${nodeMajor()}${values.only ? ` ${values.only}` : ''}`, text);
process.exit(0);
