// Prints every control frame of one sign-up and one login, decoded: what a reader inside TLS would see. Run after a build.
import { fileURLToPath } from 'node:url';
import { ClientCore } from '../dist/src/client/core.js';
import { loadCrypto } from 'blindsalt/crypto';
import { DEFAULT_KSF, KSF_CEILING, decodeControl } from 'blindsalt/proto';
import { createEngine, generateKeys, silentLogger } from 'blindsalt/server';
import { openMemoryStore } from 'blindsalt/server/store/memory';

const domain = 'localhost';
const target = 'localhost:8443';

/** Lets client and engine talk in this process, without sockets, and keeps each frame. */
async function attempt(engine, crypto, stretch, mode, username, password) {
  const frames = [];
  const core = new ClientCore(crypto, {
    ...{ mode, domain, target, username, origin: '', invite: '', subprotocols: [], deviceLabel: 'capture' },
    ...{ bindings: [], requireBinding: false, serverKeys: [], ksfs: ['argon2id'] },
    ksfFloors: DEFAULT_KSF,
    ksfCeilings: KSF_CEILING,
    password: new TextEncoder().encode(password),
  });
  await new Promise((resolve, reject) => {
    let handle;
    const perform = async (actions) => {
      for (const action of actions) {
        if (action.kind === 'send') {
          frames.push({ from: 'client', frame: action.frame });
          handle.receive(action.frame);
        } else if (action.kind === 'stretch') {
          await perform(core.stretched(await stretch(action.oprfOutput, action.ksf)));
        } else if (action.kind === 'failed') reject(action.error);
        else resolve();
      }
    };
    const transport = {
      send(frame) {
        frames.push({ from: 'server', frame });
        setImmediate(() => perform(core.receive(frame)).catch(reject));
      },
      close: (code) => reject(new Error(`closed with ${code}`)),
    };
    const peer = { address: '127.0.0.1', secure: true, origin: undefined, subprotocolOffered: true };
    handle = engine.accept(transport, peer, { onAuthenticated() {} });
  });
  return frames.map(({ from, frame }) => ({ from, frame, message: decodeControl(frame, from) }));
}

/**
 * Signs a user up and in.
 * @param stretch (oprfOutput, ksf) → 64 bytes
 * @returns the decoded frames of both, and what the server keeps secret
 */
export async function capture({ username, password, stretch }) {
  const crypto = await loadCrypto();
  const keys = generateKeys({ domain, crypto });
  const store = openMemoryStore();
  const engine = await createEngine({
    domain,
    store,
    keys,
    targets: [target],
    logger: silentLogger,
  });
  try {
    const signup = await attempt(engine, crypto, stretch, 'signup', username, password);
    const login = await attempt(engine, crypto, stretch, 'login', username, password);
    const { credentialIdentifier } = (await store.getUserOrDecoy(username)).credential;
    return { signup, login, keys, credentialIdentifier, domain, crypto };
  } finally {
    await engine.close();
  }
}

function print(title, frames) {
  process.stdout.write(`${title}\n`);
  for (const { from, frame, message } of frames) {
    const { kind, ...fields } = message;
    process.stdout.write(`\n${from === 'client' ? '▶' : '◀'} ${kind} (${frame.length} bytes)\n`);
    for (const [name, value] of Object.entries(fields)) {
      const shown = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : JSON.stringify(value);
      process.stdout.write(`    ${name.padEnd(18)} ${shown}\n`);
    }
  }
  process.stdout.write('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { stretch } = await import('../dist/src/opaque/ksf.js');
  const { signup, login } = await capture({ username: 'alice', password: 'correct horse', stretch });
  print('Sign-up', signup);
  print('Login', login);
}
