// The files in deploy/: that they say what they should, ask for metrics that exist, and that nginx, HAProxy and Caddy, where they
// are installed, carry a login with the configuration that we give.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { generate } from 'selfsigned';
import { connect } from '../../src/client/node.js';
import { loadCrypto } from '../../src/crypto/index.js';
import { WebSocketServer } from '../../src/server/adapter/ws.js';
import { createEngine, silentLogger, type Engine, type Session } from '../../src/server/index.js';
import { createMetrics } from '../../src/server/metrics/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { temporaryFolder } from '../support/cli.js';
import { makeServerKeys } from '../support/server-keys.js';

const read = (name: string): string => readFileSync(path.join('deploy', name), 'utf8');
const isThere = (program: string): boolean => spawnSync(program, ['-v'], { stdio: 'ignore' }).error === undefined;

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

describe('what is watched', () => {
  let engine: Engine;
  let names: Set<string>;
  beforeAll(async () => {
    const crypto = await loadCrypto();
    const keys = makeServerKeys(crypto, 'localhost');
    const metrics = createMetrics();
    const { observer: one } = metrics;
    engine = await createEngine({
      domain: 'localhost',
      store: openMemoryStore(),
      keys,
      logger: silentLogger,
      observers: [one],
    });
    metrics.attach(engine);
    one.onEvent!({ event: 'refused', atMs: 0, code: 'try-later', reason: 'work-waits' });
    one.onStage!('verify', 1);
    one.onStoreCall!('begin', 1, true);
    const text = await metrics.render();
    names = new Set([...text.matchAll(/^([a-z_0-9]+)(?:\{| )/gm)].map(([, name]) => name!));
  });
  afterAll(() => engine.close());

  /** Names of series in a query: words that are no functions, labels, or words of the language. */
  const asked = (query: string): string[] =>
    [...query.replaceAll(/\{[^}]*\}|by \([^)]*\)|\[[^\]]*\]/g, '').matchAll(/\b([a-z][a-z_0-9]*)\b(?!\()/g)]
      .map(([, name]) => name!)
      .filter((name) => !['and', 'or', 'on', 'up', 'by', 'sum', 'max'].includes(name));

  test('every query of the dashboard asks for metrics that exist', () => {
    const { panels } = JSON.parse(read('grafana-dashboard.json')) as { panels: readonly Panel[] };
    const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    expect(queries.length).toBeGreaterThan(10);
    expect(queries.flatMap(asked).filter((name) => !names.has(name))).toEqual([]);
    expect(queries.every((query) => asked(query).length > 0)).toBe(true);
  });

  test('and so does every alert, with labels that have such values', () => {
    const text = read('prometheus-alerts.yml');
    const rules = text.split('- alert: ').slice(1);
    const queries = rules.map((rule) =>
      /expr: (?:>-\n)?([\s\S]*?)\n {8}for:|expr: ([^\n]*)/.exec(rule)!.slice(1).join(''),
    );
    expect(queries.length).toBeGreaterThan(8);
    expect(
      queries.flatMap((query) => asked(query.replaceAll('undefined', ''))).filter((name) => !names.has(name)),
    ).toEqual([]);
    const events = [...text.matchAll(/event="([^"]+)"/g)].map(([, event]) => event!);
    const known = read('../src/server/audit/events.ts');
    expect(events.filter((event) => !known.includes(`'${event}'`))).toEqual([]);
    expect(rules.every((rule) => rule.includes('severity:') && rule.includes('summary:'))).toBe(true);
  });

  const promtool = isThere('promtool') ? test : test.skip;
  promtool('promtool accepts the rules (skipped where it is not installed)', () => {
    execFileSync('promtool', ['check', 'rules', 'deploy/prometheus-alerts.yml'], { stdio: 'pipe' });
  });

  test('label values cannot be made by strangers', async () => {
    const metrics = createMetrics({ processMetrics: false });
    for (let i = 0; i < 500; i++) {
      metrics.observer.onEvent!({ event: 'refused', atMs: 0, code: `x${i}`, reason: `r${i}` });
      metrics.observer.onEvent!({
        event: 'refused',
        atMs: 0,
        code: 'try-later',
        reason: 'abcdefghij'.slice(i % 10) + 'z'.repeat(i % 30),
      });
    }
    const lines = (await metrics.render()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.length).toBeLessThan(100);
  });
});

