// Tickets, and requests after `welcome`.
import { encodeControl } from '../../../../proto/index.js';
import type { Mutant } from '../double-server.js';
import { instead, read, sending } from '../rewriting.js';
import { EMPTY, hex, storing, swallowing, wired } from './making.js';

export const sessions: readonly Mutant[] = [
  wired('resume-gives-no-new-ticket', 'resume-honest', () => {
    let used: Uint8Array = EMPTY;
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind === 'resume') used = message.ticketId;
        return undefined;
      },
      ...sending('welcome', () => (used.length > 0 ? { ticketId: used } : {})),
    };
  }),
  wired('resume-without-proof-of-the-server', 'resume-honest', () =>
    sending('welcome', ({ proof }) => ({ proof: proof.fill(0) })),
  ),
  {
    name: 'resume-skips-the-proof',
    caughtBy: 'resume-wrong-proof',
    options: ({ crypto }) => ({
      crypto: { ...crypto, equal: (a, b) => (a.length === 64 && b.length === 64) || crypto.equal(a, b) },
    }),
  },
  wired('wrong-proof-ends-the-session', 'resume-wrong-proof', (wire) => {
    let sessionId: Uint8Array = EMPTY;
    return {
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind === 'resume') sessionId = message.ticketId.slice(0, 16);
        return undefined;
      },
      ...sending('error', ({ code }) => {
        if (code === 'resume-failed')
          void wire.engine.store.endSessions({ sessionId, reason: 'revoked', nowMs: Date.now() });
        return {};
      }),
    };
  }),
  (() => {
    const dead = new Set<string>();
    const lastOf = new Map<string, string>();
    return wired('dead-ticket-is-refused-only', 'resume-dead-ticket', (wire) => ({
      input: (frame) => {
        const message = read(frame, 'client');
        if (message?.kind !== 'resume') return undefined;
        const id = hex(message.ticketId);
        if (dead.has(id)) {
          wire.send(encodeControl({ kind: 'error', code: 'session-revoked', retryAfterSeconds: 0 }));
          wire.close(4432, 'session-revoked');
          return null;
        }
        // Everything of this session but what is used now, as soon as something is used.
        if (lastOf.has(id.slice(0, 32))) dead.add(lastOf.get(id.slice(0, 32))!);
        lastOf.set(id.slice(0, 32), id);
        return undefined;
      },
    }));
  })(),
  storing('accepts-old-ticket-twice', 'resume-dead-ticket', (store) => {
    const last = new Map<string, Uint8Array>();
    return {
      async rotateTicket(rotation, note) {
        const key = hex(rotation.sessionId);
        const before = last.get(key);
        last.set(key, rotation.newSerial);
        if (rotation.mode !== 'resume' || before === undefined) return store.rotateTicket(rotation, note);
        return store.rotateTicket({ ...rotation, serial: before }, note);
      },
    };
  }),
  wired('does-not-close-replaced-connection', 'resume-replaces-connection', () => swallowing('session-replaced')),
  wired('does-not-close-on-revoke', 'revoke-one', () => swallowing('session-revoked')),
  wired('closes-late-on-revoke', 'revoke-one', (wire) => ({
    ...sending('error', ({ code }) => (code === 'session-revoked' ? null : {})),
    close: (code, reason) => {
      if (reason !== 'session-revoked') return undefined;
      setTimeout(() => wire.close(code, reason), 2_500).unref();
      return null;
    },
  })),
  storing('revokes-sessions-of-others', 'revoke-foreign', (store) => ({
    endSessions: ({ sessionId, reason, nowMs, ...rest }, note) =>
      store.endSessions(sessionId === undefined ? { ...rest, reason, nowMs } : { sessionId, reason, nowMs }, note),
  })),
  storing('logout-keeps-the-ticket', 'logout', (store) => ({
    endSessions: async (which, note) => (which.reason === 'logout' ? [] : store.endSessions(which, note)),
  })),
  storing('delete-keeps-the-account', 'delete-account', () => ({ deleteUser: async () => true })),
  storing('swaps-records-unconditionally', 're-register-record-changed', (store) => ({
    async replaceRecordAndRenew(replacement, note) {
      const result = await store.replaceRecordAndRenew(replacement, note);
      if (result.result !== 'record-changed') return result;
      const version = replacement.version + 1;
      const rotation = { ...replacement.rotation, recordVersion: version + 1 };
      return store.replaceRecordAndRenew({ ...replacement, version, rotation }, note);
    },
  })),
  wired('revokes-without-fresh-proof', 'resume-nothing-fresh', () => instead('step-up-required', 'session-unknown')),
  wired('sessions-list-without-end', 'sessions-list', () =>
    sending('sessionEntry', ({ sessionId }) => (sessionId.length === 0 ? null : {})),
  ),
  storing('sessions-list-of-nobody-else', 'sessions-list', (store) => ({
    listSessions: async (userId, nowMs) => (await store.listSessions(userId, nowMs)).slice(0, 1),
  })),
  storing('disabled-account-stays-connected', 'disabled-account', (store) => ({
    setUserStatus: async () => true,
    getUserOrDecoy: (username) => store.getUserOrDecoy(username),
  })),
  wired('device-by-resume', 'device-not-by-resume', () =>
    sending('welcome', () => ({ deviceId: new Uint8Array(16), deviceSecret: new Uint8Array(32) })),
  ),
];
