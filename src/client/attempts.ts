import { BYTES } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import { Attempt, type AttemptJob } from './attempt.js';
import type { SignupCredentials } from './credentials.js';
import { GIVE_BOTH, invalid, isText, type Settings } from './options.js';
import { passwordBytes } from './password-bytes.js';
import type { Platform } from './platform.js';
import { TicketKeeper } from './ticket-keeper.js';
import { BlindsaltSocket } from './websocket.js';

/** Answers of the server after which a ticket is of no use. */
const DEAD_TICKET: readonly string[] = ['resume-failed', 'session-expired', 'session-revoked', 'account-disabled'];

/** Attempts at one server, with signals of their own. */
export class Attempts {
  readonly #platform: Platform;
  readonly #settings: Settings;
  readonly #keeper: TicketKeeper;

  constructor(platform: Platform, settings: Settings) {
    this.#platform = platform;
    this.#settings = settings;
    const { tickets, domain, target, onTicketsUnavailable } = settings;
    this.#keeper = new TicketKeeper(tickets, `${domain} ${target}`, onTicketsUnavailable);
  }

  get url(): string {
    return this.#settings.url;
  }

  /** Of the application, for attempts. */
  get signal(): AbortSignal | undefined {
    return this.#settings.signal;
  }

  async byPassword(
    mode: 'login' | 'signup',
    credentials: SignupCredentials | undefined,
    signal = this.signal,
  ): Promise<BlindsaltSocket> {
    if (typeof credentials?.username !== 'string') invalid('username', GIVE_BOTH);
    const { username, password } = credentials;
    const invite = (mode === 'signup' ? credentials.invite : undefined) ?? '';
    if (!isText(invite, 0, 64)) throw new BlindsaltError('invite-invalid');
    const bytes = passwordBytes(password);
    const devices = mode === 'login' ? await this.#keeper.loadDevices() : [];
    const request = { mode, ...this.#peers(), ...this.#start(), devices, username, password: bytes, invite };
    return this.#run(request, signal);
  }

  byTicket(signal = this.signal): Promise<BlindsaltSocket> {
    return this.#keeper.exclusive(async () => {
      const ticket = await this.#keeper.load();
      if (ticket === undefined) {
        throw new BlindsaltError('resume-failed', 'There is no ticket.', { reason: 'no-ticket' });
      }
      try {
        return await this.#run({ mode: 'resume', ...this.#start(), ticket }, signal);
      } catch (error) {
        if (error instanceof BlindsaltError && DEAD_TICKET.includes(error.code)) {
          await this.#keeper.remove(ticket.id.subarray(0, BYTES.sessionId));
        }
        throw error;
      }
    });
  }

  /** Forgets the ticket without telling the server. */
  forget(): Promise<void> {
    return this.#keeper.exclusive(() => this.#keeper.remove());
  }

  async #run(job: AttemptJob, signal: AbortSignal | undefined): Promise<BlindsaltSocket> {
    const { raw, welcome, connection, early } = await new Attempt(
      this.#platform,
      { ...this.#settings, signal },
      job,
    ).run();
    const keeper = this.#keeper;
    // Before anything is made of it. A resume has the store to itself already.
    if (job.mode === 'resume') await keeper.keep(welcome, welcome, false);
    else {
      await keeper.exclusive(async () => {
        await keeper.keep(welcome, welcome, true);
        await keeper.keepDevice(welcome.username, welcome);
      });
    }
    return new BlindsaltSocket(raw, welcome, early, {
      connection,
      request: { ...this.#peers(), username: welcome.username },
      timeoutMs: this.#settings.timeoutMs,
      createRunner: (sink) => this.#platform.createRunner(sink),
      keep: (ticket, isOnlyOne) => keeper.exclusive(() => keeper.keep(welcome, ticket, isOnlyOne)),
      keepDevice: (device) => keeper.exclusive(() => keeper.keepDevice(welcome.username, device)),
      forgetDevice: () => keeper.exclusive(() => keeper.removeDevice(welcome.username)),
      forget: () => keeper.exclusive(() => keeper.remove(welcome.sessionId)),
    });
  }

  #peers(): Pick<Settings, 'domain' | 'ksfs' | 'ksfFloors' | 'ksfCeilings' | 'serverKeys'> {
    const { domain, ksfs, ksfFloors, ksfCeilings, serverKeys } = this.#settings;
    return { domain, ksfs, ksfFloors, ksfCeilings, serverKeys };
  }

  #start(): Pick<Settings, 'domain' | 'target' | 'subprotocols' | 'deviceLabel' | 'requireBinding'> & {
    readonly origin: string;
  } {
    const { domain, target, subprotocols, deviceLabel, requireBinding } = this.#settings;
    return { domain, target, origin: this.#platform.origin, subprotocols, deviceLabel, requireBinding };
  }
}
