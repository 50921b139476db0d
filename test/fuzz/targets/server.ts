// The server's side of a connection: any frames, answers of the store and events, in any order. An input is a script: each
// step is one byte, followed by as many bytes as the step takes.
import {
  closeCodeOf,
  CLOSE,
  decodeControl,
  encodeControl,
  isWireErrorCode,
  type Message,
  type Welcome,
} from '../../../proto/index.js';
import { loadCrypto, type Crypto } from '../../../src/crypto/index.js';
import type { Connection } from '../../../src/server/connection.js';
import type { ConnectionContext } from '../../../src/server/connection-state.js';
import { readOptions } from '../../../src/server/options.js';
import type { Action, Answer, Input } from '../../../src/server/steps.js';
import type { Store } from '../../../src/server/store.js';
import { openMemoryStore } from '../../../src/server/store/memory.js';
import { BenchConnection } from '../../support/connection-bench.js';
import { makeServerKeys } from '../../support/server-keys.js';
import { createPrng, type Prng } from '../prng.js';
import { insist, type Target } from '../target.js';

export type Step = (connection: Connection, input: Input) => readonly Action[];
const REAL: Step = (connection, input) => connection.step(input);

const NAMES = ['alice', 'bob', 'carol'] as const;
const PASSWORDS = ['correct horse', 'battery staple'] as const;
/** Longest script, bytes; each step costs a multiplication or two. */
const MAX_SCRIPT = 160;
/** Actions of one input, beside an entry for each session in a list: frame, close, events, authenticated. */
const MAX_ACTIONS = 6;

/** Names of the steps, by their byte modulo their number. */
const STEPS = [
  'login', 'signup', 'finish', 'finish', 'wrong-finish', 'resume', 'resume-old', 'refresh', 'step-up', 'finish-step-up',
  're-register', 'finish-re-register', 'list', 'revoke', 'logout', 'delete', 'raw', 'mutated', 'replay', 'application',
  'settle', 'settle', 'settle', 'settle', 'foreign-answer', 'failed', 'deadline', 'expiring', 'expired', 'ended',
  'replaced', 'user-changed', 'shutdown', 'gone', 'later', 'reconnect', 'admin', 'refused', 'opened',
] as const; // prettier-ignore
type StepName = (typeof STEPS)[number];

class Script {
  #at = 0;
  constructor(readonly bytes: Uint8Array) {}

  get isOver(): boolean {
    return this.#at >= this.bytes.length;
  }

