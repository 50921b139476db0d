// The snippets of the documentation as a reader would run them: from the packed tarball, in processes of their own.
// What is put in their place is the address of the server here, and in Node the Node client for the browser's.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { testCertificate } from '../support/certificate.js';
import { packedProject } from '../support/packed-project.js';
import { snippetsOf } from '../support/snippets.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(90_000);

const PASSWORD = 'correct horse battery';
const snippets = new Map(
  ['README.md', 'docs/client.md', 'docs/sessions.md'].flatMap(snippetsOf).map((snippet) => [snippet.name, snippet]),
);

/** Why the others do not run here. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'README.md › Two commands': 'npm in a clone of the project',
  'README.md › Behind a library that takes a WebSocket class':
    'needs graphql-ws: examples/graphql-ws.js runs as a test',
  'README.md › A server on uWebSockets.js':
    'needs uWebSockets.js, which npm does not have: the same is tested in test/server/uws-*.test.ts',
  'README.md › A command line': 'a shell: the same commands are tested in test/cli/',
  'README.md › The conformance suite':
    'a shell: the same is tested in test/cli/conformance.test.ts and test/conformance/',
};

interface Run {
  /** Put before the snippet: what the text says is given. */
  readonly before?: string;
  /** Put behind the snippet: what shows that it did what it says. */
  readonly after: string;
  /** The lines that are printed. */
  readonly lines: readonly unknown[];
  readonly url?: () => string;
}

const withSocket = `const socket = await prelude.signup({ username, password });`;
const sessionLine = expect.stringContaining('sessionId');

const CLIENTS: Readonly<Record<string, Run>> = {
  'README.md › A browser': {
    before: `(await prelude.signup({ username, password })).close();`,
    after: `await new Promise((resolve) => socket.addEventListener('message', ({ data }) => data.startsWith('I am') && resolve()));`,
    lines: [/^Hello user-\d+$/, /^I am user-\d+$/],
  },
  'README.md › Node': {
    before: `(await prelude.signup({ username, password })).close();`,
    after: `socket.send('from Node');
await new Promise((resolve) => socket.addEventListener('message', ({ data }) => data === 'from Node' && resolve()));`,
    lines: [/^Hello user-\d+$/, 'from Node'],
  },
  'docs/client.md › Log in, sign up': {
    before: `(await prelude.signup({ username, password })).close();`,
    after: `await new Promise((resolve) => socket.addEventListener('message', ({ data }) => data === 'hello' && resolve()));`,
    lines: [
      /^\{$/,
      sessionLine,
      /userId/,
      /username/,
      /roles/,
      /level: 'password'/,
      /idle/,
      /absolute/,
      /^\}$/,
      /Hello/,
      'hello',
    ],
  },
  'docs/client.md › Resume': {
    before: `(await prelude.signup({ username, password })).close();`,
    after: `
const first = await enter();
first.close();
const second = await enter();
console.log(first.session.level, second.session.level, first.session.sessionId === second.session.sessionId);`,
    lines: ['password resumed true'],
  },
  'docs/client.md › A socket that reconnects': {
    before: `(await prelude.signup({ username, password })).close();
const askPerson = (code) => (console.log('asked', code), { username, password });`,
    after: `
await new Promise((resolve) => socket.addEventListener('message', ({ data }) => data.startsWith('goes out') && resolve()));
await socket.logout();
await new Promise((resolve) => setTimeout(resolve, 50));`,
    lines: [
      'asked undefined',
      /^by password user-\d+$/,
      /^Hello/,
      'goes out as soon as there is a connection',
      'over 1000',
    ],
  },
  'docs/client.md › While it lasts': {
    before: withSocket,
    after: `
const { limit } = await new Promise((resolve) => socket.addEventListener('expiring', resolve));
await new Promise((resolve) => setTimeout(resolve, 1500));
console.log(limit, socket.readyState);`,
    lines: ['idle 1'],
    url: () => brief.url,
  },
  'docs/client.md › While it lasts › 2': {
    before: `(await prelude.signup({ username, password })).close();
const socket = await prelude.resume();
console.log(socket.session.level);`,
    after: `console.log(socket.session.level);`,
    lines: ['resumed', 'password'],
  },
  'docs/client.md › While it lasts › 3': {
    before: withSocket,
    after: `
console.log(await prelude.login({ username, password }).catch(({ code }) => code));
console.log((await prelude.login({ username, password: newPassword })).session.level);`,
    lines: ['login-failed', 'password'],
  },
  'docs/client.md › While it lasts › 4': {
    before: `${withSocket}
for (const each of [1, 2]) {
  const other = await prelude.login({ username, password });
  other.addEventListener('close', ({ code }) => ended.push(code));
}
const ended = [];`,
    after: `
while (ended.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
console.log(ended.join(' '), (await socket.sessions()).length, 'of', sessions.filter(({ isCurrent }) => isCurrent).length);`,
    lines: [/(true|false)$/, /(true|false)$/, /(true|false)$/, '1', '4432 4432 1 of 1'],
  },
  'docs/client.md › While it lasts › 5': {
    before: withSocket,
    after: `console.log(await prelude.resume().catch(({ code, reason }) => code + ' ' + reason));`,
    lines: ['resume-failed no-ticket'],
  },
  'docs/client.md › While it lasts › 6': {
    before: `${withSocket}
const other = await prelude.login({ username, password });
const ended = new Promise((resolve) => other.addEventListener('close', ({ code }) => resolve(code)));`,
    after: `console.log(await ended);`,
    lines: [4432],
  },
  'docs/client.md › While it lasts › 7': {
    before: withSocket,
    after: `console.log(await prelude.login({ username, password }).catch(({ code }) => code));`,
    lines: ['login-failed'],
  },
};

