// Makes proto/vectors/: transcripts of blindsalt.v1 with every secret and intermediate value, and frames and proofs that have
// to be refused. Written from proto/PROTOCOL.md over @noble/curves, node:crypto and hash-wasm; uses nothing of src/, so that
// whoever passes the vectors agrees with a second reading of the text. `--check` compares instead of writing.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expand_message_xmd } from '@noble/curves/abstract/hash-to-curve.js';
import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';
import { sha512 as nobleSha512 } from '@noble/hashes/sha2.js';
import { argon2id } from 'hash-wasm';

const folder = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), 'proto/vectors');
const FORMAT = 'blindsalt.v1 vectors 1';

// --- section 2 -------------------------------------------------------------------------------------------------------
const { Point } = ristretto255;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const utf8 = (text) => Buffer.from(text, 'utf8');
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const join = (...parts) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? utf8(part) : Buffer.from(part))));
const u16be = (n) => Buffer.from([n >> 8, n & 255]);
const u32be = (n) => Buffer.from([n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255]);
const len16 = (x) => join(u16be(join(x).length), x);
const sha512 = (...parts) =>
  createHash('sha512')
    .update(join(...parts))
    .digest();
const hmac = (key, ...parts) =>
  createHmac('sha512', key)
    .update(join(...parts))
    .digest();
const integer = (bytes) => BigInt(`0x${hex(Buffer.from(bytes).reverse())}`);
const scalar = (n) => Buffer.from(((n % L) + L) % L === 0n ? '00'.repeat(32) : (((n % L) + L) % L).toString(16).padStart(64, '0'), 'hex').reverse(); // prettier-ignore
const reduce = (bytes) => integer(bytes) % L;
const element = (point) => Buffer.from(point.toBytes());
const inverse = (n) => {
  let [result, base] = [1n, n];
  for (let e = L - 2n; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * base) % L;
    base = (base * base) % L;
  }
  return result;
};

function hkdfExpand(key, info, length) {
  let [out, block] = [Buffer.alloc(0), Buffer.alloc(0)];
  for (let i = 1; out.length < length; i++) {
    block = hmac(key, block, info, Buffer.from([i]));
    out = join(out, block);
  }
  return out.subarray(0, length);
}

// RFC 9497
const OPRF_CONTEXT = join('OPRFV1-', Buffer.from([0]), '-ristretto255-SHA512');
const hashToGroup = (input) => ristretto255_hasher.hashToCurve(input, { DST: join('HashToGroup-', OPRF_CONTEXT) });

function deriveKeyPair(seed, info) {
  for (let counter = 0; ; counter++) {
    const input = join(seed, len16(info), Buffer.from([counter]));
    const key = reduce(expand_message_xmd(input, join('DeriveKeyPair', OPRF_CONTEXT), 64, nobleSha512));
    if (key !== 0n) return { privateKey: scalar(key), publicKey: element(Point.BASE.multiply(key)) };
  }
}

// 2.4
const SCHNORR = 'blindsalt.v1-SCHNORR-RISTRETTO255-SHA512';

function sign(message, privateKey, context, random) {
  const x = integer(privateKey);
  const A = element(Point.BASE.multiply(x));
  const k = reduce(sha512(len16(`${SCHNORR}-nonce`), len16(context), privateKey, random, A, message));
  const R = element(Point.BASE.multiply(k));
  const c = reduce(sha512(len16(SCHNORR), len16(context), R, A, message));
  return { publicKey: A, k: scalar(k), R, c: scalar(c), signature: join(R, scalar(k + c * x)) };
}

const serverKeyId = (publicKey) => sha512(len16('blindsalt.v1 server key id'), publicKey).subarray(0, 16);

async function stretch(ksf, oprfOutput) {
  const salt = Buffer.alloc(16);
  if (ksf.name === 'pbkdf2-sha512') return pbkdf2Sync(oprfOutput, salt, ksf.iterations, 64, 'sha512');
  const { memoryKiB: memorySize, iterations, parallelism } = ksf;
  return Buffer.from(await argon2id({ password: oprfOutput, salt, memorySize, iterations, parallelism, hashLength: 64, outputType: 'binary' })); // prettier-ignore
}

