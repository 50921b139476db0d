import { NOTICES, type Incoming, type Link, type OpenOptions } from './link.js';
import type { Value } from './msgpack.js';
import { bytesOf, encodeMessage, textOf, type Received, type WireMessage } from './schema.js';
import { Transcript, UNBOUND, type ChannelBinding } from './transcript.js';

/** Changes messages on their way, so that the transcripts of the two ends differ. */
export interface Tamper {
  /** What the server gets instead of what this end has sent. */
  outgoing?(frame: Buffer, name: string): Buffer;
  /** What this end enters into its transcript instead of what the server has sent; it goes on with the original. */
  incoming?(frame: Buffer, name: string): Buffer;
}

export interface ConversationOptions extends OpenOptions {
  readonly rule: string;
  readonly tamper?: Tamper;
  /** `tls-exporter` instead of none. */
  readonly binding?: ChannelBinding;
}

export type Change = Readonly<Record<string, Value>>;

/** A connection whose control frames enter a transcript, as section 6 has it. */
export class Conversation {
  readonly transcript = new Transcript();
  #exchange: Transcript | undefined;
  hello!: WireMessage;
  welcome: WireMessage | undefined;
  binding: ChannelBinding;

  protected constructor(
    readonly link: Link,
    readonly options: ConversationOptions,
  ) {
    this.binding = options.binding ?? UNBOUND;
  }

  get domain(): string {
    return textOf(this.hello, 'domain');
  }

  get sessionId(): Buffer {
    return bytesOf(this.welcome!, 'sessionId');
  }

  /** Where frames are entered now. */
  get current(): Transcript {
    return this.#exchange ?? this.transcript;
  }

  /** Sends a control frame and enters it. */
  sendFrame(frame: Buffer, name: string): void {
    this.#enter(frame);
    this.link.sendBinary(this.options.tamper?.outgoing?.(frame, name) ?? frame);
  }

  send(name: string, fields: Change = {}): void {
    this.sendFrame(encodeMessage(name, fields), name);
  }

  /** The next message, which has to be this one; entered. @throws Failure, Throttled */
  async expect(name: string, rule?: string): Promise<Received> {
    const came = await this.receive();
    if (came.kind === 'message' && came.message.name === name) return { ...came.message, frame: came.frame };
    return this.link.fail(name, came, rule);
  }

  /** The next message; notices, and after `welcome` what the application sends, are passed over. Entered. */
  async receive(timeoutMs?: number): Promise<Incoming> {
    for (;;) {
      const came = await this.link.next(timeoutMs);
      if (came.kind === 'application' && this.welcome !== undefined) continue;
      if (came.kind !== 'message') return came;
      if (NOTICES.has(came.message.name)) continue;
      const frame = this.options.tamper?.incoming?.(came.frame, came.message.name) ?? came.frame;
      this.#enter(frame);
      return came;
    }
  }

  /** See `Link.expectRefusal`; what comes does not enter the transcript, so the connection is of no more use. */
  expectRefusal(codes: string | readonly string[], rule?: string): Promise<string> {
    return this.link.expectRefusal(codes, rule);
  }

  /** As `expectRefusal` for a code without a close; entered, so that another attempt may follow. @throws Failure */
  async expectError(code: string, rule?: string): Promise<void> {
    const came = await this.receive();
    const isIt = came.kind === 'message' && came.message.name === 'error' && textOf(came.message, 'code') === code;
    if (!isIt) this.link.fail(`error ${code}, and no close`, came, rule);
  }

  /** From now on authenticated. */
  entered(welcome: WireMessage): void {
    this.welcome = welcome;
    this.link.isOpen = true;
  }

  /** Begins the transcript of an exchange after `welcome`. */
  beginExchange(): void {
    this.#exchange = this.transcript.exchange(this.sessionId);
  }

  /** After `welcome` only exchanges have a transcript. */
  #enter(frame: Buffer): void {
    if (this.welcome === undefined || this.#exchange !== undefined) this.current.append(frame);
  }
}
