import { BlindsaltError } from '../../proto/errors.js';
import type { LazyCredentials, LoginCredentials } from './credentials.js';
import { GIVE_CREDENTIALS, invalid } from './options.js';
import { passwordBytes } from './password-bytes.js';
import { toHex } from './session-info.js';

type Given = LazyCredentials | null | undefined;

/**
 * Username and password, or who asks for them: called before every attempt, with the latest refusal if that was the last
 * thing that happened. What gives nothing, or throws, ends the attempt. The password may be a function, which is called only
 * if it is needed.
 */
export type CredentialsSource = LazyCredentials | ((refused: BlindsaltError | undefined) => Given | Promise<Given>);

type Login<T> = (credentials: LoginCredentials) => Promise<T>;
type Resume<T> = (username: string) => Promise<T | undefined>;

/**
 * The attempts of all sockets of one class. What a server refused is not sent again, however often a library reconnects;
 * a server that named a time to wait is left alone for so long; until a login has succeeded, attempts go one by one, so
 * that several sockets with one wrong password are one guess.
 */
export class Logins {
  readonly #source: CredentialsSource;
  #refusal: BlindsaltError | undefined;
  /** Tag of what was refused; `everything` where tags cannot be made. */
  #refused: string | undefined;
  #key: Promise<CryptoKey> | undefined;
  #notBeforeMs = 0;
  #isProven = false;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(source: CredentialsSource) {
    this.#source = typeof source === 'function' ? source : Object.freeze({ ...source });
  }

  /**
   * Asks for credentials and makes one attempt with them.
   * @param resume goes on with a session of this user, without the password, or gives nothing
   * @throws BlindsaltError
   */
  async attempt<T>(login: Login<T>, signal: AbortSignal, resume?: Resume<T>): Promise<T> {
    if (this.#isProven) return this.#attempt(login, signal, resume);
    const turn = this.#previous.then(() => this.#attempt(login, signal, resume));
    this.#previous = turn.catch(() => undefined);
    return turn;
  }

  async #attempt<T>(login: Login<T>, signal: AbortSignal, resume?: Resume<T>): Promise<T> {
    await waitUntil(this.#notBeforeMs, signal);
    stopIf(signal);
    const given = await untilAborted(this.#ask(), signal);
    stopIf(signal);
    const resumed = await this.#noting(resume?.(given.username));
    if (resumed !== undefined) return resumed;
    const credentials = await untilAborted(withPassword(given), signal);
    const tag = await this.#tag(credentials);
    stopIf(signal);
    if (this.#refused === tag || this.#refused === 'everything') {
      throw new BlindsaltError('login-failed', 'These credentials were refused before; they were not sent again.');
    }
    try {
      const result = await login(credentials);
      this.#isProven = true;
      this.#refused = this.#refusal = undefined;
      return result;
    } catch (error) {
      this.#note(error, tag);
      throw error;
    }
  }

  async #noting<T>(attempt: Promise<T> | undefined): Promise<T | undefined> {
    try {
      return await attempt;
    } catch (error) {
      this.#noteDelay(error);
      throw error;
    }
  }

  async #ask(): Promise<LazyCredentials> {
    let given: Given;
    try {
      given = typeof this.#source === 'function' ? await this.#source(this.#refusal) : this.#source;
    } catch (cause) {
      throw new BlindsaltError('aborted', 'There are no credentials: asking for them failed.', { cause });
    }
    if (given === null || given === undefined) throw new BlindsaltError('aborted', 'There are no credentials.');
    if (typeof given !== 'object' || typeof given.username !== 'string')
      return invalid('credentials', GIVE_CREDENTIALS);
    return given;
  }

  #note(error: unknown, tag: string): void {
    if (!(error instanceof BlindsaltError)) return;
    if (error.code === 'login-failed') {
      this.#refusal = error;
      this.#refused = tag;
      this.#isProven = false;
    }
    this.#noteDelay(error);
  }

  #noteDelay(error: unknown): void {
    const delayMs = error instanceof BlindsaltError ? error.retryAfterMs : undefined;
    if (delayMs !== undefined) this.#notBeforeMs = performance.now() + delayMs;
  }

  /** Tells credentials apart without keeping them: an HMAC under a key that nobody can read. */
  async #tag({ username, password }: LoginCredentials): Promise<string> {
    const { subtle } = globalThis.crypto as { subtle?: SubtleCrypto };
    const secret = passwordBytes(password);
    try {
      if (subtle === undefined) return 'everything';
      this.#key ??= subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
      const name = new TextEncoder().encode(username);
      const message = new Uint8Array(4 + name.length + secret.length);
      new DataView(message.buffer).setUint32(0, name.length);
      message.set(name, 4);
      message.set(secret, 4 + name.length);
      const tag = await subtle.sign('HMAC', await this.#key, message);
      message.fill(0);
      return toHex(new Uint8Array(tag));
    } finally {
      secret.fill(0);
    }
  }
}

async function withPassword({ username, password }: LazyCredentials): Promise<LoginCredentials> {
  if (typeof password !== 'function') return { username, password };
  let given: LoginCredentials['password'] | null | undefined;
  try {
    given = await password();
  } catch (cause) {
    throw new BlindsaltError('aborted', 'There is no password: asking for it failed.', { cause });
  }
  if (given === null || given === undefined) throw new BlindsaltError('aborted', 'There is no password.');
  return { username, password: given };
}

function stopIf(signal: AbortSignal): void {
  if (signal.aborted) throw new BlindsaltError('aborted', undefined, { cause: signal.reason });
}

/** Whoever asks a person may take long, and must not hold up the next attempt when this one is given up. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(new BlindsaltError('aborted', undefined, { cause: signal.reason }));
    signal.addEventListener('abort', stop);
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** @param timeMs as `performance.now` has it */
async function waitUntil(timeMs: number, signal: AbortSignal): Promise<void> {
  const leftMs = timeMs - performance.now();
  if (leftMs <= 0) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, Math.min(leftMs, 2 ** 31 - 1));
    const stop = (): void => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}
