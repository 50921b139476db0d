// proto/vectors/: the files are what their schema says, and both of our ends agree with them.
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { decodeControl, encodeControl } from '../../proto/index.js';
import { ResumeCore } from '../../src/client/resume-core.js';
import { importTicketSecret } from '../../src/client/tickets.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { problemsOf, type Schema } from '../support/json-schema.js';
import { nobleCrypto } from '../support/noble-crypto.js';
import { ClientReplay, hex, readVectorFile, replayExchange, ServerReplay, unhex } from './vectors-replay.js';
import type { Transcripts, VectorConnection, VectorStep } from './vectors-replay.js';

const folder = new URL('../../proto/vectors/', import.meta.url);
const schema = JSON.parse(readFileSync(new URL('schema.json', folder), 'utf8')) as Schema;
const names = readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'schema.json');
const FILES = ['argon2id', 'pbkdf2', 'session'] as const;
const files = Object.fromEntries(FILES.map((name) => [name, readVectorFile<Transcripts>(name)]));
const connections = FILES.flatMap((file) => files[file]!.connections.map((connection) => ({ file, connection })));
const framesOf = ({ steps }: VectorConnection, from: 'client' | 'server'): string[] =>
  steps.filter((step) => step.from === from).map(({ frame }) => frame);

let crypto: Crypto;
beforeAll(async () => {
  crypto = await loadCrypto();
});

describe('the schema', () => {
  test.each(names)('holds for %s', (name) => {
    expect(problemsOf(schema, JSON.parse(readFileSync(new URL(name, folder), 'utf8')))).toEqual([]);
  });

  test('refuses other things', () => {
    const file = JSON.parse(readFileSync(new URL('pbkdf2.json', folder), 'utf8')) as Record<string, unknown>;
    expect(problemsOf(schema, { ...file, userId: 'xyz' })).not.toEqual([]);
    expect(problemsOf(schema, { ...file, more: 1 })).not.toEqual([]);
    expect(problemsOf({ minimum: 1 }, 1)).toEqual(['$: the schema has an unknown keyword minimum']);
  });
});

describe('frames.json', () => {
  const { cases } = readVectorFile<{
    cases: { name: string; from: 'client' | 'server'; frame: string; valid: boolean; code?: string }[];
  }>('frames');
  test.each(cases)('$from: $name', ({ from, frame, valid, code }) => {
    const bytes = unhex(frame);
    if (valid) expect(hex(encodeControl(decodeControl(bytes, from)))).toBe(frame);
    else expect(() => decodeControl(bytes, from)).toThrow(expect.objectContaining({ code }));
  });
});

describe('signatures.json', () => {
  const { cases } = readVectorFile<{ cases: (Record<string, string> & { valid: never })[] }>('signatures');
  test.each(cases)('$name', ({ publicKey, context, message, signature, privateKey, random, valid }) => {
    for (const one of [crypto, nobleCrypto()]) {
      const label = new TextEncoder().encode(context);
      const verified = one.schnorr.verify(unhex(signature!), unhex(message!), unhex(publicKey!), label);
      expect(verified).toBe(valid);
      if (privateKey === undefined) continue;
      expect(hex(one.schnorr.sign(unhex(message!), unhex(privateKey), label, unhex(random!)))).toBe(signature);
    }
  });
});

/** The step in which the device was given out that a login shows. */
function deviceOf(file: string, { steps }: VectorConnection): VectorStep[] {
  if (steps[1]?.proofs[0]?.['label'] !== 'blindsalt.v1 device') return [];
  return [files[file]!.connections[0]!.steps.at(-1)!];
}

async function resumeCore(file: string, { binding, target, steps }: VectorConnection): Promise<ResumeCore> {
  const [mac] = steps[1]!.proofs;
  const resume = decodeControl(unhex(steps[1]!.frame), 'client');
  if (resume.kind !== 'resume') throw new Error(resume.kind);
  const key = await importTicketSecret(Uint8Array.from(unhex(mac!['key']!)));
  const { domain, username, userId } = files[file]!;
  return new ResumeCore(
    {
      ticket: { id: resume.ticketId, key, userId: unhex(userId), username },
      domain,
      target,
      origin: '',
      subprotocols: [],
      deviceLabel: '',
      requireBinding: binding.type !== '',
    },
    binding.type === '' ? [] : [{ type: binding.type, value: unhex(binding.value) }],
  );
}

