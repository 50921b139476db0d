// npm run bench:login: what one login costs the server, against the bare connection and against other ways to log in.
// `--rounds N`, `--own` (ours and bare only), `--profile FOLDER` (CPU profiles of the servers), `--no-write` (leave bench/RESULTS.md as it is).
import { parseArgs } from 'node:util';
import { writeBlock } from './core/report.js';
import { checkWithClient, createAccounts, logIn, resume, signWith, ticketOf } from './server/accounts.js';
import { Client, HttpClient } from './server/client.js';
import { CONTEXT } from './server/kinds/two-requests.js';
import { measureRounds } from './server/load.js';
import { PEERS } from './server/peers/index.js';
import { circumstances, goals, median, micro, nodeMajor, table, times, uwsHere } from './server/report.js';
import { freshFolder, makeCertificate, pinLoad, ServerProcess } from './server/rig.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    count: { type: 'string', default: '300' },
    accounts: { type: 'string', default: '500' },
    own: { type: 'boolean' },
    'warm-up': { type: 'string', default: '3000' },
    profile: { type: 'string' },
    'no-write': { type: 'boolean' },
  },
});
const rounds = Number(values.rounds);
const count = Number(values.count);
const warmUp = Number(values['warm-up']);
const concurrency = 32;
const CRYPTO_ROUNDS = 300;

pinLoad();
const certificate = await makeCertificate();
const data = freshFolder();
const accounts = await createAccounts(data, Number(values.accounts));
const accountOf = (i) => accounts[i % accounts.length];
const servers = [];
const contenders = [];
const notes = [];

async function start(kind, options) {
  const server = await ServerProcess.start(kind, certificate, options, values.profile);
  servers.push(server);
  return server;
}

async function addAdapter(adapter) {
  const bare = await start(`${adapter} bare`);
  contenders.push({
    name: `${adapter}: bare connection`,
    ...{ server: bare, count, warmUp },
    async unit() {
      const client = await Client.open(bare.port);
      await client.echo();
      await client.close();
    },
  });
  const server = await start(`${adapter} login`, { data: freshFolder(data) });
  const connect = () => Client.open(server.port, { protocol: 'blindsalt.v1' });
  const check = await connect();
  await checkWithClient(check, server.port, accounts[0]);
  await check.close();
  contenders.push({
    name: `${adapter}: login`,
    ...{ server, count, warmUp },
    async unit(i) {
      const client = await connect();
      await logIn(client, server.port, accountOf(i));
      await client.echo();
      await client.close();
    },
  });
  await addResume(adapter, server, connect);
}

async function addResume(adapter, server, connect) {
  const holders = accounts.map((account) => ({ ...account }));
  // Each login begins a session with a ticket of its own; the server keeps them apart by that.
  for (const holder of holders) {
    const client = await connect();
    holder.ticket = ticketOf(await logIn(client, server.port, holder));
    await client.close();
    if (holder.ticket === undefined) return void notes.push('resumption: this server gives no tickets yet');
  }
  // One holder at a time for a ticket.
  let next = 0;
  contenders.push({
    name: `${adapter}: resume`,
    ...{ server, count, warmUp },
    async unit() {
      const client = await connect();
      await resume(client, server.port, holders[next++ % holders.length]);
      await client.echo();
      await client.close();
    },
  });
}

async function addTwoRequests() {
  const server = await start('two requests', { data: freshFolder(data) });
  const login = async (i) => {
    const account = accountOf(i);
    const client = await HttpClient.open(server.port);
    const request = Buffer.from(account.request).toString('base64');
    const { id, nonce } = await client.post('/login/start', { username: account.username, request });
    const signed = Buffer.concat([Buffer.from(id, 'base64'), Buffer.from(nonce, 'base64')]);
    const proof = Buffer.from(signWith(account, signed, CONTEXT)).toString('base64');
    const { token } = await client.post('/login/finish', { id, proof });
    await client.close();
    return token;
  };
  contenders.push({ name: 'two HTTPS requests on one connection', server, count, warmUp: warmUp / 3, unit: login });
  contenders.push({
    name: 'the same, then the WebSocket',
    ...{ server, count, warmUp },
    async unit(i) {
      const client = await Client.open(server.port, { path: `/?token=${await login(i)}` });
      await client.echo();
      await client.close();
    },
  });
}

const COUNTS = {
  'SRP-6a (tssrp6a)': 16,
  'password, argon2id 64 MiB t=3 on the server': 8,
  'password, bcrypt cost 10 on the server': 8,
};

