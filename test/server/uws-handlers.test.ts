// The behaviour that an application gives to uWebSockets.js, with a login in front.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { CLOSE } from '../../proto/index.js';
import { authenticate, type Authenticated, type AuthenticatedSocket } from '../../src/server/adapter/uws.js';
import { until } from '../suites/adapter.js';
import { describeUws } from '../support/uws.js';
import { UwsServers, type TestData } from '../support/uws-servers.js';

/** Data that begins with 0xC1, and what it is on the wire. */
const MARKED = Uint8Array.of(0xc1, 7, 8);
const ESCAPED = Buffer.of(0xc1, 0xc1, 7, 8);

describeUws('uWebSockets.js: handlers', () => {
  const servers = new UwsServers();

  describe('upgrade', () => {
    test('of the application: its user data arrives, but cannot pass for the session', async () => {
      let data: Authenticated<TestData> | undefined;
      const { member } = await servers.one({
        upgrade(res, req, context) {
          res.upgrade(
            { room: req.getQuery('room'), session: { username: 'root' }, subprotocol: 'forged' },
            req.getHeader('sec-websocket-key'),
            req.getHeader('sec-websocket-protocol'),
            req.getHeader('sec-websocket-extensions'),
            context,
          );
        },
        open: (ws) => void (data = ws.getUserData()),
      });
      const client = await member('alice', '/ws?room=7', { subprotocols: ['chat'] });
      expect(client.socket.extensions).toBe('');
      expect(data!.room).toBe('7');
      expect([data!.session.username, data!.subprotocol]).toEqual(['alice', 'chat']);
      expect(() => Object.assign(data!, { session: { username: 'root' } })).toThrow(TypeError);
    });

    test('later, after asking somebody', async () => {
      let room: string | undefined;
      const { member } = await servers.one({
        async upgrade(res, req, context) {
          let isAborted = false;
          res.onAborted(() => (isAborted = true));
          const key = req.getHeader('sec-websocket-key');
          await delay(20);
          if (!isAborted) res.cork(() => res.upgrade({ room: 'late' }, key, '', '', context));
        },
        open: (ws) => void (room = ws.getUserData().room),
      });
      expect((await member('alice')).socket.protocol).toBe('blindsalt.v1');
      expect(room).toBe('late');
    });

    test('can refuse, and is not asked while there is no room', async () => {
      let asked = 0;
      const { open, engine } = await servers.one(
        {
          upgrade(res) {
            asked += 1;
            res.writeStatus('401 Unauthorized').end();
          },
        },
        { limits: { maxUnauthenticated: 1 } },
      );
      await expect(open()).rejects.toThrow('401');
      expect(asked).toBe(1);
      const handle = engine.accept(
        { send() {}, close() {} },
        { address: '127.0.0.1', secure: true, origin: undefined, subprotocolOffered: true },
        { onAuthenticated() {} },
      );
      await expect(open()).rejects.toThrow('503');
      expect(asked).toBe(1);
      handle.closed();
    });

    test('takes the last of several X-Forwarded-For lines, the one that the proxy wrote', async () => {
      let prefix: string | undefined;
      const { member } = await servers.serve((app, engine) => {
        const open = (ws: AuthenticatedSocket): void => void (prefix = ws.getUserData().session.addressPrefix);
        authenticate(app, '/ws', { open }, { engine, trustedProxies: ['127.0.0.0/8', '::1'] });
      });
      // An array makes several lines; the types of `ws` know texts only.
      const headers = { 'X-Forwarded-For': ['192.0.2.66', '203.0.113.9'] as never, 'X-Forwarded-Proto': 'https' };
      await member('alice', '/ws', { headers });
      expect(prefix).toBe('203.0.113.0/24');
    });
  });

  describe('handlers', () => {
    test('are for authenticated sockets only', async () => {
      const calls: string[] = [];
      const note = (name: string) => (): void => void calls.push(name);
      const { open, member } = await servers.one({
        open: note('open'),
        message: note('message'),
        ping: note('ping'),
        pong: note('pong'),
        drain: note('drain'),
        dropped: note('dropped'),
        subscription: note('subscription'),
        close: note('close'),
      });
      const stranger = await open();
      await stranger.nextControl();
      stranger.socket.ping();
      stranger.socket.pong();
      await once(stranger.socket, 'pong');
      stranger.socket.send('early');
      expect((await stranger.closed).code).toBe(CLOSE.earlyFrame);
      expect(calls).toEqual([]);

      const alice = await member('alice');
      alice.socket.ping();
      alice.socket.pong();
      alice.socket.send('hello');
      alice.socket.close();
      await alice.closed;
      await until(() => calls.includes('close'));
      expect(calls).toEqual(['open', 'ping', 'pong', 'message', 'close']);
    });

    test('cork works, end and close reach the client and the close handler', async () => {
      const closings: [number, string][] = [];
      const { member, engine } = await servers.one({
        message(ws, message) {
          const same: unknown = ws.cork(() => void (ws.send('1'), ws.send('2')));
          ws.send(String(same === ws));
          if (Buffer.from(message).toString() === 'end') ws.end(4000, 'bye');
          else ws.close();
        },
        close: (_ws, code, message) => closings.push([code, Buffer.from(message).toString()]),
      });
      for (const [username, command] of [
        ['alice', 'end'],
        ['bob', 'close'],
      ] as const) {
        const client = await member(username);
        client.socket.send(command);
        if (command === 'end') {
          const answers = [await client.nextApplication(), await client.nextApplication()];
          expect([...answers, await client.nextApplication()]).toEqual(['1', '2', 'true']);
          expect(await client.closed).toEqual({ code: 4000, reason: 'bye' });
        } else {
          expect((await client.closed).code).toBe(1006);
        }
      }
      expect(closings).toEqual([
        [4000, 'bye'],
        [1006, ''],
      ]);
      expect(engine.hasRoom).toBe(true);
    });

    test('a close by the engine reaches the close handler with its code', async () => {
      const closings: [number, string][] = [];
      const { member, engine } = await servers.one({
        close: (_ws, code, message) => closings.push([code, Buffer.from(message).toString()]),
      });
      const client = await member('alice');
      await engine.close();
      expect((await client.closed).code).toBe(CLOSE.goingAway);
      expect(closings).toEqual([[CLOSE.goingAway, expect.any(String)]]);
    });

    test('a message buffer is taken back after the callback, as uWebSockets.js does; copies stay', async () => {
      const kept: ArrayBuffer[] = [];
      const copies: Buffer[] = [];
      const { member } = await servers.one({
        message(ws, message) {
          kept.push(message);
          copies.push(Buffer.from(Buffer.from(message)));
          ws.send('got');
        },
      });
      const client = await member('alice');
      client.socket.send(Buffer.of(1, 2, 3));
      client.socket.send(ESCAPED);
      await client.nextApplication();
      await client.nextApplication();
      expect(kept[0]!.byteLength).toBe(0);
      expect(copies).toEqual([Buffer.of(1, 2, 3), Buffer.from(MARKED)]);
    });
  });
});
