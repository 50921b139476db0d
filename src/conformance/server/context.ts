import { randomBytes } from 'node:crypto';
import { Failure, Skip, type Trial } from '../case.js';
import { loadCrypto, type Crypto } from '../../crypto/index.js';
import { openLink, type Link, type OpenOptions, type Place } from '../wire/link.js';
import type { Tamper } from '../wire/conversation.js';
import type { Identity } from '../wire/credentials.js';
import { LoginClient, type ClientOptions, type Ticket } from '../wire/login-client.js';
import { numberOf, textOf, type WireMessage } from '../wire/schema.js';

/** What a case may need of a server; see `NEEDS` for words. */
export type Need = keyof typeof NEEDS;

export const NEEDS = {
  hello: 'a `hello` that can be read',
  registration: 'a way to sign up: open registration, or invites',
  accounts: 'a test account',
  'open-registration': 'open registration',
  'closed-registration': 'closed registration',
  'invite-registration': 'registration by invite',
  sessions: 'tickets for resume',
  tls: 'a wss:// URL',
  'tls-exporter': 'the channel binding tls-exporter',
  'short-idle-limit': 'an idle limit of at most 10 s',
  'short-absolute-limit': 'an absolute limit of at most 15 s',
  'handshake-timeout': 'a handshake timeout of at most 30 s in hello.limits',
  'message-limit': 'a longest message of at most 1 MiB in hello.limits',
  'start-limit': 'a limit of at most 20 start messages in hello.limits',
  native: 'clients without an Origin header',
  administrator: "an administrator's hand on the server, which this run has not",
} as const;

export interface ServerContextOptions {
  /** `wss://host:port/path`; `ws://` for loopback only. */
  readonly url: string;
  /** PEM of the authorities to trust; default those of the platform. */
  readonly ca?: string | undefined;
  /** An origin on the server's list, for servers that want one. Default: a native client, without. */
  readonly origin?: string | undefined;
  /** What `hello` has to say; default the URL's host, `localhost` for loopback addresses. */
  readonly domain?: string | undefined;
  /** Of the names of test accounts; default `conformance-`. Lower-case ASCII letters, digits and hyphens. */
  readonly userPrefix?: string | undefined;
  /** Codes for sign-ups, each used once. */
  readonly invites?: readonly string[] | undefined;
  /** How long an answer may take; default 10 s. */
  readonly answerTimeoutMs?: number | undefined;
  /** Connections whose `hello` is compared; default 2000. */
  readonly helloCount?: number | undefined;
  /** Challenges that are compared; default 200. */
  readonly challengeCount?: number | undefined;
  /** What only the server's own side can do. Without it the cases that need it are skipped. */
  readonly administrator?: Administrator | undefined;
}

export interface Administrator {
  /** Disables an account: its logins fail, its sessions end. */
  disable(username: string): Promise<unknown>;
}

/** An account of this run, with the session that its sign-up began. */
export interface Account extends Identity {
  readonly ticket: Ticket | undefined;
  readonly welcome: WireMessage;
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)$/;

/** What the cases share: where the server is, what it offers, and the accounts made on it. */
export class ServerContext {
  readonly place: Place;
  readonly domain: string;
  readonly helloCount: number;
  readonly challengeCount: number;
  readonly administrator: Administrator | undefined;
  #hello: WireMessage | undefined;
  #welcome: WireMessage | undefined;
  #accountProblem: string | undefined;
  readonly #accounts = new Map<string, Promise<Account>>();
  readonly #invites: string[];
  readonly #hasInvites: boolean;
  readonly #made: Account[] = [];
  readonly #prefix: string;
  #count = 0;

