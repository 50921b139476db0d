// tRPC subscriptions over an authenticated connection: wsLink and applyWSSHandler.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createTRPCClient, createWSClient, wsLink, type WebSocketClientOptions } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import { applyWSSHandler, type CreateWSSContextFnOptions } from '@trpc/server/adapters/ws';
import { retryAfterClose, type WebSocketClass } from '../../src/client/node.js';
import type { AuthenticatedWebSocket } from '../../src/server/adapter/ws.js';
import { startAuthenticatedServer, type AuthenticatedServer } from '../support/authenticated-server.js';

const t = initTRPC.context<{ username: string }>().create();
const router = t.router({
  me: t.procedure.query(({ ctx }) => ctx.username),
  count: t.procedure.subscription(async function* ({ ctx, signal }) {
    for (let i = 1; i <= 3; i++) yield `${ctx.username} ${i}`;
    await new Promise((resolve) => signal?.addEventListener('abort', resolve));
  }),
});

let server: AuthenticatedServer;
let Alice: WebSocketClass;
let handler: ReturnType<typeof applyWSSHandler>;
beforeAll(async () => {
  server = await startAuthenticatedServer();
  handler = applyWSSHandler({
    wss: server.wss,
    router,
    createContext: ({ res }: CreateWSSContextFnOptions) => ({
      username: (res as unknown as AuthenticatedWebSocket).session.username,
    }),
  });
  Alice = await server.member('alice');
});
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(async () => {
  handler.broadcastReconnectNotification();
  await server.stop();
});

function clientOf(WebSocket: WebSocketClass, options: Partial<WebSocketClientOptions> = {}) {
  const wsClient = createWSClient({ url: server.url, WebSocket, retryDelayMs: () => 20, ...options });
  closers.push(() => wsClient.close());
  return { wsClient, client: createTRPCClient<typeof router>({ links: [wsLink({ client: wsClient })] }) };
}

describe('tRPC', () => {
  test('a query and a subscription, the user in the context', async () => {
    const { client } = clientOf(Alice);
    expect(await client.me.query()).toBe('alice');
    const seen: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const subscription = client.count.subscribe(undefined, {
        onData: (text) => {
          seen.push(text);
          if (seen.length < 3) return;
          subscription.unsubscribe();
          resolve();
        },
        onError: reject,
      });
    });
    expect(seen).toEqual(['alice 1', 'alice 2', 'alice 3']);
  });

  test('a lost connection is opened again, and the subscription with it', async () => {
    const { client } = clientOf(Alice);
    const seen: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const subscription = client.count.subscribe(undefined, {
        onData: (text) => {
          seen.push(text);
          if (seen.length === 3) for (const socket of server.wss.clients) socket.terminate();
          if (seen.length < 6) return;
          subscription.unsubscribe();
          resolve();
        },
        onError: reject,
      });
    });
    expect(seen.slice(3)).toEqual(['alice 1', 'alice 2', 'alice 3']);
  });

  test('a wrong password: one attempt at the server, and onClose can end it', async () => {
    const attempts: unknown[] = [];
    server.wss.on('headers', () => attempts.push('dialled'));
    const Stranger = server.classFor({ username: 'alice', password: 'not the password' });
    const codes: (number | undefined)[] = [];
    const { wsClient, client } = clientOf(Stranger, {
      onClose(cause) {
        codes.push(cause?.code);
        // The second time, to see that the library did try again, and nothing was sent.
        if (retryAfterClose(cause?.code ?? 1006) !== 'later' && codes.length === 2) void wsClient.close();
      },
    });
    await expect(client.me.query()).rejects.toThrow();
    while (codes.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(codes).toEqual([4449, 4449]);
    expect(attempts).toEqual(['dialled']);
  });
});
