// Random sequences of calls, compared step by step with a model made of plain maps.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Attributes, CredentialRecord, Store } from '../../src/server/store.js';
import * as make from '../support/store-fixtures.js';
import type { OpenFresh } from '../support/store-fixtures.js';

interface ModelUser {
  username: string;
  status: 'active' | 'disabled';
  recordVersion: number;
  roles: readonly string[];
  attributes: Attributes;
  credential: CredentialRecord;
}

interface Model {
  /** By user id in hex; deleted ones too, as undefined. */
  readonly users: Map<string, ModelUser | undefined>;
  readonly codes: Map<string, { resets: string | undefined; expiresAtMs: number }>;
}

interface Real {
  store: Store;
  readonly reopen: (() => Promise<Store>) | undefined;
}

const NAMES = ['a', 'b', 'ｚ', '𐐀'] as const;
const CODES = ['c1', 'c2', 'c3'] as const;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

const idOfName = (model: Model, username: string): string | undefined =>
  [...model.users].find(([, user]) => user?.username === username)?.[0];

function replace(model: Model, id: string, credential: CredentialRecord): void {
  const user = model.users.get(id)!;
  user.credential = credential;
  user.recordVersion += 1;
  for (const [code, { resets }] of model.codes) if (resets === id) model.codes.delete(code);
}

class Step implements fc.AsyncCommand<Model, Real> {
  constructor(
    readonly text: string,
    readonly run: (model: Model, real: Real) => Promise<void>,
  ) {}
  check = (): boolean => true;
  toString = (): string => this.text;
}

/** An existing user, a deleted one or a stranger, by its place in the model. */
const pick = (model: Model, place: number): string => [...model.users.keys()][place] ?? 'ff'.repeat(16);

const name = fc.constantFrom(...NAMES);
const code = fc.constantFrom(...CODES);
const place = fc.nat(5);
const time = fc.constantFrom(999, 1000, 1001);
const status = fc.constantFrom('active' as const, 'disabled' as const);

const create = fc.tuple(name, fc.option(code, { nil: undefined }), time).map(
  ([username, withCode, nowMs]) =>
    new Step(`create ${username} ${withCode} ${nowMs}`, async (model, { store }) => {
      const user = make.newUser(username, { roles: ['r'], attributes: { nowMs } });
      const holder = idOfName(model, username);
      const entry = withCode ? model.codes.get(withCode) : undefined;
      const valid = entry && nowMs < entry.expiresAtMs && (!entry.resets || entry.resets === holder);
      let expected = 'created';
      if (withCode && !valid) expected = 'code-invalid';
      else if (entry?.resets) expected = 'reset';
      else if (holder) expected = 'taken';
      const use = withCode && make.useOf(withCode, nowMs);
      const { result } = await (use ? store.createUserIfAbsent(user, use) : store.createUserIfAbsent(user));
      expect(result).toBe(expected);
      if (valid) model.codes.delete(withCode!);
      if (result === 'reset') replace(model, holder!, user.credential);
      if (result !== 'created') return;
      const { roles, attributes, credential } = user;
      model.users.set(hex(user.userId), {
        username,
        status: 'active',
        recordVersion: 1,
        roles,
        attributes,
        credential,
      });
    }),
);

const createCode = fc.tuple(code, fc.option(name, { nil: undefined })).map(
  ([text, forName]) =>
    new Step(`code ${text} for ${forName}`, async (model, { store }) => {
      const id = forName && idOfName(model, forName);
      if (model.codes.has(text) || (forName && !id)) return;
      await store.createCode(id ? make.newReset(text, fromHex(id), 1000) : make.newInvite(text, { expiresAtMs: 1000 }));
      model.codes.set(text, { resets: id, expiresAtMs: 1000 });
    }),
);

const swap = fc.tuple(place, fc.constantFrom(1, 2, 3)).map(
  ([at, version]) =>
    new Step(`swap ${at} at ${version}`, async (model, { store }) => {
      const id = pick(model, at);
      const user = model.users.get(id);
      const credential = make.newCredential();
      let expected = 'rotated';
      if (!user) expected = 'user-unknown';
      else if (user.status === 'disabled') expected = 'disabled';
      else if (user.recordVersion !== version) expected = 'record-changed';
      expect(await make.replaceRecord(store, fromHex(id), version, credential)).toBe(expected);
      if (expected === 'rotated') replace(model, id, credential);
    }),
);

const setStatus = fc.tuple(place, status).map(
  ([at, value]) =>
    new Step(`${value} ${at}`, async (model, { store }) => {
      const user = model.users.get(pick(model, at));
      expect(await store.setUserStatus(fromHex(pick(model, at)), value)).toBe(user !== undefined);
      if (user) user.status = value;
    }),
);

const setRoles = fc.tuple(place, fc.uniqueArray(fc.constantFrom('x', 'y', 'ä'))).map(
  ([at, roles]) =>
    new Step(`roles ${at} ${roles.join()}`, async (model, { store }) => {
      const user = model.users.get(pick(model, at));
      expect(await store.setUserRoles(fromHex(pick(model, at)), roles)).toBe(user !== undefined);
      if (user) user.roles = roles;
    }),
);

const remove = place.map(
  (at) =>
    new Step(`delete ${at}`, async (model, { store }) => {
      const id = pick(model, at);
      const existed = model.users.get(id) !== undefined;
      expect(await store.deleteUser(fromHex(id))).toBe(existed);
      if (existed) model.users.set(id, undefined);
      for (const [text, { resets }] of model.codes) if (resets === id) model.codes.delete(text);
    }),
);

const reopen = fc.constant(
  new Step('reopen', async (_, real) => {
    if (real.reopen) real.store = await real.reopen();
  }),
);

const compareAll = fc.constant(
  new Step('compare', async (model, { store }) => {
    const users = [...model.users].filter((entry): entry is [string, ModelUser] => entry[1] !== undefined);
    const order = users
      .map(([, { username }]) => username)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const listed = await store.listUsers();
    expect(listed.map(({ username }) => username)).toEqual(order);
    for (const [id, { credential, ...rest }] of users) {
      const { username, status: state, recordVersion } = rest;
      const userId = fromHex(id);
      expect(await store.getUser(userId)).toMatchObject({ userId, ...rest });
      const row = { exists: true, status: state, userId, recordVersion, credential };
      expect(await store.getUserOrDecoy(username)).toEqual(row);
    }
    for (const username of NAMES) {
      expect((await store.getUserOrDecoy(username)).exists).toBe(order.includes(username));
    }
    for (const text of CODES) {
      const entry = model.codes.get(text);
      for (const username of NAMES) {
        const found = entry && (!entry.resets ? 'invite' : entry.resets === idOfName(model, username) && 'reset');
        expect(await store.findCode(make.useOf(text, 999), username)).toBe(found || undefined);
      }
    }
  }),
);

export function storeModelSuite(openFresh: OpenFresh): void {
  describe('against a model', () => {
    test('random sequences of calls give the model’s answers', async () => {
      const steps = fc.commands([create, createCode, swap, setStatus, setRoles, remove, compareAll, reopen, create], {
        maxCommands: 40,
      });
      await fc.assert(
        fc.asyncProperty(steps, async (commands) => {
          const opened = await openFresh();
          const real: Real = { store: opened.store, reopen: opened.reopen };
          try {
            await fc.asyncModelRun(() => ({ model: { users: new Map(), codes: new Map() }, real }), commands);
          } finally {
            await opened.close();
          }
        }),
        { numRuns: 40 },
      );
    });
  });
}
