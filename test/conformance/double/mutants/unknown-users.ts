// Servers that answer for names which they do not know in another way.
import type { Mutant } from '../double-server.js';
import { sending } from '../rewriting.js';
import { askingFirst, element, sendError, wired } from './making.js';

export const unknownUsers: readonly Mutant[] = [
  wired('unknown-user-is-told-at-once', 'unknown-user-answered', (wire) =>
    askingFirst(wire, 'loginStart', (isKnown, deliver) => {
      if (isKnown) deliver();
      else sendError(wire, 'login-failed');
    }),
  ),
  wired('unknown-user-different-length', 'unknown-user-answered', (wire) => {
    let isUnknown = false;
    return {
      ...askingFirst(wire, 'loginStart', (isKnown, deliver) => {
        isUnknown = !isKnown;
        deliver();
      }),
      ...sending('loginChallenge', ({ mechanismData }) =>
        isUnknown ? { mechanismData: mechanismData.slice(0, 160) } : {},
      ),
    };
  }),
  wired('unknown-user-other-error', 'unknown-user-answered', (wire) => {
    let isUnknown = false;
    return {
      ...askingFirst(wire, 'loginStart', (isKnown, deliver) => {
        isUnknown = !isKnown;
        deliver();
      }),
      ...sending('error', () => (isUnknown ? { retryAfterSeconds: 1 } : {})),
    };
  }),
  wired('unknown-user-answered-at-random', 'unknown-user-stable', ({ crypto }) =>
    sending('loginChallenge', ({ mechanismData }) => ({
      mechanismData: Buffer.concat([element(crypto), mechanismData.subarray(32)]),
    })),
  ),
];