// --- section 4 -------------------------------------------------------------------------------------------------------
function pack(value) {
  if (Array.isArray(value)) return join(Buffer.from([0x90 + value.length]), ...value.map(pack));
  const big = (first, n, size) =>
    Buffer.from([first, ...[24, 16, 8, 0].slice(4 - size).map((shift) => (n >>> shift) & 255)]);
  if (typeof value === 'number') {
    if (value < 128) return Buffer.from([value]);
    return value < 256 ? big(0xcc, value, 1) : value < 65536 ? big(0xcd, value, 2) : big(0xce, value, 4);
  }
  const bytes = join(value);
  const n = bytes.length;
  if (typeof value !== 'string') return join(n < 256 ? big(0xc4, n, 1) : big(0xc5, n, 2), bytes);
  return join(n < 32 ? Buffer.from([0xa0 + n]) : n < 256 ? big(0xd9, n, 1) : big(0xda, n, 2), bytes);
}
const frameOf = (type, fields) => join(Buffer.from([0xc1]), pack([type, ...fields]));

// --- the world of a file ---------------------------------------------------------------------------------------------
const EMPTY = Buffer.alloc(0);
const NO_PROOF = Buffer.alloc(64);
const MECHANISM = 'SCHNORR-RISTRETTO255';

/** Bytes that stand for randomness: named, so that nothing is used twice. */
class World {
  constructor(name, { domain = 'chat.example', username = 'alice' } = {}) {
    this.name = name;
    this.domain = domain;
    this.username = username;
    const { privateKey, publicKey } = deriveKeyPair(this.draw('server key', 32), '');
    this.server = {
      domain,
      oprfSeed: this.draw('oprf seed', 64),
      privateKey,
      publicKey,
      serverKeyId: serverKeyId(publicKey),
      ticketKey: this.draw('ticket key', 64),
    };
    this.connections = [];
    this.userId = this.draw('user id', 16);
    this.version = 1;
  }

  draw(name, length) {
    return sha512('blindsalt.v1 vectors', len16(this.name), len16(name)).subarray(0, length);
  }

  connect(name, options = {}) {
    const connection = new Connection(this, name, options);
    this.connections.push(connection);
    connection.hello();
    return connection;
  }

  ticket(sessionId, serial) {
    const ticketId = join(sessionId, serial);
    return {
      ticketId,
      ticketSecret: hmac(this.server.ticketKey, len16('blindsalt.v1 ticket'), len16(this.domain), ticketId),
    };
  }

  device(id) {
    const input = join(len16('blindsalt.v1 device'), len16(this.domain), this.userId, u32be(this.version), id);
    return { deviceId: id, deviceSecret: hmac(this.server.ticketKey, input).subarray(0, 32) };
  }

  toJson(note) {
    const { domain, username, server, userId } = this;
    const connections = this.connections.map(({ name, binding, target, steps }) => ({ name, target, binding, steps }));
    return plain({ format: FORMAT, name: this.name, note, domain, username, userId, server, connections });
  }
}

class Connection {
  constructor(world, name, { binding = { type: '', value: EMPTY } }) {
    Object.assign(this, {
      world,
      name,
      binding,
      target: `${world.domain}:443`,
      steps: [],
      frames: EMPTY,
      exchange: undefined,
    });
  }

  random(name, length) {
    const value = this.world.draw(`${this.name}: ${name}`, length);
    this.drawn[name] = value;
    return value;
  }

  /** One frame: what its sender draws, what is computed, what is sent. */
  async step(from, message, make) {
    this.drawn = {};
    this.values = {};
    this.proofs = [];
    const frame = await make();
    const entry = join(u32be(frame.length), frame);
    // Behind welcome, frames are part of their exchange only.
    if (this.exchange !== undefined) this.exchange = join(this.exchange, entry);
    else if (!this.isOpen) this.frames = join(this.frames, entry);
    if (message === 'welcome') this.isOpen = true;
    const step = { from, message, random: this.drawn, values: this.values, proofs: this.proofs, frame };
    this.steps.push(step);
    return step;
  }

  /** Section 6. `count`: proofs at the end of the frame. */
  transcriptHash(label, partial) {
    const frames = sha512(
      this.exchange ?? this.frames,
      ...(partial === undefined ? [] : [u32be(partial.length), partial]),
    );
    const input = join(len16(label), len16(this.binding.type), len16(this.binding.value), frames);
    return { frames, hash: sha512(input) };
  }

  prove(label, partial, nonce, privateKey, drawn) {
    const { domain, username } = this.world;
    const { frames, hash } = this.transcriptHash(label, partial);
    const message = join(len16(domain), len16(username), nonce, hash);
    const random = this.random(drawn, 32);
    const signed = sign(message, privateKey, label, random);
    this.proofs.push({ label, partial, frames, transcriptHash: hash, message, privateKey, random, ...signed });
    return signed.signature;
  }

