// npm run bench:messages: what one application message costs the server after a login, against a bare echo.
// `--rounds N`, `--profile FOLDER`, `--no-write`.
import { parseArgs } from 'node:util';
import { writeBlock } from './core/report.js';
import { createAccounts, logIn } from './server/accounts.js';
import { Client, maskedFrame } from './server/client.js';
import { circumstances, goals, median, micro, nodeMajor, table, times, uwsHere } from './server/report.js';
import { freshFolder, makeCertificate, pinLoad, ServerProcess } from './server/rig.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    profile: { type: 'string' },
    'no-write': { type: 'boolean' },
  },
});
const rounds = Number(values.rounds);
const CONNECTIONS = 16;
/** Bytes, and how many messages make a round. 65,536 is the longest message. */
const SIZES = [
  [32, 3200],
  [1024, 3200],
  [16_384, 800],
  [65_536, 320],
];
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
  const clients = [];
  for (const account of accounts) {
    const client = await Client.open(server.port, { protocol: isLogin ? 'blindsalt.v1' : '' });
    if (isLogin) await logIn(client, server.port, account);
    clients.push(client);
  }
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
const pairs = [];
for (const adapter of uws.loads ? ['ws', 'uws'] : ['ws']) {
  pairs.push({ adapter, bare: await open(`${adapter} bare`), login: await open(`${adapter} login`) });
}

const cases = [];
for (const pair of pairs) {
  for (const [size, count] of SIZES) {
    for (const isBinary of [false, true]) {
      // 0x61 is a letter, and not the mark of control frames.
      const frame = maskedFrame(Buffer.alloc(size, 0x61), isBinary);
      cases.push({ ...pair, size, count, isBinary, frame, samples: { bare: [], login: [] }, ratios: [] });
    }
  }
}
for (let round = -1; round < rounds; round++) {
  for (const { bare, login, count, frame, samples, ratios } of cases) {
    // Who comes first changes, for the second finds a warmer or a hotter machine.
    const order = round % 2 ? [bare, login] : [login, bare];
    const cost = new Map();
    for (const one of order) cost.set(one, (await one.server.cpuOf(() => one.send(frame, count))) / count);
    if (round < 0) continue;
    samples.bare.push(cost.get(bare));
    samples.login.push(cost.get(login));
    ratios.push(cost.get(login) / cost.get(bare));
  }
}
for (const { bare, login } of pairs) {
  await bare.server.stop();
  await login.server.stop();
}

const results = cases.map(({ adapter, size, isBinary, samples, ratios }) => ({
  name: `${adapter}, ${isBinary ? 'binary' : 'text'}, ${size.toLocaleString('en-US')} bytes`,
  adapter,
  bare: median(samples.bare),
  login: median(samples.login),
  ratio: median(ratios),
}));
const worstOf = (adapter) =>
  results.filter((result) => result.adapter === adapter).reduce((a, b) => (a.ratio > b.ratio ? a : b));
const wanted = pairs.map(({ adapter }) => {
  const worst = worstOf(adapter);
  return {
    what: `application message against bare echo, ${adapter}`,
    goal: `≤ ${LIMIT}×`,
    value: `${times(worst.ratio)} at worst (${worst.name})`,
    isMet: worst.ratio <= LIMIT,
  };
});
const text = [
  `### Messages, Node ${process.version}`,
  '',
  `${circumstances()}. Server CPU time in microseconds for one message there and back, ${CONNECTIONS} connections with one ` +
    `message under way on each; medians of ${rounds} rounds in which all took turns, the ratio of pairs side by side.`,
  '',
  table(
    ['', 'bare, µs', 'after login, µs', 'ratio'],
    results.map(({ name, bare, login, ratio }) => [name, micro(bare), micro(login), times(ratio)]),
  ),
  '',
  goals(wanted),
  ...(uws.loads ? [] : ['', uws.why]),
].join('\n');
process.stdout.write(`${text}\n`);
if (!values['no-write']) writeBlock(`messages node-${nodeMajor()}`, text);
process.exit(0);
