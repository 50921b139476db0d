// Random sequences of calls on the sessions of two users, compared step by step with a model: of each session it knows
// the serials that work, the one given out last at the end.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Store, StoreChange } from '../../src/server/store.js';
import * as make from '../support/store-fixtures.js';
import { changesOf, NOW, type StoreTools } from '../support/store-fixtures.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

const IDLE_SECONDS = 10;
const ABSOLUTE_MS = 60_000;
const MAX = 3;

interface ModelSession {
  readonly id: string;
  readonly owner: ModelUser;
  readonly createdAtMs: number;
  /** All serials that were ever given out, and those that work. */
  readonly given: string[];
  /** Serials that renewals replaced since the last resume, the last four. */
  retired: string[];
  alive: string[];
  epoch: number;
  lastSeenAtMs: number;
  absoluteExpiresAtMs: number;
  ended: boolean;
}

interface ModelUser {
  readonly userId: Uint8Array;
  version: number;
  disabled: boolean;
}

interface Model {
  readonly users: readonly ModelUser[];
  readonly sessions: ModelSession[];
  nowMs: number;
}

interface Real {
  readonly store: Store;
  readonly told: StoreChange[];
}

class Step implements fc.AsyncCommand<Model, Real> {
  constructor(
    readonly text: string,
    readonly run: (model: Model, real: Real) => Promise<void>,
  ) {}
  check = (): boolean => true;
  toString = (): string => this.text;
}

const isOpen = (session: ModelSession, nowMs: number): boolean =>
  !session.ended && nowMs < session.lastSeenAtMs + 1000 * IDLE_SECONDS && nowMs < session.absoluteExpiresAtMs;

/** Ends sessions of the model, and answers what is to be told of it, in any order. */
function end(sessions: readonly ModelSession[], reason: string): object[] {
  const ending = sessions.filter(({ ended }) => !ended);
  return ending.map((session) => {
    session.ended = true;
    const { id, owner } = session;
    return { kind: 'session-ended', sessionId: fromHex(id), userId: owner.userId, reason };
  });
}

function expectTold({ told }: Real, expected: readonly object[]): void {
  const changes = told.splice(0);
  expect(changes).toHaveLength(expected.length);
  expect(changes).toEqual(expect.arrayContaining(expected as object[]));
}

const who = fc.nat(1);
/** A session by its place from the newest on, going round. */
const place = fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 3, 4);
const pick = ({ sessions }: Pick<Model, 'sessions'>, at: number): ModelSession | undefined =>
  sessions.at(-1 - (at % Math.max(1, sessions.length)));

const begin = fc.tuple(who, fc.boolean(), fc.boolean()).map(
  ([index, refuse, oldVersion]) =>
    new Step(`begin ${index} ${refuse ? 'or refuse' : ''} ${oldVersion ? 'outdated' : ''}`, async (model, real) => {
      const { users, sessions, nowMs } = model;
      const owner = users[index]!;
      const session = make.newSession(owner.userId, {
        createdAtMs: nowMs,
        recordVersion: oldVersion ? owner.version + 1 : owner.version,
        idleSeconds: IDLE_SECONDS,
        absoluteExpiresAtMs: nowMs + ABSOLUTE_MS,
      });
      const open = sessions.filter((one) => one.owner === owner && isOpen(one, nowMs));
      const outcome = await real.store.beginSession(session, { max: MAX, whenFull: refuse ? 'refuse' : 'end-oldest' });
      let expected = 'created';
      if (owner.disabled) expected = 'disabled';
      else if (oldVersion) expected = 'record-changed';
      else if (refuse && open.length >= MAX) expected = 'too-many-sessions';
      expect(outcome.result).toBe(expected);
      if (outcome.result !== 'created') return expectTold(real, []);
      open.sort((a, b) => a.createdAtMs - b.createdAtMs);
      const oldest = open.slice(0, Math.max(0, open.length - MAX + 1));
      expect(outcome.ended.map(hex)).toEqual(oldest.map(({ id }) => id));
      expectTold(real, end(oldest, 'too-many-sessions'));
      const serial = hex(session.serial);
      sessions.push({
        id: hex(session.sessionId),
        owner,
        createdAtMs: nowMs,
        given: [serial],
        alive: [serial],
        retired: [],
        epoch: 0,
        lastSeenAtMs: nowMs,
        absoluteExpiresAtMs: nowMs + ABSOLUTE_MS,
        ended: false,
      });
    }),
);