  hello() {
    this.drawn = {};
    const nonce = this.random('hello nonce', 32);
    this.helloNonce = nonce;
    const bindings = this.binding.type === '' ? [] : [this.binding.type];
    const frame = frameOf(0, [nonce, this.world.domain, [1], [MECHANISM], bindings, 'open', [65536, 20000, 5], EMPTY]);
    this.frames = join(u32be(frame.length), frame);
    this.steps.push({ from: 'server', message: 'hello', random: this.drawn, values: {}, proofs: [], frame });
  }

  /** The beginning of every exchange about a password: OPRF input and blinded element. */
  blind(password) {
    const { domain, username } = this.world;
    const input = join(len16(domain), len16(username), len16(password));
    const uniform = this.random('blind', 64);
    const blind = scalar(reduce(uniform));
    const blinded = element(hashToGroup(input).multiply(integer(blind)));
    Object.assign(this.values, { password: utf8(password), oprfInput: input, blind, blindedElement: blinded });
    return (this.attempt = { input, blind, blinded });
  }

  startFields(nonce, deviceProof = EMPTY) {
    return [this.world.username, nonce, this.target, this.binding.type, '', [], '', deviceProof, EMPTY];
  }

  /** RFC 9807, 5.2.2 and 6.3.2.2: the OPRF key of a credential identifier. */
  evaluate(identifier) {
    const seed = hkdfExpand(this.world.server.oprfSeed, join(identifier, 'OprfKey'), 32);
    const { privateKey } = deriveKeyPair(seed, 'OPAQUE-DeriveKeyPair');
    const evaluated = element(Point.fromBytes(this.attempt.blinded).multiply(integer(privateKey)));
    Object.assign(this.values, { credentialIdentifier: identifier, oprfKey: privateKey, evaluatedElement: evaluated });
    return evaluated;
  }

  /** The client's side of it, up to the keys of the envelope. */
  async open(evaluated, ksf, envelopeNonce) {
    const { input, blind } = this.attempt;
    const unblinded = element(Point.fromBytes(evaluated).multiply(inverse(integer(blind))));
    const oprfOutput = sha512(len16(input), len16(unblinded), 'Finalize');
    const stretched = await stretch(ksf, oprfOutput);
    const randomizedPassword = hmac(EMPTY, oprfOutput, stretched);
    const expand = (label, length) => hkdfExpand(randomizedPassword, join(envelopeNonce, label), length);
    const { privateKey, publicKey } = deriveKeyPair(expand('PrivateKey', 32), 'OPAQUE-DeriveDiffieHellmanKeyPair');
    const maskingKey = hkdfExpand(randomizedPassword, 'MaskingKey', 64);
    const authKey = expand('AuthKey', 64);
    const { server, domain, username } = this.world;
    const envelope = join(
      envelopeNonce,
      hmac(authKey, envelopeNonce, server.publicKey, len16(domain), len16(username)),
    );
    const found = {
      oprfOutput,
      stretched,
      randomizedPassword,
      maskingKey,
      envelopeNonce,
      authKey,
      exportKey: expand('ExportKey', 64),
    };
    Object.assign(this.values, found, { envelope, clientPrivateKey: privateKey, clientPublicKey: publicKey });
    return { privateKey, record: join(publicKey, maskingKey, envelope) };
  }

  ksfFields = ({ name, memoryKiB, iterations, parallelism }) => [name, memoryKiB, iterations, parallelism];

  challenge(type, ksf, data, label) {
    const { server } = this.world;
    const nonce = this.random('challenge nonce', 32);
    const partial = frameOf(type, [nonce, server.serverKeyId, ...this.ksfFields(ksf), data, NO_PROOF]).subarray(0, -66);
    this.challengeNonce = nonce;
    return join(partial, pack(this.prove(label, partial, nonce, server.privateKey, 'server signature')));
  }

  credentialResponse({ identifier, record }) {
    const evaluated = this.evaluate(identifier);
    const maskingNonce = this.random('masking nonce', 32);
    const pad = hkdfExpand(record.subarray(32, 96), join(maskingNonce, 'CredentialResponsePad'), 128);
    const clear = join(this.world.server.publicKey, record.subarray(96));
    const masked = Buffer.from(clear.map((byte, i) => byte ^ pad[i]));
    Object.assign(this.values, { credentialResponsePad: pad, maskedResponse: masked });
    return { evaluated, data: join(evaluated, maskingNonce, masked) };
  }

  welcomeFrame(proof, device = { deviceId: EMPTY, deviceSecret: EMPTY }) {
    const { ticketId, ticketSecret } = this.given;
    const { world, sessionId } = this;
    const fields = [sessionId, world.userId, world.username, '', 3600, 86400, [], ticketId, ticketSecret];
    return frameOf(2, [...fields, device.deviceId, device.deviceSecret, 0, proof]);
  }

