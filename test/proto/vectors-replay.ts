// Runs the transcripts of proto/vectors/ through both of our ends. What an end draws at random comes from the vectors, in the
// order in which our code draws it.
import { readFileSync } from 'node:fs';
import type { Binding, Welcome } from '../../proto/index.js';
import type { Action } from '../../src/client/conversation.js';
import { ClientCore } from '../../src/client/core.js';
import { ExchangeCore } from '../../src/client/exchange-core.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { stretch } from '../../src/opaque/index.js';
import { Connection } from '../../src/server/connection.js';
import type { ConnectionContext } from '../../src/server/connection-state.js';
import { readOptions } from '../../src/server/options.js';
import type { ServerKeys } from '../../src/server/keys.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import type { Store } from '../../src/server/store.js';
import type { Action as ServerAction } from '../../src/server/steps.js';
import { storeAnswer } from '../support/store-answers.js';

export const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export interface VectorStep {
  readonly from: 'client' | 'server';
  readonly message: string;
  readonly random: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, string>>;
  readonly proofs: readonly Readonly<Record<string, string>>[];
  readonly frame: string;
}
export interface VectorConnection {
  readonly name: string;
  readonly target: string;
  readonly binding: { readonly type: string; readonly value: string };
  readonly steps: readonly VectorStep[];
}
export interface Transcripts {
  readonly name: string;
  readonly domain: string;
  readonly username: string;
  readonly userId: string;
  readonly server: Readonly<Record<'oprfSeed' | 'privateKey' | 'publicKey' | 'serverKeyId' | 'ticketKey', string>>;
  readonly connections: readonly VectorConnection[];
}