const resume = fc.tuple(place, fc.constantFrom(1, 1, 1, 2, 2, 3, 4)).map(
  ([at, back]) =>
    new Step(`resume ${at} with serial -${back}`, async (model, real) => {
      const session = pick(model, at);
      if (!session) return;
      const { nowMs } = model;
      const serial = session.given.at(-back) ?? session.given[0]!;
      const newSerial = make.bytes(16);
      const sessionId = fromHex(session.id);
      const outcome = await real.store.rotateTicket({
        mode: 'resume',
        sessionId,
        serial: fromHex(serial),
        newSerial,
        nowMs,
      });
      if (session.owner.disabled) expect(outcome.result).toBe('disabled');
      else if (session.ended) expect(outcome.result).toBe('revoked');
      else if (!isOpen(session, nowMs)) expect(outcome.result).toBe('expired');
      else if (session.retired.includes(serial)) expect(outcome).toEqual({ result: 'retired' });
      else if (!session.alive.includes(serial)) {
        expect(outcome).toEqual({ result: 'reused', userId: session.owner.userId });
        return expectTold(real, end([session], 'ticket-reused'));
      } else {
        expect(outcome.result).toBe('rotated');
        session.alive = [serial, hex(newSerial)];
        session.retired = [];
        session.given.push(hex(newSerial));
        session.epoch += 1;
        session.lastSeenAtMs = nowMs;
        return expectTold(real, [{ kind: 'session-epoch', sessionId, epoch: session.epoch }]);
      }
      expectTold(real, []);
    }),
);

/** What the session's connection is to be answered when it asks for a ticket. */
function renewal(
  session: ModelSession,
  nowMs: number,
  { behind, outdated }: { readonly behind: number; readonly outdated: number | boolean },
): string {
  if (session.owner.disabled) return 'disabled';
  if (session.ended) return 'revoked';
  if (nowMs >= session.absoluteExpiresAtMs) return 'expired';
  if (behind) return 'replaced';
  return outdated ? 'record-changed' : 'rotated';
}

/** The password was proved: all serials before die. */
function renew(session: ModelSession, serial: string, nowMs: number): void {
  session.retired = [...session.retired, ...session.alive].slice(-4);
  session.alive = [serial];
  session.given.push(serial);
  session.lastSeenAtMs = nowMs;
}

const inBand = fc.tuple(place, fc.boolean(), fc.constantFrom(0, 0, 0, 1), fc.constantFrom(0, 0, 0, 1)).map(
  ([at, renews, behind, outdated]) =>
    new Step(`${renews ? 'renew' : 'refresh'} ${at} -${behind} -${outdated}`, async (model, real) => {
      const session = pick(model, at);
      if (!session || behind > session.epoch) return;
      const { nowMs } = model;
      const { owner } = session;
      const newSerial = make.bytes(16);
      const common = { sessionId: fromHex(session.id), epoch: session.epoch - behind, newSerial, nowMs };
      const recordVersion = owner.version + outdated;
      const absoluteExpiresAtMs = nowMs + ABSOLUTE_MS;
      const { result } = await real.store.rotateTicket(
        renews ? { ...common, mode: 'renew', recordVersion, absoluteExpiresAtMs } : { ...common, mode: 'refresh' },
      );
      expectTold(real, []);
      expect(result).toBe(renewal(session, nowMs, { behind, outdated: renews && outdated }));
      if (result !== 'rotated') return;
      if (renews) {
        renew(session, hex(newSerial), nowMs);
        session.absoluteExpiresAtMs = absoluteExpiresAtMs;
      } else {
        session.alive = [session.alive.at(-1)!, hex(newSerial)];
        session.given.push(hex(newSerial));
        session.lastSeenAtMs = nowMs;
      }
    }),
);

const endSome = fc.tuple(place, who, fc.constantFrom('one', 'others', 'all')).map(
  ([at, index, scope]) =>
    new Step(`end ${scope} ${at} of ${index}`, async ({ sessions, users, nowMs }, real) => {
      const { userId } = users[index]!;
      const chosen = pick({ sessions }, at);
      const id = chosen ? fromHex(chosen.id) : make.bytes(16);
      const common = { userId, reason: 'revoked', nowMs } as const;
      const which = { one: { sessionId: id }, others: { exceptSessionId: id }, all: {} }[scope];
      const ended = await real.store.endSessions({ ...common, ...which });
      const hers = sessions.filter(({ owner, ended: over }) => owner === users[index] && !over);
      const meant = hers.filter((one) => scope === 'all' || (one === chosen) === (scope === 'one'));
      const counted = meant.filter((one) => isOpen(one, nowMs)).map((one) => one.id);
      expect(ended.map(hex).sort()).toEqual(counted.sort());
      expectTold(real, end(meant, 'revoked'));
    }),
);

