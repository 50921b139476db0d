// Sign-up and login beside the proofs.
import { encodeControl, type SignupChallenge } from '../../../../proto/index.js';
import type { Mutant } from '../double-server.js';
import { ignoring, read, sending } from '../rewriting.js';
import { askingFirst, element, sendError, wired } from './making.js';

export const passwords: readonly Mutant[] = [
  wired('wrong-server-key-id', 'login-honest', () =>
    sending('loginChallenge', ({ serverKeyId }) => ({ serverKeyId: serverKeyId.fill(7) })),
  ),
  wired('masking-nonce-is-constant', 'login-element-answer', () =>
    sending('loginChallenge', ({ mechanismData }) => ({ mechanismData: mechanismData.fill(7, 32, 64) })),
  ),
  wired('challenge-takes-two-finishes', 'login-finish-once', (wire) => {
    let hasFailed = false;
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind !== 'loginFinish') return undefined;
        if (hasFailed) sendError(wire, 'login-failed');
        return hasFailed ? null : ((hasFailed = true), undefined);
      },
    };
  }),
  wired('challenge-outlives-new-start', 'orders-login-signup', (wire) => {
    // The sign-up is answered by nobody who could forget the login.
    let isChallenged = false;
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind === 'loginStart') isChallenged = true;
        if (message?.kind !== 'signupStart' || !isChallenged) return undefined;
        const { crypto } = wire;
        const challenge: SignupChallenge = {
          kind: 'signupChallenge',
          serverNonce: crypto.randomBytes(32),
          serverKeyId: new Uint8Array(16),
          ksf: 'pbkdf2-sha512',
          ksfMemoryKiB: 0,
          ksfIterations: 210_000,
          ksfParallelism: 0,
          mechanismData: Buffer.concat([element(crypto), element(crypto)]),
          proof: crypto.randomBytes(64),
        };
        wire.send(encodeControl(challenge));
        return null;
      },
    };
  }),
  wired('tells-taken-names-at-start', 'signup-taken', (wire) =>
    askingFirst(wire, 'signupStart', (isKnown, deliver) => {
      if (isKnown) sendError(wire, 'username-taken');
      else deliver();
    }),
  ),
  wired('one-salt-for-all-sign-ups', 'signup-fresh-salt', () => {
    let first: Uint8Array | undefined;
    return sending('signupChallenge', ({ mechanismData }) => ({ mechanismData: (first ??= mechanismData) }));
  }),
  wired('ignores-offered-key-stretching', 'signup-ksf-unsupported', () =>
    ignoring((start) => ('ksfs' in start ? { ksfs: ['pbkdf2-sha512'] } : {})),
  ),
  wired('ignores-invites', 'signup-unknown-invite', () =>
    ignoring((start) => ('invite' in start ? { invite: '' } : {})),
  ),
];
