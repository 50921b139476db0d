// Accounts, and a client of blindsalt.v1 that keeps the keys of each: signing one transcript is all that a login costs the
// load. It does not check the server; `checkWithClient` does, with the client of the package, before anything is measured.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadCrypto } from 'blindsalt/crypto';
import {
  decodeControl,
  DEFAULT_KSF,
  encodeControl,
  KSF_CEILING,
  LABEL,
  MECHANISM_SCHNORR,
  NO_BINDING,
  oprfInput,
  proofMessage,
  Transcript,
  withoutProof,
} from 'blindsalt/proto';
import { createEngine, silentLogger } from 'blindsalt/server';
import { ClientCore } from '../../dist/src/client/core.js';
import { createRequest, finalizeOprf, finalizeRegistration, randomizedPassword } from '../../dist/src/opaque/index.js';

export const DOMAIN = 'localhost';
const PASSWORD = 'correct horse battery';
const EMPTY = new Uint8Array(0);
const NO_PROOF = new Uint8Array(64);
const utf8 = new TextEncoder();

const crypto = await loadCrypto();

/** In the place of argon2id, which is the client's affair: the server cannot tell. */
const stretch = (oprfOutput) => crypto.sha512(oprfOutput);

class Attempt {
  constructor(channel, target) {
    this.channel = channel;
    this.target = target;
    this.transcript = new Transcript(crypto.sha512);
  }

  /** The next frame, decoded, unless it is an error. */
  async receive(kind) {
    const frame = await this.channel.next();
    const message = decodeControl(frame, 'server');
    if (message.kind !== kind) {
      const { code, retryAfterSeconds } = message;
      const error = new Error(`${kind} was due, not ${message.kind} ${code ?? ''}`);
      throw Object.assign(error, { isTryLater: code === 'try-later', retryAfterSeconds });
    }
    this.transcript.append(frame);
    return message;
  }

  send(frame) {
    this.transcript.append(frame);
    this.channel.send(frame, true);
  }

  fields() {
    return {
      ...{ clientNonce: crypto.randomBytes(32), target: this.target, binding: '', origin: '', subprotocols: [] },
      ...{ deviceLabel: '', deviceProof: EMPTY, puzzleAnswer: EMPTY },
    };
  }

  sendSigned(message, label, { username, privateKey }, serverNonce) {
    const frame = encodeControl(message);
    const hash = this.transcript.hash(label, NO_BINDING, withoutProof(frame));
    const signed = proofMessage(DOMAIN, username, serverNonce, hash);
    frame.set(crypto.schnorr.sign(signed, privateKey, utf8.encode(label)), frame.length - NO_PROOF.length);
    this.send(frame);
  }
}

/** Signs a user up; answers the account. `channel` has `next` and `send`. */
export async function signUp(channel, username) {
  const attempt = new Attempt(channel, `${DOMAIN}:1`);
  await attempt.receive('hello');
  const input = oprfInput(DOMAIN, username, utf8.encode(PASSWORD));
  const { blind, request } = createRequest(crypto, input);
  const mechanism = { invite: '', ksfs: ['argon2id'], mechanismData: request };
  attempt.send(encodeControl({ kind: 'signupStart', username, ...attempt.fields(), ...mechanism }));
  const { mechanismData, serverNonce } = await attempt.receive('signupChallenge');
  const output = finalizeOprf(crypto, input, blind, mechanismData.slice(0, 32));
  const secret = randomizedPassword(crypto, output, stretch(output));
  const { record, clientPrivateKey: privateKey } = finalizeRegistration(crypto, secret, mechanismData.slice(32), {
    server: utf8.encode(DOMAIN),
    client: utf8.encode(username),
  });
  const account = { username, request, privateKey };
  attempt.sendSigned({ kind: 'signupFinish', record, proof: NO_PROOF }, LABEL.signupClient, account, serverNonce);
  await attempt.receive('welcome');
  return account;
}

/** Logs in on a fresh connection; answers `welcome`. */
export async function logIn(client, port, account) {
  const attempt = new Attempt(client, `${DOMAIN}:${port}`);
  await attempt.receive('hello');
  const mechanism = { mechanism: MECHANISM_SCHNORR, mechanismData: account.request };
  attempt.send(encodeControl({ kind: 'loginStart', username: account.username, ...attempt.fields(), ...mechanism }));
  const { serverNonce } = await attempt.receive('loginChallenge');
  attempt.sendSigned({ kind: 'loginFinish', proof: NO_PROOF }, LABEL.loginClient, account, serverNonce);
  return attempt.receive('welcome');
}

