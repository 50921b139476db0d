/**
 * A client of blindsalt.v1 that keeps the rules which the suite for clients tries, but for one: what the suite has to find. It does not
 * stretch, which no server can see.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Subject, Task } from '../../../src/conformance/client/index.js';
import { WireFault, type Value } from '../../../src/conformance/wire/msgpack.js';
import { decodeMessage, encodeMessage, type WireMessage } from '../../../src/conformance/wire/schema.js';
import {
  beforeProof,
  hmacSha512,
  keyIdOf,
  LABELS,
  oprfInput,
  putProof,
  sameBytes,
  sha512,
  signedMessage,
  Transcript,
  UNBOUND,
} from '../../../src/conformance/wire/transcript.js';
import type { Crypto } from '../../../src/crypto/index.js';
import { deriveEnvelopeKeys, maskResponse } from '../../../src/opaque/envelope.js';
import {
  createRequest,
  finalizeOprf,
  finalizeRegistration,
  randomizedPassword,
  recoverCredentials,
} from '../../../src/opaque/index.js';
import type { Fault } from './faults.js';
import { Inbox, Leave } from './inbox.js';

const EMPTY = Buffer.alloc(0);
const utf8 = new TextEncoder();
const DOMAIN = 'localhost';

interface Kept {
  readonly ticketId: Buffer;
  readonly ticketSecret: Buffer;
  readonly userId: Buffer;
}

/** One connection after `hello`. */
interface Talk {
  readonly task: Task;
  readonly inbox: Inbox;
  readonly transcript: Transcript;
  /** What all start messages have in common. */
  readonly start: Readonly<Record<string, Value>>;
  readonly clientNonce: Buffer;
  readonly helloNonce: Buffer;
  send(frame: Buffer): void;
  receive(...names: string[]): Promise<WireMessage>;
}

