import { Failure, Throttled, type Trial } from '../case.js';
import { CLOSE_OF } from './closes.js';
import { describeMessage } from './describe.js';
import { dial, DialError, type DialOptions } from './dial.js';
import { OPCODE, type FrameOptions } from './framing.js';
import { WireFault, type Value } from './msgpack.js';
import { decodeMessage, encodeMessage, textOf, type Received, type WireMessage } from './schema.js';
import type { RawSocket } from './socket.js';

/** Where the server is, and how it is spoken to. */
export interface Place {
  readonly url: URL;
  readonly ca?: string | undefined;
  /** Sent as header and field; empty: a native client. */
  readonly origin: string;
  /** How long an answer may take. */
  readonly answerTimeoutMs: number;
}

/** `target` of section 2.1 for a URL. */
export function targetOf(url: URL): string {
  const port = url.port === '' ? (url.protocol === 'wss:' ? '443' : '80') : url.port;
  return `${url.hostname.replace(/\.$/, '')}:${port}`;
}

/** What came from the server, judged. */
export type Incoming =
  | { readonly kind: 'message'; readonly message: WireMessage; readonly frame: Buffer }
  | { readonly kind: 'application'; readonly isText: boolean; readonly data: Buffer }
  /** A control frame that section 4 or 5 does not allow. */
  | { readonly kind: 'fault'; readonly frame: Buffer; readonly why: string }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'end' }
  | { readonly kind: 'silence'; readonly timeoutMs: number };

const MAX_LOGGED = 4;

/** A connection that remembers what went over it, so that failures can tell. */
export class Link {
  readonly #sent: string[] = [];
  /** The rule that failures name when they name no other. */
  rule: string;
  /** After `welcome` the application may send at any time; what it sends is passed over where an answer is awaited. */
  isOpen = false;

  constructor(
    readonly socket: RawSocket,
    readonly place: Place,
    readonly trial: Trial,
    rule: string,
  ) {
    this.rule = rule;
  }

  /** Sends a control frame, or anything else as a binary message. */
  sendBinary(data: Uint8Array, options?: FrameOptions): void {
    this.#log(describeMessage(data, 'client'));
    this.socket.sendFrame(OPCODE.binary, data, options);
  }

  sendText(text: string | Uint8Array): void {
    this.#log(describeMessage(Buffer.from(text as string), 'client', true));
    this.socket.sendFrame(OPCODE.text, Buffer.from(text as string));
  }

  /** Sends a WebSocket frame as it is. @param what it is, for reports */
  sendFrame(what: string, opcode: number, payload: Uint8Array, options?: FrameOptions): void {
    this.#log(what);
    this.socket.sendFrame(opcode, payload, options);
  }

  send(name: string, fields: Readonly<Record<string, Value>> = {}): Buffer {
    const frame = encodeMessage(name, fields);
    this.sendBinary(frame);
    return frame;
  }

  /** Notes down what was sent in another way. */
  logSent(what: string): void {
    this.#log(what);
  }

  #log(line: string): void {
    this.#sent.push(line);
    if (this.#sent.length > MAX_LOGGED) this.#sent.shift();
  }

  /** What comes next. @throws Throttled when the server asks for patience */
  async next(timeoutMs = this.place.answerTimeoutMs): Promise<Incoming> {
    const event = await this.socket.next(timeoutMs);
    if (event === undefined) return { kind: 'silence', timeoutMs };
    switch (event.kind) {
      case 'close':
        if (event.code === CLOSE_OF['try-later']) throw new Throttled('the server refuses with 4450 (try-later)', 1);
        return event;
      case 'end':
        return { kind: 'end' };
      case 'text':
        return { kind: 'application', isText: true, data: event.data };
      case 'binary':
        return this.#judge(event.data);
    }
  }

