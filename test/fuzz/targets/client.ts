// The client's core with somebody in the middle: an honest server answers, and what arrives is what the script makes of it.
// An input: one byte for the mode, then steps of one byte each with their arguments.
import { decodeControl, isMarked, KSF_CEILING, KSF_FLOOR } from '../../../proto/index.js';
import { loadCrypto, type Crypto } from '../../../src/crypto/index.js';
import { ClientCore, type Action } from '../../../src/client/core.js';
import { alterField } from '../../../src/conformance/wire/alter.js';
import { decodeMessage, messageType } from '../../../src/conformance/wire/schema.js';
import { BlindsaltError } from '../../../proto/errors.js';
import { BenchConnection } from '../../support/connection-bench.js';
import { makeServerKeys } from '../../support/server-keys.js';
import type { ConnectionContext } from '../../../src/server/connection-state.js';
import { readOptions } from '../../../src/server/options.js';
import { openMemoryStore } from '../../../src/server/store/memory.js';
import { createPrng, type Prng } from '../prng.js';
import { insist, outcomeOf, type Target } from '../target.js';

/** What is fuzzed. */
export interface Core {
  receive(frame: Uint8Array): Action[];
  stretched(result: Uint8Array): Action[];
  fail(error: BlindsaltError): Action[];
  dispose(): void;
}
export type CreateCore = (...args: ConstructorParameters<typeof ClientCore>) => Core;
const REAL: CreateCore = (crypto, options) => new ClientCore(crypto, options);

const STEPS = [
  'deliver', 'deliver', 'deliver', 'alter', 'stretch', 'stretch', 'mutate', 'duplicate', 'drop', 'raw', 'application',
  'other', 'short-stretch', 'wrong-stretch', 'fail', 'dispose', 'cut', 'restart',
] as const; // prettier-ignore
const MAX_SCRIPT = 64;
const NAME = 'alice';
const PASSWORD = 'correct horse';
const TERMINAL = ['done', 'failed'];

interface World {
  readonly crypto: Crypto;
  readonly create: CreateCore;
  readonly context: ConnectionContext;
  connect(): BenchConnection;
}

async function createWorld(crypto: Crypto, prng: Prng, create: CreateCore): Promise<World> {
  const store = openMemoryStore();
  const keys = makeServerKeys(crypto, 'localhost');
  const settings = readOptions({ domain: 'localhost', store, keys });
  const context: ConnectionContext = { crypto, keys, settings, random: (n) => prng.bytes(n), monotonicMs: () => 0 };
  const connect = (): BenchConnection => new BenchConnection(context, store, crypto);
  await connect().signup(NAME, PASSWORD);
  return { crypto, create, context, connect };
}

class Run {
  readonly outcomes = new Set<string>();
  #server: BenchConnection;
  readonly #core: Core;
  readonly #mode: 'login' | 'signup';
  readonly #password: Uint8Array;
  readonly #isRight: boolean;
  /** On their way to the client. */
  #queue: Uint8Array[];
  #seen = 0;
  /** Everything that the client took so far was the server's, in its order, each once; and the server had the client's. */
  #isHonest = true;
  /** What comes now is not what the client waits for: a frame is missing, or the server is not the one it began with. */
  #isOther = false;
  #isOver = false;
  #toStretch: Uint8Array | undefined;
  #delivered: Uint8Array | undefined;

