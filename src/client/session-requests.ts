import { decodeControl, encodeControl } from '../../proto/codec.js';
import { EXPIRING_LIMIT, REVOKE_SCOPE } from '../../proto/constants.js';
import { CLOSE } from '../../proto/close-codes.js';
import { BlindsaltError } from '../../proto/errors.js';
import type {
  ClientRequest,
  Done,
  LifeFields,
  ProvenLifeFields,
  Refreshed,
  ServerMessage,
} from '../../proto/messages.js';
import type { Connection } from './conversation.js';
import type { IssuedDevice } from './devices.js';
import { asBlindsaltError, errorOfClose, errorOfFrame } from './errors.js';
import { passwordBytes } from './password-bytes.js';
import type { ExchangeRequest, Runner, RunnerSink } from './runner.js';
import { toHex, type OpenSession, type SessionChange } from './session-info.js';
import type { IssuedTicket } from './ticket-keeper.js';

/** What exchanges after `welcome` need besides the connection: where to compute, whom to accept, where tickets go. */
export interface SessionLink {
  readonly connection: Connection;
  readonly request: Omit<ExchangeRequest, 'mode' | 'connection' | 'password' | 'newPassword' | 'endOthers'>;
  readonly timeoutMs: number;
  createRunner(sink: RunnerSink): Runner;
  /** @param isOnlyOne whether earlier tickets of the session are worth nothing now */
  keep(ticket: IssuedTicket, isOnlyOne: boolean): Promise<void>;
  forget(): Promise<void>;
  /** What makes this device known to the server from now on. */
  keepDevice(device: IssuedDevice): Promise<void>;
  forgetDevice(): Promise<void>;
}

/** The socket, as its requests see it. */
export interface RequestTarget {
  readonly isOpen: boolean;
  send(frame: Uint8Array): void;
  /** Closes with 4480. */
  leave(): void;
  change(change: SessionChange): void;
  /** The session has changed already. */
  userChanged(): void;
  expiring(secondsLeft: number, limit: 'idle' | 'absolute'): void;
}

/** One exchange under way. */
interface Turn {
  receive(message: ServerMessage, frame: Uint8Array<ArrayBuffer>): void;
  reject(error: BlindsaltError): void;
  /** For requests that the server answers by closing. */
  ended?(code: number): boolean;
}
interface Settle<T> {
  resolve(value: T | Promise<T>): void;
  reject(error: BlindsaltError): void;
}

/** More entries than any server has reason to send. */
const MAX_ENTRIES = 10_000;

/** The requests of PROTOCOL.md 9.2: one at a time, in the order in which they were made. */
export class SessionRequests {
  readonly #target: RequestTarget;
  readonly #link: SessionLink;
  #connection: Connection;
  #turn: Turn | undefined;
  #previous: Promise<unknown> = Promise.resolve();
  /** The server wants to be left alone until then, as `performance.now` has it. */
  #notBeforeMs = 0;
  /** Why nothing can be asked any more. */
  #ending: BlindsaltError | undefined;

  constructor(target: RequestTarget, link: SessionLink) {
    this.#target = target;
    this.#link = link;
    this.#connection = link.connection;
  }

  /** Takes a control frame of the server's. */
  take(frame: Uint8Array<ArrayBuffer>): void {
    let message: ServerMessage;
    try {
      message = decodeControl(frame, 'server') as ServerMessage;
    } catch {
      this.#target.leave();
      return;
    }
    switch (message.kind) {
      case 'expiring': {
        const limit = message.limit === EXPIRING_LIMIT.idle ? 'idle' : 'absolute';
        this.#target.expiring(message.secondsLeft, limit);
        return;
      }
      case 'userChanged':
        this.#target.change({ roles: message.roles });
        this.#target.userChanged();
        return;
      case 'error': {
        const error = errorOfFrame(message, true);
        if (error.code === 'try-later') this.#notBeforeMs = performance.now() + (error.retryAfterMs ?? 0);
        if (error.closeCode === undefined) this.#turn?.receive(message, frame);
        // That close follows, and says less.
        else if (this.#turn?.ended?.(error.closeCode) !== true) this.#stop(error);
        return;
      }
      default:
        if (this.#turn === undefined) this.#target.leave();
        else this.#turn.receive(message, frame);
    }
  }

  /** The connection has ended. */
  closed(code: number): void {
    if (this.#turn?.ended?.(code) === true) return;
    this.#stop(errorOfClose(code));
  }

  refresh(): Promise<void> {
    return this.#ask({ kind: 'refresh' }, 'refreshed', (life: Refreshed) => this.#renewed(life, false));
  }

  /** Proves the password; then registers the new one, if there is one. */
  prove(password: string | Uint8Array, newPassword?: string | Uint8Array, endOthers = false): Promise<void> {
    const secrets = {
      password: passwordBytes(password),
      newPassword: undefined as Uint8Array<ArrayBuffer> | undefined,
    };
    if (newPassword !== undefined) secrets.newPassword = passwordBytes(newPassword);
    const wipe = (): void => {
      // Buffers that were transferred to a Worker are empty.
      if (secrets.password.length > 0) secrets.password.fill(0);
      if (secrets.newPassword !== undefined && secrets.newPassword.length > 0) secrets.newPassword.fill(0);
    };
    let runner: Runner | undefined;
    return this.#queue<void>((settle) => {
      let kept = Promise.resolve();
      runner = this.#link.createRunner({
        send: (frame) => this.#target.send(frame),
        progress: () => undefined,
        life: (life) => {
          kept = kept.then(() => this.#proven(life));
        },
        done: (_welcome, connection) => {
          this.#connection = connection;
          settle.resolve(kept);
        },
        failed: (error, fatal) => {
          settle.reject(error);
          if (fatal) this.#target.leave();
        },
      });
      const request: ExchangeRequest = {
        ...this.#link.request,
        ...secrets,
        mode: 'exchange',
        connection: this.#connection,
        endOthers,
      };
      runner.prepare(request).then(
        () => runner?.open([]),
        (error: unknown) => settle.reject(asBlindsaltError(error, 'environment-unsupported')),
      );
      return { receive: (_message, frame) => void runner?.receive(frame) };
    }).finally(() => {
      runner?.dispose();
      wipe();
    });
  }

