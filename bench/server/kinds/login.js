// The engine behind each adapter, with the SQLite store.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { loadCrypto } from 'blindsalt/crypto';
import { createEngine, loadOrCreateKeys, silentLogger } from 'blindsalt/server';
import { authenticate, createSslApp } from 'blindsalt/server/uws';
import { SERVER_TIMEOUTS, WebSocketServer } from 'blindsalt/server/ws';
import { createCredentialResponse } from '../../../dist/src/opaque/server.js';
import { DOMAIN } from '../accounts.js';
import { listenUws } from './common.js';

function openEngine({ data, limits }) {
  return createEngine({ domain: DOMAIN, targets: [DOMAIN], data, limits, logger: silentLogger });
}

export async function startWs(options) {
  const engine = await openEngine(options);
  const { cert, key } = options;
  const server = createServer({ ...SERVER_TIMEOUTS, cert, key, minVersion: 'TLSv1.3' });
  const wss = new WebSocketServer({ server, engine });
  wss.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 65_535 });
  await once(server, 'listening');
  return { port: server.address().port, measureCrypto: (rounds) => measureCrypto(options, rounds) };
}

export async function startUws(options) {
  const engine = await openEngine(options);
  const app = await createSslApp({ cert_file_name: options.certFile, key_file_name: options.keyFile });
  authenticate(app, '/*', { message: (ws, message, isBinary) => ws.send(message, isBinary) }, { engine });
  return { port: await listenUws(app) };
}

/** What the server computes for one login: decode the element, evaluate and mask, sign with the signer of its key, verify. */
async function measureCrypto({ data }, rounds) {
  const crypto = await loadCrypto();
  const keys = await loadOrCreateKeys(`${data}/keys.json`, { domain: DOMAIN, crypto });
  const { privateKey, publicKey } = keys.serverKeys[0];
  const { seed } = keys.oprfSeeds[0];
  const { request, record, message, context } = sampleLogin(crypto);
  const identifier = randomBytes(32);
  const signature = crypto.schnorr.sign(message, privateKey, context, randomBytes(32));
  const signer = crypto.schnorr.createSigner(privateKey);
  const { user: begin } = process.cpuUsage();
  for (let i = 0; i < rounds; i++) {
    const decoded = crypto.ristretto255.decode(request);
    createCredentialResponse(crypto, decoded, publicKey, record, identifier, seed, randomBytes(32));
    signer.sign(message, context, randomBytes(32));
    if (!crypto.schnorr.verify(signature, message, publicKey, context)) throw new Error('must verify');
  }
  return (process.cpuUsage().user - begin) / rounds;
}

function sampleLogin(crypto) {
  const { blindedElement: request } = crypto.oprf.blind(randomBytes(40));
  return { request, record: randomBytes(192), message: randomBytes(120), context: Buffer.from('benchmark') };
}
