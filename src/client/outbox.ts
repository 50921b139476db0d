/** What happens to messages that do not fit: refuse the new one, or drop those that wait longest. */
export type OverflowPolicy = 'reject-new' | 'drop-oldest';

type Message = string | Uint8Array<ArrayBuffer> | Blob;

const utf8 = new TextEncoder();

/** Messages that wait for a connection, bounded by their bytes. */
export class Outbox {
  readonly #maxBytes: number;
  readonly #policy: OverflowPolicy;
  #messages: { readonly data: Message; readonly size: number }[] = [];
  #bytes = 0;

  constructor(maxBytes: number, policy: OverflowPolicy) {
    this.#maxBytes = maxBytes;
    this.#policy = policy;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a message; buffers are copied.
   * @throws DOMException `QuotaExceededError` when it does not fit, with `drop-oldest` only if it never would
   */
  push(data: string | ArrayBufferLike | ArrayBufferView | Blob): void {
    const message = toMessage(data);
    const size =
      typeof message === 'string'
        ? utf8.encode(message).length
        : message instanceof Blob
          ? message.size
          : message.length;
    while (this.#policy === 'drop-oldest' && size <= this.#maxBytes && this.#bytes + size > this.#maxBytes) {
      this.#bytes -= this.#messages.shift()!.size;
    }
    if (this.#bytes + size > this.#maxBytes) {
      throw new DOMException('too many messages wait for the connection', 'QuotaExceededError');
    }
    this.#messages.push({ data: message, size });
    this.#bytes += size;
  }

  /** Passes everything on, in order. */
  drain(send: (data: Message) => void): void {
    const messages = this.#messages;
    this.clear();
    for (const { data } of messages) send(data);
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }
}

function toMessage(data: string | ArrayBufferLike | ArrayBufferView | Blob): Message {
  if (typeof data === 'string' || data instanceof Blob) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  // Buffers come from other realms too.
  const tag = Object.prototype.toString.call(data);
  if (/ArrayBuffer]$/.test(tag)) return new Uint8Array(data).slice();
  // As WebSocket.send does it with anything else.
  return (String as (value: unknown) => string)(data);
}