  giveTicket(name = 'serial') {
    this.given = this.world.ticket(this.sessionId, this.random(name, 16));
    Object.assign(this.values, this.given);
  }

  giveDevice(name = 'device id') {
    const device = this.world.device(join(u32be(20000), this.random(name, 12)));
    Object.assign(this.values, device);
    return device;
  }

  async welcome() {
    await this.step('server', 'welcome', () => {
      this.sessionId = this.random('session id', 16);
      this.giveTicket();
      this.device = this.giveDevice();
      return this.welcomeFrame(EMPTY, this.device);
    });
    return this;
  }

  async signup(password, ksf) {
    await this.step('client', 'signup-start', () => {
      const nonce = this.random('client nonce', 32);
      const { blinded } = this.blind(password);
      return frameOf(10, [...this.startFields(nonce), '', [ksf.name], blinded]);
    });
    const identifier = this.world.draw(`${this.name}: credential identifier`, 32);
    let evaluated;
    await this.step('server', 'signup-challenge', () => {
      this.random('credential identifier', 32);
      evaluated = this.evaluate(identifier);
      return this.challenge(11, ksf, join(evaluated, this.world.server.publicKey), 'blindsalt.v1 signup server');
    });
    await this.step('client', 'signup-finish', async () => {
      const { privateKey, record } = await this.open(evaluated, ksf, this.random('envelope nonce', 32));
      this.world.account = { identifier, record, ksf, privateKey };
      const partial = frameOf(12, [record, NO_PROOF]).subarray(0, -66);
      return join(
        partial,
        pack(this.prove('blindsalt.v1 signup client', partial, this.challengeNonce, privateKey, 'client signature')),
      );
    });
    return this.welcome();
  }

  async login(password, { device } = {}) {
    const { account } = this.world;
    await this.step('client', 'login-start', () => {
      const nonce = this.random('client nonce', 32);
      const { domain, username } = this.world;
      let proof = EMPTY;
      if (device !== undefined) {
        const { frames, hash } = this.transcriptHash('blindsalt.v1 device');
        const message = join(len16(domain), len16(username), nonce, hash);
        proof = join(device.deviceId, hmac(device.deviceSecret, message));
        this.proofs.push({
          label: 'blindsalt.v1 device',
          frames,
          transcriptHash: hash,
          message,
          key: device.deviceSecret,
          mac: proof.subarray(16),
        });
      }
      const { blinded } = this.blind(password);
      return frameOf(20, [...this.startFields(nonce, proof), MECHANISM, blinded]);
    });
    let answer;
    await this.step('server', 'login-challenge', () => {
      answer = this.credentialResponse(account);
      return this.challenge(21, account.ksf, answer.data, 'blindsalt.v1 login server');
    });
    await this.step('client', 'login-finish', async () => {
      const { privateKey } = await this.open(answer.evaluated, account.ksf, account.record.subarray(96, 128));
      const partial = frameOf(22, [NO_PROOF]).subarray(0, -66);
      return join(
        partial,
        pack(this.prove('blindsalt.v1 login client', partial, this.challengeNonce, privateKey, 'client signature')),
      );
    });
    return this.welcome();
  }

  mac(label, partial, secret) {
    const { frames, hash } = this.transcriptHash(label, partial);
    const mac = hmac(secret, hash);
    this.proofs.push({ label, partial, frames, transcriptHash: hash, key: secret, mac });
    return mac;
  }

  async resume({ ticketId, ticketSecret }) {
    await this.step('client', 'resume', () => {
      const fields = this.startFields(this.random('client nonce', 32)).slice(1);
      const partial = frameOf(30, [...fields, ticketId, NO_PROOF]).subarray(0, -66);
      return join(partial, pack(this.mac('blindsalt.v1 resume client', partial, ticketSecret)));
    });
    await this.step('server', 'welcome', () => {
      this.sessionId = ticketId.subarray(0, 16);
      this.giveTicket();
      const partial = this.welcomeFrame(NO_PROOF).subarray(0, -66);
      return join(partial, pack(this.mac('blindsalt.v1 resume server', partial, ticketSecret)));
    });
    return this;
  }

  async refresh() {
    await this.step('client', 'refresh', () => frameOf(40, []));
    await this.step('server', 'refreshed', () => {
      this.giveTicket('serial of refresh');
      return frameOf(41, [3600, 86400, this.given.ticketId, this.given.ticketSecret]);
    });
  }

