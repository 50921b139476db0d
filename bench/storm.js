// npm run bench:storm: so many clients at once connect and log in, beside the same storm of bare connections.
// `--clients N` (1,000 unless said; the open files of both processes must suffice), `--no-write`.
import { parseArgs } from 'node:util';
import { writeBlock } from './core/report.js';
import { createAccounts, logIn, resume, ticketOf } from './server/accounts.js';
import { Client, Refused } from './server/client.js';
import { run } from './server/load.js';
import { circumstances, goals, micro, nodeMajor, table, uwsHere } from './server/report.js';
import { freshFolder, makeCertificate, pinLoad, ServerProcess } from './server/rig.js';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '1000' },
    'warm-up': { type: 'string', default: '1500' },
    'no-write': { type: 'boolean' },
  },
});
const count = Number(values.clients);
const DELAY_LIMIT_MS = 20;
/** Memory counts as back at the idle figure within this. */
const MEMORY_SLACK = 1.15;
const WARM_UP = Number(values['warm-up']);
/** Nobody waits for ever. */
const PATIENCE_MS = 300_000;
const MAX_BACKOFF_MS = 5_000;

pinLoad();
const certificate = await makeCertificate();
const data = freshFolder();
const accounts = await createAccounts(data, count);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Codes of the server's that mean: come again. */
const isTryLater = (error, client) =>
  error instanceof Refused ? error.status === 503 : client?.closeCode === 1013 || /try-later/.test(error.message);

/** One client, which comes again as long as it is told to. Answers how often it was. */
async function storm(server, enter, i) {
  const deadline = Date.now() + PATIENCE_MS;
  for (let refusals = 0; ; refusals++) {
    let client;
    try {
      client = await Client.open(server.port, { protocol: enter ? 'blindsalt.v1' : '' });
      await enter?.(client, server.port, i);
      await client.echo();
      return { client, refusals };
    } catch (error) {
      const isReset = ['ECONNRESET', 'ECONNREFUSED'].includes(error.code);
      if (!(isReset || isTryLater(error, client)) || Date.now() > deadline) return { error, refusals };
      client?.destroy();
      const wait =
        1000 * (error.retryAfterSeconds || 0.1) + Math.random() * Math.min(MAX_BACKOFF_MS, 500 * 2 ** refusals);
      await pause(wait);
    }
  }
}

/** A storm on a fresh server. */
async function measure(name, kind, makeEnter) {
  const isLogin = kind.endsWith('login');
  const server = await ServerProcess.start(kind, certificate, isLogin ? { data: freshFolder(data) } : {});
  const enter = isLogin ? await makeEnter(server) : undefined;
  await run(WARM_UP, 16, async (i) => {
    const { client, error } = await storm(server, enter, i % count);
    if (error) throw error;
    await client.close();
  });
  const idle = await server.call('memory');
  await server.call('delayStart');
  const begin = performance.now();
  const cpuBefore = await server.call('cpu');
  const all = await Promise.all(Array.from({ length: count }, (_, i) => storm(server, enter, i)));
  const seconds = (performance.now() - begin) / 1000;
  const cpu = ((await server.call('cpu')) - cpuBefore) / count;
  const delay = await server.call('delayStop');
  const full = await server.call('rss');
  const inside = all.filter(({ client }) => client);
  const causes = new Set(all.filter(({ error }) => error).map(({ error }) => error.message));
  await Promise.all(inside.map(({ client }) => client.close()));
  const after = await server.call('memory');
  await server.stop();
  const refusals = all.reduce((sum, one) => sum + one.refusals, 0);
  return {
    name,
    kind,
    seconds,
    cpu,
    delay,
    idle: idle.rss,
    full,
    after: after.rss,
    inside: inside.length,
    refusals,
    causes,
  };
}

/** Everybody has a ticket from before. */
async function withTickets(server) {
  const holders = accounts.map((account) => ({ ...account }));
  await run(count, 16, async (i) => {
    const client = await Client.open(server.port, { protocol: 'blindsalt.v1' });
    holders[i].ticket = ticketOf(await logIn(client, server.port, holders[i]));
    await client.close();
  });
  return (client, port, i) => resume(client, port, holders[i]);
}

const uws = await uwsHere();
const results = [];
for (const adapter of uws.loads ? ['ws', 'uws'] : ['ws']) {
  const login = `${adapter} login`;
  results.push(await measure(`${adapter}: bare connections`, `${adapter} bare`));
  results.push(await measure(`${adapter}: logins`, login, () => (client, port, i) => logIn(client, port, accounts[i])));
  results.push(await measure(`${adapter}: resumptions`, login, withTickets));
}

const megabytes = (bytes) => (bytes / 1024 / 1024).toFixed(0);
const rows = results.map(({ name, seconds, cpu, delay, idle, full, after, inside, refusals }) => [
  name,
  `${inside.toLocaleString('en-US')} of ${count.toLocaleString('en-US')}`,
  String(refusals),
  seconds.toFixed(1),
  micro(cpu),
  `${delay.p50.toFixed(1)} / ${delay.p99.toFixed(1)} / ${delay.max.toFixed(0)}`,
  `${megabytes(idle)} / ${megabytes(full)} / ${megabytes(after)}`,
]);
const wanted = results
  .filter(({ kind }) => kind.endsWith('login'))
  .flatMap(({ name, inside, delay, idle, after }) => [
    { what: `${name}: all in`, goal: `${count}`, value: `${inside}`, isMet: inside === count },
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
const causes = results.flatMap(({ name, causes: list }) => [...list].map((cause) => `${name}: ${cause}`));
const text = [
  `### Storm, Node ${process.version}`,
  '',
  `${circumstances()}. ${count.toLocaleString('en-US')} clients at once, each with TLS, upgrade, login and one echo; the load ` +
    'is one process, so that the time is as much its own. Event-loop delay of the server as `monitorEventLoopDelay` sees it ' +
    'at a resolution of 1 ms: median / p99 / longest. Memory before, with everybody in, and after all have gone.',
  '',
  table(['', 'in', 'told to come again', 'seconds', 'server CPU each, µs', 'delay, ms', 'resident memory, MB'], rows),
  '',
  goals(wanted),
  ...causes.flatMap((cause) => ['', cause]),
  ...(uws.loads ? [] : ['', uws.why]),
].join('\n');
process.stdout.write(`${text}\n`);
if (!values['no-write']) writeBlock(`storm node-${nodeMajor()}`, text);
process.exit(0);