describe('Dockerfile and unit (read, not built: no container engine is needed)', () => {
  test('the image is made in stages, runs as a plain user, stops by SIGTERM and has a health check', () => {
    const text = read('Dockerfile');
    expect(text.match(/^FROM /gm)).toHaveLength(2);
    const final = text.slice(text.lastIndexOf('\nFROM '));
    expect(final).toMatch(/^USER 1000:1000$/m);
    expect(final.indexOf('\nUSER ')).toBeLessThan(final.indexOf('\nENTRYPOINT '));
    expect(final).toMatch(/^HEALTHCHECK [\s\S]*\/healthz/m);
    expect(final).toMatch(/^STOPSIGNAL SIGTERM$/m);
    expect(final).toMatch(/^VOLUME \/data$/m);
    expect(text).not.toMatch(/:latest|ADD |curl|sudo|ENV .*(KEY|SECRET|PASSWORD)/);
    // What it copies is there in a built checkout, and what it runs is a command of ours.
    const command = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(final)![1]!) as string[];
    const help = execFileSync(process.execPath, [...command.slice(1, 3), '--help'], { encoding: 'utf8' });
    for (const option of command.filter((word) => word.startsWith('--'))) expect(help).toContain(option);
    const port = command[command.indexOf('--operations-port') + 1];
    expect(final).toContain(`127.0.0.1:${port}/healthz`);
  });

  test('the Dockerfile has instructions that exist, copies what is there, runs scripts that are there, and keeps keys out', () => {
    const text = read('Dockerfile');
    const lines = text
      .replace(/\\\n/g, ' ')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => /^([A-Z]+) +(.*)$/.exec(line)!.slice(1) as [string, string]);
    const known = 'FROM WORKDIR COPY RUN ENV USER VOLUME EXPOSE HEALTHCHECK STOPSIGNAL ENTRYPOINT'.split(' ');
    expect(lines.map(([name]) => name).filter((name) => !known.includes(name))).toEqual([]);
    expect(lines[0]![0]).toBe('FROM');
    for (const [, base] of lines.filter(([name]) => name === 'FROM'))
      expect(base).toMatch(/^node:\d+-\w+-slim( AS build)?$/);
    const { scripts } = JSON.parse(read('../package.json')) as { scripts: Record<string, string> };
    for (const [name, rest] of lines) {
      const words = rest.split(/ +/);
      if (name === 'COPY' && words[0] !== '--from=build')
        for (const file of words.slice(0, -1)) expect(existsSync(file)).toBe(true);
      // What the last stage takes is made by the build, or comes with the package.
      if (name === 'COPY' && words[0] === '--from=build') {
        expect(['package.json', 'bin', 'dist', 'node_modules']).toContain(words[1]!.replace('/build/', ''));
      }
      if (name === 'RUN')
        for (const [, script] of rest.matchAll(/npm run (\S+)/g)) expect(scripts).toHaveProperty(script!);
      // Without a shell between, so that signals arrive.
      if (name === 'ENTRYPOINT') expect(Array.isArray(JSON.parse(rest))).toBe(true);
    }
    const ignored = read('Dockerfile.dockerignore').split('\n');
    for (const name of ['**/keys.json', '**/*.db', '**/*.pem', 'data', '.git', '**/node_modules', 'dist']) {
      expect(ignored).toContain(name);
    }
  });

  test('the unit hardens the service, gives it time to drain, and uses options that exist', () => {
    const text = read('blindsalt.service');
    for (const line of [
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      // Not DynamicUser: nobody could administer the folder then.
      'User=blindsalt',
      'PrivateTmp=yes',
      'UMask=0077',
    ]) {
      expect(text).toContain(`\n${line}\n`);
    }
    const help = execFileSync(process.execPath, ['bin/blindsalt.js', 'serve', '--help'], { encoding: 'utf8' });
    const options = [...text.matchAll(/ (--[a-z-]+)/g)].map(([, option]) => option!);
    expect(options.filter((option) => !help.includes(option))).toEqual([]);
    const seconds = (name: string): number => Number(new RegExp(`${name}[= ](\\d+)`).exec(text)![1]);
    expect(seconds('TimeoutStopSec')).toBeGreaterThan(seconds('--drain-delay') + seconds('--drain-seconds') + 6);
  });

  const systemd = isThere('systemd-analyze') ? test : test.skip;
  systemd('systemd-analyze accepts the unit (skipped where it is not installed)', () => {
    const { stderr } = spawnSync('systemd-analyze', ['verify', 'deploy/blindsalt.service'], { encoding: 'utf8' });
    // Of this machine it may say that node lies elsewhere, or that others' units are odd.
    const ours = stderr.split('\n').filter((line) => /blindsalt\.service:\d+|Unknown/.test(line));
    expect(ours).toEqual([]);
  });
});