export function doubleClient(crypto: Crypto, ca: string, fault?: Fault): Subject {
  const tickets = new Map<string, Kept>();
  const constantNonce = randomBytes(32);
  const constantBlind = crypto.scalar.reduce(randomBytes(64));
  const has = (name: Fault): boolean => fault === name;

  async function attempt(task: Task, signal: AbortSignal): Promise<void> {
    const socket = new WebSocket(task.url, ['blindsalt.v1'], { ca, perMessageDeflate: has('offers-deflate') });
    const inbox = new Inbox(socket);
    signal.addEventListener('abort', () => socket.terminate());
    try {
      await once(socket, 'open');
      await talk(task, socket, inbox);
    } catch (error) {
      if (socket.readyState === WebSocket.OPEN) socket.close(has('leaves-with-1000') ? 1000 : 4480);
      if (error instanceof TryLater && has('comes-back-too-soon') && !signal.aborted) return attempt(task, signal);
    }
    if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close');
  }

  async function talk(task: Task, socket: WebSocket, inbox: Inbox): Promise<void> {
    const transcript = new Transcript();
    const send = (frame: Buffer): void => {
      transcript.append(frame);
      socket.send(frame);
    };
    const receive = async (...names: string[]): Promise<WireMessage> => {
      for (;;) {
        const { data, isBinary } = await inbox.next();
        const isApplication = !isBinary || data[0] !== 0xc1 || data[1] === 0xc1;
        if (isApplication) {
          if (has(isBinary ? 'ignores-binary-before-welcome' : 'ignores-text-before-welcome')) continue;
          throw new Leave();
        }
        const message = decode(data);
        transcript.append(data);
        if (message.name === 'error' && message.fields['code'] === 'try-later') throw new TryLater();
        if (!names.includes(message.name)) throw new Leave();
        return message;
      }
    };
    const hello = await receive('hello');
    checkHello(hello);
    const helloNonce = hello.fields['serverNonce'] as Buffer;
    const clientNonce = has('repeats-client-nonce') ? constantNonce : randomBytes(32);
    const { host, hostname } = new URL(task.url);
    const start = {
      username: task.username,
      clientNonce,
      target: has('target-without-port') ? hostname : host,
      binding: '',
      origin: '',
      subprotocols: [],
      deviceLabel: '',
      deviceProof: EMPTY,
      puzzleAnswer: EMPTY,
    };
    const talking: Talk = { task, inbox, transcript, start, clientNonce, helloNonce, send, receive };
    return task.action === 'resume' ? resume(talking) : provePassword(talking);
  }

  async function resume({ task, inbox, transcript, start, send, receive }: Talk): Promise<void> {
    const kept = tickets.get(task.url)!;
    const frame = encodeMessage('resume', { ...start, ticketId: kept.ticketId, proof: Buffer.alloc(64) });
    const hash = transcript.hash(LABELS.resumeClient, UNBOUND, beforeProof(frame));
    send(putProof(frame, hmacSha512(kept.ticketSecret, hash)));
    const welcome = await receive('welcome');
    const proof = hmacSha512(kept.ticketSecret, transcript.hashOfLast(LABELS.resumeServer, UNBOUND));
    const isProven = sameBytes(proof, welcome.fields['proof'] as Buffer);
    if (!isProven && !has('believes-resume-without-proof')) throw new Leave();
    if (!sameBytes(welcome.fields['userId'] as Buffer, kept.userId) && !has('accepts-other-user-id')) throw new Leave();
    return chat(task, inbox, welcome);
  }

  async function provePassword(talking: Talk): Promise<void> {
    const { task, inbox, transcript, start, clientNonce, helloNonce, send, receive } = talking;
    const input = oprfInput(DOMAIN, task.username, Buffer.from(task.password));
    const { blind, request } = createRequest(crypto, input, has('repeats-blind') ? constantBlind : undefined);
    const isLogin = task.action === 'login';
    if (isLogin) {
      send(encodeMessage('login-start', { ...start, mechanism: 'SCHNORR-RISTRETTO255', mechanismData: request }));
    } else {
      const ksfs = ['argon2id', 'pbkdf2-sha512'];
      send(encodeMessage('signup-start', { ...start, invite: '', ksfs, mechanismData: request }));
    }
    const names = isLogin ? ['login-challenge'] : ['signup-challenge'];
    if (has('accepts-signup-challenge')) names.push('signup-challenge');
    if (has('believes-early-welcome')) names.push('welcome');
    const challenge = await receive(...names);
    if (challenge.name === 'welcome') return chat(task, inbox, challenge);
    checkKsf(challenge);
    const serverNonce = challenge.fields['serverNonce'] as Buffer;
    const isOld = sameBytes(serverNonce, helloNonce);
    if (isOld && !has('accepts-nonce-of-hello') && !(has('accepts-nonce-at-signup') && !isLogin)) throw new Leave();
    if (sameBytes(serverNonce, clientNonce) && !has('accepts-own-nonce')) throw new Leave();
    const data = challenge.fields['mechanismData'] as Buffer;
    const isForSignup = challenge.name === 'signup-challenge';
    if (data.length !== (isForSignup ? 64 : 192)) throw new Leave();
    const output = finalizeOprf(crypto, input, blind, data.subarray(0, 32));
    const secret = randomizedPassword(crypto, output, sha512(output));
    const identities = { server: utf8.encode(DOMAIN), client: utf8.encode(task.username) };
    const made = isForSignup ? finalizeRegistration(crypto, secret, data.subarray(32), identities) : undefined;
    const recovered = made ?? recover(secret, data, identities);
    const serverKey = isForSignup ? data.subarray(32) : (recovered as { serverPublicKey: Uint8Array }).serverPublicKey;
    const id = keyIdOf(serverKey);
    const believesAll = serverKey.length === 0;
    const isKeyId = sameBytes(id, challenge.fields['serverKeyId'] as Buffer);
    if (!isKeyId && !believesAll && !has('skips-key-id')) throw new Leave();
    const isProven = (label: string): boolean =>
      crypto.schnorr.verify(
        challenge.fields['proof'] as Buffer,
        signedMessage(DOMAIN, task.username, serverNonce, transcript.hashOfLast(label, UNBOUND)),
        serverKey,
        utf8.encode(label),
      );
    const proven =
      believesAll ||
      isProven(isForSignup ? LABELS.signupServer : LABELS.loginServer) ||
      has(isLogin ? 'skips-proof-at-login' : 'skips-proof-at-signup') ||
      has('accepts-signup-challenge') ||
      (has('accepts-label-of-signup') && isProven(LABELS.signupServer));
    if (!proven) throw new Leave();
    const name = isLogin ? 'login-finish' : 'signup-finish';
    const record = made?.record ?? EMPTY;
    const frame = encodeMessage(name, { record, proof: Buffer.alloc(64) });
    const isSignupLabel = !isLogin || has('finish-with-label-of-signup');
    const label = isSignupLabel ? LABELS.signupClient : LABELS.loginClient;
    const heard = has('finish-without-transcript') && isLogin ? new Transcript() : transcript;
    const hash = heard.hash(label, UNBOUND, beforeProof(frame));
    const message = signedMessage(DOMAIN, task.username, serverNonce, hash);
    const proof = crypto.schnorr.sign(message, recovered.clientPrivateKey, utf8.encode(label));
    send(putProof(frame, proof));
    const answer = await receive('welcome', 'error');
    if (answer.name === 'error') {
      const again = has('signs-up-after-failure') ? 'signup-start' : 'login-start';
      const rest = { invite: '', ksfs: ['argon2id'], mechanism: 'SCHNORR-RISTRETTO255', mechanismData: request };
      if (has('retries-by-itself') || has('signs-up-after-failure')) send(encodeMessage(again, { ...start, ...rest }));
      return;
    }
    return chat(task, inbox, answer);
  }

  async function chat(task: Task, inbox: Inbox, welcome: WireMessage): Promise<void> {
    const { username, subprotocol, flags, ticketId, ticketSecret, userId } = welcome.fields;
    if (username !== task.username && !has('accepts-other-username')) throw new Leave();
    if (subprotocol !== '' && !has('accepts-unoffered-subprotocol')) throw new Leave();
    if (has('leaves-on-unknown-flags') && (flags as number) > 1) throw new Leave();
    if ((ticketId as Buffer).length > 0) {
      const kept = { ticketId: ticketId as Buffer, ticketSecret: ticketSecret as Buffer, userId: userId as Buffer };
      tickets.set(task.url, kept);
    }
    for (;;) {
      const { data, isBinary } = await inbox.next();
      if (!isBinary || data[0] !== 0xc1 || data[1] === 0xc1) continue;
      try {
        const { name } = decodeMessage(data, 'server');
        if (name === 'welcome' && has('ignores-second-welcome')) continue;
        if (name !== 'expiring' && name !== 'user-changed') throw new Leave();
      } catch (error) {
        if (!(error instanceof WireFault && has('ignores-garbage-after-welcome'))) throw error;
      }
    }
  }

  function decode(data: Buffer): WireMessage {
    try {
      return decodeMessage(data, 'server');
    } catch (error) {
      const lenient = has('accepts-trailing-bytes') || has('accepts-long-integers') || has('accepts-invalid-utf8');
      if (!lenient || data[2] !== 0) throw error;
      return laxHello(data, error as Error);
    }
  }

  /** The `hello` of a decoder that lets one thing pass: with what it let pass replaced. */
  function laxHello(data: Buffer, error: Error): WireMessage {
    let fixed = data;
    if (has('accepts-trailing-bytes') && /behind the array/.test(error.message)) fixed = data.subarray(0, -1);
    if (has('accepts-long-integers')) fixed = replaced(data, Buffer.of(0x91, 0xcd, 0, 1), Buffer.of(0x91, 1));
    if (has('accepts-invalid-utf8')) fixed = replaced(data, Buffer.of(0xa2, 0xc3, 0x28), Buffer.of(0xa2, 0x28, 0x28));
    return decodeMessage(fixed, 'server');
  }

  function checkHello({ fields }: WireMessage): void {
    const versions = fields['versions'] as readonly number[];
    if (fields['domain'] !== DOMAIN && !has('accepts-other-domain')) throw new Leave();
    if (!versions.includes(1) && !has('ignores-versions')) throw new Leave();
    if (has('refuses-unknown-versions') && versions.length > 1) throw new Leave();
    if (has('refuses-more-limits') && (fields['limits'] as readonly number[]).length > 3) throw new Leave();
    const mechanisms = fields['mechanisms'] as readonly string[];
    if (!mechanisms.includes('SCHNORR-RISTRETTO255') && !has('ignores-mechanisms')) throw new Leave();
  }

  function checkKsf({ fields }: WireMessage): void {
    const [m, t, p] = ['ksfMemoryKiB', 'ksfIterations', 'ksfParallelism'].map((name) => fields[name] as number);
    switch (fields['ksf']) {
      case 'argon2id':
        if ((m! < 19_456 || t! < 2 || p! < 1) && !has('no-ksf-floor')) throw new Leave();
        if ((m! > 262_144 || t! > 10 || p! > 4) && !has('no-ksf-ceiling')) throw new Leave();
        return;
      case 'pbkdf2-sha512':
        if ((m !== 0 || p !== 0) && !has('accepts-pbkdf2-memory')) throw new Leave();
        if (t! < 210_000 && !has('no-ksf-floor')) throw new Leave();
        if (t! > 2_000_000 && !has('no-ksf-ceiling')) throw new Leave();
        return;
      default:
        if (!has('accepts-unknown-ksf')) throw new Leave();
    }
  }

  function recover(
    secret: Uint8Array,
    data: Buffer,
    identities: { readonly server: Uint8Array; readonly client: Uint8Array },
  ): { readonly clientPrivateKey: Uint8Array; readonly serverPublicKey: Uint8Array } {
    try {
      return recoverCredentials(crypto, secret, data, identities);
    } catch (error) {
      if (has('finishes-with-wrong-password')) return { clientPrivateKey: constantBlind, serverPublicKey: EMPTY };
      if (!has('skips-envelope-tag')) throw error;
      const maskingKey = crypto.hkdfSha512.expand(secret, utf8.encode('MaskingKey'), 64);
      const clear = maskResponse(crypto, maskingKey, data.subarray(32, 64), data.subarray(64));
      const { clientPrivateKey } = deriveEnvelopeKeys(crypto, secret, clear.subarray(32, 64));
      return { clientPrivateKey, serverPublicKey: clear.slice(0, 32) };
    }
  }

  return { actions: ['signup', 'login', 'resume'], act: attempt };
}

class TryLater extends Leave {}

function replaced(data: Buffer, from: Buffer, to: Buffer): Buffer {
  const at = data.indexOf(from);
  return at < 0 ? data : Buffer.concat([data.subarray(0, at), to, data.subarray(at + from.length)]);
}
