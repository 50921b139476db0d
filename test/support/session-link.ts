// What a socket needs of its connector, for tests that have a socket only.
import { NO_BINDING } from '../../proto/transcript.js';
import { InlineRunner, type RunnerParts } from '../../src/client/runner.js';
import type { SessionLink } from '../../src/client/session-requests.js';
import { crypto, fastStretch } from '../client/scripted-server.js';

/** Computes in this thread with the reference core and one hash for stretching; keeps no tickets. */
export const fastParts: RunnerParts = {
  loadCrypto: () => Promise.resolve(crypto),
  stretch: (oprfOutput) => Promise.resolve(fastStretch(oprfOutput)),
};

export function linkTo(changes: Partial<SessionLink> = {}): SessionLink {
  return {
    connection: { head: new Uint8Array(80), binding: NO_BINDING, nonces: [] },
    request: {
      domain: 'chat.example',
      username: 'alice',
      ksfs: ['argon2id', 'pbkdf2-sha512'],
      ksfFloors: {},
      ksfCeilings: {},
      serverKeys: [],
    },
    timeoutMs: 5_000,
    createRunner: (sink) => new InlineRunner(fastParts, sink),
    keep: () => Promise.resolve(),
    forget: () => Promise.resolve(),
    keepDevice: () => Promise.resolve(),
    forgetDevice: () => Promise.resolve(),
    ...changes,
  };
}