  constructor(
    readonly world: World,
    mode: number,
  ) {
    const { crypto } = world;
    this.#mode = mode & 1 ? 'signup' : 'login';
    this.#isRight = this.#mode === 'signup' || (mode & 2) === 0;
    this.#password = new TextEncoder().encode(this.#isRight ? PASSWORD : 'wrong password');
    this.#server = world.connect();
    this.#queue = [...this.#server.frames];
    this.#seen = this.#server.frames.length;
    this.#core = world.create(crypto, {
      mode: this.#mode,
      domain: 'localhost',
      username: this.#mode === 'signup' ? 'bob' : NAME,
      target: 'localhost:443',
      origin: '',
      password: this.#password,
      invite: '',
      subprotocols: [],
      deviceLabel: '',
      bindings: [],
      requireBinding: false,
      ksfs: ['argon2id', 'pbkdf2-sha512'],
      ksfFloors: {},
      ksfCeilings: {},
      serverKeys: [],
    });
  }

  async run(script: Uint8Array): Promise<void> {
    let at = 0;
    const byte = (): number => script[at++] ?? 0;
    while (at < script.length) {
      const name = STEPS[byte() % STEPS.length]!;
      const next = this.#queue[0];
      switch (name) {
        case 'deliver':
          if (next !== undefined) await this.#deliver(this.#queue.shift()!, !this.#isOther);
          break;
        case 'stretch':
        case 'wrong-stretch':
        case 'short-stretch':
          await this.#stretch(name);
          break;
        case 'mutate': {
          if (next === undefined) break;
          const frame = this.#queue.shift()!.slice();
          frame[(byte() * 2 + (byte() & 1)) % frame.length]! ^= byte() | 1;
          await this.#deliver(frame, false);
          break;
        }
        case 'alter': {
          // A valid message that says something else in one field: what bytes that are changed at random hardly ever are.
          const place = byte();
          if (next === undefined) break;
          const { fields } = messageType(decodeMessage(next, 'server').name);
          const [field] = fields[place % fields.length]!;
          await this.#deliver(alterField(this.#queue.shift()!, 'server', field), false);
          break;
        }
        case 'cut': {
          const length = byte();
          if (next !== undefined && length < next.length)
            await this.#deliver(this.#queue.shift()!.subarray(0, length), false);
          break;
        }
        case 'duplicate':
          if (this.#delivered !== undefined) await this.#deliver(this.#delivered, false);
          break;
        case 'drop':
          if (this.#queue.shift() !== undefined) this.#isOther = true;
          break;
        case 'raw': {
          const length = byte();
          await this.#deliver(Uint8Array.of(0xc1, ...script.subarray(at, at + length)), false);
          at += length;
          break;
        }
        case 'application':
          await this.#deliver(Uint8Array.of(byte(), byte()), false);
          break;
        case 'other': {
          // From another connection of the same server, on which somebody else asked.
          const other = this.world.connect();
          await other.login(NAME, PASSWORD);
          const frame = other.frames[byte() % other.frames.length]!;
          await this.#deliver(frame, false);
          break;
        }
        case 'restart':
          // The server is another one, with the same keys.
          this.#server = this.world.connect();
          this.#queue = [...this.#server.frames];
          this.#seen = this.#server.frames.length;
          // To a client that has seen nothing yet it is the only one.
          this.#isOther = this.#delivered !== undefined;
          break;
        case 'fail':
          await this.#take(() => this.#core.fail(new BlindsaltError('timeout')));
          break;
        case 'dispose':
          this.#core.dispose();
          this.#isOver = true;
          this.#insistOnWiped();
          break;
      }
    }
  }

  async #deliver(frame: Uint8Array, isGenuine: boolean): Promise<void> {
    if (!isGenuine) this.#isHonest = false;
    this.#delivered = frame;
    const before = Uint8Array.from(frame);
    await this.#take(() => this.#core.receive(frame), frame);
    insist(Buffer.compare(before, frame) === 0, 'a frame is not changed');
  }

  async #stretch(name: 'stretch' | 'wrong-stretch' | 'short-stretch'): Promise<void> {
    const output = this.#toStretch;
    const result = this.world.crypto.sha512(output ?? new Uint8Array(1));
    if (name === 'wrong-stretch') result[0]! ^= 1;
    // A wrong result is a wrong password, to a login; a sign-up has nothing to compare it with.
    if (name === 'wrong-stretch' && this.#mode === 'login') this.#isHonest = false;
    this.#toStretch = undefined;
    await this.#take(() => this.#core.stretched(name === 'short-stretch' ? result.subarray(0, 63) : result));
  }

  async #take(call: () => Action[], frame?: Uint8Array): Promise<void> {
    let actions: Action[] = [];
    try {
      actions = call();
    } catch (error) {
      insist(false, 'no input makes the client throw', error);
    }
    insist(!this.#isOver || actions.length === 0, 'nothing follows the end');
    insist(actions.length <= 1, 'an input causes one action at most');
    for (const action of actions) {
      insist(!this.#isOver, 'one end');
      this.outcomes.add(`${this.#mode} ${action.kind}${action.kind === 'failed' ? ` ${outcomeOf(action.error)}` : ''}`);
      if (TERMINAL.includes(action.kind)) {
        this.#isOver = true;
        this.#insistOnWiped();
      }
      switch (action.kind) {
        case 'send': {
          insist(isMarked(action.frame) && action.frame.length <= 4096, 'frames of the client are within the limit');
          const message = decodeControl(action.frame, 'client');
          const isProof = message.kind === 'loginFinish';
          insist(!isProof || this.#isHonest, 'no proof to a server that has not proved itself over this transcript');
          insist(!isProof || this.#isRight, 'no proof with a wrong password');
          insist(!Buffer.from(action.frame).includes(PASSWORD), 'the password is in no frame');
          this.#server.step({ type: 'control-frame', frame: action.frame });
          await this.#server.settle();
          this.#queue.push(...this.#server.frames.slice(this.#seen));
          this.#seen = this.#server.frames.length;
          break;
        }
        case 'stretch': {
          const { ksf } = action;
          const [floor, ceiling] = [KSF_FLOOR, KSF_CEILING].map((bounds) => bounds[ksf.name]);
          const isWithin = (['memoryKiB', 'iterations', 'parallelism'] as const).every(
            (name) => ksf[name] >= floor![name] && ksf[name] <= ceiling![name],
          );
          insist(isWithin, 'key stretching is within the bounds');
          this.#toStretch = action.oprfOutput;
          break;
        }
        case 'done':
          insist(frame?.[2] === 2, 'done comes of welcome');
          insist(
            action.welcome?.username === (this.#mode === 'login' ? NAME : 'bob'),
            'welcome is for the user who asked',
          );
          break;
        case 'failed':
          insist(action.error instanceof BlindsaltError, 'failures are BlindsaltErrors', action.error);
          break;
        case 'life':
          insist(false, 'no exchange was begun');
      }
    }
  }

  #insistOnWiped(): void {
    insist(
      this.#password.every((value) => value === 0),
      'the password is wiped at the end',
    );
  }
}

/** Honest, step by step: hello, challenge, stretching, welcome. */
const HONEST = [0, 0, 4, 0];

function disturb(script: number[], steps: number, random: Prng): Uint8Array {
  for (let n = steps; n > 0; n--) {
    const put = [random.below(STEPS.length), random.below(256)];
    if (random.oneIn(2)) put.push(random.below(256));
    script.splice(1 + random.below(script.length), random.below(2), ...put);
  }
  return Uint8Array.from(script);
}

export async function clientTarget(create: CreateCore = REAL): Promise<Target> {
  let prng = createPrng(0);
  const crypto = await loadCrypto({ random: (length) => prng.bytes(length) });
  return {
    name: 'client',
    covers: /^src\/client\/(core|conversation|exchange-core|errors)\.ts$/,
    // The honest course, with some steps more.
    generate: (random) => disturb([random.below(256), ...HONEST], 1 + random.below(4), random),
    mutate: (input, random) => disturb([...input], 1 + random.below(2), random).subarray(0, MAX_SCRIPT),
    async run(input) {
      prng = createPrng(input.length);
      const run = new Run(await createWorld(crypto, prng, create), input[0] ?? 0);
      await run.run(input.subarray(1, MAX_SCRIPT));
      return [...run.outcomes];
    },
  };
}