/** Resumes with the account's ticket, and keeps the next one. */
export async function resume(client, port, account) {
  const attempt = new Attempt(client, `${DOMAIN}:${port}`);
  await attempt.receive('hello');
  const { ticketId, ticketSecret } = account.ticket;
  const frame = encodeControl({ kind: 'resume', ticketId, ...attempt.fields(), proof: NO_PROOF });
  const hash = attempt.transcript.hash(LABEL.resumeClient, NO_BINDING, withoutProof(frame));
  frame.set(crypto.hmacSha512(ticketSecret, hash), frame.length - NO_PROOF.length);
  attempt.send(frame);
  account.ticket = ticketOf(await attempt.receive('welcome'));
}

/** Copies, for what is decoded are views. */
export function ticketOf({ ticketId, ticketSecret }) {
  if (ticketId.length === 0) return undefined;
  return { ticketId: ticketId.slice(), ticketSecret: ticketSecret.slice() };
}

/** A channel to the engine without sockets. */
function channelTo(engine) {
  const frames = [];
  let wake;
  const transport = {
    send(frame) {
      frames.push(frame);
      wake?.();
    },
    close(code) {
      frames.push(new Error(`closed with ${code}`));
      wake?.();
    },
  };
  const peer = { address: '127.0.0.1', secure: true, origin: undefined, subprotocolOffered: true };
  const handle = engine.accept(transport, peer, { onAuthenticated() {} });
  return {
    async next() {
      while (frames.length === 0) await new Promise((resolve) => (wake = resolve));
      const frame = frames.shift();
      if (frame instanceof Error) throw frame;
      return frame;
    },
    send: (frame) => handle.receive(frame),
    closed: () => handle.closed(),
  };
}

/** What `use` makes of a channel to the engine. */
export async function onChannel(engine, use) {
  const channel = channelTo(engine);
  const result = await use(channel);
  channel.closed();
  return result;
}

/** Makes a folder with store and keys for an engine, and so many accounts in it. */
export async function createAccounts(data, count) {
  // All come from one address, faster than people would.
  const engine = await createEngine({ domain: DOMAIN, targets: [DOMAIN], data, logger: silentLogger, throttle: false });
  const accounts = [];
  while (accounts.length < count) {
    const names = Array.from(
      { length: Math.min(100, count - accounts.length) },
      (_, i) => `user${accounts.length + i}`,
    );
    accounts.push(
      ...(await Promise.all(names.map((username) => onChannel(engine, (channel) => signUp(channel, username))))),
    );
  }
  await engine.close();
  return accounts;
}

/** So many accounts, and the data that they are in: those that a run before has left in the folder, or new ones. */
export async function keepAccounts(folder, count) {
  mkdirSync(folder, { recursive: true });
  const [kept, data] = [path.join(folder, `accounts-${count}.json`), path.join(folder, `data-${count}`)];
  if (existsSync(kept)) {
    const revive = (_, value) => (typeof value?.hex === 'string' ? Buffer.from(value.hex, 'hex') : value);
    return { data, accounts: JSON.parse(readFileSync(kept, 'utf8'), revive) };
  }
  const accounts = await createAccounts(data, count);
  const replace = (_, value) => (value instanceof Uint8Array ? { hex: Buffer.from(value).toString('hex') } : value);
  writeFileSync(kept, JSON.stringify(accounts, replace), { mode: 0o600 });
  return { data, accounts };
}

/** Logs in with the client of the package, which checks everything. */
export async function checkWithClient(client, port, { username }) {
  const core = new ClientCore(crypto, {
    ...{
      mode: 'login',
      domain: DOMAIN,
      target: `${DOMAIN}:${port}`,
      username,
      origin: '',
      invite: '',
      subprotocols: [],
    },
    ...{ deviceLabel: '', bindings: [], requireBinding: false, serverKeys: [], ksfs: ['argon2id'] },
    ...{ ksfFloors: DEFAULT_KSF, ksfCeilings: KSF_CEILING, password: utf8.encode(PASSWORD) },
  });
  for (;;) {
    let actions = core.receive(await client.next());
    while (actions.length > 0) {
      const [action] = actions;
      actions = actions.slice(1);
      if (action.kind === 'send') client.send(action.frame, true);
      else if (action.kind === 'stretch') actions = core.stretched(stretch(action.oprfOutput));
      else if (action.kind === 'failed') throw action.error;
      else if (action.kind === 'done') return;
    }
  }
}

/** For the other server on our own core. */
export function signWith(account, message, context) {
  return crypto.schnorr.sign(message, account.privateKey, context);
}