  /** The head of an exchange after `welcome`, section 6. */
  begin() {
    const head = join(sha512(this.frames), this.sessionId);
    this.exchange = join(u32be(80), head);
    this.values.exchangeHead = head;
  }

  life(type, what) {
    this.giveTicket(`serial of ${what}`);
    const device = this.giveDevice(`device id of ${what}`);
    return frameOf(type, [
      3600,
      86400,
      this.given.ticketId,
      this.given.ticketSecret,
      device.deviceId,
      device.deviceSecret,
    ]);
  }

  async stepUp(password) {
    const { account } = this.world;
    await this.step('client', 'step-up-start', () => {
      this.begin();
      const nonce = this.random('client nonce of step-up', 32);
      return frameOf(50, [nonce, MECHANISM, this.blind(password).blinded]);
    });
    let answer;
    await this.step('server', 'step-up-challenge', () => {
      answer = this.credentialResponse(account);
      return this.challenge(51, account.ksf, answer.data, 'blindsalt.v1 step-up server');
    });
    await this.step('client', 'step-up-finish', async () => {
      const { privateKey } = await this.open(answer.evaluated, account.ksf, account.record.subarray(96, 128));
      const partial = frameOf(52, [NO_PROOF]).subarray(0, -66);
      return join(
        partial,
        pack(this.prove('blindsalt.v1 step-up client', partial, this.challengeNonce, privateKey, 'client signature')),
      );
    });
    await this.step('server', 'stepped-up', () => this.life(53, 'step-up'));
    this.exchange = undefined;
  }

  async reRegister(password, ksf) {
    const { account } = this.world;
    const name = (what) => `${what} of re-registration`;
    const identifier = this.world.draw(`${this.name}: ${name('credential identifier')}`, 32);
    await this.step('client', 're-register-start', () => {
      this.begin();
      const nonce = this.random(name('client nonce'), 32);
      const uniform = this.random(name('blind'), 64);
      const input = join(len16(this.world.domain), len16(this.world.username), len16(password));
      const blind = scalar(reduce(uniform));
      const blinded = element(hashToGroup(input).multiply(integer(blind)));
      this.attempt = { input, blind, blinded };
      Object.assign(this.values, { password: utf8(password), oprfInput: input, blind, blindedElement: blinded });
      return frameOf(60, [nonce, [ksf.name], blinded]);
    });
    let evaluated;
    await this.step('server', 're-register-challenge', () => {
      this.random(name('credential identifier'), 32);
      evaluated = this.evaluate(identifier);
      const { server } = this.world;
      const nonce = this.random(name('challenge nonce'), 32);
      this.challengeNonce = nonce;
      const data = join(evaluated, server.publicKey);
      const partial = frameOf(61, [nonce, server.serverKeyId, ...this.ksfFields(ksf), data, NO_PROOF]).subarray(0, -66);
      const label = 'blindsalt.v1 re-registration server';
      return join(partial, pack(this.prove(label, partial, nonce, server.privateKey, name('server signature'))));
    });
    await this.step('client', 're-register-finish', async () => {
      const { privateKey, record } = await this.open(evaluated, ksf, this.random(name('envelope nonce'), 32));
      const partial = frameOf(62, [record, 1, NO_PROOF, NO_PROOF]).subarray(0, -132);
      const prove = (which, key) =>
        pack(
          this.prove(
            `blindsalt.v1 re-registration client ${which}`,
            partial,
            this.challengeNonce,
            key,
            name(`${which} signature`),
          ),
        );
      const proofs = [prove('old', account.privateKey), prove('new', privateKey)];
      this.world.account = { identifier, record, ksf, privateKey };
      this.world.version += 1;
      return join(partial, ...proofs);
    });
    await this.step('server', 're-registered', () => this.life(63, 're-registration'));
    this.exchange = undefined;
  }
}

/** For JSON: bytes as hexadecimal. */
function plain(value) {
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) => (part === undefined ? [] : [[name, plain(part)]])),
  );
}

// --- the files -------------------------------------------------------------------------------------------------------
const ARGON2ID = { name: 'argon2id', memoryKiB: 19456, iterations: 2, parallelism: 1 };
const PBKDF2 = { name: 'pbkdf2-sha512', memoryKiB: 0, iterations: 210000, parallelism: 0 };
const PASSWORD = 'correct horse battery';

async function password(name, ksf, note, options) {
  const world = new World(name, options);
  const { device } = await world.connect('sign-up').signup(PASSWORD, ksf);
  await world.connect('login').login(PASSWORD, { device });
  return world.toJson(note);
}

