// npm run bench:memory: resident memory of the server for each idle connection, authenticated against bare.
// `--connections N`, `--repeats N`, `--only ws|uws`, `--accounts FOLDER` (keeps the accounts there for the next run), `--no-write`.
// `--warm-up N`, `--rest SECONDS`: see below.
import { parseArgs } from 'node:util';
import { writeBlock } from './core/report.js';
import { keepAccounts, logIn } from './server/accounts.js';
import { addressOf, Client } from './server/client.js';
import { run } from './server/load.js';
import { circumstances, goals, kilobytes, median, nodeMajor, table, times, uwsHere } from './server/report.js';
import { freshFolder, makeCertificate, pinLoad, ServerProcess } from './server/rig.js';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    repeats: { type: 'string', default: '1' },
    accounts: { type: 'string' },
    only: { type: 'string' },
    'warm-up': { type: 'string' },
    rest: { type: 'string', default: '6' },
    'no-write': { type: 'boolean' },
  },
});
const connections = Number(values.connections);
const repeats = Number(values.repeats);
/** Opened and closed before anything is weighed, so that code, pools and caches, SQLite's pages among them, are there. */
const WARM_UP = Number(values['warm-up'] ?? connections);
const REST_MS = 1000 * Number(values.rest);
const CONCURRENCY = 32;
const LIMITS = { ws: 1.08, uws: 1.3 };

pinLoad();
const certificate = await makeCertificate();
const { data, accounts } = await keepAccounts(values.accounts ?? freshFolder(), connections);

/** Bytes for each connection, of a fresh process. */
async function weigh(kind) {
  const isLogin = kind.endsWith('login');
  const server = await ServerProcess.start(kind, certificate, isLogin ? { data: freshFolder(data) } : {});
  const open = async (i) => {
    const client = await Client.open(server.port, {
      protocol: isLogin ? 'blindsalt.v1' : '',
      localAddress: addressOf(i),
    });
    if (isLogin) await logIn(client, server.port, accounts[i]);
    await client.echo();
    return client;
  };
  await run(WARM_UP, CONCURRENCY, async (i) => (await open(i % connections)).close());
  const before = await server.call('memory', REST_MS);
  const clients = [];
  await run(connections, CONCURRENCY, async (i) => clients.push(await open(i)));
  const after = await server.call('memory', REST_MS);
  // All of them have to be there still.
  await run(connections, CONCURRENCY, (i) => clients[i].echo());
  for (const client of clients) client.destroy();
  await server.stop();
  const each = (name) => (after[name] - before[name]) / connections;
  return { rss: each('rss'), heap: each('heapUsed'), external: each('external') };
}

const uws = await uwsHere();
const adapters = ['ws', 'uws'].filter((one) => (values.only ?? one) === one && (one === 'ws' || uws.loads));
const kinds = adapters.flatMap((adapter) => [`${adapter} bare`, `${adapter} login`]);
const samples = Object.fromEntries(kinds.map((kind) => [kind, []]));
for (let repeat = 0; repeat < repeats; repeat++) for (const kind of kinds) samples[kind].push(await weigh(kind));

const weight = (kind, name) => median(samples[kind].map((sample) => sample[name]));
const rows = kinds.map((kind) => {
  const [adapter, what] = kind.split(' ');
  const rss = weight(kind, 'rss');
  return [
    `${adapter}, ${what === 'bare' ? 'bare' : 'authenticated'}`,
    kilobytes(rss),
    samples[kind].map((sample) => (sample.rss / 1024).toFixed(1)).join(', '),
    kilobytes(weight(kind, 'heap')),
    kilobytes(weight(kind, 'external')),
    what === 'bare' ? '' : times(rss / weight(`${adapter} bare`, 'rss')),
  ];
});
const wanted = adapters.map((adapter) => {
  const ratio = weight(`${adapter} login`, 'rss') / weight(`${adapter} bare`, 'rss');
  return {
    what: `memory of an idle authenticated connection against a bare one, ${adapter}`,
    goal: `≤ ${LIMITS[adapter]}×`,
    value: `${times(ratio)} (${kilobytes(weight(`${adapter} login`, 'rss') - weight(`${adapter} bare`, 'rss'))} more)`,
    isMet: ratio <= LIMITS[adapter],
  };
});
const text = [
  `### Memory, Node ${process.version}${values.only ? `, ${values.only}` : ''}`,
  '',
  `${circumstances()}. ${connections.toLocaleString('en-US')} connections, each after one echo of 32 bytes and idle; a fresh ` +
    `process each time, ${WARM_UP.toLocaleString('en-US')} connections opened and closed before, at most ` +
    `${CONCURRENCY} at once; weighed after ${values.rest} s without work, garbage collected before and after; medians of ` +
    `${repeats}.`,
  '',
  table(['', 'resident memory each', 'each time, KiB', 'of that JavaScript heap', 'external', 'against bare'], rows),
  '',
  goals(wanted),
  ...(uws.loads ? [] : ['', uws.why]),
].join('\n');
process.stdout.write(`${text}\n`);
if (!values['no-write']) writeBlock(`memory node-${nodeMajor()}${values.only ? ` ${values.only}` : ''}`, text);
process.exit(0);
