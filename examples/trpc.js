// tRPC subscriptions: wsLink and applyWSSHandler, with the user in the context of every procedure.
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import { connect, retryAfterClose, webSocketClass } from 'blindsalt/client/node';
import { createEngine } from 'blindsalt/server';
import { WebSocketServer } from 'blindsalt/server/ws';

const engine = await createEngine({ domain: 'localhost', targets: ['localhost'], data: mkdtempSync(`${tmpdir()}/x-`) });
const wss = new WebSocketServer({ port: 0, host: 'localhost', engine }); // elsewhere: { server: https.createServer(…) }
await once(wss, 'listening');
const url = `ws://localhost:${wss.address().port}/`;

const t = initTRPC.create();
const router = t.router({
  greetings: t.procedure.subscription(async function* ({ ctx }) {
    for (const word of ['Hi', 'Bonjour', 'Hola']) yield `${word}, ${ctx.session.username}`;
  }),
});
applyWSSHandler({ wss, router, createContext: ({ res }) => ({ session: res.session }) });

const alice = { username: 'alice', password: 'correct horse battery' };
(await connect(url).signup(alice)).close();
const wsClient = createWSClient({
  url,
  WebSocket: webSocketClass({ credentials: () => alice }),
  // Lost connections are tried again, refused passwords are not.
  onClose: (cause) => retryAfterClose(cause?.code ?? 1006) === 'later' || void wsClient.close(),
});
const client = createTRPCClient({ links: [wsLink({ client: wsClient })] });
await new Promise((onComplete) => client.greetings.subscribe(undefined, { onData: console.log, onComplete }));

await wsClient.close();
wss.close();
await engine.close();