async function session() {
  const world = new World('session', { domain: 'xn--bcher-kva.example', username: 'jürgen' });
  const first = await world.connect('sign-up').signup(PASSWORD, PBKDF2);
  const binding = { type: 'tls-exporter', value: world.draw('tls exporter', 32) };
  const second = await world.connect('resume', { binding }).resume(first.given);
  await second.refresh();
  const third = await world.connect('resume after refresh').resume(second.given);
  await third.stepUp(PASSWORD);
  await third.reRegister('staple battery horse', PBKDF2);
  await world.connect('login with the new password', { binding }).login('staple battery horse');
  return world.toJson(
    'One user and session: sign-up, resume with rotation of tickets over a channel binding, refresh, resume, step-up and ' +
      're-registration on one connection, login with the new password. Domain with an A-label, username outside ASCII.',
  );
}

/** Frames that a decoder has to refuse, and neighbours that it has to take. */
function frames() {
  const bytes = (length) => Buffer.alloc(length, 7);
  const raw = (...parts) =>
    join(Buffer.from([0xc1]), ...parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : part)));
  const error = (code, seconds = 0) => frameOf(1, [code, seconds]);
  const text = (...values) => Buffer.from(values);
  const cases = [];
  const add = (from, name, frame, rule) =>
    cases.push({
      name,
      from,
      frame,
      valid: rule === undefined,
      ...(rule && { rule, code: 'protocol-error', close: 4400 }),
    });
  add('client', 'login-finish', frameOf(22, [bytes(64)]));
  add('client', 'refresh, no fields', frameOf(40, []));
  add('client', 'revoke of nothing in particular', frameOf(72, [EMPTY, 1]));
  add('server', 'error', error('login-failed', 300));
  add('server', 'error, longest retry', error('try-later', 0xffffffff));
  add('server', 'error, longest code', error('x'.repeat(32)));
  add('server', 'user-changed, 15 roles', frameOf(81, [Array.from({ length: 15 }, (_, i) => `role-${i}`)]));
  add('server', 'done, integers at the edges', frameOf(79, [127]));
  for (const n of [128, 255, 256, 65535, 65536]) add('server', `done, ${n}`, frameOf(79, [n]));
  add('client', '0xC1 alone', raw(), 'a control frame is 0xC1 followed by an array');
  add('client', 'no array', raw(22), 'a control frame is 0xC1 followed by an array');
  add('client', 'empty array', raw(0x90), 'an array begins with the type');
  add('client', 'array 16 for one that fits fixarray', raw(0xdc, 0x00, 0x01, 40), 'the shortest encoding');
  add('client', 'unknown type', frameOf(99, []), 'a type that is not defined');
  add('client', 'type as uint 8', raw(0x91, 0xcc, 40), 'the shortest encoding');
  add('client', 'a message of the server', error('login-failed'), 'a type that the other end may not send');
  add('server', 'a message of the client', frameOf(22, [bytes(64)]), 'a type that the other end may not send');
  add('client', 'a field too few', frameOf(22, []), 'the number of fields');
  add('client', 'a field too many', frameOf(22, [bytes(64), 0]), 'the number of fields');
  add('client', 'a byte behind', join(frameOf(22, [bytes(64)]), raw().subarray(0, 1)), 'bytes behind the array');
  add('client', 'cut off', frameOf(22, [bytes(64)]).subarray(0, -1), 'a length beyond the frame');
  add('client', 'proof of 63 bytes', frameOf(22, [bytes(63)]), 'lengths of section 5');
  add('client', 'proof of 65 bytes', frameOf(22, [bytes(65)]), 'lengths of section 5');
  add('client', 'bin 16 for 64 bytes', raw(0x92, 22, 0xc5, 0, 64, bytes(64)), 'the shortest encoding');
  add('client', 'bin 32', raw(0x92, 22, 0xc6, 0, 0, 0, 64, bytes(64)), 'types and encodings of section 4');
  add('client', 'text for bytes', frameOf(22, ['x'.repeat(64)]), 'the type of a field');
  add('client', 'nil', raw(0x92, 22, 0xc0), 'types of section 4');
  add('client', 'extension', raw(0x92, 22, 0xc7, 64, 1, bytes(64)), 'types of section 4');
  add('client', 'map', raw(0x92, 22, 0x80), 'types of section 4');
  add('client', 'flag of 2 where 0 or 1', frameOf(74, [2]), 'bounds of section 5');
  add('server', 'integer as uint 16 that fits uint 8', raw(0x92, 79, 0xcd, 0, 200), 'the shortest encoding');
  add('server', 'integer as uint 8 that fits fixint', raw(0x92, 79, 0xcc, 5), 'the shortest encoding');
  add('server', 'integer as uint 64', raw(0x92, 79, 0xcf, 0, 0, 0, 0, 0, 0, 0, 5), 'types and encodings of section 4');
  add('server', 'negative integer', raw(0x92, 79, 0xff), 'types of section 4');
  add('server', 'float', raw(0x92, 79, 0xca, 0, 0, 0, 0), 'types of section 4');
  add('server', 'boolean', raw(0x92, 79, 0xc3), 'types of section 4');
  add('server', 'empty code', error(''), 'lengths of section 5');
  add('server', 'code of 33 bytes', error('x'.repeat(33)), 'lengths of section 5');
  add('server', 'str 8 that fits fixstr', raw(0x93, 1, 0xd9, 1, text(0x61), 0), 'the shortest encoding');
  add('server', 'text with U+0000', error('a\0b'), 'text');
  add('server', 'text that begins with U+FEFF', error('\ufeffa'), 'text');
  add('server', 'overlong UTF-8', raw(0x93, 1, 0xa2, text(0xc0, 0xaf), 0), 'text');
  add('server', 'surrogate in UTF-8', raw(0x93, 1, 0xa3, text(0xed, 0xa0, 0x80), 0), 'text');
  add('server', 'UTF-8 beyond U+10FFFF', raw(0x93, 1, 0xa4, text(0xf4, 0x90, 0x80, 0x80), 0), 'text');
  add('server', 'UTF-8 cut off', raw(0x93, 1, 0xa1, text(0xe2), 0), 'text');
  add(
    'server',
    '16 roles, as array 16',
    raw(0x92, 81, 0xdc, 0, 16, ...Array.from({ length: 16 }, () => text(0xa1, 0x61))),
    'types and encodings of section 4',
  );
  add('server', 'a list in a list', raw(0x92, 81, 0x91, 0x91, 0xa1, text(0x61)), 'no deeper nesting');
  add('server', 'an integer among texts', raw(0x92, 81, 0x91, 5), 'the type of an entry');
  cases.push({
    name: '4097 bytes before welcome',
    from: 'client',
    frame: join(Buffer.from([0xc1]), Buffer.alloc(4096, 0x90)),
    valid: false,
    rule: 'frames over 4096 bytes before welcome',
    code: 'frame-too-large',
    close: 4407,
  });
  return plain({
    format: FORMAT,
    name: 'frames',
    note: 'Control frames by themselves: does the decoder take or refuse them? For those of the server, a client that refuses closes with 4480.',
    cases,
  });
}

