import { escapeApplication } from '../../proto/codec.js';

/** What the queue sends through. */
export interface SendTarget {
  /** True while messages can go out. */
  readonly open: boolean;
  send(data: string | Uint8Array): void;
  /** A Blob could not be read. */
  broken(): void;
}

type Entry = { readonly data: string | Uint8Array | Blob; readonly size: number };

const utf8 = new TextEncoder();

/**
 * Application messages on their way out, escaped and in order. A Blob has to be read before anybody knows whether it
 * needs the escape; what is sent after it waits behind it.
 */
export class SendQueue {
  readonly #target: SendTarget;
  readonly #entries: Entry[] = [];
  #waiting = 0;
  #discarded = 0;
  #running = false;
  #whenEmpty: (() => void) | undefined;

  constructor(target: SendTarget) {
    this.#target = target;
  }

  /** Bytes that wait here, and those that could no longer be sent: both count in `bufferedAmount`. */
  get bytes(): number {
    return this.#waiting + this.#discarded;
  }

  /** Takes a message; `data` may be changed by the caller afterwards. */
  send(data: string | Uint8Array | Blob): void {
    if (!this.#target.open || this.#whenEmpty !== undefined) {
      this.#discarded += sizeOf(data);
    } else if (data instanceof Blob || this.#entries.length > 0) {
      const size = sizeOf(data);
      this.#entries.push({ data: data instanceof Uint8Array ? data.slice() : data, size });
      this.#waiting += size;
      if (!this.#running) void this.#run();
    } else {
      this.#pass(data);
    }
  }

  /** Calls back when all messages so far are out, at once if they are; later messages are discarded. */
  close(whenEmpty: () => void): void {
    if (this.#whenEmpty !== undefined) return;
    this.#whenEmpty = whenEmpty;
    if (this.#entries.length === 0) whenEmpty();
  }

  #pass(data: string | Uint8Array): void {
    this.#target.send(typeof data === 'string' ? data : escapeApplication(data));
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let entry = this.#entries[0]; entry !== undefined; entry = this.#entries[0]) {
      let data: string | Uint8Array | undefined;
      if (entry.data instanceof Blob) {
        // The whole of it, not its first byte: a file could change in between.
        data = await entry.data.arrayBuffer().then(
          (buffer) => new Uint8Array(buffer),
          () => undefined,
        );
      } else {
        data = entry.data;
      }
      this.#entries.shift();
      this.#waiting -= entry.size;
      if (data !== undefined && this.#target.open) {
        this.#pass(data);
      } else {
        this.#discarded += entry.size;
        if (data === undefined) this.#abandon();
      }
    }
    this.#running = false;
    this.#whenEmpty?.();
  }

  #abandon(): void {
    for (const entry of this.#entries.splice(0)) this.#discarded += entry.size;
    this.#waiting = 0;
    this.#whenEmpty = () => undefined;
    this.#target.broken();
  }
}

function sizeOf(data: string | Uint8Array | Blob): number {
  if (typeof data === 'string') return utf8.encode(data).length;
  return data instanceof Uint8Array ? data.length : data.size;
}
