/** Longest message of the chat, bytes of UTF-8. */
export const MAX_CHAT_BYTES = 4096;
/** Messages that one connection may send at once, and how many it regains each second. */
const BURST = 200;
const PER_SECOND = 100;
/** A reader that is further behind than this is dropped rather than buffered for. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** The part of an authenticated socket that the chat uses; the ws adapter's sockets fit. */
export interface ChatSocket {
  readonly session: { readonly username: string };
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: 'message', listener: (data: unknown, isBinary: boolean) => void): unknown;
}

/**
 * The application of `serve`: what somebody writes goes to everybody who is logged in, the sender included, as
 * `username: text`. (A username has no spaces, so the first one ends it.) Binary frames go back to their sender only.
 * `publish` carries messages to other processes.
 */
export function joinChat(
  socket: ChatSocket,
  everybody: () => Iterable<ChatSocket>,
  publish: (message: string) => void = () => {},
  now: () => number = Date.now,
): void {
  let allowance = BURST;
  let countedAt = now();

  socket.on('message', (data, isBinary) => {
    const at = now();
    allowance = Math.min(BURST, allowance + (Math.max(0, at - countedAt) / 1000) * PER_SECOND);
    countedAt = at;
    if (--allowance < 0) return socket.close(1008, 'too many messages');
    const bytes = data as Buffer;
    if (bytes.length > MAX_CHAT_BYTES) return socket.close(1009, `messages have at most ${MAX_CHAT_BYTES} bytes`);
    if (isBinary) return deliver(socket, bytes);
    const message = `${socket.session.username}: ${bytes.toString('utf8')}`;
    tell(everybody(), message);
    publish(message);
  });
}

/** Passes on what somebody wrote. */
export function tell(readers: Iterable<ChatSocket>, message: string): void {
  for (const reader of readers) deliver(reader, message);
}

function deliver(reader: ChatSocket, message: string | Uint8Array): void {
  if (reader.readyState !== reader.OPEN) return;
  if (reader.bufferedAmount > MAX_BUFFERED_BYTES) return reader.terminate();
  reader.send(message);
}
