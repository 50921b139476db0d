// The opening handshake, `hello`, its nonces and limits.
import { encodeControl } from '../../../../proto/index.js';
import type { Mutant } from '../double-server.js';
import { read, sending } from '../rewriting.js';
import { EMPTY, wired } from './making.js';

export const hello: readonly Mutant[] = [
  wired('hello-twice', 'hello-once', (wire) => {
    let isFirst = true;
    return {
      output: (frame) => {
        if (isFirst) setTimeout(() => wire.send(frame), 20);
        isFirst = false;
        return undefined;
      },
    };
  }),
  wired('hello-without-version-1', 'hello-versions', () => sending('hello', () => ({ versions: [2] }))),
  wired('hello-of-another-domain', 'hello-domain', () => sending('hello', () => ({ domain: 'example.org' }))),
  wired('hello-without-mechanism', 'hello-mechanisms', () => sending('hello', () => ({ mechanisms: ['PLAIN'] }))),
  wired('hello-with-unknown-policy', 'hello-registration', () => sending('hello', () => ({ registration: 'maybe' }))),
  wired('hello-with-puzzle', 'hello-puzzle-empty', () => sending('hello', () => ({ puzzle: new Uint8Array(8) }))),
  { name: 'serves-without-subprotocol', caughtBy: 'subprotocol-missing', isPeerRight: true },
  { name: 'skips-origin-header', caughtBy: 'origin-stranger', isPeerRight: true },
  {
    name: 'selects-the-first-subprotocol',
    caughtBy: 'subprotocol-among-others',
    sockets: { handleProtocols: (offered) => [...offered][0] ?? false },
  },
  { name: 'negotiates-deflate', caughtBy: 'no-extensions', sockets: { perMessageDeflate: { threshold: 0 } } },
  { name: 'takes-messages-over-the-limit', caughtBy: 'message-too-long', sockets: { maxPayload: 1 << 24 } },
  wired('reuses-nonce', 'hello-nonces', () =>
    sending('hello', ({ serverNonce }) => ({ serverNonce: serverNonce.fill(0, 0, 31) })),
  ),
  (() => {
    let count = 0;
    return wired('nonce-is-a-counter', 'hello-nonces', () =>
      sending('hello', ({ serverNonce }) => {
        const nonce = Buffer.alloc(serverNonce.length, 7);
        nonce.writeUInt32BE((count += 1));
        return { serverNonce: nonce };
      }),
    );
  })(),
  wired('challenge-reuses-nonce-of-hello', 'challenge-nonces', () => {
    let first: Uint8Array = EMPTY;
    return {
      output: (frame) => {
        const message = read(frame, 'server');
        if (message?.kind === 'hello') first = message.serverNonce;
        return message?.kind === 'loginChallenge' ? encodeControl({ ...message, serverNonce: first }) : undefined;
      },
    };
  }),
  {
    name: 'no-handshake-timeout',
    caughtBy: 'handshake-timeout',
    options: () => ({ limits: { handshakeTimeoutMs: 600_000 } }),
    wire: () => sending('hello', ({ limits }) => ({ limits: [limits[0]!, 1_000, ...limits.slice(2)] })),
  },
];
