// npm run bench:login: what one login costs the server, against the bare connection and against other ways to log in.
// `--rounds N`, `--own` (ours and bare only), `--only ws|uws`, `--profile FOLDER` (CPU profiles of the servers), `--no-write`
// (leave bench/RESULTS.md as it is).
import { parseArgs } from 'node:util';
import { writeBlock } from './core/report.js';
import { checkWithClient, createAccounts, logIn, resume, signWith, ticketOf } from './server/accounts.js';
import { addressOf, Client, HttpClient } from './server/client.js';
import { CONTEXT } from './server/kinds/two-requests.js';
import { measureRounds } from './server/load.js';
import { PEERS } from './server/peers/index.js';
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
    rounds: { type: 'string', default: '21' },
    count: { type: 'string', default: '120' },
    accounts: { type: 'string', default: '500' },
    own: { type: 'boolean' },
    only: { type: 'string' },
    'warm-up': { type: 'string', default: '2500' },
    profile: { type: 'string' },
    'no-write': { type: 'boolean' },
  },
});
const rounds = Number(values.rounds);
const count = Number(values.count);
const warmUp = Number(values['warm-up']);
const concurrency = 32;
/** Peers take part in so many rounds fewer: what they are compared with is far away. */
const PEERS_EVERY = 4;
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
    async unit(i) {
      const client = await Client.open(bare.port, { localAddress: addressOf(i) });
      await client.echo();
      await client.close();
    },
  });
  const server = await start(`${adapter} login`, { data: freshFolder(data) });
  const connect = (i) => Client.open(server.port, { protocol: 'blindsalt.v1', localAddress: addressOf(i) });
  const check = await connect(0);
  await checkWithClient(check, server.port, accounts[0]);
  await check.close();
  contenders.push({
    name: `${adapter}: login`,
    ...{ server, count, warmUp },
    async unit(i) {
      const client = await connect(i);
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
  for (const [i, holder] of holders.entries()) {
    const client = await connect(i);
    holder.ticket = ticketOf(await logIn(client, server.port, holder));
    await client.close();
    if (holder.ticket === undefined) return void notes.push('resumption: this server gives no tickets yet');
  }
  // One holder at a time for a ticket.
  let next = 0;
  contenders.push({
    name: `${adapter}: resume`,
    ...{ server, count, warmUp },
    async unit(i) {
      const client = await connect(i);
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
  contenders.push({
    name: 'two HTTPS requests on one connection',
    ...{ server, count, warmUp: warmUp / 3, unit: login, every: PEERS_EVERY },
  });
  contenders.push({
    name: 'the same, then the WebSocket',
    ...{ server, count, warmUp: warmUp / 3, every: PEERS_EVERY },
    async unit(i) {
      const client = await Client.open(server.port, { path: `/?token=${await login(i)}` });
      await client.echo();
      await client.close();
    },
  });
}

const COUNTS = {
  'SRP-6a (tssrp6a)': 12,
  'password, argon2id 64 MiB t=3 on the server': 4,
  'password, bcrypt cost 10 on the server': 8,
};

async function addPeer(name) {
  const server = await start('peer', { peer: name });
  const peer = await PEERS[name].createClient();
  contenders.push({
    name,
    ...{ server, count: COUNTS[name] ?? Math.ceil(count / 2), warmUp: COUNTS[name] ?? warmUp / 4, every: PEERS_EVERY },
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
if (values.only !== 'uws') await addAdapter('ws');
if (values.only === 'ws') notes.push('uWebSockets.js was left out');
else if (uws.loads) await addAdapter('uws');
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

const taken = (name) => samples.get(name)?.filter((value) => value !== undefined);
const cost = Object.fromEntries([...samples.keys()].map((name) => [name, median(taken(name))]));
const bareName = (name) => `${name.startsWith('uws') ? 'uws' : 'ws'}: bare connection`;
const above = (name) => cost[name] - cost[bareName(name)];
const against = (name, other) => spread(ratioOf(samples.get(name), samples.get(other)));
const rows = [...samples.keys()].map((name) => {
  const isBare = name === bareName(name);
  return [
    name,
    micro(cost[name]),
    micro(Math.min(...taken(name))),
    isBare ? '' : against(name, bareName(name)),
    isBare ? '' : micro(above(name)),
    isBare || name.startsWith('uws') || !samples.has('ws: login') ? '' : against(name, 'ws: login'),
  ];
});

const wanted = [];
/** A goal for a ratio, where it was measured. */
function want(what, ratio, text, limit, isAtMost = true) {
  const isMet = isAtMost ? ratio <= limit : ratio >= limit;
  wanted.push({ what, goal: `${isAtMost ? '≤' : '≥'} ${limit}×`, value: text, isMet });
}
function wantRatio(what, name, other, ...limit) {
  if (!samples.has(name) || !samples.has(other)) return;
  const ratio = ratioOf(samples.get(name), samples.get(other));
  want(what, ratio.ratio, spread(ratio), ...limit);
}
const cryptoOf = (name) => (crypto[name].length > 0 ? median(crypto[name]) : undefined);
const [ours, theirs] = Object.keys(crypto).map(cryptoOf);
wantRatio('login against bare, ws', 'ws: login', 'ws: bare connection', nodeMajor() >= 24 ? 1.25 : 1.4);
wantRatio('login against bare, uWS', 'uws: login', 'uws: bare connection', 1.9);
wantRatio('resume against bare, ws', 'ws: resume', 'ws: bare connection', 1.2);
wantRatio('resume against bare, uWS', 'uws: resume', 'uws: bare connection', 1.45);
if (theirs !== undefined) {
  want('cryptography of @serenity-kit/opaque against ours', theirs / ours, times(theirs / ours), 8, false);
}
const ARGON2ID = 'password, argon2id 64 MiB t=3 on the server';
wantRatio('native argon2id on the server against our login, ws', ARGON2ID, 'ws: login', 100, false);

const text = [
  `### Login, Node ${process.version}`,
  '',
  `${circumstances()}. Server CPU time in microseconds for TLS, upgrade, login, one echo of 32 bytes, and close; medians ` +
    `of ${rounds} rounds in which all took turns (peers in every ${PEERS_EVERY}th), ratios round by round with their ` +
    `quartiles, ${concurrency} connections at once. Ours with SQLite, durable before ` +
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