interface Server {
  readonly url: string;
  readonly child: ChildProcess;
}

const project = packedProject();
const children: ChildProcess[] = [];
let readme: Server;
let brief: Server;
let sessions: Server;
const environment = { ...process.env, NODE_EXTRA_CA_CERTS: path.join(project.folder, 'cert.pem') };

function text(name: string): string {
  const snippet = snippets.get(name);
  if (snippet === undefined) throw new Error(`there is no snippet ${name}`);
  return snippet.text;
}

/** Each has to be there. */
function replaced(source: string, ...pairs: readonly (readonly [string, string])[]): string {
  return pairs.reduce((result, [from, to]) => {
    if (!result.includes(from)) throw new Error(`the snippet does not say ${from}`);
    return result.replaceAll(from, to);
  }, source);
}

async function startServer(file: string, source: string, route: string): Promise<Server> {
  const listening = `\nserver.once('listening', () => console.log(server.address().port));\n`;
  writeFileSync(path.join(project.folder, file), source + listening);
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    cwd: project.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let errors = '';
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  const ended = once(child, 'close').then(() => Promise.reject(new Error(`${file} ended: ${errors}`)));
  const [port] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [string];
  ended.catch(() => undefined);
  return { url: `wss://localhost:${port}${route}`, child };
}

async function runNode(file: string, source: string): Promise<string[]> {
  writeFileSync(path.join(project.folder, file), source);
  const options = { cwd: project.folder, env: environment, timeout: 60_000 };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', file],
    options,
  );
  return stdout.trim().split('\n');
}

let users = 0;
function runClient(name: string, { before = '', after, url = () => readme.url }: Run): Promise<string[]> {
  const username = `user-${++users}`;
  const given = `
import { connect as connectHere } from 'blindsalt/client/node';
const username = '${username}', password = '${PASSWORD}', newPassword = 'battery correct horse';
const prelude = connectHere('${url()}');
${before}
`;
  const source = text(name)
    .replaceAll("'blindsalt/client'", "'blindsalt/client/node'")
    .replaceAll(/'wss:\/\/(chat\.example|localhost:8443)[^']*'/g, `'${url()}'`)
    .replaceAll('browserTickets()', `fileTickets('${username}.json')`)
    .replaceAll('browserTickets', 'fileTickets');
  return runNode(`${username}.mjs`, `${given}${source}\n${after}\nprocess.exit();\n`);
}