  private constructor(
    readonly crypto: Crypto,
    options: ServerContextOptions,
  ) {
    const url = new URL(options.url);
    this.place = {
      url,
      ca: options.ca,
      origin: options.origin ?? '',
      answerTimeoutMs: options.answerTimeoutMs ?? 10_000,
    };
    const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    this.domain = options.domain ?? (LOOPBACK.test(url.hostname) ? 'localhost' : host);
    this.helloCount = options.helloCount ?? 2_000;
    this.challengeCount = options.challengeCount ?? 200;
    this.administrator = options.administrator;
    this.#invites = [...(options.invites ?? [])];
    this.#hasInvites = this.#invites.length > 0;
    this.#prefix = `${options.userPrefix ?? 'conformance-'}${randomBytes(4).toString('hex')}`;
  }

  /** Connects, takes `hello`, and makes the account that most cases use. @throws DialError, Throttled */
  static async open(options: ServerContextOptions, trial: Trial): Promise<ServerContext> {
    const context = new ServerContext(await loadCrypto(), options);
    try {
      const client = await context.client(trial, 'Section 3: the server sends `hello` at once.');
      context.#hello = client.hello;
      client.link.end();
    } catch (error) {
      if (error instanceof Failure) return context;
      throw error;
    }
    if (context.missing('registration') !== undefined) return context;
    try {
      context.#welcome = (await context.account('main', trial)).welcome;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      context.#accountProblem = `its sign-up went wrong, see the cases signup-*: ${why}`;
    }
    return context;
  }

  /** False: the case for that says why, and nothing else can be tried. */
  get hasHello(): boolean {
    return this.#hello !== undefined;
  }

  get hello(): WireMessage {
    return this.#hello!;
  }

  get registration(): string {
    return textOf(this.hello, 'registration');
  }

  /** One of hello's limits; undefined where it is not stated. */
  limit(name: 'maxMessageBytes' | 'handshakeTimeoutMs' | 'starts'): number | undefined {
    return (this.hello.fields['limits'] as readonly number[])[LIMITS.indexOf(name)];
  }

  /** Of the first sign-up; 0: none. */
  get idleSeconds(): number {
    return this.#welcome === undefined ? 0 : numberOf(this.#welcome, 'idleSeconds');
  }
  get absoluteSeconds(): number {
    return this.#welcome === undefined ? 0 : numberOf(this.#welcome, 'absoluteSeconds');
  }

  /** Why a need is not met; undefined when it is. */
  missing(need: string): string | undefined {
    const isMet = this.#isMet(need as Need);
    if (isMet === true) return undefined;
    return `needs ${NEEDS[need as Need]}${isMet === false ? '' : `: ${isMet}`}`;
  }