  byte(): number {
    return this.bytes[this.#at++] ?? 0;
  }

  take(count: number): Uint8Array {
    const taken = this.bytes.slice(this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }
}

/** One run of a script: a fresh server, and connections one after the other. */
class Run {
  readonly outcomes = new Set<string>();
  readonly #store: Store;
  readonly #context: ConnectionContext;
  #nowMs = 1_000_000;
  #monotonicMs = 0;
  #bench!: BenchConnection;
  /** What `step` may do with this connection: whether a frame that proves something was its last. */
  #proving: 'login' | 'signup' | 'resume' | undefined;
  #isAuthenticated = false;
  #isClosed = false;
  /** Both ends have the same transcript: no frame came that the client does not know of. */
  #isHonest = true;
  /** The driver has begun an attempt, and an exchange, on this connection. */
  #hasStart = false;
  #hasExchange = false;
  #hasHello = false;
  #questions = 0;
  #tickets: { ticketId: Uint8Array; ticketSecret: Uint8Array }[] = [];
  #welcome: Welcome | undefined;
  #lastFrame: Uint8Array = Uint8Array.of(0xc1);
  #lastPassword: string = PASSWORDS[0];
  #challengeFrame: Uint8Array | undefined;
  #requestAnswer: Uint8Array | undefined;

  constructor(
    readonly crypto: Crypto,
    prng: Prng,
    readonly takeStep: Step,
  ) {
    this.#store = openMemoryStore();
    const keys = makeServerKeys(crypto, 'localhost');
    const limits = { absoluteSeconds: 600, idleSeconds: 100, maxSessionsPerUser: 3 };
    const settings = readOptions({ domain: 'localhost', store: this.#store, keys, limits, now: () => this.#nowMs });
    const random = (length: number): Uint8Array => prng.bytes(length);
    this.#context = { crypto, keys, settings, random, monotonicMs: () => this.#monotonicMs };
    this.#connect();
  }

  #connect(): void {
    this.#proving = undefined;
    this.#isAuthenticated = this.#isClosed = this.#hasHello = false;
    this.#questions = 0;
    this.#welcome = undefined;
    this.#challengeFrame = this.#requestAnswer = undefined;
    this.#isHonest = true;
    this.#hasStart = this.#hasExchange = false;
    const bench = new BenchConnection(this.#context, this.#store, this.crypto);
    this.#bench = bench;
    this.#judge(bench.actions.slice(), { type: 'opened' });
  }

  async run(script: Script): Promise<void> {
    while (!script.isOver) {
      const name = STEPS[script.byte() % STEPS.length]!;
      await this.#step(name, script);
    }
  }

  #input(input: Input): void {
    const bench = this.#bench;
    if (this.#isClosed) {
      insist(this.takeStep(bench.connection, input).length === 0, 'a closed connection does nothing');
      return;
    }
    let actions: readonly Action[];
    try {
      actions = this.takeStep(bench.connection, input);
    } catch (error) {
      insist(false, 'no input makes the connection throw', error);
    }
    bench.actions.push(...actions);
    for (const action of actions) {
      if (action.do === 'send') bench.frames.push(action.frame);
      if (action.do === 'ask') bench.pending = action.question;
    }
    this.#judge(actions, input);
  }

  #judge(actions: readonly Action[], input: Input): void {
    if (input.type === 'answer' || input.type === 'failed') this.#questions = 0;
    const listed = actions.filter((action) => action.do === 'send' && action.frame[2] === 71).length;
    insist(actions.length <= MAX_ACTIONS + listed && listed <= 101, 'an input causes a few actions at most');
    actions.forEach((action, i) => {
      insist(!this.#isClosed || action.do.startsWith('log'), 'nothing follows a close');
      switch (action.do) {
        case 'send':
          this.#sent(action.frame);
          break;
        case 'close': {
          this.#isClosed = true;
          const known = isWireErrorCode(action.reason) ? closeCodeOf(action.reason) : undefined;
          const isFit =
            action.reason === ''
              ? [CLOSE.normal, CLOSE.goingAway].includes(action.code as 1000)
              : action.code === known;
          insist(isFit, 'a close code fits its reason');
          this.outcomes.add(`close ${action.reason} on ${input.type}`);
          break;
        }
        case 'ask':
          this.#questions += 1;
          insist(this.#questions === 1, 'one question at a time');
          this.outcomes.add(`ask ${action.question.ask}`);
          break;
        case 'authenticated': {
          insist(!this.#isAuthenticated, 'a connection is authenticated once');
          const before = actions.slice(0, i).filter((other) => other.do === 'send');
          const last = before.at(-1);
          insist(last?.do === 'send' && last.frame[2] === 2, 'welcome comes before the application hears of it');
          const proven = this.#proving;
          insist(proven !== undefined, 'no welcome without a valid proof');
          insist(action.isResumed === (proven === 'resume'), 'a resume is no login');
          this.#isAuthenticated = true;
          break;
        }
        case 'log-error':
          insist(
            input.type === 'failed' || input.type === 'answer',
            'no input of a peer is an error of our own',
            action.error,
          );
          this.outcomes.add(`error on ${input.type}`);
          break;
        case 'renewed':
        case 'log':
          break;
      }
    });
    if (input.type === 'gone') this.#isClosed = true;
    if (this.#isAuthenticated && !this.#isClosed) insist(this.#bench.connection.isOpen, 'open from welcome to close');
  }

  #sent(frame: Uint8Array): void {
    insist(frame.length <= 4096, 'frames of the server are within the limit');
    let message: Message;
    try {
      message = decodeControl(frame, 'server');
    } catch (error) {
      insist(false, 'frames of the server decode', error);
    }
    insist(this.#hasHello === (message.kind !== 'hello'), 'hello comes first, and once');
    this.#hasHello = true;
    this.outcomes.add(message.kind === 'error' ? `error ${message.code}` : message.kind);
    const { client } = this.#bench;
    if (this.#welcome === undefined) {
      if (message.kind === 'loginChallenge' || message.kind === 'signupChallenge') this.#challengeFrame = frame;
      else if (message.kind !== 'hello') client.take(frame);
    }
    if (message.kind === 'welcome') this.#welcome = message;
    if (message.kind.endsWith('Challenge')) this.#requestAnswer = frame;
    if ('ticketSecret' in message && message.ticketId.length > 0) this.#tickets.push(message);
  }

  #frame(frame: Uint8Array, proving?: 'login' | 'signup' | 'resume'): void {
    this.#lastFrame = frame;
    this.#proving = this.#isHonest ? proving : undefined;
    this.#input({ type: 'control-frame', frame });
  }

  /** Frames of an honest client in the state that it thinks it is in; it may be wrong about that. */
  async #step(name: StepName, script: Script): Promise<void> {
    const { client } = this.#bench;
    if (this.#bench.client.hello === undefined && name !== 'reconnect') return;
    switch (name) {
      case 'login':
      case 'signup': {
        const [who, how] = [script.byte(), script.byte()];
        this.#lastPassword = PASSWORDS[how & 1]!;
        this.#challengeFrame = undefined;
        this.#hasStart = true;
        const start = name === 'login' ? client.loginStart : client.signupStart;
        return this.#frame(start.call(client, NAMES[who % 3]!, this.#lastPassword));
      }
      case 'finish':
      case 'wrong-finish':
        return this.#finish(name === 'wrong-finish');
      case 'resume':
      case 'resume-old': {
        const ticket = this.#tickets.at(name === 'resume' ? -1 : -1 - (script.byte() % 4));
        if (ticket === undefined) return;
        return this.#frame(client.resume(ticket), 'resume');
      }
      case 'refresh':
        return this.#request({ kind: 'refresh' });
      case 'step-up':
        this.#hasExchange ||= this.#welcome !== undefined;
        if (this.#welcome) this.#frame(client.stepUpStart(this.#welcome, PASSWORDS[script.byte() & 1]!));
        return;
      case 're-register':
        this.#hasExchange ||= this.#welcome !== undefined;
        if (this.#welcome) this.#frame(client.reregisterStart(this.#welcome, PASSWORDS[script.byte() & 1]!));
        return;
      case 'finish-step-up':
      case 'finish-re-register': {
        const challenge = this.#requestAnswer;
        const isStepUp = name === 'finish-step-up';
        if (!this.#hasExchange || challenge?.[2] !== (isStepUp ? 51 : 61)) return;
        this.#requestAnswer = undefined;
        const { finish } = isStepUp
          ? client.stepUpFinish(challenge)
          : client.reregisterFinish(challenge, this.#context.keys.serverKeys[0]!.publicKey, {
              endOthers: script.byte() & 1,
            });
        return this.#frame(finish);
      }
      case 'list':
        return this.#request({ kind: 'sessionsList' });
      case 'revoke': {
        const [scope, whose] = [script.byte() % 3, script.byte()];
        const sessionId =
          scope === 2
            ? new Uint8Array(0)
            : (this.#tickets.at(-1 - (whose % 4))?.ticketId.slice(0, 16) ?? script.take(16));
        if (sessionId.length === 0 || sessionId.length === 16) this.#request({ kind: 'revoke', sessionId, scope });
        return;
      }
      case 'logout':
        return this.#request({ kind: 'logout', everywhere: script.byte() & 1 });
      case 'delete':
        return this.#request({ kind: 'deleteAccount' });
      case 'raw':
        this.#isHonest = false;
        return this.#frame(Uint8Array.of(0xc1, ...script.take(script.byte())));
      case 'mutated': {
        const frame = this.#lastFrame.slice();
        const [at, by] = [script.byte() * 3 + 1, script.byte() | 1];
        if (frame.length <= 1) return;
        frame[1 + (at % (frame.length - 1))]! ^= by;
        this.#isHonest = false;
        return this.#frame(frame);
      }
      case 'replay':
        this.#isHonest = false;
        return this.#frame(this.#lastFrame);
      case 'application':
        return this.#input({ type: 'application-frame' });
      case 'settle':
        return this.#settle();
      case 'foreign-answer': {
        const answers: Answer[] = [
          { to: 'code', kind: 'invite' },
          { to: 'create', outcome: { result: 'taken' } },
          { to: 'begin', outcome: { result: 'user-unknown' } },
          { to: 'rotate', outcome: { result: 'reused', userId: new Uint8Array(16) } },
          { to: 'end', ended: [] },
          { to: 'delete', count: 1 },
        ];
        this.#bench.pending = undefined;
        return this.#input({ type: 'answer', answer: answers[script.byte() % answers.length]! });
      }
      case 'failed':
        this.#bench.pending = undefined;
        return this.#input({ type: 'failed', error: new Error('the disk is full') });
      case 'deadline':
        return this.#input({ type: 'deadline' });
      case 'expiring':
        return this.#input({ type: 'expiring', limit: 'idle', secondsLeft: script.byte() });
      case 'expired':
        return this.#input({ type: 'expired', limit: 'absolute' });
      case 'ended':
        return this.#input({
          type: 'ended',
          reason: (['revoked', 'user-disabled', undefined] as const)[script.byte() % 3],
        });
      case 'replaced':
        return this.#input({ type: 'replaced' });
      case 'user-changed':
        return this.#input({ type: 'user-changed', roles: ['member'] });
      case 'shutdown':
        return this.#input({ type: 'shutdown' });
      case 'gone':
        return this.#input({ type: 'gone' });
      case 'later': {
        const seconds = script.byte();
        this.#nowMs += 1000 * seconds;
        this.#monotonicMs += 1000 * seconds;
        return;
      }
      case 'reconnect':
        return this.#connect();
      case 'admin': {
        const user = await this.#store.findUser(NAMES[script.byte() % 3]!);
        if (user === undefined) return;
        if (script.byte() & 1) await this.#store.setUserStatus(user.userId, 'disabled');
        else await this.#store.deleteUser(user.userId);
        return;
      }
      case 'refused':
        return this.#input({ type: 'refused', code: 'try-later', reason: 'test' });
      case 'opened':
        return;
    }
  }

  #request(message: Message): void {
    if (this.#welcome !== undefined) this.#frame(encodeControl(message));
  }

  async #settle(): Promise<void> {
    const question = this.#bench.pending;
    if (question === undefined) return;
    this.#bench.pending = undefined;
    let answer: Answer;
    try {
      answer = await this.#bench.answer(question);
    } catch (error) {
      insist(false, 'the server asks its store for what is possible', error);
    }
    this.#input({ type: 'answer', answer });
  }

  #finish(isWrong: boolean): void {
    const frame = this.#challengeFrame;
    if (frame === undefined || !this.#hasStart) return;
    this.#challengeFrame = undefined;
    const { client } = this.#bench;
    const { message, isProven } = client.takeChallenge(frame);
    const isLogin = message.kind === 'loginChallenge';
    const finish = isLogin ? client.loginFinish(message) : client.signupFinish(message);
    if (isWrong) finish[finish.length - 1]! ^= 1;
    // A client whose envelope does not open signs with a key of its own: no proof.
    const isProof = !isWrong && (isProven || !isLogin);
    this.#frame(finish, isProof ? (isLogin ? 'login' : 'signup') : undefined);
  }
}

export async function serverTarget(step: Step = REAL): Promise<Target> {
  let prng = createPrng(0);
  const crypto = await loadCrypto({ random: (length) => prng.bytes(length) });
  return {
    name: 'server',
    covers: /^src\/server\/(?!engine|store\/|admin|open-sessions|deadlines|key-|options|api|logger)/,
    generate(random) {
      const length = 4 + random.below(40);
      return Uint8Array.from({ length }, () => random.below(256));
    },
    mutate: (input, random) => mutateScript(input, random),
    async run(input) {
      prng = createPrng(input.length);
      const run = new Run(crypto, prng, step);
      await run.run(new Script(input.subarray(0, MAX_SCRIPT)));
      return [...run.outcomes];
    },
  };
}

const code = (name: StepName): number => STEPS.indexOf(name);
/** Ways that lead somewhere; pieces of scripts. */
const IDIOMS: readonly (readonly (StepName | number)[])[] = [
  ['signup', 0, 0, 'finish', 'settle', 'settle'],
  ['signup', 1, 0, 'finish', 'settle', 'settle'],
  ['reconnect', 'login', 0, 0, 'settle', 'finish', 'settle'],
  ['reconnect', 'login', 0, 1, 'settle', 'finish', 'settle'],
  ['reconnect', 'resume', 'settle'],
  ['reconnect', 'resume-old', 1, 'settle'],
  ['step-up', 0, 'settle', 'finish-step-up', 'settle'],
  ['re-register', 1, 'settle', 'finish-re-register', 1, 'settle'],
  ['refresh', 'settle'],
  ['list', 'settle'],
  ['revoke', 0, 0, 'settle'],
  ['logout', 0, 'settle'],
  ['later', 50],
];

function mutateScript(input: Uint8Array, random: Prng): Uint8Array {
  const idiom = random.pick(IDIOMS).map((part) => (typeof part === 'number' ? part : code(part)));
  const at = random.oneIn(2) ? input.length : random.below(input.length + 1);
  if (random.oneIn(3)) idiom[random.below(idiom.length)] = random.below(256);
  return Uint8Array.from([...input.subarray(0, at), ...idiom, ...input.subarray(at)]).subarray(0, MAX_SCRIPT);
}
