import type { SUBPROTOCOL } from '../../proto/constants.js';
import type { Binding } from '../../proto/transcript.js';
import type { Runner, RunnerSink } from './runner.js';
import type { RawSocket } from './raw-socket.js';

/** A connection that is being opened. */
export interface Dialled {
  readonly socket: RawSocket;
  /** The channel bindings of the open connection. */
  bindings(): readonly Binding[];
  /** What is known about why the connection failed. */
  failure(): unknown;
  /** Closes with 4480 and lets go of the connection, whatever the other end does. */
  leave(): void;
}

/** What browsers and Node do differently. */
export interface Platform {
  /** The page's origin, or empty. */
  readonly origin: string;
  /** Opens a WebSocket that offers `protocol` only, without extensions, and gives binary messages as ArrayBuffers. */
  dial(url: string, protocol: typeof SUBPROTOCOL): Dialled;
  createRunner(sink: RunnerSink): Runner;
}