const setStatus = fc.tuple(who, fc.boolean()).map(
  ([index, disabled]) =>
    new Step(`${disabled ? 'disable' : 'enable'} ${index}`, async ({ sessions, users }, real) => {
      const owner = users[index]!;
      await real.store.setUserStatus(owner.userId, disabled ? 'disabled' : 'active');
      owner.disabled = disabled;
      const ended = disabled
        ? end(
            sessions.filter((one) => one.owner === owner),
            'user-disabled',
          )
        : [];
      expectTold(real, [...ended, { kind: 'user-changed', userId: owner.userId }]);
    }),
);

const changePassword = fc.tuple(place, fc.boolean(), fc.constantFrom(0, 0, 0, 1), fc.constantFrom(0, 0, 0, 1)).map(
  ([at, endOthers, behind, outdated]) =>
    new Step(`password by ${at} ${endOthers ? 'ends others' : ''} -${behind} -${outdated}`, async (model, real) => {
      const session = pick(model, at);
      if (!session || behind > session.epoch) return;
      const { sessions, nowMs } = model;
      const { owner } = session;
      const version = owner.version + outdated;
      const rotation = {
        mode: 'renew' as const,
        sessionId: fromHex(session.id),
        epoch: session.epoch - behind,
        newSerial: make.bytes(16),
        nowMs,
        recordVersion: version + 1,
      };
      const replacement = { userId: owner.userId, version, credential: make.newCredential(), endOthers, rotation };
      const { result } = await real.store.replaceRecordAndRenew(replacement);
      expect(result).toBe(renewal(session, nowMs, { behind, outdated }));
      if (result !== 'rotated') return expectTold(real, []);
      renew(session, hex(rotation.newSerial), nowMs);
      owner.version += 1;
      const others = sessions.filter((one) => one.owner === owner && one !== session);
      expectTold(real, endOthers ? end(others, 'password-changed') : []);
    }),
);

const touch = fc.tuple(place, fc.integer({ min: -3000, max: 0 })).map(
  ([at, ago]) =>
    new Step(`touch ${at} ${ago}`, async ({ sessions, nowMs }, real) => {
      const session = pick({ sessions }, at);
      if (!session) return;
      const lastSeenAtMs = nowMs + ago;
      const epochs = await real.store.touchSessions([{ sessionId: fromHex(session.id), lastSeenAtMs }]);
      expect(epochs).toEqual([session.ended ? undefined : session.epoch]);
      if (!session.ended) session.lastSeenAtMs = Math.max(session.lastSeenAtMs, lastSeenAtMs);
      expectTold(real, []);
    }),
);

const time = fc.constantFrom(1, 500, 4000, 9999, -2000).map(
  (ms) =>
    new Step(`time ${ms}`, async (model) => {
      model.nowMs += ms;
    }),
);

const compareAll = fc.constant(
  new Step('compare', async ({ sessions, users, nowMs }, { store }) => {
    for (const session of sessions) {
      const row = await store.getSession(fromHex(session.id));
      if (session.ended) expect(row).toBeUndefined();
      else {
        const { epoch, lastSeenAtMs, absoluteExpiresAtMs } = session;
        expect(row).toMatchObject({ epoch, lastSeenAtMs, absoluteExpiresAtMs });
        const slots = [row!.currentSerial, row!.successorSerial].flatMap((slot) => (slot ? [hex(slot)] : []));
        expect(slots).toEqual(session.alive);
      }
    }
    for (const owner of users) {
      const open = sessions.filter((one) => one.owner === owner && isOpen(one, nowMs));
      const newestFirst = open.sort((a, b) => a.createdAtMs - b.createdAtMs).reverse();
      const listed = await store.listSessions(owner.userId, nowMs);
      expect(listed.map(({ sessionId }) => hex(sessionId))).toEqual(newestFirst.map(({ id }) => id));
    }
  }),
);

export function storeSessionModelSuite({ open, close, create }: StoreTools): void {
  describe('sessions against a model', () => {
    test('random sequences of calls give the model’s answers and changes', async () => {
      const rotations = [resume, inBand, resume, inBand];
      const others = [endSome, setStatus, changePassword, touch, time, compareAll];
      const steps = fc.commands([begin, ...rotations, begin, ...rotations, ...others], { maxCommands: 60 });
      await fc.assert(
        fc.asyncProperty(steps, async (commands) => {
          const store = await open();
          const users: ModelUser[] = [];
          for (const name of ['anna', 'berta']) {
            const { userId } = await create(store, make.newUser(name));
            users.push({ userId, version: 1, disabled: false });
          }
          const real = { store, told: changesOf(store) };
          try {
            await fc.asyncModelRun(() => ({ model: { users, sessions: [], nowMs: NOW }, real }), commands);
          } finally {
            await close();
          }
        }),
        { numRuns: 40 },
      );
    });
  });
}