async function addPeer(name) {
  const server = await start('peer', { peer: name });
  const peer = await PEERS[name].createClient();
  contenders.push({
    name,
    ...{ server, count: COUNTS[name] ?? Math.ceil(count / 2), warmUp: COUNTS[name] ?? warmUp / 3 },
    async unit() {
      const client = await Client.open(server.port);
      await peer.login((message) => client.exchange(message));
      await client.echo();
      await client.close();
    },
  });
  return server;
}

const uws = await uwsHere();
await addAdapter('ws');
if (uws.loads) await addAdapter('uws');
else notes.push(uws.why);
if (!values.own) {
  await addTwoRequests();
  for (const name of Object.keys(PEERS)) await addPeer(name);
}

const serverOf = (wanted) => contenders.find(({ name }) => name === wanted)?.server;
const crypto = { 'ws: login': [], '@serenity-kit/opaque': [] };
const samples = await measureRounds(contenders, { rounds, concurrency });
for (let round = 0; round < rounds; round++) {
  for (const [name, list] of Object.entries(crypto)) {
    const server = serverOf(name);
    if (server) list.push(await server.call('crypto', CRYPTO_ROUNDS));
  }
}
for (const server of servers) await server.stop();

const cost = Object.fromEntries([...samples].map(([name, list]) => [name, median(list)]));
const bareOf = (name) => cost[`${name.startsWith('uws') ? 'uws' : 'ws'}: bare connection`];
const above = (name) => cost[name] - bareOf(name);
const rows = [...samples].map(([name, list]) => {
  const own = cost[name];
  const isBare = own === bareOf(name);
  return [
    name,
    micro(own),
    micro(Math.min(...list)),
    times(own / bareOf(name)),
    isBare ? '' : micro(above(name)),
    isBare || name.startsWith('uws') ? '' : times(own / cost['ws: login']),
  ];
});

const wanted = [];
/** A goal for a ratio of two costs, where both were measured. */
function want(what, numerator, denominator, limit, isAtMost = true) {
  if (numerator === undefined || denominator === undefined) return;
  const ratio = numerator / denominator;
  const isMet = isAtMost ? ratio <= limit : ratio >= limit;
  wanted.push({ what, goal: `${isAtMost ? '≤' : '≥'} ${limit}×`, value: times(ratio), isMet });
}
const cryptoOf = (name) => (crypto[name].length > 0 ? median(crypto[name]) : undefined);
const [ours, theirs] = Object.keys(crypto).map(cryptoOf);
const argon2id = cost['password, argon2id 64 MiB t=3 on the server'];
want('login against bare, ws', cost['ws: login'], cost['ws: bare connection'], nodeMajor() >= 24 ? 1.25 : 1.4);
want('login against bare, uWS', cost['uws: login'], cost['uws: bare connection'], 1.9);
want('resume against bare, ws', cost['ws: resume'], cost['ws: bare connection'], 1.2);
want('resume against bare, uWS', cost['uws: resume'], cost['uws: bare connection'], 1.45);
want('cryptography of @serenity-kit/opaque against ours', theirs, ours, 8, false);
want('native argon2id on the server against our login, ws', argon2id, cost['ws: login'], 100, false);

const text = [
  `### Login, Node ${process.version}`,
  '',
  `${circumstances()}. Server CPU time in microseconds for TLS, upgrade, login, one echo of 32 bytes, and close; medians ` +
    `of ${rounds} rounds in which all took turns, ${concurrency} connections at once. Ours with SQLite, durable before ` +
    '`welcome`; peers keep users in memory, and no sessions. The load keeps its stretched keys.',
  '',
  table(['', 'server CPU, µs', 'best round', 'against bare', 'above bare, µs', 'against ours on ws'], rows),
  '',
  ...(theirs === undefined
    ? []
    : [
        `The server's cryptography alone: ours ${micro(ours)} µs, @serenity-kit/opaque ${micro(theirs)} µs. Above the bare ` +
          `connection: ours ${micro(above('ws: login'))} µs, @serenity-kit/opaque ` +
          `${micro(above('@serenity-kit/opaque'))} µs (${times(above('@serenity-kit/opaque') / above('ws: login'))}).`,
        '',
      ]),
  goals(wanted),
  ...[...new Set(notes)].flatMap((note) => ['', note]),
].join('\n');
process.stdout.write(`${text}\n`);
if (!values['no-write']) writeBlock(`login node-${nodeMajor()}`, text);