describe('proxies', () => {
  test('every example keeps quiet connections longer than the pings, and says who the client is', () => {
    expect(read('nginx.conf')).toMatch(/proxy_read_timeout 90s/);
    expect(read('nginx.conf')).toMatch(/proxy_set_header X-Forwarded-For \$remote_addr;/);
    expect(read('haproxy.cfg')).toMatch(/timeout tunnel 90s/);
    expect(read('haproxy.cfg')).toMatch(/set-header X-Forwarded-For %\[src\]/);
    expect(read('Caddyfile')).toMatch(/reverse_proxy/);
  });

  /** Paths of a certificate and its key, of both in one file; the server behind, the port before it. */
  interface Place {
    readonly folder: string;
    readonly cert: string;
    readonly key: string;
    readonly both: string;
    readonly behind: number;
    readonly port: number;
  }

  /** Our example with the addresses and files of the test, and how the program is started with it. */
  const PROXIES: Readonly<Record<string, (place: Place) => readonly [text: string, args: (file: string) => string[]]>> =
    {
      nginx({ folder, cert, key, behind, port }) {
        const ours = read('nginx.conf')
          .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
          .replace('127.0.0.1:8443', `127.0.0.1:${behind}`)
          .replace('chat.example', 'localhost')
          .replace('/etc/blindsalt/tls/fullchain.pem', cert)
          .replace('/etc/blindsalt/tls/privkey.pem', key);
        const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
          (name) => `${name}_temp_path ${path.join(folder, name)};`,
        );
        const outer = `daemon off; pid ${path.join(folder, 'pid')}; error_log stderr; events {}`;
        const text = `${outer}\nhttp { access_log off; ${places.join(' ')}\n${ours}\n}\n`;
        return [text, (file) => ['-p', folder, '-e', 'stderr', '-c', file]];
      },
      haproxy({ both, behind, port }) {
        const text = read('haproxy.cfg')
          .replace('bind :443 ssl crt /etc/blindsalt/tls/haproxy.pem', `bind 127.0.0.1:${port} ssl crt ${both}`)
          .replace('127.0.0.1:8443', `127.0.0.1:${behind}`);
        return [text, (file) => ['-db', '-q', '-f', file]];
      },
      caddy({ cert, key, behind, port }) {
        const text = read('Caddyfile')
          .replace('{\n\tservers', '{\n\tadmin off\n\tauto_https disable_redirects\n\tservers')
          .replace('chat.example {\n\ttls {', `localhost:${port} {\n\tbind 127.0.0.1\n\ttls ${cert} ${key} {`)
          .replace('127.0.0.1:8443', `127.0.0.1:${behind}`);
        return [text, (file) => ['run', '--adapter', 'caddyfile', '--config', file]];
      },
    };

  describe.each(Object.keys(PROXIES))('%s', (name) => {
    const variable = `BLINDSALT_TEST_${name.toUpperCase()}`;
    const program = process.env[variable] ?? name;
    const folder = temporaryFolder();
    const sessions: Session[] = [];
    const server = createPlain();
    let child: ChildProcess | undefined;
    let engine: Engine;
    let port: number;
    let ca: string;
    const isHere = isThere(program);
    const withProxy = isHere ? test : test.skip;

    beforeAll(async () => {
      if (!isHere) return;
      port = await freePort();
      const altNames = [{ type: 2, value: 'localhost' } as const];
      const made = await generate([{ name: 'commonName', value: 'localhost' }], {
        keyType: 'ec',
        algorithm: 'sha256',
        extensions: [{ name: 'subjectAltName', altNames }],
      });
      ca = made.cert;
      const crypto = await loadCrypto();
      engine = await createEngine({
        domain: 'localhost',
        store: openMemoryStore(),
        keys: makeServerKeys(crypto, 'localhost'),
        targets: [`localhost:${port}`],
        logger: silentLogger,
      });
      const sockets = new WebSocketServer({ server, engine, trustedProxies: ['127.0.0.0/8', '::1/128'] });
      sockets.on('connection', (socket) => {
        sessions.push(socket.session);
        socket.on('message', (data) => socket.send(data));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const [cert, key, both] = ['cert.pem', 'key.pem', 'both.pem'].map((file) => path.join(folder.path, file));
      writeFileSync(cert!, made.cert);
      writeFileSync(key!, made.private);
      writeFileSync(both!, `${made.cert}\n${made.private}`);
      mkdirSync(path.join(folder.path, 'logs'));
      const behind = (server.address() as AddressInfo).port;
      const place = { folder: folder.path, cert: cert!, key: key!, both: both!, behind, port };
      const [text, args] = PROXIES[name]!(place);
      // The example is used: each of its addresses and files was replaced.
      expect(text).not.toMatch(/chat\.example|\/etc\/blindsalt\/tls|127\.0\.0\.1:8443/);
      const file = path.join(folder.path, 'proxy.conf');
      writeFileSync(file, text);
      const env = { ...process.env, HOME: folder.path, XDG_DATA_HOME: folder.path, XDG_CONFIG_HOME: folder.path };
      child = spawn(program, args(file), { stdio: ['ignore', 'ignore', 'pipe'], env });
      let said = '';
      child.stderr!.setEncoding('utf8').on('data', (part: string) => (said += part));
      for (let i = 0; i < 200 && child.exitCode === null; i++) {
        if (await answers(port)) return;
        await delay(50);
      }
      throw new Error(`${name} does not listen: ${said}`);
    });
    afterAll(async () => {
      if (child !== undefined) {
        const gone = once(child, 'exit');
        child.kill();
        await gone;
        await engine.close();
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      folder.remove();
    });

    const title = 'carries sign-up, login and messages; the client is who it says';
    withProxy(isHere ? title : `${title} (skipped: ${name} is not installed; ${variable} names one)`, async () => {
      const client = connect(`wss://localhost:${port}`, { ca });
      const credentials = { username: 'anna', password: 'correct horse battery' };
      (await client.signup(credentials)).close();
      const socket = await client.login(credentials);
      socket.binaryType = 'arraybuffer';
      const answer = new Promise((resolve) =>
        socket.addEventListener('message', ({ data }) => resolve(data), { once: true }),
      );
      socket.send(new Uint8Array([0xc1, 1, 2]));
      expect(new Uint8Array((await answer) as ArrayBuffer)).toEqual(new Uint8Array([0xc1, 1, 2]));
      expect(sessions.map(({ addressPrefix }) => addressPrefix)).toEqual(['127.0.0.0/24', '127.0.0.0/24']);
      socket.close();
    });

    withProxy(
      isHere ? 'believes nothing that a client says of its address' : 'believes no client (skipped: not installed)',
      async () => {
        const lies = { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': 'http', Forwarded: 'for=203.0.113.9' };
        const client = connect(`wss://localhost:${port}`, { ca, headers: lies });
        const socket = await client.login({ username: 'anna', password: 'correct horse battery' });
        expect(sessions.at(-1)!.addressPrefix).toBe('127.0.0.0/24');
        socket.close();
      },
    );
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(port, '127.0.0.1');
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
}
