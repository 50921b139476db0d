import type { WebSocket } from 'ws';

/** The client closes the connection: it does not believe the server. */
export class Leave extends Error {}

/** Messages of a socket, one after the other. @throws Leave when it closes */
export class Inbox {
  readonly #ready: { readonly data: Buffer; readonly isBinary: boolean }[] = [];
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(socket: WebSocket) {
    socket.on('message', (data: Buffer, isBinary) => {
      this.#ready.push({ data, isBinary });
      this.#wake?.();
    });
    socket.on('close', () => {
      this.#isClosed = true;
      this.#wake?.();
    });
    socket.on('error', () => undefined);
  }

  async next(): Promise<{ readonly data: Buffer; readonly isBinary: boolean }> {
    for (;;) {
      const message = this.#ready.shift();
      if (message !== undefined) return message;
      if (this.#isClosed) throw new Leave();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
