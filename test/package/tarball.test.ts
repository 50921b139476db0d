import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { packedProject } from '../support/packed-project.js';
import { snippetsOf } from '../support/snippets.js';

const root = process.cwd();
const { folder: project, installed, manifest, remove } = packedProject();
const node = (...args: string[]) =>
  execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8', stdio: 'pipe' });
afterAll(() => remove());

describe('the packed tarball in an empty project', () => {
  test('contains every file that its exports name, and no sources or tests', () => {
    const named = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    expect(
      [...named, ...Object.values(manifest.bin)].filter((file) => !existsSync(path.join(installed, file))),
    ).toEqual([]);
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => /(^|\/)(test|assembly|node_modules|data)\//.test(file))).toEqual([]);
  });

  test('one install is enough for the server, browser and Node of the README', () => {
    const names = ['A server', 'A browser', 'Node'].map((heading) => `README.md › ${heading}`);
    const texts = snippetsOf('README.md').filter(({ name }) => names.includes(name));
    const imported = texts.flatMap(({ text }) => [...text.matchAll(/ from '([^']+)';/g)].map((match) => match[1]!));
    expect(texts).toHaveLength(3);
    expect(imported.filter((name) => !/^(?:node:|blindsalt\/)/.test(name))).toEqual([]);
    expect(manifest.dependencies).toHaveProperty('ws');
    expect(manifest.optionalDependencies).toHaveProperty(['@photostructure/sqlite']);
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
    expect(node(path.join(installed, manifest.bin['blindsalt']!), '--help')).toMatch(/serve[\s\S]*login/);
  });

  const typed = `
    import { createServer } from 'node:https';
    import { createEngine, requireFresh, type Session } from 'blindsalt/server';
    import { WebSocketServer } from 'blindsalt/server/ws';
    import { authenticate } from 'blindsalt/server/uws';
    import { openMemoryStore } from 'blindsalt/server/store/memory';
    import { openSqliteStore } from 'blindsalt/server/store/sqlite';
    import { connect } from 'blindsalt/client/node';
    import { connect as connectInBrowser } from 'blindsalt/client';
    import { loadCrypto } from 'blindsalt/crypto';
    import { BlindsaltError, decodeControl, type ErrorCode } from 'blindsalt/proto';

    interface Hero {
      colour: string;
    }
    export async function main(): Promise<void> {
      const engine = await createEngine<Hero>({ domain: 'localhost', data: './data' });
      const wss = new WebSocketServer({ server: createServer(), engine });
      wss.on('connection', (socket) => {
        const session: Session<Hero> = socket.session;
        const colour: string = socket.session.attributes.colour ?? 'of a new user';
        requireFresh(session, 60);
        // @ts-expect-error not an attribute
        void socket.session.attributes.size;
        socket.on('message', (data, isBinary: boolean) => socket.send(data, { binary: isBinary }));
        socket.send(session.username + colour);
      });
      const hero: Hero = { colour: 'red' };
      await engine.admin.setAttributes('a', hero);
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
