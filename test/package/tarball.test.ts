import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

// The tarball as `npm pack` makes it, unpacked into an empty project. Its dependencies are linked from this checkout, so
// that the test needs no network; that they install is what a fresh clone shows.
const root = process.cwd();
const project = mkdtempSync(path.join(tmpdir(), 'blindsalt-tarball-'));
const installed = path.join(project, 'node_modules/blindsalt');
const node = (...args: string[]) =>
  execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8', stdio: 'pipe' });

interface Manifest {
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  exports: Record<string, string | { types: string; default: string }>;
  bin: Record<string, string>;
}
const manifest = () => JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as Manifest;

beforeAll(() => {
  const npm = process.env['npm_execpath'];
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', project];
  if (npm === undefined) execFileSync('npm', pack, { cwd: root });
  else execFileSync(process.execPath, [npm, ...pack], { cwd: root });
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack made no tarball');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', path.join(project, tarball), '-C', installed, '--strip-components=1']);
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name: 'stranger', private: true }));
  const { dependencies, optionalDependencies } = manifest();
  // The last one is an optional peer: who imports blindsalt/server/uws has it.
  for (const name of [
    ...Object.keys({ ...dependencies, ...optionalDependencies }),
    '@types/node',
    '@types/ws',
    'uWebSockets.js',
  ]) {
    if (!existsSync(path.join(root, 'node_modules', name))) continue;
    const link = path.join(project, 'node_modules', name);
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(path.join(root, 'node_modules', name), link, 'junction');
  }
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the packed tarball in an empty project', () => {
  test('contains every file that its exports name, and no sources or tests', () => {
    const named = Object.values(manifest().exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    expect(
      [...named, ...Object.values(manifest().bin)].filter((file) => !existsSync(path.join(installed, file))),
    ).toEqual([]);
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => /(^|\/)(test|assembly|node_modules|data)\//.test(file))).toEqual([]);
  });

  const users = `
    const { loadCrypto } = crypto, { createEngine } = server, { WebSocketServer } = ws;
    const core = await loadCrypto();
    if (core.sha512(new Uint8Array(0)).length !== 64) throw new Error('sha512');
    const message = new Uint8Array(3), key = core.schnorr.publicKey(new Uint8Array(32).fill(1));
    const context = new Uint8Array(0);
    if (!core.schnorr.verify(core.schnorr.sign(message, new Uint8Array(32).fill(1), context), message, key, context)) throw new Error('schnorr');
    const engine = await createEngine({ domain: 'localhost', data: './data', targets: ['localhost'] });
    new WebSocketServer({ noServer: true, engine });
    if (typeof client.connect('wss://localhost/').login !== 'function') throw new Error('client');
    if (typeof browser.connect !== 'function' || typeof proto.ERRORS !== 'object') throw new Error('exports');
    await engine.close();
    console.log('fine');
  `;
  const modules = {
    crypto: 'crypto',
    server: 'server',
    ws: 'server/ws',
    client: 'client/node',
    browser: 'client',
    proto: 'proto',
  };

  test('works from ESM', () => {
    const imports = Object.entries(modules).map(([name, sub]) => `import * as ${name} from 'blindsalt/${sub}';`);
    writeFileSync(path.join(project, 'user.mjs'), `${imports.join('\n')}\n${users}`);
    expect(node('user.mjs')).toContain('fine');
  });

  test('works from CommonJS by require(esm)', () => {
    const requires = Object.entries(modules).map(([name, sub]) => `const ${name} = require('blindsalt/${sub}');`);
    writeFileSync(path.join(project, 'user.cjs'), `${requires.join('\n')}\n(async () => {${users}})();`);
    expect(node('--disable-warning=ExperimentalWarning', 'user.cjs')).toContain('fine');
  });

  test('its command line runs', () => {
    expect(node(path.join(installed, manifest().bin['blindsalt']!), '--help')).toMatch(/serve[\s\S]*login/);
  });

  const typed = `
    import { createServer } from 'node:https';
    import { createEngine, type Session } from 'blindsalt/server';
    import { WebSocketServer } from 'blindsalt/server/ws';
    import { authenticate } from 'blindsalt/server/uws';
    import { openMemoryStore } from 'blindsalt/server/store/memory';
    import { openSqliteStore } from 'blindsalt/server/store/sqlite';
    import { connect } from 'blindsalt/client/node';
    import { connect as connectInBrowser } from 'blindsalt/client';
    import { loadCrypto } from 'blindsalt/crypto';
    import { BlindsaltError, decodeControl, type ErrorCode } from 'blindsalt/proto';

    export async function main(): Promise<void> {
      const engine = await createEngine<{ colour: string }>({ domain: 'localhost', data: './data' });
      const wss = new WebSocketServer({ server: createServer(), engine });
      wss.on('connection', (socket) => {
        const session: Session<{ colour: string }> = socket.session;
        const colour: string = socket.session.attributes.colour;
        // @ts-expect-error not an attribute
        void socket.session.attributes.size;
        socket.on('message', (data, isBinary: boolean) => socket.send(data, { binary: isBinary }));
        socket.send(session.username + colour);
      });
      const socket = await connect('wss://localhost/').login({ username: 'a', password: 'b' });
      socket.onmessage = (event) => void event.data;
      socket.send('text');
      const other = await connectInBrowser('wss://localhost/').signup({ username: 'a', password: 'b' });
      other.binaryType = 'arraybuffer';
      // @ts-expect-error a password is needed
      await connect('wss://localhost/').login({ username: 'a' });
      const code: ErrorCode = 'login-failed';
      void [authenticate, new BlindsaltError(code), decodeControl, openMemoryStore, openSqliteStore, (await loadCrypto()).oprf];
    }
  `;
  test.each([
    ['NodeNext', 'NodeNext'],
    ['ESNext', 'Bundler'],
  ])('type-checks with module %s, resolution %s', (module, moduleResolution) => {
    writeFileSync(path.join(project, 'user.mts'), typed);
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const options = ['--strict', '--noEmit', '--target', 'ES2022', '--lib', 'ES2023,DOM', '--types', 'node'];
    try {
      node(tsc, ...options, '--module', module, '--moduleResolution', moduleResolution, 'user.mts');
    } catch (error) {
      throw new Error((error as { stdout: string }).stdout, { cause: error });
    }
  });
});
