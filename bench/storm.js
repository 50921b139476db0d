// npm run bench:storm: the minute after a deploy. So many clients at once connect and log in, beside the same storm of bare
// connections; sessions are revoked while all of them are open; then all connections break, and everybody resumes.
// `--clients N` (10,000 unless said; the open files of both processes must suffice), `--only ws|uws`, `--accounts FOLDER`
// (keeps the accounts there for the next run), `--no-write`.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openSqliteStore } from 'blindsalt/server/store/sqlite';
import { writeBlock } from './core/report.js';
import { keepAccounts, logIn, resume, ticketOf } from './server/accounts.js';
import { addressOf, Client, Refused } from './server/client.js';
import { run } from './server/load.js';
import { circumstances, goals, micro, nodeMajor, quantile, table, uwsHere } from './server/report.js';
import { freshFolder, makeCertificate, pinLoad, ServerProcess } from './server/rig.js';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '10000' },
    'warm-up': { type: 'string', default: '1500' },
    revocations: { type: 'string', default: '1000' },
    accounts: { type: 'string' },
    only: { type: 'string' },
    'no-write': { type: 'boolean' },
  },
});
const count = Number(values.clients);
const WARM_UP = Number(values['warm-up']);
const DELAY_LIMIT_MS = 20;
const REVOKE_LIMIT_MS = 1000;
/** Memory counts as back at the idle figure within this. */
const MEMORY_SLACK = 1.15;
/** Nobody waits for ever. */
const PATIENCE_MS = 100_000;
const MAX_BACKOFF_MS = 5_000;
/** Unauthenticated connections are many here, and messages small, as the engine demands then. */
const LIMITS = { maxUnauthenticated: Math.min(count, 10_000), maxMessageBytes: 4096 };

pinLoad();
const certificate = await makeCertificate();
const { data, accounts } = await keepAccounts(values.accounts ?? freshFolder(), count);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One client, which comes again as long as it is told to, and when it is told to. Answers how often it was. */
async function come(server, enter, i) {
  const deadline = Date.now() + PATIENCE_MS;
  for (let refusals = 0; ; refusals++) {
    let client;
    try {
      client = await Client.open(server.port, { protocol: enter ? 'blindsalt.v1' : '', localAddress: addressOf(i) });
      await enter?.(client, server.port, i);
      await client.echo();
      return { client, refusals };
    } catch (error) {
      client?.destroy();
      // A connection that was lost on the way in is tried again, as the reconnecting client does.
      const isReset = ['ECONNRESET', 'ECONNREFUSED'].includes(error.code) || / ended, code none$/.test(error.message);
      const isLater =
        error instanceof Refused ? error.status === 503 : error.isTryLater || [4450, 4451].includes(client?.closeCode);
      if (!(isReset || isLater) || Date.now() > deadline) return { error, refusals };
      const backoff = Math.random() * Math.min(MAX_BACKOFF_MS, 500 * 2 ** refusals);
      await pause(1000 * (error.retryAfterSeconds || 0.1) + backoff);
    }
  }
}

/** Everybody at once. */
async function storm(name, server, enter, idle) {
  await server.call('delayStart');
  const begin = performance.now();
  const cpuBefore = await server.call('cpu');
  const all = await Promise.all(Array.from({ length: count }, (_, i) => come(server, enter, i)));
  const seconds = (performance.now() - begin) / 1000;
  const cpu = ((await server.call('cpu')) - cpuBefore) / count;
  const delay = await server.call('delayStop');
  const clients = all.map(({ client }) => client);
  return {
    ...{ name, seconds, cpu, delay, idle, clients, full: await server.call('rss') },
    inside: clients.filter(Boolean).length,
    refusals: all.reduce((sum, one) => sum + one.refusals, 0),
    causes: new Set(all.filter(({ error }) => error).map(({ error }) => error.message)),
  };
}

async function leave(server, result) {
  for (const client of result.clients) client?.destroy();
  await pause(500);
  result.clients = [];
  result.after = (await server.call('memory')).rss;
}

async function warmUp(server, enter) {
  await run(WARM_UP, 16, async (i) => {
    const { client, error } = await come(server, enter, i % count);
    if (error) throw error;
    await client.close();
  });
  return (await server.call('memory')).rss;
}

async function bareStorm(adapter) {
  const server = await ServerProcess.start(`${adapter} bare`, certificate);
  const result = await storm(`${adapter}: bare connections`, server, undefined, await warmUp(server));
  await leave(server, result);
  await server.stop();
  return result;
}

