// Servers that do not look at a field of start messages, or look in another order.
import type { Mutant } from '../double-server.js';
import { ignoring, instead, read, sending } from '../rewriting.js';
import { element, EMPTY, hex, wired } from './making.js';

export const starts: readonly Mutant[] = [
  {
    name: 'skips-target-check',
    caughtBy: 'target-refused',
    settings: () => ({ targets: { has: () => true } as never }),
  },
  wired('target-refused-with-wrong-close', 'target-refused', () => instead('target-refused', 'target-refused', 4405)),
  wired('skips-origin-field', 'origin-differs', () => ignoring(() => ({ origin: '' }))),
  wired('skips-binding-check', 'binding-unoffered', () => ignoring(() => ({ binding: '' }))),
  wired('skips-puzzle-answer', 'puzzle-answer-unasked', () => ignoring(() => ({ puzzleAnswer: EMPTY }))),
  wired('skips-username-preparation', 'username-unprepared', (wire) =>
    ignoring((start) =>
      'username' in start && !/^[a-z0-9-]+$/.test(start.username)
        ? { username: `u${hex(wire.crypto.randomBytes(8))}` }
        : {},
    ),
  ),
  wired('usernames-in-ascii-only', 'username-prepared', () =>
    ignoring((start) => ('username' in start && !/^[!-~]+$/.test(start.username) ? { username: 'Alice' } : {})),
  ),
  wired('accepts-identity-element', 'element-invalid', ({ crypto }) =>
    ignoring((start) =>
      'mechanismData' in start && start.mechanismData.every((byte) => byte === 0)
        ? { mechanismData: element(crypto) }
        : {},
    ),
  ),
  wired('accepts-non-canonical-element', 'element-invalid', ({ crypto }) =>
    ignoring((start) =>
      'mechanismData' in start && start.mechanismData[31]! > 0x7e ? { mechanismData: element(crypto) } : {},
    ),
  ),
  wired('accepts-longer-mechanism-data', 'element-length', () =>
    ignoring((start) => ('mechanismData' in start ? { mechanismData: start.mechanismData.slice(0, 32) } : {})),
  ),
  wired('accepts-nonce-of-hello', 'nonce-of-hello', ({ crypto }) => {
    let first = '';
    const taps = ignoring(({ clientNonce }) =>
      hex(clientNonce) === first ? { clientNonce: crypto.randomBytes(32) } : {},
    );
    return {
      ...taps,
      output: (frame) => {
        const message = read(frame, 'server');
        if (message?.kind === 'hello') first = hex(message.serverNonce);
        return undefined;
      },
    };
  }),
  wired('accepts-repeated-nonce', 'nonce-repeated', ({ crypto }) => {
    const seen = new Set<string>();
    return ignoring(({ clientNonce }) => {
      if (seen.has(hex(clientNonce))) return { clientNonce: crypto.randomBytes(32) };
      seen.add(hex(clientNonce));
      return {};
    });
  }),
  {
    name: 'no-limit-of-starts',
    caughtBy: 'start-limit',
    options: () => ({ limits: { maxAttempts: 100 } }),
    wire: () => sending('hello', ({ limits }) => ({ limits: [...limits.slice(0, 2), 5] })),
  },
  wired('checks-username-first', 'check-order', () =>
    ignoring((start) =>
      'username' in start && start.username === 'Alice' ? { target: 'x', ...{ origin: '', binding: '' } } : {},
    ),
  ),
  wired('closes-on-unsupported-mechanism', 'mechanism-unsupported', (wire) => ({
    ...sending('error', (message) => {
      if (message.code === 'mechanism-unsupported') setTimeout(() => wire.close(4400, 'protocol-error'));
      return {};
    }),
  })),
  wired('device-proof-that-is-wrong-is-refused', 'device-unknown', (wire) => ({
    input: (frame) => {
      const message = read(frame, 'client');
      if (message?.kind !== 'loginStart' || message.deviceProof.length === 0) return undefined;
      wire.deliver(Buffer.of(0xc1));
      return null;
    },
  })),
  wired('skips-device-proof-of-resume', 'device-elsewhere', () => ignoring(() => ({ deviceProof: EMPTY }))),
];
