// `serve` as an operator sees it: the operations port, and how it stops.
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { Server } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT } from '../../src/cli/exit-codes.js';
import { serveOperations } from '../../src/cli/serve/operations.js';
import { connect } from '../../src/client/node.js';
import { createEngine, silentLogger } from '../../src/server/index.js';
import { blindsalt, serve, temporaryFolder, type RunningServer } from '../support/cli.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(120_000);

const folder = temporaryFolder();
const running: RunningServer[] = [];
afterAll(async () => {
  for (const server of running) await server.stop();
  folder.remove();
});

const PASSWORD = 'correct horse battery';
let count = 0;

async function start(...args: string[]): Promise<{ server: RunningServer; ask: typeof askPort; port: number }> {
  const data = path.join(folder.path, `data${count++}`);
  const server = await serve(data, ['--operations-port', '0', '--log-level', 'info', ...args]);
  running.push(server);
  for (let i = 0; !/operations: http:\/\/127\.0\.0\.1:\d+/.test(server.stderr()) && i < 200; i++) await delay(25);
  const port = Number(/operations: http:\/\/127\.0\.0\.1:(\d+)/.exec(server.stderr())![1]);
  return { server, port, ask: (...given) => askPort(...given) };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type: string | undefined;
}

function askPort(port: number, where: string, { host = `127.0.0.1:${port}`, method = 'GET' } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path: where, method, headers: { host } }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      incoming.on('end', () => resolve({ status: incoming.statusCode!, text, type: incoming.headers['content-type'] }));
    });
    outgoing.on('error', reject).end();
  });
}

const value = (text: string, series: string): number | undefined => {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
};

const connector = (server: RunningServer) =>
  connect(`wss://localhost:${server.port}`, { ca: readFileSync(server.ca, 'utf8') });

async function waitFor(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await isSo()) return;
    await delay(25);
  }
  throw new Error('it did not come about');
}

test('--audit-days removes older entries of the audit trail, and says so in it', async () => {
  const data = path.join(folder.path, 'old');
  const old = { domain: 'localhost', data, logger: silentLogger, now: () => Date.UTC(2020, 0, 1) };
  await (await createEngine(old)).close();
  const server = await serve(data, ['--audit-days', '30']);
  running.push(server);
  await server.stop();
  const { stdout } = await blindsalt(['audit', 'tail', '--data', data]);
  expect(stdout).not.toContain('2020-01-01');
  expect(stdout).toMatch(/ pruned +actor=retention count=3/);
  expect(await blindsalt(['audit', 'verify', '--data', data])).toMatchObject({ code: EXIT.ok });
});

