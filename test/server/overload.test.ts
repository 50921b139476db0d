// More logins at once than the server computes in a moment: some are told to come again, nobody is forgotten.
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CLOSE, decodeControl, type LoginChallenge } from '../../proto/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { createEngine, silentLogger, type Engine, type ServerKeys, type Store } from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { ClientDriver } from '../support/client-driver.js';
import { makeServerKeys } from '../support/server-keys.js';

const PASSWORD = 'correct horse';

let crypto: Crypto;
let keys: ServerKeys;
let engine: Engine;
let opened: Store;
beforeAll(async () => {
  crypto = await loadCrypto();
  keys = makeServerKeys(crypto, 'localhost');
});
afterEach(() => engine.close());

const CROWD = Array.from({ length: 90 }, (_, i) => `user${i}`);

/** An engine with everybody's account. */
async function open(maxWaitingWork: number): Promise<void> {
  const limits = { maxWaitingWork };
  const store = openMemoryStore();
  const generous = await createEngine({ domain: 'localhost', store, keys, logger: silentLogger });
  engine = generous;
  for (const username of CROWD) {
    const { client, handle, next } = connect();
    handle.receive(client.signupStart(username, PASSWORD));
    const { message } = client.takeChallenge(await next());
    handle.receive(client.signupFinish(message as never));
    expect(decodeControl(await next(), 'server').kind).toBe('welcome');
  }
  await generous.close();
  opened = store;
  engine = await createEngine({ domain: 'localhost', store, keys, logger: silentLogger, limits });
}

let connections = 0;

function connect() {
  const frames: Uint8Array[] = [];
  const closes: number[] = [];
  let wake = (): void => {};
  const handle = engine.accept(
    {
      send: (frame) => {
        frames.push(frame);
        wake();
      },
      close: (code) => closes.push(code),
    },
    {
      address: `10.0.${connections >> 8}.${connections++ & 255}`,
      secure: true,
      origin: undefined,
      subprotocolOffered: true,
    },
    { onAuthenticated: () => {} },
  );
  const client = new ClientDriver(crypto, { target: 'localhost:443' });
  client.take(frames.shift()!);
  const next = async (): Promise<Uint8Array> => {
    while (frames.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return frames.shift()!;
  };
  return { client, handle, next, closes };
}

/** Answers undefined when in, else what the refusal says. */
async function logIn(username: string): Promise<{ readonly seconds: number; readonly closes: number[] } | undefined> {
  const { client, handle, next, closes } = connect();
  handle.receive(client.loginStart(username, PASSWORD));
  const frame = await next();
  const message = decodeControl(frame, 'server');
  if (message.kind === 'error') {
    expect(message.code).toBe('try-later');
    return { seconds: message.retryAfterSeconds, closes };
  }
  client.takeChallenge(frame);
  handle.receive(client.loginFinish(message as LoginChallenge));
  expect(decodeControl(await next(), 'server').kind).toBe('welcome');
  return undefined;
}

describe('a crowd that logs in at once', () => {
  test('is let in as a whole where it may wait', async () => {
    await open(1000);
    const outcomes = await Promise.all(CROWD.map(logIn));
    expect(outcomes.filter((refused) => refused !== undefined)).toEqual([]);
  });

  test('is told in part to come later, at different times, and gets in when it does', async () => {
    await open(5);
    let outside = CROWD;
    let rounds = 0;
    const seconds = new Set<number>();
    while (outside.length > 0) {
      rounds += 1;
      const outcomes = await Promise.all(outside.map(logIn));
      const refused = outcomes.filter((one) => one !== undefined);
      for (const one of refused) {
        seconds.add(one.seconds);
        expect(one.closes).toEqual([CLOSE.tryLater]);
      }
      // Whoever has begun is served.
      expect(refused.length).toBeLessThan(outside.length);
      outside = outside.filter((_, i) => outcomes[i] !== undefined);
    }
    expect(rounds).toBeGreaterThan(1);
    expect(Math.min(...seconds)).toBeGreaterThanOrEqual(1);
    expect(seconds.size).toBeGreaterThan(1);
  });

  test('one that sends many messages ahead is refused, and the rest of them is forgotten', async () => {
    await open(1000);
    const crowd = CROWD.map(logIn);
    const { client, handle, next, closes } = connect();
    const starts = Array.from({ length: 10 }, () => client.loginStart('user0', PASSWORD));
    for (const start of starts) handle.receive(start);
    expect(decodeControl(await next(), 'server')).toMatchObject({ kind: 'error', code: 'protocol-error' });
    expect(closes).toEqual([CLOSE.protocolError]);
    expect((await Promise.all(crowd)).filter((refused) => refused !== undefined)).toEqual([]);
  });

  test('nor does one whose name is being looked up get ahead of the others by that', async () => {
    await open(1000);
    const { getUserOrDecoy } = opened;
    let answer = (): void => {};
    const isAsked = new Promise<void>((resolve) => (answer = resolve));
    opened.getUserOrDecoy = async (username) => {
      if (username === 'user0') await isAsked;
      return getUserOrDecoy.call(opened, username);
    };
    const { client, handle, next, closes } = connect();
    handle.receive(client.loginStart('user0', PASSWORD));
    const crowd = CROWD.slice(1).map(logIn);
    for (let i = 0; i < 4; i++) handle.receive(client.loginStart('user0', PASSWORD));
    answer();
    expect(decodeControl(await next(), 'server')).toMatchObject({ kind: 'error', code: 'protocol-error' });
    expect(closes).toEqual([CLOSE.protocolError]);
    expect((await Promise.all(crowd)).filter((refused) => refused !== undefined)).toEqual([]);
  });
});
