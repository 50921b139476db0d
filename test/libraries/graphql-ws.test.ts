// graphql-ws, both ends, over an authenticated connection.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { buildSchema } from 'graphql';
import { createClient, type Client } from 'graphql-ws';
import { useServer, type Extra } from 'graphql-ws/use/ws';
import { FAILURE_CLOSE, LoginErrorEvent, retryAfterClose, type WebSocketClass } from '../../src/client/node.js';
import type { AuthenticatedWebSocket } from '../../src/server/adapter/ws.js';
import { PASSWORD, startAuthenticatedServer, type AuthenticatedServer } from '../support/authenticated-server.js';

interface Context {
  readonly username: string;
}

const schema = buildSchema('type Query { me: String } type Subscription { count(to: Int!): String, presence: String }');
const roots = {
  query: { me: (_args: unknown, { username }: Context) => username },
  subscription: {
    async *count({ to }: { to: number }, { username }: Context) {
      for (let i = 1; i <= to; i++) yield { count: `${username} ${i}` };
    },
    async *presence(_args: unknown, { username }: Context) {
      yield { presence: username };
      await new Promise<void>((resolve) => endings.push(resolve));
    },
  },
};
/** Of subscriptions that last. */
const endings: (() => void)[] = [];

const running: Client[] = [];
let server: AuthenticatedServer;
let Alice: WebSocketClass;
beforeAll(async () => {
  server = await startAuthenticatedServer();
  useServer(
    {
      schema,
      roots,
      context: ({ extra }) => ({
        username: ((extra as Extra).socket as AuthenticatedWebSocket).session.username,
      }),
    },
    server.wss,
  );
  Alice = await server.member('alice');
});
afterEach(async () => {
  for (const client of running.splice(0)) await client.dispose();
});
afterAll(async () => {
  for (const end of endings) end();
  await server.stop();
});

type Options = Partial<Parameters<typeof createClient>[0]>;
function clientOf(webSocketImpl: unknown, options: Options = {}): Client {
  const client = createClient({ url: server.url, webSocketImpl, retryWait: async () => undefined, ...options });
  running.push(client);
  return client;
}

const mayRetry = (event: unknown): boolean => {
  const { error, code } = event as Partial<LoginErrorEvent & CloseEvent>;
  return retryAfterClose(error?.closeCode ?? code ?? 1006) === 'later';
};

const me = async (client: Client): Promise<unknown> => {
  for await (const result of client.iterate({ query: '{ me }' })) return result;
  return undefined;
};

describe('graphql-ws', () => {
  test('a subscription, the user in its context, graphql-transport-ws inside', async () => {
    const seen: unknown[] = [];
    const sockets: WebSocket[] = [];
    const client = clientOf(Alice, { on: { connected: (socket) => sockets.push(socket as WebSocket) } });
    for await (const { data } of client.iterate({ query: 'subscription { count(to: 3) }' })) seen.push(data?.['count']);
    expect(seen).toEqual(['alice 1', 'alice 2', 'alice 3']);
    expect(sockets.map(({ protocol }) => protocol)).toEqual(['graphql-transport-ws']);
  });

  test('a query; the socket is closed when nobody subscribes any more, and opened again', async () => {
    const Bob = await server.member('bob');
    const codes: unknown[] = [];
    const client = clientOf(Bob, { on: { closed: (event) => codes.push((event as CloseEvent).code) } });
    for (let i = 0; i < 2; i++) expect(await me(client)).toEqual({ data: { me: 'bob' } });
    while (codes.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(codes).toEqual([1000, 1000]);
  });

  test('a lost connection is opened again, and the subscription with it', async () => {
    const client = clientOf(Alice, { shouldRetry: mayRetry });
    const seen: unknown[] = [];
    let wake: () => void = () => undefined;
    const release = client.subscribe(
      { query: 'subscription { presence }' },
      {
        next: ({ data }) => {
          seen.push(data?.['presence']);
          wake();
        },
        error: (error) => seen.push(error),
        complete: () => undefined,
      },
    );
    const until = async (count: number): Promise<void> => {
      while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve));
    };
    await until(1);
    for (const socket of server.wss.clients) socket.terminate();
    await until(2);
    expect(seen).toEqual(['alice', 'alice']);
    release();
  });

  test('a wrong password: one attempt at the server, one error for the subscriber', async () => {
    const attempts: unknown[] = [];
    server.wss.on('headers', () => attempts.push('dialled'));
    const Stranger = server.classFor({ username: 'alice', password: `${PASSWORD}?` });
    const client = clientOf(Stranger, { shouldRetry: mayRetry });
    const error = (await me(client).catch((reason: unknown) => reason)) as LoginErrorEvent;
    expect(error).toBeInstanceOf(LoginErrorEvent);
    expect(error.error).toMatchObject({ code: 'login-failed', closeCode: FAILURE_CLOSE.loginFailed });
    expect(attempts).toEqual(['dialled']);
    // Even with a library that tries again whatever happened, nothing more is sent.
    const stubborn = clientOf(Stranger, { shouldRetry: () => true, retryAttempts: 3 });
    const last = (await me(stubborn).catch((reason: unknown) => reason)) as LoginErrorEvent;
    expect(last.error.code).toBe('login-failed');
    expect(attempts).toEqual(['dialled']);
  });
});
