// Drives the server's state machine without sockets: inputs by hand, store questions answered when the test says so.
import { type Message, type LoginChallenge, type SignupChallenge } from '../../proto/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { Connection } from '../../src/server/connection.js';
import type { ConnectionContext } from '../../src/server/connection-state.js';
import type { ServerKeys, Store } from '../../src/server/index.js';
import { readOptions, type EngineOptions } from '../../src/server/options.js';
import type { Action, Answer, Input, Question } from '../../src/server/steps.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import type { Networks } from '../../src/server/throttle/networks.js';
import { ClientDriver, type DriverOptions } from './client-driver.js';
import { makeServerKeys } from './server-keys.js';
import { storeAnswer } from './store-answers.js';

export interface Bench {
  readonly crypto: Crypto;
  readonly keys: ServerKeys;
  readonly store: Store;
  readonly context: ConnectionContext;
  connect(options?: ConnectOptions): BenchConnection;
}

export interface ConnectOptions extends DriverOptions {
  /** The Origin header. */
  readonly header?: string;
  readonly isPlainLoopback?: boolean;
  readonly tlsExporter?: Uint8Array;
  readonly selectSubprotocol?: (offered: readonly string[]) => string;
  /** Where attempts are counted. */
  readonly networks?: Networks | undefined;
}

/** A server for `localhost` over a memory store; `serverCrypto` replaces the server's core only. */
export async function createBench(
  change: Partial<EngineOptions> & { readonly serverCrypto?: Crypto; readonly monotonicMs?: () => number } = {},
): Promise<Bench> {
  const crypto = await loadCrypto();
  const { serverCrypto = crypto, monotonicMs = () => performance.now(), ...options } = change;
  const store = options.store ?? openMemoryStore();
  const keys = options.keys ?? makeServerKeys(crypto, 'localhost');
  const settings = readOptions({ domain: 'localhost', ...options, store, keys });
  const context: ConnectionContext = {
    crypto: serverCrypto,
    keys,
    settings,
    random: options.random ?? ((length) => crypto.randomBytes(length)),
    monotonicMs,
  };
  return { crypto, keys, store, context, connect: (given) => new BenchConnection(context, store, crypto, given) };
}

export class BenchConnection {
  readonly connection: Connection;
  readonly client: ClientDriver;
  /** Everything that the server has done. */
  readonly actions: Action[] = [];
  readonly frames: Uint8Array[] = [];
  readonly store: Store;
  pending: Question | undefined;
  /** The last challenge, if the client took it. */
  challenge: SignupChallenge | LoginChallenge | undefined;

  constructor(context: ConnectionContext, store: Store, crypto: Crypto, options: ConnectOptions = {}) {
    this.store = store;
    const {
      header,
      isPlainLoopback = false,
      tlsExporter,
      networks,
      selectSubprotocol = (offered) => offered[0] ?? '',
      ...driver
    } = options;
    this.connection = new Connection(context, {
      origin: header,
      isPlainLoopback,
      addressPrefix: '192.0.2.0/24',
      tlsExporter,
      networks,
      selectSubprotocol,
    });
    this.client = new ClientDriver(crypto, driver);
    this.step({ type: 'opened' });
    const [hello] = this.frames;
    if (hello !== undefined) this.client.take(hello);
  }

  /** One input; returns the new actions. Questions stay open until `settle`. */
  step(input: Input): readonly Action[] {
    const actions = this.connection.step(input);
    this.actions.push(...actions);
    for (const action of actions) {
      if (action.do === 'send') this.frames.push(action.frame);
      if (action.do === 'ask') this.pending = action.question;
    }
    return actions;
  }

  frame(frame: Uint8Array): readonly Action[] {
    return this.step({ type: 'control-frame', frame });
  }

  /** Answers the open question from the store, and those that follow from it; returns the new actions. */
  async settle(): Promise<readonly Action[]> {
    const actions: Action[] = [];
    while (this.pending !== undefined) {
      const question = this.pending;
      this.pending = undefined;
      actions.push(...this.step({ type: 'answer', answer: await this.answer(question) }));
    }
    return actions;
  }

  answer(question: Question): Promise<Answer> {
    return storeAnswer(this.store, question);
  }

  /** A frame, the store's answer, and the server's last message, entered into the client's transcript. */
  async exchange(frame: Uint8Array): Promise<Message> {
    const before = this.frames.length;
    this.frame(frame);
    await this.settle();
    const answer = this.frames[before];
    if (answer === undefined) throw new Error('no answer');
    if (answer[2] === 11 || answer[2] === 21) {
      const { message, isProven } = this.client.takeChallenge(answer);
      this.challenge = message;
      this.isProven = isProven;
      return message;
    }
    return this.client.take(answer);
  }

  /** Whether the last challenge proved the server to the client. */
  isProven = false;

  async signup(username: string, password = 'correct horse', invite = ''): Promise<Message> {
    const answer = await this.exchange(this.client.signupStart(username, password, { invite }));
    if (answer.kind !== 'signupChallenge') return answer;
    return this.exchange(this.client.signupFinish(answer));
  }

  async login(username: string, password = 'correct horse'): Promise<Message> {
    const answer = await this.exchange(this.client.loginStart(username, password));
    if (answer.kind !== 'loginChallenge') return answer;
    return this.exchange(this.client.loginFinish(answer));
  }

  /** Close code and reason, once closed. */
  get close(): { code: number; reason: string } | undefined {
    for (const action of this.actions) if (action.do === 'close') return { code: action.code, reason: action.reason };
    return undefined;
  }

  /** Reasons that were logged. */
  get reasons(): readonly string[] {
    return this.actions.flatMap((action) =>
      action.do === 'log' && action.reason !== undefined ? [action.reason] : [],
    );
  }
}