/** Lets `getRandomValues` give the nonce of the vectors. */
async function withNonce<T>(nonce: string, body: () => Promise<T>): Promise<T> {
  const { getRandomValues } = globalThis.crypto;
  try {
    Object.assign(globalThis.crypto, { getRandomValues: (array: Uint8Array) => (array.set(unhex(nonce)), array) });
    return await body();
  } finally {
    Object.assign(globalThis.crypto, { getRandomValues });
  }
}

describe('our client', () => {
  const byPassword = connections.filter(({ connection }) => /-start$/.test(connection.steps[1]!.message));
  test.each(byPassword)('$file: $connection.name', async ({ file, connection }) => {
    const client = await ClientReplay.open(files[file]!, connection, deviceOf(file, connection));
    await client.run(connection.steps);
    expect(client.failures).toEqual([]);
    expect(client.sent).toEqual(framesOf(connection, 'client'));
    expect(client.oprfOutputs).toEqual(connection.steps.flatMap(({ values }) => values['oprfOutput'] ?? []));
    expect(client.draws.left).toBe(0);
    expect(hex(client.welcome!.userId)).toBe(files[file]!.userId);
  });

  const byTicket = connections.filter(({ connection }) => connection.steps[1]!.message === 'resume');
  test.each(byTicket)('$file: $connection.name', async ({ file, connection }) => {
    const { steps } = connection;
    const core = await resumeCore(file, connection);
    const sent = await withNonce(steps[1]!.random['client nonce']!, () => core.receive(unhex(steps[0]!.frame)));
    expect(sent).toMatchObject([{ kind: 'send' }]);
    expect(sent[0]?.kind === 'send' && hex(sent[0].frame)).toBe(steps[1]!.frame);
    expect(await core.receive(unhex(steps[2]!.frame))).toMatchObject([{ kind: 'done' }]);
  });

  test('session: step-up and re-registration', async () => {
    const connection = files['session']!.connections.find(({ name }) => name === 'resume after refresh')!;
    const sent = await replayExchange(files['session']!, connection);
    expect(sent).toEqual(framesOf(connection, 'client').slice(1));
  });
});

describe('our server', () => {
  test.each(FILES)('%s: every connection', async (name) => {
    const server = await ServerReplay.open(files[name]!);
    for (const connection of files[name]!.connections) {
      const actions = await server.run(connection);
      const errors = actions.flatMap((action) => (action.do === 'log-error' ? [action.error] : []));
      expect(errors).toEqual([]);
      const sent = actions.flatMap((action) => (action.do === 'send' ? [hex(action.frame)] : []));
      expect(sent).toEqual(framesOf(connection, 'server'));
      expect(server.draws.left).toBe(0);
    }
  });
});

describe('tampered.json', () => {
  const { cases } = readVectorFile<{
    cases: {
      name: string;
      file: string;
      connection: string;
      step: number;
      frame: string;
      refusedBy: string;
      code: string;
      close: number;
    }[];
  }>('tampered');
  const connectionOf = (file: string, name: string): VectorConnection =>
    files[file]!.connections.find((connection) => connection.name === name)!;

  test.each(cases.filter(({ refusedBy }) => refusedBy === 'client'))('client: $name ($connection)', async (one) => {
    const connection = connectionOf(one.file, one.connection);
    const steps = connection.steps.map((step, i) => (i === one.step ? { ...step, frame: one.frame } : step));
    if (steps[1]!.message === 'resume') {
      const core = await resumeCore(one.file, connection);
      await withNonce(steps[1]!.random['client nonce']!, () => core.receive(unhex(steps[0]!.frame)));
      expect(await core.receive(unhex(steps[2]!.frame))).toMatchObject([{ kind: 'failed', error: { code: one.code } }]);
      return;
    }
    const client = await ClientReplay.open(files[one.file]!, connection, deviceOf(one.file, connection));
    await client.run(steps);
    expect(client.failures).toEqual([one.code]);
    expect(client.welcome).toBeUndefined();
  });

  test.each(cases.filter(({ refusedBy }) => refusedBy === 'server'))('server: $name ($connection)', async (one) => {
    const server = await ServerReplay.open(files[one.file]!);
    for (const connection of files[one.file]!.connections) {
      if (connection.name !== one.connection) {
        await server.run(connection);
        continue;
      }
      const actions = await server.run(connection, one);
      const last = actions
        .flatMap((action) => (action.do === 'send' ? [decodeControl(action.frame, 'server')] : []))
        .at(-1);
      expect(last).toMatchObject({ kind: 'error', code: one.code });
      const close = actions.flatMap((action) => (action.do === 'close' ? [action.code] : []));
      expect(close).toEqual(one.close === 0 ? [] : [one.close]);
      return;
    }
  });
});
