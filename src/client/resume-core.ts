import { decodeControl, encodeControl, isEscaped, isMarked } from '../../proto/codec.js';
import { BYTES, LABEL } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import type { Hello, Resume, Welcome } from '../../proto/messages.js';
import { NO_BINDING, withoutProof, type Binding } from '../../proto/transcript.js';
import { checkHello, checkSubprotocol, NO_PROOF, refusal, type Action } from './conversation.js';
import { asProtocolError, errorOfFrame } from './errors.js';
import { FrameLog } from './frame-log.js';
import type { Runner, RunnerSink } from './runner.js';
import { isOfSession, sameBytes, type Ticket } from './tickets.js';

export interface ResumeOptions {
  readonly ticket: Ticket;
  readonly domain: string;
  readonly target: string;
  readonly origin: string;
  readonly subprotocols: readonly string[];
  readonly deviceLabel: string;
  readonly requireBinding: boolean;
}

const EMPTY = new Uint8Array(0);

/** One resume, PROTOCOL.md 9.1, without I/O but for WebCrypto. Ends like `ClientCore`. */
export class ResumeCore {
  readonly #options: ResumeOptions;
  readonly #bindings: readonly Binding[];
  readonly #frames = new FrameLog();
  #binding: Binding = NO_BINDING;
  #nonces: Uint8Array[] = [];
  #state: 'hello' | 'welcome' | 'busy' | 'over' = 'hello';

  constructor(options: ResumeOptions, bindings: readonly Binding[]) {
    this.#options = options;
    this.#bindings = bindings;
  }

  /** Takes one binary message of the server's. */
  async receive(frame: Uint8Array): Promise<Action[]> {
    const state = this.#state;
    if (state === 'over') return [];
    this.#state = 'busy';
    try {
      if (!isMarked(frame) || isEscaped(frame)) throw new BlindsaltError('early-frame');
      const message = decodeControl(frame, 'server');
      if (message.kind === 'error') throw errorOfFrame(message);
      if (state === 'hello' && message.kind === 'hello') return await this.#start(message, frame);
      if (state === 'welcome' && message.kind === 'welcome') return await this.#welcomed(message, frame);
      throw refusal('unexpected-message', `unexpected ${message.kind}`);
    } catch (error) {
      if (this.#isOver()) return [];
      this.#state = 'over';
      return [{ kind: 'failed', error: asProtocolError(error), fatal: true }];
    }
  }

  dispose(): void {
    this.#state = 'over';
  }

  async #start(hello: Hello, frame: Uint8Array): Promise<Action[]> {
    const { ticket, target, origin, subprotocols, deviceLabel } = this.#options;
    this.#binding = checkHello(hello, { ...this.#options, bindings: this.#bindings });
    const clientNonce = globalThis.crypto.getRandomValues(new Uint8Array(BYTES.nonce));
    this.#nonces = [hello.serverNonce, clientNonce];
    const draft: Resume = {
      kind: 'resume',
      clientNonce,
      target,
      binding: this.#binding.type,
      origin,
      subprotocols,
      deviceLabel,
      deviceProof: EMPTY,
      puzzleAnswer: EMPTY,
      ticketId: ticket.id,
      proof: NO_PROOF,
    };
    this.#frames.append(frame);
    const hash = await this.#frames.hash(LABEL.resumeClient, this.#binding, withoutProof(encodeControl(draft)));
    const proof = new Uint8Array(await globalThis.crypto.subtle.sign('HMAC', ticket.key, hash));
    if (this.#isOver()) return [];
    const sent = encodeControl({ ...draft, proof });
    this.#frames.append(sent);
    this.#state = 'welcome';
    return [{ kind: 'send', frame: sent }];
  }

  async #welcomed(welcome: Welcome, frame: Uint8Array): Promise<Action[]> {
    const { ticket, subprotocols } = this.#options;
    if (welcome.proof.length !== BYTES.proof) throw refusal('server-proof', 'the server sent no proof');
    const hash = await this.#frames.hash(LABEL.resumeServer, this.#binding, withoutProof(frame));
    const { subtle } = globalThis.crypto;
    if (!(await subtle.verify('HMAC', ticket.key, new Uint8Array(welcome.proof), hash))) {
      throw refusal('server-proof', 'the server did not prove that it knows the ticket');
    }
    if (!isOfSession(ticket, welcome.sessionId)) throw refusal('session', 'the server resumed another session');
    if (!sameBytes(ticket.userId, welcome.userId)) throw refusal('user', 'the session belongs to somebody else');
    checkSubprotocol(welcome, subprotocols);
    this.#frames.append(frame);
    const head = await this.#frames.exchangeHead(welcome.sessionId);
    if (this.#isOver()) return [];
    this.#state = 'over';
    return [{ kind: 'done', welcome, connection: { head, binding: this.#binding, nonces: this.#nonces } }];
  }

  /** Also what `dispose` made of it meanwhile. */
  #isOver(): boolean {
    return this.#state === 'over';
  }
}

/** Runs a resume in this thread, whatever the platform: the ticket's key is here. */
export class ResumeRunner implements Runner {
  readonly #options: ResumeOptions;
  readonly #sink: RunnerSink;
  #core: ResumeCore | undefined;
  #disposed = false;

  constructor(options: ResumeOptions, sink: RunnerSink) {
    this.#options = options;
    this.#sink = sink;
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  open(bindings: readonly Binding[]): void {
    if (!this.#disposed) this.#core = new ResumeCore(this.#options, bindings);
  }

  async receive(frame: Uint8Array<ArrayBuffer>): Promise<void> {
    const actions = (await this.#core?.receive(frame)) ?? [];
    for (const action of actions) {
      if (this.#disposed) return;
      if (action.kind === 'send') this.#sink.send(action.frame);
      if (action.kind === 'done') this.#sink.done(action.welcome, action.connection);
      if (action.kind === 'failed') this.#sink.failed(action.error, true);
    }
  }

  dispose(): void {
    this.#disposed = true;
    this.#core?.dispose();
  }
}
