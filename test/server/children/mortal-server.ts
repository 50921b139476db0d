// A server that kills itself, as `kill -9` does, at a given moment of a ticket's rotation.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { loadCrypto } from '../../../src/crypto/index.js';
import { WebSocketServer } from '../../../src/server/adapter/ws.js';
import { createEngine, loadOrCreateKeys, silentLogger, type Store } from '../../../src/server/index.js';
import { openSqliteStore } from '../../../src/server/store/sqlite.js';

const [folder, moment] = process.argv.slice(2) as [string, string];

async function dieAt(now: string): Promise<void> {
  if (now !== moment) return;
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => {});
}

const crypto = await loadCrypto();
const keys = await loadOrCreateKeys(join(folder, 'keys.json'), { domain: 'localhost', crypto });
const store = await openSqliteStore(join(folder, 'blindsalt.db'));
const rotateTicket: Store['rotateTicket'] = async (rotation) => {
  await dieAt(`before ${rotation.mode}`);
  const result = await store.rotateTicket(rotation);
  await dieAt(`after ${rotation.mode}`);
  return result;
};
const mortal = new Proxy(store, {
  get(target, name) {
    if (name === 'rotateTicket') return rotateTicket;
    const value: unknown = Reflect.get(target, name);
    return typeof value === 'function' ? (value.bind(target) as unknown) : value;
  },
});
const engine = await createEngine({
  domain: 'localhost',
  targets: ['localhost'],
  store: mortal,
  keys,
  logger: silentLogger,
});
const wss = new WebSocketServer({ port: 0, host: 'localhost', engine });
wss.on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })));
await once(wss, 'listening');
process.stdout.write(`${(wss.address() as AddressInfo).port}\n`);