async function loginStorms(adapter) {
  const own = freshFolder(data);
  const server = await ServerProcess.start(`${adapter} login`, certificate, { data: own, limits: LIMITS });
  const holders = accounts.map((account) => ({ ...account }));
  const enter = async (client, port, i) => void (holders[i].welcome = keep(await logIn(client, port, holders[i]), i));
  const keep = (welcome, i) => {
    holders[i].ticket = ticketOf(welcome);
    return welcome.sessionId.slice();
  };
  const idle = await warmUp(server, enter);
  const logins = await storm(`${adapter}: logins`, server, enter, idle);
  const revocation = await revoke(own, logins.clients, holders);
  await leave(server, logins);
  // Those whose session was revoked have a ticket no more: they log in.
  const again = (client, port, i) => (revocation.of.has(i) ? enter(client, port, i) : resume(client, port, holders[i]));
  const resumptions = await storm(`${adapter}: resumptions`, server, again, idle);
  await leave(server, resumptions);
  await server.stop();
  return { logins, resumptions, revocation: { name: adapter, ...revocation } };
}

/** Ends sessions one by one in the store, as another process would, and measures until their sockets are closed. */
async function revoke(folder, clients, holders) {
  const store = await openSqliteStore(path.join(folder, 'blindsalt.db'));
  const step = Math.max(1, Math.floor(count / Number(values.revocations)));
  const of = new Set();
  const delays = [];
  const waiting = [];
  for (let i = 0; i < count; i += step) {
    if (!clients[i]) continue;
    of.add(i);
    const { welcome: sessionId } = holders[i];
    await store.endSessions({ sessionId, reason: 'revoked', nowMs: Date.now() });
    const begin = performance.now();
    waiting.push(clients[i].gone.then(() => delays.push(performance.now() - begin)));
  }
  await Promise.race([Promise.all(waiting), pause(10_000)]);
  await store.close();
  return { of, delays, missing: waiting.length - delays.length };
}

const uws = await uwsHere();
const adapters = ['ws', 'uws'].filter((one) => (values.only ?? one) === one && (one === 'ws' || uws.loads));
const results = [];
const revocations = [];
for (const adapter of adapters) {
  results.push(await bareStorm(adapter));
  const { logins, resumptions, revocation } = await loginStorms(adapter);
  results.push(logins, resumptions);
  revocations.push(revocation);
}

const megabytes = (bytes) => (bytes / 1024 / 1024).toFixed(0);
const figure = (value) => value.toLocaleString('en-US');
const rows = results.map(({ name, seconds, cpu, delay, idle, full, after, inside, refusals }) => [
  name,
  `${figure(inside)} of ${figure(count)}`,
  figure(refusals),
  seconds.toFixed(1),
  micro(cpu),
  `${delay.p50.toFixed(1)} / ${delay.p99.toFixed(1)} / ${delay.max.toFixed(0)}`,
  `${megabytes(idle)} / ${megabytes(full)} / ${megabytes(after)}`,
]);
const wanted = results
  .filter(({ name }) => !name.endsWith('bare connections'))
  .flatMap(({ name, inside, delay, idle, after }) => [
    { what: `${name}: all in`, goal: figure(count), value: figure(inside), isMet: inside === count },
    {
      what: `${name}: event-loop delay p99`,
      goal: `< ${DELAY_LIMIT_MS} ms`,
      value: `${delay.p99.toFixed(1)} ms`,
      isMet: delay.p99 < DELAY_LIMIT_MS,
    },
    {
      what: `${name}: memory afterwards`,
      goal: `≤ ${MEMORY_SLACK}× idle`,
      value: `${(after / idle).toFixed(2)}×`,
      isMet: after / idle <= MEMORY_SLACK,
    },
  ]);
for (const { name, delays, missing } of revocations) {
  const p99 = quantile(delays, 0.99);
  wanted.push({
    what: `${name}: from a revocation in another process to the closed socket, ${figure(delays.length)} of ${figure(count)} open, p99`,
    goal: `≤ ${REVOKE_LIMIT_MS} ms`,
    value: `${p99.toFixed(0)} ms (median ${quantile(delays, 0.5).toFixed(0)}${missing > 0 ? `, ${missing} never` : ''})`,
    isMet: p99 <= REVOKE_LIMIT_MS && missing === 0,
  });
}
const causes = results.flatMap(({ name, causes: list }) => [...list].map((cause) => `${name}: ${cause}`));
const text = [
  `### Storm, Node ${process.version}${values.only ? `, ${values.only}` : ''}`,
  '',
  `${circumstances()}. ${figure(count)} clients at once, each with TLS, upgrade, login and one echo; the load is one ` +
    'process, so that the time is as much its own. Event-loop delay of the server as `monitorEventLoopDelay` sees it at a ' +
    'resolution of 1 ms: median / p99 / longest. Memory before, with everybody in, and after all connections broke. ' +
    'Resumptions follow on the same server.',
  '',
  table(['', 'in', 'told to come again', 'seconds', 'server CPU each, µs', 'delay, ms', 'resident memory, MB'], rows),
  '',
  goals(wanted),
  ...causes.flatMap((cause) => ['', cause]),
  ...(uws.loads ? [] : ['', uws.why]),
].join('\n');
process.stdout.write(`${text}\n`);
if (!values['no-write']) writeBlock(`storm node-${nodeMajor()}${values.only ? ` ${values.only}` : ''}`, text);
process.exit(0);