/** Signatures and elements that have to be refused. */
function signatures() {
  const draw = (name, length) => sha512('blindsalt.v1 vectors', len16('signatures'), len16(name)).subarray(0, length);
  const { privateKey } = deriveKeyPair(draw('key', 32), '');
  const cases = [];
  const add = (name, { publicKey, message, context, signature, ...more }, rule) =>
    cases.push({
      name,
      publicKey,
      context,
      message,
      signature,
      valid: rule === undefined,
      ...(rule ? { rule } : { privateKey, ...more }),
    });
  const signed = (message, context, name) => {
    const random = draw(name, 32);
    return { message: join(message), context, random, ...sign(join(message), privateKey, context, random) };
  };
  const good = signed('a message', 'blindsalt.v1 login client', 'random 1');
  add('a message', good);
  add('empty message and context', signed('', '', 'random 2'));
  add('context of 255 bytes', signed(Buffer.alloc(300, 9), 'c'.repeat(255), 'random 3'));
  const { signature, publicKey } = good;
  const flipped = (at) => Buffer.from(signature.map((byte, i) => (i === at ? byte ^ 1 : byte)));
  const s = integer(signature.subarray(32));
  add('another message', { ...good, message: utf8('A message') }, 'the message is signed');
  add('another context', { ...good, context: 'blindsalt.v1 login server' }, 'the context is signed');
  add('another key', { ...good, publicKey: deriveKeyPair(draw('other', 32), '').publicKey }, 'the key is signed');
  add('another R', { ...good, signature: flipped(0) }, 'R decodes, and the equation holds');
  add('another s', { ...good, signature: flipped(32) }, 's·B = R + c·A');
  add(
    's plus the order',
    {
      ...good,
      signature: join(signature.subarray(0, 32), Buffer.from((s + L).toString(16).padStart(64, '0'), 'hex').reverse()),
    },
    's is canonical',
  );
  add(
    'R is the identity',
    { ...good, signature: join(Buffer.alloc(32), signature.subarray(32)) },
    'R is not the identity',
  );
  add('A is the identity', { ...good, publicKey: Buffer.alloc(32) }, 'A is not the identity');
  // With A the identity, every R = s·B would be valid.
  const forged = Point.BASE.multiply(7n);
  add(
    'forged for the identity',
    { ...good, publicKey: Buffer.alloc(32), signature: join(element(forged), scalar(7n)) },
    'A is not the identity',
  );
  add(
    'A is no element',
    { ...good, publicKey: Buffer.from(publicKey.map((byte, i) => (i === 31 ? byte | 0x80 : byte))) },
    'A decodes',
  );
  return plain({
    format: FORMAT,
    name: 'signatures',
    note: 'Section 2.4. `random` is r; with it the signature is reproduced.',
    cases,
  });
}

