// GraphQL subscriptions: graphql-ws on both ends, with the user in the context of every resolver.
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { connect, retryAfterClose, webSocketClass } from 'blindsalt/client/node';
import { createEngine } from 'blindsalt/server';
import { WebSocketServer } from 'blindsalt/server/ws';
import { buildSchema } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';

const engine = await createEngine({ domain: 'localhost', targets: ['localhost'], data: mkdtempSync(`${tmpdir()}/x-`) });
const wss = new WebSocketServer({ port: 0, host: 'localhost', engine }); // elsewhere: { server: https.createServer(…) }
await once(wss, 'listening');
const url = `ws://localhost:${wss.address().port}/`;

const schema = buildSchema('type Query { me: String } type Subscription { greetings: String }');
const roots = {
  subscription: {
    async *greetings(_args, { session }) {
      for (const word of ['Hi', 'Bonjour', 'Hola']) yield { greetings: `${word}, ${session.username}` };
    },
  },
};
useServer({ schema, roots, context: ({ extra }) => ({ session: extra.socket.session }) }, wss);

const alice = { username: 'alice', password: 'correct horse battery' };
(await connect(url).signup(alice)).close();
const client = createClient({
  url,
  webSocketImpl: webSocketClass({ credentials: () => alice }),
  // Lost connections are tried again, refused passwords are not.
  shouldRetry: ({ error, code }) => retryAfterClose(error?.closeCode ?? code) === 'later',
});
for await (const { data } of client.iterate({ query: 'subscription { greetings }' })) console.log(data.greetings);

await client.dispose();
wss.close();
await engine.close();
