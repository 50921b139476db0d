/** Variable with the port that the first worker got, for those that come after all had died. */
export const PORT_VARIABLE = 'BLINDSALT_WORKER_PORT';

/** What the first process and its workers tell each other. */
export type WorkerMessage =
  /** A worker serves at this port. */
  | { readonly kind: 'listening'; readonly port: number }
  /** A worker cannot serve. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly cause: string | undefined }
  /** Somebody wrote to the chat. */
  | { readonly kind: 'chat'; readonly message: string }
  /** To workers. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'reload' };

type Send = (message: WorkerMessage, callback: (error: Error | null) => void) => unknown;

/** More chat than this is not kept for a process that does not read. */
const MAX_QUEUED = 1000;

/** Sends, but drops chat that would have to wait behind too much. */
export class Channel {
  #queued = 0;

  constructor(readonly deliver: Send) {}

  send(message: WorkerMessage): void {
    if (message.kind === 'chat' && this.#queued >= MAX_QUEUED) return;
    this.#queued += 1;
    // Also when the other end is gone: whoever watches it will know.
    this.deliver(message, () => (this.#queued -= 1));
  }
}
