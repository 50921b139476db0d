// The usual shape, on our own core and store of users: two HTTPS requests, the nonce kept in SQLite between them because
// the second may come to another process, then a token that opens the WebSocket.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import path from 'node:path';
import { loadCrypto } from 'blindsalt/crypto';
import { loadOrCreateKeys } from 'blindsalt/server';
import { openSqliteStore } from 'blindsalt/server/store/sqlite';
import { SERVER_TIMEOUTS } from 'blindsalt/server/ws';
import { WebSocketServer } from 'ws';
import { createCredentialResponse, splitRecord } from '../../../dist/src/opaque/server.js';
import { loadDriver } from '../../../dist/src/server/store/sqlite-driver.js';
import { DOMAIN } from '../accounts.js';
import { MAX_MESSAGE_BYTES } from './common.js';

export const CONTEXT = Buffer.from('two requests');
const NONCE_SECONDS = 60;

export async function start({ cert, key, data }) {
  const crypto = await loadCrypto();
  const keys = await loadOrCreateKeys(path.join(data, 'keys.json'), { domain: DOMAIN, crypto });
  const store = await openSqliteStore(path.join(data, 'blindsalt.db'));
  const db = (await loadDriver())(path.join(data, 'logins.db'));
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE logins (id BLOB PRIMARY KEY, username TEXT, nonce BLOB, expires INTEGER) WITHOUT ROWID;
    CREATE TABLE tokens (token TEXT PRIMARY KEY, username TEXT, expires INTEGER) WITHOUT ROWID`);
  const keep = db.prepare('INSERT INTO logins VALUES (?, ?, ?, ?)');
  const take = db.prepare('DELETE FROM logins WHERE id = ? RETURNING username, nonce, expires');
  const issue = db.prepare('INSERT INTO tokens VALUES (?, ?, ?)');
  const redeem = db.prepare('DELETE FROM tokens WHERE token = ? RETURNING expires');

  const routes = {
    async '/login/start'({ username, request }) {
      const { credential } = await store.getUserOrDecoy(username);
      const nonce = randomBytes(32);
      const id = randomBytes(16);
      const { privateKey, publicKey } = keys.serverKeys[0];
      const response = createCredentialResponse(
        crypto,
        new Uint8Array(Buffer.from(request, 'base64')),
        publicKey,
        credential.registrationRecord,
        credential.credentialIdentifier,
        keys.oprfSeeds[0].seed,
        crypto.randomBytes(32),
      );
      const signed = Buffer.concat([id, nonce, response]);
      const proof = crypto.schnorr.sign(signed, privateKey, CONTEXT, randomBytes(32));
      keep.run(id, username, nonce, Date.now() + 1000 * NONCE_SECONDS);
      const text = (bytes) => Buffer.from(bytes).toString('base64');
      return { id: text(id), nonce: text(nonce), response: text(response), proof: text(proof) };
    },
    async '/login/finish'({ id, proof }) {
      const login = take.get(Buffer.from(id, 'base64'));
      if (login === undefined || login.expires < Date.now()) throw new Error('login failed');
      const { credential } = await store.getUserOrDecoy(login.username);
      const { clientPublicKey } = splitRecord(credential.registrationRecord);
      const signed = Buffer.concat([Buffer.from(id, 'base64'), login.nonce]);
      const valid = crypto.schnorr.verify(Buffer.from(proof, 'base64'), signed, clientPublicKey, CONTEXT);
      if (!valid) throw new Error('login failed');
      const token = randomBytes(32).toString('hex');
      issue.run(token, login.username, Date.now() + 1000 * NONCE_SECONDS);
      return { token };
    },
  };

  const server = createServer({ ...SERVER_TIMEOUTS, cert, key, minVersion: 'TLSv1.3' }, async (request, response) => {
    try {
      let body = '';
      request.setEncoding('utf8');
      for await (const chunk of request) body += chunk;
      const answer = JSON.stringify(await routes[request.url](JSON.parse(body)));
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(answer) });
      response.end(answer);
    } catch (error) {
      process.stderr.write(`${error.stack}\n`);
      response.writeHead(401, { 'Content-Length': 0 }).end();
    }
  });
  const wss = new WebSocketServer({
    ...{ server, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES },
    verifyClient: ({ req }) => redeem.get(req.url.slice('/?token='.length))?.expires > Date.now(),
  });
  wss.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 65_535 });
  await once(server, 'listening');
  // Kept, for statements of @photostructure/sqlite do not keep their database.
  return { port: server.address().port, db };
}