export function readVectorFile<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../proto/vectors/${name}.json`, import.meta.url), 'utf8')) as T;
}

/** Gives out what was put in, in that order; the lengths have to fit. */
export class Draws {
  #queue: string[] = [];
  readonly source = (length: number): Uint8Array => {
    const next = this.#queue.shift();
    if (next?.length !== 2 * length) throw new Error(`${length} bytes drawn, ${(next?.length ?? 0) / 2} given`);
    return unhex(next);
  };

  put(...values: readonly (string | undefined)[]): void {
    this.#queue.push(...values.map((value) => value ?? ''));
  }

  get left(): number {
    return this.#queue.length;
  }
}

const bindingOf = ({ type, value }: VectorConnection['binding']): Binding => ({ type, value: unhex(value) });
const pick = (values: Readonly<Record<string, string>>, name: RegExp): string[] =>
  Object.entries(values).flatMap(([key, value]) => (name.test(key) ? [value] : []));

/** Our client on one connection of a file: its sign-up or login, and the exchange behind it. */
export class ClientReplay {
  readonly sent: string[] = [];
  readonly failures: string[] = [];
  readonly oprfOutputs: string[] = [];
  welcome: Welcome | undefined;

  private constructor(
    readonly crypto: Crypto,
    readonly draws: Draws,
    readonly core: ClientCore,
  ) {}

  static async open(
    file: Transcripts,
    connection: VectorConnection,
    devices: readonly VectorStep[] = [],
  ): Promise<ClientReplay> {
    const draws = new Draws();
    const crypto = await loadCrypto({ random: draws.source });
    const start = connection.steps[1]!;
    const { binding } = connection;
    const core = new ClientCore(crypto, {
      mode: start.message === 'signup-start' ? 'signup' : 'login',
      domain: file.domain,
      username: file.username,
      target: connection.target,
      origin: '',
      password: unhex(start.values['password']!),
      invite: '',
      subprotocols: [],
      deviceLabel: '',
      devices: devices.map(({ values }) => ({
        username: file.username,
        deviceId: unhex(values['deviceId']!),
        deviceSecret: unhex(values['deviceSecret']!),
      })),
      bindings: binding.type === '' ? [] : [bindingOf(binding)],
      requireBinding: false,
      // The one that the file is about.
      ksfs: [file.name === 'argon2id' ? 'argon2id' : 'pbkdf2-sha512'],
      ksfFloors: {},
      ksfCeilings: {},
      serverKeys: [unhex(file.server.publicKey)],
    });
    return new ClientReplay(crypto, draws, core);
  }

  /** Delivers the server's frames of the steps; the client has to send the others. */
  async run(steps: readonly VectorStep[]): Promise<void> {
    for (const [i, step] of steps.entries()) {
      if (step.from === 'client') continue;
      // What the client draws to answer this frame.
      const answer = steps[i + 1]?.random ?? {};
      this.draws.put(...pick(answer, /nonce/), ...pick(answer, /blind/), ...pick(answer, /signature/));
      await this.perform(this.core.receive(unhex(step.frame)), (result) => this.core.stretched(result));
    }
  }

  async perform(actions: readonly Action[], stretched: (result: Uint8Array) => Action[]): Promise<void> {
    for (const action of actions) {
      if (action.kind === 'send') this.sent.push(hex(action.frame));
      if (action.kind === 'failed') this.failures.push(action.error.code);
      if (action.kind === 'done') this.welcome = action.welcome;
      if (action.kind !== 'stretch') continue;
      this.oprfOutputs.push(hex(action.oprfOutput));
      await this.perform(stretched(await stretch(action.oprfOutput, action.ksf)), stretched);
    }
  }
}

/** Step-up and password change on a connection that was resumed. */
export async function replayExchange(file: Transcripts, connection: VectorConnection): Promise<string[]> {
  const draws = new Draws();
  const crypto = await loadCrypto({ random: draws.source });
  const first = connection.steps.findIndex(({ message }) => message === 'step-up-start');
  const steps = connection.steps.slice(first);
  const passwords = steps.flatMap(({ values }) =>
    values['password'] === undefined ? [] : [unhex(values['password'])],
  );
  const seen = connection.steps.slice(0, first).flatMap(({ random }) => pick(random, /nonce/));
  const core = new ExchangeCore(crypto, {
    domain: file.domain,
    username: file.username,
    ksfs: ['pbkdf2-sha512'],
    ksfFloors: {},
    ksfCeilings: {},
    serverKeys: [],
    connection: {
      head: unhex(steps[0]!.values['exchangeHead']!),
      binding: bindingOf(connection.binding),
      nonces: seen.map(unhex),
    },
    password: passwords[0]!,
    newPassword: passwords[1],
    endOthers: true,
  });
  const sent: string[] = [];
  const put = (step: VectorStep | undefined): void => {
    const random = step?.random ?? {};
    // The first exchange blinds before it draws its nonce, as every exchange after `welcome`.
    if (step?.message.endsWith('start') === true) draws.put(...pick(random, /blind/), ...pick(random, /nonce/));
    else draws.put(...pick(random, /nonce/), ...pick(random, /signature/));
  };
  const perform = async (actions: readonly Action[]): Promise<void> => {
    for (const action of actions) {
      if (action.kind === 'send') sent.push(hex(action.frame));
      if (action.kind === 'failed') throw action.error;
      if (action.kind === 'stretch') await perform(core.stretched(await stretch(action.oprfOutput, action.ksf)));
    }
  };
  put(steps[0]);
  await perform(core.open());
  for (const [i, step] of steps.entries()) {
    if (step.from === 'client') continue;
    put(steps[i + 1]);
    await perform(core.receive(unhex(step.frame)));
  }
  return sent;
}

/** Our server, for all connections of a file one after the other. */
export class ServerReplay {
  readonly draws = new Draws();
  readonly #store: Store = openMemoryStore();

  private constructor(
    readonly file: Transcripts,
    readonly context: ConnectionContext,
    readonly connections: Map<string, Connection>,
  ) {}

  static async open(file: Transcripts): Promise<ServerReplay> {
    const { server, domain } = file;
    const keys: ServerKeys = {
      domain,
      oprfSeeds: [{ id: new Uint8Array(16), seed: unhex(server.oprfSeed) }],
      serverKeys: [
        { id: unhex(server.serverKeyId), privateKey: unhex(server.privateKey), publicKey: unhex(server.publicKey) },
      ],
      fakeKey: new Uint8Array(64).fill(1),
      ticketKeys: [{ id: new Uint8Array(16), key: unhex(server.ticketKey) }],
    };
    const store = openMemoryStore();
    const ksf =
      file.name === 'argon2id'
        ? ({ name: 'argon2id', memoryKiB: 19_456, iterations: 2, parallelism: 1 } as const)
        : ({ name: 'pbkdf2-sha512', memoryKiB: 0, iterations: 210_000, parallelism: 0 } as const);
    // Day 20000: the first bytes of device ids.
    const settings = readOptions({ domain, store, keys, ksf: [ksf], now: () => 20_000 * 86_400_000 });
    const replay = new ServerReplay(file, undefined as never, new Map());
    const crypto = await loadCrypto({ random: replay.draws.source });
    const random = replay.draws.source;
    Object.assign(replay, { context: { crypto, keys, settings, random, monotonicMs: () => 0 } });
    return replay;
  }

  /** Gives the client's frames to the server, and answers what it sent; `altered` replaces the frame of one step. */
  async run(
    connection: VectorConnection,
    altered?: { readonly step: number; readonly frame: string },
  ): Promise<ServerAction[]> {
    const all: ServerAction[] = [];
    const { steps, binding } = connection;
    const machine = new Connection(this.context, {
      origin: undefined,
      isPlainLoopback: false,
      addressPrefix: '192.0.2.0/24',
      tlsExporter: binding.type === '' ? undefined : unhex(binding.value),
      selectSubprotocol: () => '',
    });
    const take = async (input: Parameters<Connection['step']>[0]): Promise<void> => {
      const actions = machine.step(input);
      all.push(...actions);
      for (const action of actions) {
        if (action.do === 'ask')
          await take({ type: 'answer', answer: await storeAnswer(this.#store, action.question) });
      }
    };
    this.#put(steps[0]!);
    await take({ type: 'opened' });
    for (const [i, step] of steps.entries()) {
      if (step.from === 'server') continue;
      this.#put(steps[i + 1]!);
      await take({ type: 'control-frame', frame: unhex(altered?.step === i ? altered.frame : step.frame) });
      if (altered?.step === i) break;
    }
    return all;
  }

  /** In the order in which our server draws for each of its frames. */
  #put({ message, random }: VectorStep): void {
    const one = (name: RegExp): string[] => pick(random, name);
    const user = message === 'welcome' && one(/session id/).length > 0 ? this.#userId() : [];
    this.draws.put(
      ...one(/hello nonce/),
      ...(message === 'signup-challenge' ? [...one(/challenge nonce/), ...one(/identifier/)] : []),
      ...(message === 're-register-challenge' ? [...one(/challenge nonce/), ...one(/identifier/)] : []),
      ...(/(login|step-up)-challenge/.test(message) ? [...one(/challenge nonce/), ...one(/masking nonce/)] : []),
      ...one(/signature/),
      ...user,
      ...one(/^serial/),
      ...one(/session id/),
      ...one(/device id/),
    );
  }

  #hasUser = false;
  /** Drawn at the sign-up only. */
  #userId(): string[] {
    if (this.#hasUser) return [];
    this.#hasUser = true;
    return [this.file.userId];
  }
}
