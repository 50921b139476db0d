import type { ExpiringEvent, SocketCloseEvent, UserChangedEvent } from './events.js';

export interface SocketEventMap {
  open: Event;
  message: MessageEvent;
  close: SocketCloseEvent;
  error: Event;
  /** Beside those of the platform's WebSocket. */
  expiring: ExpiringEvent;
  userchanged: UserChangedEvent;
}

type Handler<E> = ((event: E) => unknown) | null;
type Listener = ((event: Event) => void) | { handleEvent(event: Event): void };
type ListenerOptions = boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal };

/** What every WebSocket object has of events and constants, whatever is behind it (WHATWG WebSockets, section 3.1). */
export abstract class SocketTarget extends EventTarget {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  readonly #handlers = new Map<string, { current: Handler<never> }>();

  /** Somebody listens for messages now. */
  protected abstract listensForMessages(): void;

  get onopen(): Handler<Event> {
    return this.#handler('open');
  }
  set onopen(handler: Handler<Event>) {
    this.#setHandler('open', handler);
  }
  get onmessage(): Handler<MessageEvent> {
    return this.#handler('message');
  }
  set onmessage(handler: Handler<MessageEvent>) {
    this.#setHandler('message', handler);
  }
  get onclose(): Handler<SocketCloseEvent> {
    return this.#handler('close');
  }
  set onclose(handler: Handler<SocketCloseEvent>) {
    this.#setHandler('close', handler);
  }
  get onerror(): Handler<Event> {
    return this.#handler('error');
  }
  set onerror(handler: Handler<Event>) {
    this.#setHandler('error', handler);
  }

  override addEventListener<K extends keyof SocketEventMap>(
    type: K,
    listener: (event: SocketEventMap[K]) => unknown,
    options?: ListenerOptions,
  ): void;
  override addEventListener(type: string, listener: Listener | null, options?: ListenerOptions): void;
  override addEventListener(type: string, listener: unknown, options?: ListenerOptions): void {
    super.addEventListener(type, listener as (event: Event) => void, options);
    if (type === 'message' && listener !== null && listener !== undefined) this.listensForMessages();
  }

  override removeEventListener<K extends keyof SocketEventMap>(
    type: K,
    listener: (event: SocketEventMap[K]) => unknown,
    options?: ListenerOptions,
  ): void;
  override removeEventListener(type: string, listener: Listener | null, options?: ListenerOptions): void;
  override removeEventListener(type: string, listener: unknown, options?: ListenerOptions): void {
    super.removeEventListener(type, listener as (event: Event) => void, options);
  }

  #handler<E>(type: string): Handler<E> {
    return (this.#handlers.get(type)?.current ?? null) as Handler<E>;
  }

  /** An event handler attribute of HTML: keeps the place among the listeners that it got when it was first set. */
  #setHandler(type: string, handler: Handler<never>): void {
    const value = typeof handler === 'function' ? handler : null;
    const slot = this.#handlers.get(type);
    if (slot !== undefined) {
      slot.current = value;
      if (type === 'message' && value !== null) this.listensForMessages();
      return;
    }
    if (value === null) return;
    const made: { current: Handler<never> } = { current: value };
    this.#handlers.set(type, made);
    this.addEventListener(type, (event: Event) => {
      made.current?.call(this, event as never);
    });
  }
}

for (const [name, value] of [
  ['CONNECTING', 0],
  ['OPEN', 1],
  ['CLOSING', 2],
  ['CLOSED', 3],
] as const) {
  for (const owner of [SocketTarget, SocketTarget.prototype])
    Object.defineProperty(owner, name, { value, enumerable: true });
}

/**
 * The arguments of `close`, checked.
 * @throws DOMException `InvalidAccessError` for a code but 1000 and 3000–4999, `SyntaxError` for a reason over 123 bytes
 */
export function checkClose(
  code: number | undefined,
  reason: string | undefined,
): { readonly code: number | undefined; readonly reason: string | undefined } {
  const given = code === undefined ? undefined : Math.round(Math.min(Math.max(Number(code) || 0, 0), 65_535));
  if (given !== undefined && given !== 1000 && (given < 3000 || given > 4999)) {
    throw new DOMException('the close code must be 1000 or 3000 to 4999', 'InvalidAccessError');
  }
  const text = reason === undefined ? undefined : String(reason);
  if (text !== undefined && new TextEncoder().encode(text).length > 123) {
    throw new DOMException('the reason must not be longer than 123 bytes', 'SyntaxError');
  }
  return { code: given, reason: text };
}