  sessions(): Promise<OpenSession[]> {
    const list: OpenSession[] = [];
    return this.#queue<OpenSession[]>(
      (settle) => ({
        receive: (message) => {
          if (message.kind !== 'sessionEntry' || list.length > MAX_ENTRIES) return this.#unexpected(message, settle);
          if (message.sessionId.length === 0) return settle.resolve(list);
          list.push({
            sessionId: toHex(message.sessionId),
            deviceLabel: message.deviceLabel,
            createdAt: new Date(message.createdAtSeconds * 1000),
            lastSeenAt: new Date(message.lastSeenAtSeconds * 1000),
            addressPrefix: message.addressPrefix,
            isCurrent: message.current === 1,
          });
        },
      }),
      { kind: 'sessionsList' },
    );
  }

  /** @param sessionId absent: all but this one. @returns how many ended */
  revoke(sessionId?: Uint8Array): Promise<number> {
    const scope = sessionId === undefined ? REVOKE_SCOPE.others : REVOKE_SCOPE.one;
    const request = { kind: 'revoke', sessionId: sessionId ?? new Uint8Array(0), scope } as const;
    return this.#ask(request, 'done', ({ count }: Done) => count);
  }

  /** Resolves when the server has closed. */
  async logout(everywhere: boolean): Promise<void> {
    // What happens to the connection from here on: nobody comes back with this ticket.
    if (!everywhere) await this.#link.forget();
    await this.#queue<void>(
      (settle) => ({
        receive: (message) => this.#unexpected(message, settle),
        ended: (code) => {
          const isDone = code === CLOSE.normal || code === CLOSE.sessionRevoked;
          if (isDone) settle.resolve(undefined);
          return isDone;
        },
      }),
      { kind: 'logout', everywhere: everywhere ? 1 : 0 },
    );
    await this.#link.forget();
  }

  async deleteAccount(): Promise<void> {
    await this.#ask({ kind: 'deleteAccount' }, 'done', (_: Done) => undefined);
    await this.#link.forget();
    await this.#link.forgetDevice();
  }

  /** Sends a request and waits for an answer of one message. */
  #ask<T, A extends ServerMessage>(
    request: ClientRequest,
    kind: A['kind'],
    take: (answer: A) => T | Promise<T>,
  ): Promise<T> {
    return this.#queue<T>(
      (settle) => ({
        receive: (message) => {
          if (message.kind !== kind) return this.#unexpected(message, settle);
          settle.resolve(take(message as A));
        },
      }),
      request,
    );
  }

  /** Waits until it is this exchange's turn, and lets it begin. */
  #queue<T>(begin: (settle: Settle<T>) => Pick<Turn, 'receive' | 'ended'>, request?: ClientRequest): Promise<T> {
    const turn = this.#previous.then(
      () =>
        new Promise<T>((resolve, reject) => {
          if (this.#ending !== undefined || !this.#target.isOpen) {
            reject(this.#ending ?? new BlindsaltError('connection-closed'));
            return;
          }
          const retryAfterMs = this.#notBeforeMs - performance.now();
          if (retryAfterMs > 0) {
            // A request now would cost the connection.
            reject(new BlindsaltError('try-later', undefined, { retryAfterMs }));
            return;
          }
          const timer = setTimeout(() => {
            settle.reject(new BlindsaltError('timeout'));
            // Its answer could be taken for that of the next request.
            this.#target.leave();
          }, this.#link.timeoutMs);
          const end = (): void => {
            clearTimeout(timer);
            this.#turn = undefined;
          };
          const settle: Settle<T> = {
            resolve: (value) => {
              end();
              resolve(value);
            },
            reject: (error) => {
              end();
              reject(error);
            },
          };
          this.#turn = { ...begin(settle), reject: (error) => settle.reject(error) };
          if (request !== undefined) this.#target.send(encodeControl(request));
        }),
    );
    this.#previous = turn.catch(() => undefined);
    return turn;
  }

  /** A ticket is kept before anything is made of what came with it. */
  async #renewed(life: LifeFields, isProven: boolean): Promise<void> {
    await this.#link.keep(life, isProven);
    const { idleSeconds, absoluteSeconds } = life;
    this.#target.change({ idleSeconds, absoluteSeconds, ...(isProven ? { level: 'password' } : {}) });
  }

  async #proven(life: ProvenLifeFields): Promise<void> {
    await this.#renewed(life, true);
    await this.#link.keepDevice(life);
  }

  #unexpected<T>(message: ServerMessage, settle: Settle<T>): void {
    if (message.kind === 'error') {
      settle.reject(errorOfFrame(message, true));
      return;
    }
    settle.reject(new BlindsaltError('protocol-error', `unexpected ${message.kind}`, { reason: 'unexpected-message' }));
    this.#target.leave();
  }

  #stop(error: BlindsaltError): void {
    this.#ending ??= error;
    this.#turn?.reject(this.#ending);
  }
}
