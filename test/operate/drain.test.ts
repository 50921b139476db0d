// engine.drain: over links without sockets, so that every moment is the test's.
import { describe, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { CLOSE } from '../../proto/index.js';
import { loadCrypto } from '../../src/crypto/index.js';
import { createEngine, silentLogger } from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { ClientDriver } from '../support/client-driver.js';
import { makeServerKeys } from '../support/server-keys.js';

describe('engine.drain', () => {
  test('who is in the middle of a login finishes it; open ones are spread over the window; idle ones end at once', async () => {
    const crypto = await loadCrypto();
    const keys = makeServerKeys(crypto, 'localhost');
    const engine = await createEngine({ domain: 'localhost', store: openMemoryStore(), keys, logger: silentLogger });
    const make = () => {
      const frames: Uint8Array[] = [];
      const closes: { code: number; at: number }[] = [];
      const handle = engine.accept(
        {
          send: (frame) => void frames.push(frame),
          close: (code) => {
            closes.push({ code, at: performance.now() });
            setImmediate(() => handle.closed());
          },
        },
        { address: '192.0.2.1', secure: true, origin: undefined, subprotocolOffered: true },
        { onAuthenticated: () => undefined },
      );
      const client = new ClientDriver(crypto);
      client.take(frames[0]!);
      const next = async (frame: Uint8Array): Promise<Uint8Array> => {
        const before = frames.length;
        handle.receive(frame);
        while (frames.length === before) await delay(5);
        return frames[before]!;
      };
      const begin = async (name: string) =>
        client.takeChallenge(await next(client.signupStart(name, 'correct horse', {}))).message;
      return { closes, client, next, begin };
    };
    const open = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const link = make();
        await link.next(link.client.signupFinish((await link.begin(`user${i}`)) as never));
        return link;
      }),
    );
    const idle = make();
    const busy = make();
    const challenge = await busy.begin('late');
    const drained = engine.drain({ windowMs: 600, patienceMs: 5000 });
    expect(engine.hasRoom).toBe(false);
    const newcomer = engine.accept(
      { send: () => undefined, close: (code) => expect(code).toBe(CLOSE.goingAway) },
      { address: '192.0.2.1', secure: true, origin: undefined, subprotocolOffered: true },
      { onAuthenticated: () => undefined },
    );
    newcomer.closed();
    await delay(20);
    expect(idle.closes.map(({ code }) => code)).toEqual([CLOSE.goingAway]);
    expect(busy.closes).toEqual([]);
    const welcome = await busy.next(busy.client.signupFinish(challenge as never));
    expect(busy.client.take(welcome).kind).toBe('welcome');
    await drained;
    const all = [...open, busy];
    expect(all.map(({ closes }) => closes.map(({ code }) => code))).toEqual(all.map(() => [CLOSE.goingAway]));
    // Not all in one moment.
    expect(new Set(open.map(({ closes }) => Math.round(closes[0]!.at / 50))).size).toBeGreaterThan(2);
    expect(await engine.store.findUser('late')).toBeDefined();
  });
});