/** One byte of a transcript changed on its way: who notices, and how. Each begins from a connection of another file. */
function tampered(files) {
  const [login, signup] = ['login', 'sign-up'].map((name) => files.pbkdf2.connections.find((one) => one.name === name));
  const resumed = files.session.connections.find(({ name }) => name === 'resume');
  const cases = [];
  const add = (file, { name: connection, steps }, message, offset, changes, byWhom, code) => {
    const index = steps.findIndex((step) => step.message === message);
    const frame = Buffer.from(steps[index].frame, 'hex');
    const at = offset < 0 ? frame.length + offset : offset;
    frame[at] ^= 1;
    cases.push({
      name: changes,
      file,
      connection,
      step: index,
      frame,
      rule: changes,
      refusedBy: byWhom,
      code,
      close: byWhom === 'client' ? 4480 : code === 'protocol-error' ? 4400 : code === 'resume-failed' ? 4434 : 0,
    });
  };
  add('pbkdf2', login, 'hello', 6, 'the nonce of hello is part of the transcript', 'client', 'login-failed');
  add('pbkdf2', login, 'login-challenge', 6, 'the nonce of the challenge is signed', 'client', 'login-failed');
  add(
    'pbkdf2',
    login,
    'login-challenge',
    40,
    'the server key id fits the key in the envelope',
    'client',
    'login-failed',
  );
  add('pbkdf2', login, 'login-challenge', -67, 'the credential response opens the envelope', 'client', 'login-failed');
  add('pbkdf2', login, 'login-challenge', -1, 'the server’s proof is valid', 'client', 'login-failed');
  add('pbkdf2', login, 'login-finish', -1, 'the client’s proof is valid', 'server', 'login-failed');
  add('pbkdf2', signup, 'hello', 6, 'the nonce of hello is part of the transcript', 'client', 'protocol-error');
  add('pbkdf2', signup, 'signup-challenge', -1, 'the server’s proof is valid', 'client', 'protocol-error');
  add('pbkdf2', signup, 'signup-finish', 40, 'the record is signed', 'server', 'protocol-error');
  add('pbkdf2', signup, 'signup-finish', -1, 'the new key signs', 'server', 'protocol-error');
  add('session', resumed, 'resume', -1, 'the proof by the ticket is valid', 'server', 'resume-failed');
  add('session', resumed, 'resume', 10, 'the client nonce is part of the transcript', 'server', 'resume-failed');
  add('session', resumed, 'welcome', -1, 'the server’s proof by the ticket is valid', 'client', 'protocol-error');
  add('session', resumed, 'welcome', 30, 'what welcome says is part of the transcript', 'client', 'protocol-error');
  return plain({
    format: FORMAT,
    name: 'tampered',
    note: 'The connection of a transcript up to `step`, whose frame is replaced by the one here (one bit is another). What receives it refuses: a client closes with 4480, whatever its own error is called; a server answers with `code`, and closes with `close` unless that is 0.',
    cases,
  });
}

const files = {
  argon2id: await password(
    'argon2id',
    ARGON2ID,
    'Sign-up and login, key stretching by argon2id with the smallest parameters that a client may take.',
  ),
  pbkdf2: await password('pbkdf2', PBKDF2, 'Sign-up and login, key stretching by PBKDF2.'),
  session: await session(),
};
Object.assign(files, { frames: frames(), signatures: signatures(), tampered: tampered(files) });

const check = process.argv.includes('--check');
mkdirSync(folder, { recursive: true });
for (const [name, content] of Object.entries(files)) {
  const file = path.join(folder, `${name}.json`);
  const text = `${JSON.stringify(content, null, 2)}\n`;
  if (!check) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    process.stderr.write(`proto/vectors/${name}.json is not what \`npm run vectors\` makes.\n`);
    process.exitCode = 1;
  }
}