  #judge(data: Buffer): Incoming {
    if (data[0] !== 0xc1) return { kind: 'application', isText: false, data };
    if (data[1] === 0xc1) return { kind: 'application', isText: false, data: data.subarray(1) };
    try {
      const message = decodeMessage(data, 'server');
      if (message.name === 'error' && message.fields['code'] === 'try-later') {
        throw new Throttled('the server throttles (try-later)', Number(message.fields['retryAfterSeconds']));
      }
      return { kind: 'message', message, frame: data };
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      return { kind: 'fault', frame: data, why: error.message };
    }
  }

  /** @throws Failure */
  fail(expected: string, came: Incoming | string, rule = this.rule): never {
    const text = typeof came === 'string' ? came : describeIncoming(came);
    throw new Failure({ rule, sent: this.#sent.length === 0 ? ['(nothing)'] : [...this.#sent], expected, came: text });
  }

  /** @throws Failure unless `holds` */
  check(holds: boolean, expected: string, came: Incoming | string, rule?: string): void {
    if (!holds) this.fail(expected, came, rule);
  }

  /** The next message, notices aside, which has to be this one. @throws Failure */
  async expect(name: string, rule?: string): Promise<Received> {
    const came = await this.answer();
    if (came.kind === 'message' && came.message.name === name) return { ...came.message, frame: came.frame };
    return this.fail(name, came, rule);
  }

  /** The next that is no notice, and after `welcome` nothing of the application's. */
  async answer(timeoutMs?: number): Promise<Incoming> {
    for (;;) {
      const came = await this.next(timeoutMs);
      const isNotice = came.kind === 'message' && NOTICES.has(came.message.name);
      if (!isNotice && !(came.kind === 'application' && this.isOpen)) return came;
    }
  }

  /**
   * The error with one of these codes, and the close that section 10 has for it; the close alone will do, where there is
   * one. Gives the code that came, or of a close alone the first code that fits.
   * @throws Failure
   */
  async expectRefusal(codes: string | readonly string[], rule?: string): Promise<string> {
    const allowed = typeof codes === 'string' ? [codes] : codes;
    const expected = allowed.map(describeRefusal).join(', or ');
    let came = await this.answer();
    let code: string | undefined;
    if (came.kind === 'message' && came.message.name === 'error') {
      code = String(came.message.fields['code']);
      if (!allowed.includes(code)) this.fail(expected, came, rule);
      if (CLOSE_OF[code] === undefined) return code;
      came = await this.answer();
    }
    const fitting = (code === undefined ? allowed : [code]).find(
      (name) => CLOSE_OF[name] !== undefined && came.kind === 'close' && came.code === CLOSE_OF[name],
    );
    if (fitting === undefined || came.kind !== 'close') return this.fail(expected, came, rule);
    this.check(
      came.reason === '' || came.reason === fitting,
      `the reason ${fitting} or none`,
      came,
      'Section 10: "A reason in a close frame is the error\'s code and nothing else."',
    );
    return fitting;
  }

  /** A close with this code, without a message before. @throws Failure */
  async expectClose(code: number, rule?: string): Promise<void> {
    const came = await this.answer();
    if (came.kind !== 'close' || came.code !== code) this.fail(`close ${code} and nothing before it`, came, rule);
  }

  end(): void {
    this.socket.destroy();
  }
}

export const NOTICES: ReadonlySet<string> = new Set(['expiring', 'user-changed']);

function describeRefusal(code: string): string {
  const close = CLOSE_OF[code];
  return close === undefined ? `error ${code}, and no close` : `error ${code}, then close ${close}`;
}

/** The code of section 10 that an `error` or a close tells; undefined for anything else. */
export function codeOf(came: Incoming): string | undefined {
  if (came.kind === 'message' && came.message.name === 'error') return textOf(came.message, 'code');
  return came.kind === 'close' ? Object.keys(CLOSE_OF).find((code) => CLOSE_OF[code] === came.code) : undefined;
}

export function describeIncoming(came: Incoming): string {
  switch (came.kind) {
    case 'message':
      return describeMessage(came.frame, 'server');
    case 'application':
      return describeMessage(came.data, 'server', came.isText);
    case 'fault':
      return `${describeMessage(came.frame, 'server')}: ${came.why}`;
    case 'close':
      return `close ${came.code}${came.reason === '' ? '' : ` (${came.reason})`}`;
    case 'end':
      return 'the end of the connection, without a close frame';
    case 'silence':
      return `nothing in ${came.timeoutMs} ms`;
  }
}

export interface OpenOptions {
  /** Default `blindsalt.v1`. */
  readonly subprotocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the place's. */
  readonly origin?: string;
}

/** Opens a connection for a case; it ends with the case at the latest. @throws DialError, Throttled */
export async function openLink(place: Place, trial: Trial, rule: string, options: OpenOptions = {}): Promise<Link> {
  const { subprotocols = ['blindsalt.v1'], headers = {}, origin = place.origin } = options;
  const dialling: DialOptions = {
    url: place.url,
    ca: place.ca,
    subprotocols,
    headers: { ...(origin !== '' && { Origin: origin }), ...headers },
  };
  try {
    const link = new Link(await dial(dialling), place, trial, rule);
    trial.after(() => link.end());
    return link;
  } catch (error) {
    if (error instanceof DialError && (error.status === 503 || error.status === 429)) {
      throw new Throttled(`the server answers HTTP ${error.status}`, error.retryAfterSeconds ?? 1);
    }
    throw error;
  }
}