describe('the operations port', () => {
  test('tells health, readiness and metrics, on loopback, to those who ask for loopback', async () => {
    const { server, port, ask } = await start();
    expect(await ask(port, '/healthz')).toMatchObject({ status: 200, text: 'ok\n' });
    expect(await ask(port, '/readyz')).toMatchObject({ status: 200, text: 'ready\n' });
    expect(await ask(port, '/')).toMatchObject({ status: 404 });
    expect(await ask(port, '/metrics', { method: 'POST' })).toMatchObject({ status: 405 });
    // A page elsewhere that made its own name lead here.
    expect(await ask(port, '/metrics', { host: 'evil.example' })).toMatchObject({ status: 421 });

    const socket = await connector(server).signup({ username: 'anna', password: PASSWORD });
    const wrong = connector(server).login({ username: 'anna', password: 'wrong horse battery' });
    await expect(wrong).rejects.toMatchObject({ code: 'login-failed' });
    const second = await connector(server).login({ username: 'anna', password: PASSWORD });
    await waitFor(
      async () => value((await ask(port, '/metrics')).text, 'blindsalt_sockets{state="unauthenticated"}') === 0,
    );
    const { text, type } = await ask(port, '/metrics');
    expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(value(text, 'blindsalt_attempts_total{kind="signup",result="ok"}')).toBe(1);
    expect(value(text, 'blindsalt_attempts_total{kind="login",result="ok"}')).toBe(1);
    const failed = ['abandoned', 'login-failed'].map(
      (result) => value(text, `blindsalt_attempts_total{kind="login",result="${result}"}`) ?? 0,
    );
    expect(failed[0]! + failed[1]!).toBe(1);
    expect(value(text, 'blindsalt_sockets{state="authenticated"}')).toBe(2);
    for (const stage of ['lookup', 'evaluate', 'verify', 'commit']) {
      expect(value(text, `blindsalt_login_stage_seconds_count{stage="${stage}"}`)).toBeGreaterThan(0);
    }
    expect(value(text, 'blindsalt_store_seconds_count{operation="begin"}')).toBe(2);
    expect(value(text, 'blindsalt_audit_entries')).toBeGreaterThan(3);
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    expect(text).not.toMatch(/anna|127\.0\.0/);
    socket.close();
    second.close();
    expect(await server.stop()).toMatchObject({ code: EXIT.ok });
  });

  test('outlives errors of its listener: out of file descriptors, for example', async () => {
    const lines: unknown[] = [];
    const log = {
      ...silentLogger,
      error: (fields: object, message?: string) => void lines.push({ ...fields, message }),
    };
    const operations = {
      metrics: async () => ({ contentType: 'text/plain', text: 'x 1\n' }),
      unready: async () => undefined,
    };
    const made = new Set<Server>();
    const { listen } = Server.prototype;
    const spy = jest.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...args: unknown[]) {
      made.add(this);
      return (listen as (...given: unknown[]) => Server).apply(this, args);
    } as never);
    const watched = await serveOperations(0, operations, log);
    spy.mockRestore();
    const error = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });
    for (const one of made) for (let i = 0; i < 3; i++) one.emit('error', error);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatchObject({ message: 'the operations port cannot accept a connection' });
    expect(await askPort(watched.port, '/healthz')).toMatchObject({ status: 200 });
    await watched.close();
  });

  test('is not there unless asked for, and a port in use is said', async () => {
    const { server, port } = await start();
    expect((await askPort(port, '/healthz')).status).toBe(200);
    const other = await blindsalt([
      ...['serve', '--dev', '--port', '0', '--data', path.join(folder.path, 'other')],
      ...['--operations-port', String(port)],
    ]);
    expect(other).toMatchObject({ code: EXIT.listen });
    expect(other.stderr).toContain('operations port');
    await server.stop();
  });

  test('with several workers: the metrics of all together', async () => {
    const { server, port, ask } = await start('--workers', '2');
    expect(await ask(port, '/readyz')).toMatchObject({ status: 200 });
    const socket = await connector(server).signup({ username: 'anna', password: PASSWORD });
    socket.close();
    for (let i = 0; i < 3; i++) (await connector(server).login({ username: 'anna', password: PASSWORD })).close();
    const { text } = await ask(port, '/metrics');
    expect(value(text, 'blindsalt_attempts_total{kind="signup",result="ok"}')).toBe(1);
    expect(value(text, 'blindsalt_attempts_total{kind="login",result="ok"}')).toBe(3);
    expect(await server.stop()).toMatchObject({ code: EXIT.ok });
    expect((await blindsalt(['audit', 'verify', '--data', server.data])).code).toBe(EXIT.ok);
  });
});

describe('draining', () => {
  test('not ready first, then 1001 to who is connected, no newcomers, and a clean end', async () => {
    const { server, port, ask } = await start('--drain-delay', '1');
    const sockets = [await connector(server).signup({ username: 'bert', password: PASSWORD })];
    for (let i = 0; i < 3; i++) sockets.push(await connector(server).login({ username: 'bert', password: PASSWORD }));
    const closed = sockets.map(
      (socket) => new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code))),
    );
    const ended = server.stop('SIGTERM');
    await waitFor(async () => (await ask(port, '/readyz')).status === 503);
    expect(await ask(port, '/readyz')).toMatchObject({ text: 'draining\n' });
    expect(await ask(port, '/healthz')).toMatchObject({ status: 200 });
    expect(await Promise.all(closed)).toEqual([1001, 1001, 1001, 1001]);
    await expect(connector(server).login({ username: 'bert', password: PASSWORD })).rejects.toMatchObject({
      code: expect.stringMatching(/^(connection-failed|connection-closed|try-later)$/) as unknown,
    });
    expect(await ended).toMatchObject({ code: EXIT.ok });
    expect(existsSync(path.join(server.data, 'blindsalt.db-wal'))).toBe(false);
    expect((await blindsalt(['audit', 'tail', '-n', '2', '--data', server.data])).stdout).toMatch(/server-stop/);
  });
});