  #isMet(need: Need): boolean | string {
    const within = (value: number | undefined, max: number): boolean =>
      value !== undefined && value > 0 && value <= max;
    switch (need) {
      case 'hello':
        return this.hasHello;
      case 'registration':
        if (this.registration === 'open' || this.#hasInvites) return true;
        return `registration is ${this.registration}, and no invite was given`;
      case 'accounts':
        return this.#welcome !== undefined || (this.missing('registration') ?? this.#accountProblem ?? false);
      case 'open-registration':
        return this.registration === 'open';
      case 'closed-registration':
        return this.registration === 'closed';
      case 'invite-registration':
        return this.registration === 'invite';
      case 'sessions':
        if (this.#welcome === undefined) return this.missing('accounts') ?? 'no session was begun';
        return (this.#welcome.fields['ticketId'] as Buffer).length > 0 || 'welcome has no ticket';
      case 'tls':
        return this.place.url.protocol === 'wss:';
      case 'tls-exporter':
        return (this.hello.fields['bindings'] as readonly string[]).includes('tls-exporter');
      case 'short-idle-limit':
        return within(this.idleSeconds, 10) || `it is ${this.idleSeconds} s`;
      case 'short-absolute-limit':
        return within(this.absoluteSeconds, 15) || `it is ${this.absoluteSeconds} s`;
      case 'handshake-timeout':
        return within(this.limit('handshakeTimeoutMs'), 30_000);
      case 'message-limit':
        return within(this.limit('maxMessageBytes'), 1024 * 1024);
      case 'start-limit':
        return within(this.limit('starts'), 20);
      case 'administrator':
        return this.administrator !== undefined;
      case 'native':
        return this.place.origin === '' || 'an origin was given for this run';
    }
  }

  /** A connection that has taken `hello`. */
  client(trial: Trial, rule: string, options: Partial<ClientOptions> = {}): Promise<LoginClient> {
    return LoginClient.open(this.place, trial, this.crypto, { rule, ...options });
  }

  /** A connection from which nothing was taken yet. */
  link(trial: Trial, rule: string, options?: OpenOptions): Promise<Link> {
    return openLink(this.place, trial, rule, options);
  }

  /** A username that nobody has, by all odds, and that needs no preparation. */
  freshName(): string {
    this.#count += 1;
    return `${this.#prefix}-${this.#count}-${randomBytes(3).toString('hex')}`;
  }

  freshIdentity(username = this.freshName()): Identity {
    return { username, password: Buffer.from(randomBytes(24).toString('base64')) };
  }

  /** A code for one sign-up; empty where none is needed. @throws Skip when all are used */
  invite(): string {
    if (this.registration === 'open') return '';
    const invite = this.#invites.shift();
    if (invite === undefined) throw new Skip('no invite is left: give more with --invite');
    return invite;
  }

  /** An account that cases share under a name; they leave it as they found it. */
  account(name: string, trial: Trial): Promise<Account> {
    let account = this.#accounts.get(name);
    if (account === undefined) {
      account = this.freshAccount(trial);
      this.#accounts.set(name, account);
      account.catch(() => this.#accounts.delete(name));
    }
    return account;
  }

  /** An account for one case alone. */
  async freshAccount(trial: Trial, rule = 'Section 7: sign-up.'): Promise<Account> {
    const identity = this.freshIdentity();
    const client = await this.client(trial, rule);
    const welcome = await client.signup(identity, this.invite());
    const account: Account = { ...identity, ticket: client.ticket, welcome };
    this.#made.push(account);
    client.link.end();
    return account;
  }

  /** Notes an account that a case made by hand. */
  adopt(account: Account): void {
    this.#made.push(account);
  }

  /** Deletes the accounts of this run, as far as their passwords still work; says how many are left. */
  async cleanUp(trial: Trial): Promise<number> {
    let left = 0;
    for (const account of this.#made) {
      try {
        const client = await this.client(trial, 'clean-up');
        const challenge = await client.challengeToLoginUnchecked(account);
        client.sendFinish('login-finish', challenge, challenge.keys?.clientPrivateKey);
        await client.takeWelcome();
        client.link.send('delete-account');
        await client.link.expect('done');
        client.link.end();
      } catch {
        left += 1;
      }
    }
    return left;
  }
}

const LIMITS = ['maxMessageBytes', 'handshakeTimeoutMs', 'starts'];

/** Connections of one session, one after the other, each resumed with the newest ticket. */
export class ResumeChain {
  #ticket: Ticket;

  private constructor(
    readonly context: ServerContext,
    readonly trial: Trial,
    readonly identity: Identity,
    ticket: Ticket,
  ) {
    this.#ticket = ticket;
  }

  /** The newest. */
  get ticket(): Ticket {
    return this.#ticket;
  }

  /** For connections that were not opened here. */
  keep(ticket: Ticket): void {
    this.#ticket = ticket;
  }

  /** Logs in once, so that the session is this chain's alone. */
  static async begin(context: ServerContext, trial: Trial, identity: Identity): Promise<ResumeChain> {
    const client = await context.client(trial, 'Section 8: login.');
    await client.login(identity);
    client.link.end();
    if (client.ticket === undefined) throw new Skip('welcome has no ticket');
    return new ResumeChain(context, trial, identity, client.ticket);
  }

  /** A connection after `welcome`. */
  async open(rule: string, tamper?: Tamper): Promise<LoginClient> {
    const client = await this.context.client(this.trial, rule, tamper && { tamper });
    await client.resume(this.#ticket);
    this.#ticket = client.ticket ?? this.#ticket;
    return client;
  }
}
