// The same expectations of a WebSocket object, over ours (which logs in first) and over others, to show where they are equal.
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { WebSocket as WsClient, WebSocketServer as PlainServer, type WebSocket as ServerSocket } from 'ws';
import { startAuthenticatedServer } from '../support/authenticated-server.js';
import { webSocketSuite, type AnyWebSocketClass, type WebSocketSetting } from '../suites/websocket.js';

const handleProtocols = (offered: Set<string>): string | false => (offered.has('two') ? 'two' : false);

/** A port that nobody listens to any more. */
async function deadPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function plain(WebSocketClass: AnyWebSocketClass): Promise<WebSocketSetting> {
  const server = new PlainServer({ port: 0, host: '127.0.0.1', handleProtocols });
  await once(server, 'listening');
  return {
    WebSocket: WebSocketClass,
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    deadUrl: `ws://127.0.0.1:${await deadPort()}/`,
    onNextRemote: (listener) => void server.once('connection', (socket) => listener(socket)),
    async stop() {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function ours(): Promise<WebSocketSetting> {
  const server = await startAuthenticatedServer({}, { handleProtocols });
  return {
    WebSocket: await server.member('alice'),
    url: server.url,
    deadUrl: `wss://127.0.0.1:${await deadPort()}/`,
    onNextRemote: (listener) => void server.wss.once('connection', (socket) => listener(socket as ServerSocket)),
    stop: () => server.stop(),
  };
}

webSocketSuite('blindsalt, authenticated', ours, []);
/** What `ws` 8.23.0 does otherwise: its errors are Errors, its binaryType `nodebuffer`, its events its own. */
const WS_DIFFERS = [
  'needs new, and a URL',
  'SyntaxError for what is no URL',
  'SyntaxError for other schemes',
  'SyntaxError for fragments',
  'SyntaxError for subprotocols that are no tokens, or given twice',
  'objects are EventTargets and instances of their class',
  'binaryType is blob at first',
  'send throws InvalidStateError',
  'send without an argument throws TypeError',
  'close with a bad code throws InvalidAccessError and changes nothing',
  'the error event of a failed connection comes when it is CLOSED',
  'a message sent on connection reaches who listens in a microtask after open',
  'events: class, target, this, origin',
  'binary arrives as Blob, or as ArrayBuffer from when binaryType says so',
  'other values of binaryType are ignored',
  'what is nothing of these is sent as its string',
  'attributes: order, replacement in place, removal, only functions',
  'an AbortSignal removes a listener',
  'codes but 1000 and 3000 to 4999 throw InvalidAccessError',
  'a reason over 123 bytes throws SyntaxError',
];
webSocketSuite('ws', () => plain(WsClient as unknown as AnyWebSocketClass), WS_DIFFERS);