beforeAll(async () => {
  const { cert, key } = await testCertificate();
  mkdirSync(path.join(project.folder, 'data/certs'), { recursive: true });
  for (const file of ['cert.pem', 'data/certs/ca.pem']) writeFileSync(path.join(project.folder, file), cert);
  writeFileSync(path.join(project.folder, 'key.pem'), key);
  const here = ["domain: 'chat.example'", "domain: 'localhost', targets: ['localhost']"] as const;
  const anyPort = ['listen(443)', "listen(0, 'localhost')"] as const;
  const server = replaced(text('README.md › A server'), here, anyPort);
  const short = `data: './brief', limits: { idleSeconds: 2, expiryWarningSeconds: 1 }`;
  [readme, brief, sessions] = await Promise.all([
    startServer('readme-server.mjs', server, '/ws'),
    startServer('brief-server.mjs', replaced(server, [`data: './data'`, short]), '/ws'),
    startServer(
      'sessions-server.mjs',
      replaced(
        text('docs/sessions.md › Sessions on the server'),
        ['listen(8443)', "listen(0, 'localhost')"],
        ["data: './data'", "data: './sessions'"],
      ),
      '/',
    ),
  ]);
});
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill();
    await once(child, 'close');
  }
  project.remove();
});

test('every snippet is run, or it is said why not', () => {
  const run = [...Object.keys(CLIENTS), ...Object.keys(NOT_RUN), ...Object.keys(OTHERS)];
  expect([...snippets.keys()].sort()).toEqual(run.sort());
});

test.each(Object.entries(CLIENTS))('%s', async (name, run) => {
  const lines = await runClient(name, run);
  expect(lines).toEqual(
    run.lines.map((line) =>
      line instanceof RegExp ? expect.stringMatching(line) : typeof line === 'number' ? String(line) : line,
    ),
  );
});

const OTHERS: Readonly<Record<string, () => void | Promise<void>>> = {
  'README.md › A server': () => expect(readme.child.exitCode).toBeNull(),

  'README.md › Another implementation': async () => {
    const after = `console.log(blind.length, blindedElement.length, typeof schnorr.sign, typeof ristretto255);`;
    expect(await runNode('crypto.mjs', `${text('README.md › Another implementation')}\n${after}`)).toEqual([
      '32 32 function object',
    ]);
  },

  // Roles, while the other process has the same file open, and step-up.
  'docs/sessions.md › Sessions on the server': async () => {
    const source = `
import { connect } from 'blindsalt/client/node';
import { createEngine } from 'blindsalt/server';
const account = { username: 'alice', password: '${PASSWORD}' };
const server = connect('${sessions.url}');
const answer = (socket) => new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }));
const ask = async (socket, action) => (socket.send(action), console.log((await answer(socket)).data));
let socket = await server.signup(account);
for (const action of ['read', 'write', 'anything', '{']) await ask(socket, action);
const engine = await createEngine({ domain: 'localhost', data: './sessions' });
const changed = answer(socket);
await engine.admin.setRoles('alice', ['admin']);
console.log((await changed).data);
await ask(socket, 'drop');
socket.close();
socket = await server.resume();
await ask(socket, 'drop');
const proved = answer(socket);
await socket.stepUp(account);
console.log((await proved).data);
await ask(socket, 'drop');
await engine.close();
process.exit();
`;
    expect(await runNode('sessions-client.mjs', source)).toEqual([
      '{"done":"read"}',
      '{"denied":"write"}',
      '{"denied":"anything"}',
      '{"denied":"{"}',
      '{"changed":"user","roles":["admin"]}',
      '{"done":"drop"}',
      '{"denied":"drop","code":"step-up-required"}',
      '{"changed":"level","roles":["admin"]}',
      '{"done":"drop"}',
    ]);
  },

  'docs/sessions.md › Ending sessions': async () => {
    const client = runNode(
      'ended-client.mjs',
      `
import { connect } from 'blindsalt/client/node';
const socket = await connect('${sessions.url}').signup({ username: 'bob', password: '${PASSWORD}' });
const closed = new Promise((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
const { spawnSync } = await import('node:child_process');
console.log(spawnSync(process.execPath, ['ending.mjs'], { encoding: 'utf8' }).stdout);
console.log(await closed);
process.exit();
`,
    );
    const source = replaced(text('docs/sessions.md › Ending sessions'), ["data: './data'", "data: './sessions'"]);
    writeFileSync(path.join(project.folder, 'ending.mjs'), source);
    const lines = await client;
    expect(lines).toContainEqual(expect.stringMatching(/^bob [0-9a-f]{32} /));
    expect(lines.at(-1)).toBe('4432');
  },
};
test.each(Object.entries(OTHERS))('%s', async (_name, run) => {
  await run();
});

test.skip.each(Object.entries(NOT_RUN))('%s (not run: %s)', () => undefined);
