import { randomBytes } from 'node:crypto';
import type { Trial } from '../case.js';
import type { Challenge, LoginClient } from '../wire/login-client.js';
import type { Account, ResumeChain, ServerContext } from './context.js';
import { SETUPS } from './states.js';

// A model of the server's state machine (sections 4, 7, 8 and 9), and all orders of messages that it tells apart.

export type State = 'idle' | 'signup-challenged' | 'login-challenged' | 'open' | 'step-up-challenged' | 'closed';

export type Move =
  | 'signup-start'
  | 'signup-finish'
  | 'login-start'
  | 'login-finish'
  | 'login-finish-wrong'
  | 'resume'
  | 'resume-wrong'
  | 'application'
  | 'refresh'
  | 'sessions-list'
  | 'revoke-unknown'
  | 'step-up-start'
  | 'step-up-finish'
  | 're-register-finish'
  | 'logout';

/** What the server has to do, and where it stands afterwards. */
export interface Step {
  readonly next: State;
  /** A message that answers; `error x` for an error without a close; `close x` for a code of section 10. */
  readonly answer: string;
  readonly rule: string;
}

const OUT_OF_ORDER: Step = {
  next: 'closed',
  answer: 'close protocol-error',
  rule: 'Section 10: `protocol-error` 4400: "unknown, repeated, out of order"; 7: "a finish must fit the outstanding challenge (else 4400)".',
};
const EARLY: Step = {
  next: 'closed',
  answer: 'close early-frame',
  rule: 'Section 4: "Application messages before `welcome`, of whatever size: the server closes with 4401".',
};
const STARTS: Readonly<Partial<Record<Move, Step>>> = {
  'signup-start': { next: 'signup-challenged', answer: 'signup-challenge', rule: 'Section 7, 2.' },
  'login-start': { next: 'login-challenged', answer: 'login-challenge', rule: 'Section 8, 2.' },
  resume: { next: 'open', answer: 'welcome', rule: 'Section 9.1.' },
  'resume-wrong': {
    next: 'closed',
    answer: 'close resume-failed',
    rule: 'Section 9.1: the proof is wrong: `resume-failed`.',
  },
};

const MODEL: Readonly<Record<State, Readonly<Partial<Record<Move, Step>>>>> = {
  idle: STARTS,
  'signup-challenged': {
    ...STARTS,
    // The name is taken.
    'signup-finish': { next: 'idle', answer: 'error username-taken', rule: 'Section 7, 4.' },
  },
  'login-challenged': {
    ...STARTS,
    'login-finish': { next: 'open', answer: 'welcome', rule: 'Section 8, 4.' },
    'login-finish-wrong': { next: 'idle', answer: 'error login-failed', rule: 'Section 8, 4.' },
  },
  open: {
    application: { next: 'open', answer: '', rule: 'Section 11.' },
    refresh: { next: 'open', answer: 'refreshed', rule: 'Section 9.2: refresh.' },
    'sessions-list': { next: 'open', answer: 'session-entry', rule: 'Section 9.2: sessions-list.' },
    'revoke-unknown': {
      next: 'open',
      answer: 'error session-unknown',
      rule: 'Section 9.2: "An id that is not one of them".',
    },
    'step-up-start': { next: 'step-up-challenged', answer: 'step-up-challenge', rule: 'Section 9.2: step-up.' },
    logout: {
      next: 'closed',
      answer: 'close 1000',
      rule: 'Section 9.2: "the session ends, and the server closes with 1000".',
    },
  },
  'step-up-challenged': {
    application: { next: 'step-up-challenged', answer: '', rule: 'Section 11.' },
    'step-up-finish': { next: 'open', answer: 'stepped-up', rule: 'Section 9.2: step-up.' },
    // What else a client may ask for now, section 9.2 leaves open, and it is not tried.
  },
  closed: {},
};

const BEFORE: readonly Move[] = [
  'signup-start',
  'signup-finish',
  'login-start',
  'login-finish',
  'login-finish-wrong',
  'resume',
  'resume-wrong',
  'application',
  'refresh',
  'step-up-finish',
];
const AFTER: readonly Move[] = [
  'application',
  'refresh',
  'sessions-list',
  'revoke-unknown',
  'step-up-start',
  'step-up-finish',
  're-register-finish',
  'login-start',
  'login-finish',
  'resume',
  'logout',
];
const WHILE_STEPPING_UP: readonly Move[] = ['application', 'step-up-finish', 'login-finish', 're-register-finish'];

/** What may be tried in a state. */
function moves(state: State): readonly Move[] {
  if (state === 'open') return AFTER;
  return state === 'step-up-challenged' ? WHILE_STEPPING_UP : BEFORE;
}

/** What section 7 to 9 want of a server that gets this message in this state. */
export function stepOf(state: State, move: Move): Step {
  const step = MODEL[state][move];
  if (step !== undefined) return step;
  return move === 'application' ? EARLY : OUT_OF_ORDER;
}

export interface OrderOptions {
  readonly length: number;
  /** Moves that this server cannot be tried with. */
  readonly without: ReadonlySet<Move>;
}

/** Every order up to a length that begins with these moves; those that end with a close earlier are shorter. */
export function ordersFrom(first: readonly Move[], { length, without }: OrderOptions): readonly (readonly Move[])[] {
  const orders: (readonly Move[])[] = [];
  const go = (order: readonly Move[], state: State): void => {
    if (order.length === length || state === 'closed') return void orders.push(order);
    for (const move of moves(state)) if (!without.has(move)) go([...order, move], stepOf(state, move).next);
  };
  let state: State = 'idle';
  for (const move of first) state = stepOf(state, move).next;
  go(first, state);
  return orders;
}

/** Sends the moves of one order over one connection and checks every answer. */
export class OrderRun {
  #state: State = 'idle';
  #challenge: Challenge | undefined;
  #isPasswordProven = false;

  constructor(
    readonly context: ServerContext,
    readonly trial: Trial,
    /** Its name is known, for sign-ups that fail and logins that do not. */
    readonly account: Account,
    readonly chain: ResumeChain | undefined,
  ) {}

  /** @throws Failure */
  async run(order: readonly Move[]): Promise<void> {
    const client = await this.context.client(this.trial, 'Sections 7 to 9: the order of messages.');
    try {
      for (const [i, move] of order.entries()) {
        const step = stepOf(this.#state, move);
        const place = `Here: the order ${order.slice(0, i + 1).join(', ')}.`;
        client.link.rule = `${step.rule} ${place}`;
        await this.#send(client, move, order[i + 1]);
        await this.#take(client, move, step);
        this.#state = step.next;
      }
    } finally {
      client.link.end();
    }
  }

  async #send(client: LoginClient, move: Move, next: Move | undefined): Promise<void> {
    const { context, account } = this;
    switch (move) {
      case 'signup-start':
        return client.send('signup-start', client.signupStart(context.freshIdentity(account.username), ''));
      case 'login-start':
        // A guess at a name that is known is charged for.
        return client.send(
          'login-start',
          client.loginStart(next === 'login-finish' ? account : context.freshIdentity()),
        );
      case 'signup-finish': {
        const isRight = this.#challenge?.name === 'signup-challenge';
        const record = isRight ? this.#challenge!.record! : randomBytes(192);
        const key = isRight ? this.#challenge!.keys!.clientPrivateKey : undefined;
        return this.#sendFinish(client, 'signup-finish', key, { record });
      }
      case 'login-finish':
        return this.#sendFinish(client, 'login-finish', this.#challenge?.keys?.clientPrivateKey);
      case 'login-finish-wrong':
        return this.#sendFinish(client, 'login-finish');
      case 'step-up-finish':
        return this.#sendFinish(client, 'step-up-finish', this.#challenge?.keys?.clientPrivateKey);
      case 'resume':
        return client.sendFrame(client.resumeFrame(this.chain!.ticket), 'resume');
      case 'resume-wrong': {
        const ticket = { ticketId: randomBytes(32), ticketSecret: randomBytes(64) };
        return client.sendFrame(client.resumeFrame(ticket), 'resume');
      }
      case 'application':
        return client.link.sendText('');
      case 'revoke-unknown':
        return void client.link.send('revoke', { sessionId: randomBytes(16), scope: 0 });
      case 'logout':
        return void client.link.send('logout', { everywhere: 0 });
      case 'step-up-start': {
        client.beginExchange();
        const identity = client.welcome!.fields['username'] === account.username ? account : this.chain!.identity;
        const mechanismData = client.blind(identity);
        return client.send('step-up-start', { ...SETUPS['step-up-start']!.values(client), mechanismData });
      }
      case 're-register-finish':
        return void client.link.send(move, SETUPS[move]!.values(client));
      case 'refresh':
      case 'sessions-list':
        return void client.link.send(move);
    }
  }

  #sendFinish(client: LoginClient, name: string, key?: Uint8Array, fields = {}): void {
    const challenge = this.#challenge;
    if (challenge === undefined) return void client.link.send(name, { ...fields, proof: randomBytes(64) });
    client.sendFinish(name, challenge, key, fields);
  }

  /** The next order may resume the same session. */
  #keepTicket(client: LoginClient): void {
    const { chain } = this;
    const isOfChain = client.welcome?.fields['username'] === chain?.identity.username;
    if (chain !== undefined && isOfChain && client.ticket !== undefined) chain.keep(client.ticket);
  }

  async #take(client: LoginClient, move: Move, { answer }: Step): Promise<void> {
    const [kind, code = ''] = answer.split(' ');
    if (answer === '') return;
    if (answer === 'close 1000') return client.link.expectClose(1000);
    if (kind === 'close') return void (await client.expectRefusal(code));
    if (move === 'revoke-unknown') {
      // Without a fresh proof of the password that is not even looked up.
      return client.expectError(this.#isPasswordProven ? 'session-unknown' : 'step-up-required');
    }
    if (kind === 'error') return client.expectError(code);
    if (kind === 'session-entry') {
      for (let entry = await client.link.expect(answer); (entry.fields['sessionId'] as Buffer).length > 0;) {
        entry = await client.link.expect(answer);
      }
      return;
    }
    if (answer.endsWith('-challenge')) {
      this.#challenge = await client.takeChallenge(answer);
      return;
    }
    if (answer === 'refreshed') {
      const life = await client.link.expect(answer);
      client.keepTicket(life);
      this.#keepTicket(client);
      return;
    }
    const message = await client.expect(answer);
    if (answer === 'welcome') client.entered(message);
    if (answer === 'stepped-up') client.keepTicket(message);
    if (move === 'login-finish' || move === 'step-up-finish') this.#isPasswordProven = true;
    this.#keepTicket(client);
  }
}
